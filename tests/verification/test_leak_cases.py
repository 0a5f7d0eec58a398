"""Leak cases on SQLite and on PostgreSQL alike: the queue that survives its worker, four eyes, two bodies, the log."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound
from edms.operation.log_checks import check_all
from edms.verification import leak_cases, leak_names, leak_queries, leak_queue, leak_showing
from edms.verification.leak_rules import LEASE, MOST_TRIES, LookUpState, NoteKind
from edms.verification.leak_showing import CaseShown
from edms.verification.models import LeakFinding, LeakLookUp
from tests.factories.issued import downloaded_copy, events, issued_letter
from tests.factories.world import OPERATOR, World, make_world
from tests.verification.leaks import auditor_of, encoded, new_case, noise, piece, rendered, work_off


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = make_world(tmp_path, database_url)
    yield made
    made.database.dispose()


def shown(world: World, actor: Actor, case_id: str) -> CaseShown:
    with world.database.read(actor) as uow:
        return leak_showing.shown_case(uow, leak_queries.case(uow, UUID(case_id)))


def acts(uow: UnitOfWork, case_id: str) -> list[str]:
    return [one.act for one in leak_showing.custody(uow, leak_queries.case(uow, UUID(case_id)))]


def test_a_case_names_whose_copy_it_is_and_opens_the_name_by_two(world: World) -> None:
    letter = issued_letter(world)
    pdf, copy = downloaded_copy(world, letter, ("a", "employee"))
    leak = encoded(piece(rendered(pdf), 0.1, 0.1, 1, 0.6))
    first, second = auditor_of(world, "a"), auditor_of(world, "a", "head")
    with pytest.raises(Forbidden), world.database.work(first) as uow:
        leak_names.set_policy(uow, True)
    with world.database.work(world.actor("a", "administrator")) as uow:
        leak_names.set_policy(uow, True)
    case_id = new_case(world, first, leak, b"nothing at all")
    # the asker must still be an auditor when the worker comes to it; in this world he is one by his account's roles
    make_auditors(world)
    assert work_off(world) == 1
    case = shown(world, first, case_id)
    (finding,) = case.named
    assert (finding.open, finding.person, finding.person_code, finding.copy_code) == (False, "", "", "")
    assert finding.odds is not None
    assert finding.odds.power >= 9
    assert (finding.body_code, finding.pictures) == (f"{world.entity_a.code[:6]}.{world.entity_a.code[6:]}", (0,))
    assert [one.trouble for one in case.files] == ["", "leaks.unreadable"]
    assert case.latest is not None
    assert [len(one["help"]) for one in case.latest.pictures] == [0]
    assert finding.evidence[0].drawn
    place = UUID(case_id), finding.id

    with world.database.work(first) as uow:
        with pytest.raises(Conflict):
            leak_names.agree(uow, *place)
        leak_names.ask_name(uow, *place, "بطلب من لجنة التحقيق")
    with pytest.raises(Forbidden) as caught, world.database.work(first) as uow:
        leak_names.agree(uow, *place)
    assert caught.value.code == "leaks.own-request"
    with pytest.raises(Forbidden), world.database.work(first) as uow:
        leak_names.refuse(uow, *place, "لا")
    with world.database.work(second) as uow:
        leak_names.refuse(uow, *place, "السبب غير كافٍ")
    refused = shown(world, first, case_id).named[0]
    assert (refused.open, refused.asked, [one[2] for one in refused.refusals]) == (False, False, ["السبب غير كافٍ"])
    with world.database.work(first) as uow:
        leak_names.ask_name(uow, *place, "بأمر الوزير المرقم ١٧")
    with world.database.work(second) as uow:
        leak_names.agree(uow, *place)
    opened = shown(world, first, case_id).named[0]
    assert opened.open
    assert opened.person_code.replace(".", "") == world.actor("a", "employee").employee_code
    assert opened.copy_code.replace(".", "") == copy.code
    with world.database.read(first) as uow:
        found = acts(uow, case_id)
    assert found == [
        "leaks.case-opened", "leaks.file-added", "leaks.file-added", "leaks.look-up-asked", "verification.traced",
        "leaks.looked-up", "leaks.name-asked", "leaks.name-refused", "leaks.name-asked", "leaks.name-opened",
    ]  # fmt: skip


def make_auditors(world: World) -> None:
    """Let head and registry of both bodies be auditors by their accounts too."""
    from sqlalchemy import select

    from edms.accounts.models import Account

    with world.database.work(OPERATOR) as uow:
        for account in uow.session.scalars(select(Account)):
            if account.login.split(".")[0] in {"head", "registry"}:
                account.roles += " auditor"


def test_another_body_sees_nothing_of_a_case(world: World) -> None:
    case_id = new_case(world, auditor_of(world, "a"), noise(3))
    stranger = auditor_of(world, "b")
    with pytest.raises(NotFound), world.database.read(stranger) as uow:
        leak_queries.case(uow, UUID(case_id))
    with world.database.read(stranger) as uow:
        assert leak_queries.cases(uow) == []
    for act in (
        lambda uow: leak_cases.write_note(uow, UUID(case_id), NoteKind.NOTE, "نص"),
        lambda uow: leak_cases.close_case(uow, UUID(case_id), "سبب"),
        lambda uow: leak_cases.ask_look_up(uow, UUID(case_id)),
    ):
        with pytest.raises(NotFound), world.database.work(stranger) as uow:
            act(uow)
    with world.database.read(OPERATOR) as uow:
        assert [one.number for one in leak_queries.cases(uow)] == [1]
    for who in ("employee", "administrator"):
        with pytest.raises(Forbidden), world.database.work(world.actor("a", who)) as uow:
            leak_cases.open_case(uow, "عنوان")


def test_a_look_up_survives_its_worker_and_is_given_up_at_last(world: World) -> None:
    make_auditors(world)
    case_id = new_case(world, auditor_of(world, "a"), noise(4, 260))
    claim = None
    for tried in range(1, MOST_TRIES + 1):
        claim = leak_queue._claim(world.database)  # a worker takes it and dies
        assert claim is not None
        assert leak_queue._claim(world.database) is None
        with world.database.work(OPERATOR) as uow:
            row = uow.session.get_one(LeakLookUp, claim[0])
            assert (row.state, row.tries) == (LookUpState.RUNNING, tried)
            if tried < MOST_TRIES:
                row.lease_until = uow.now - timedelta(seconds=1)
    assert claim is not None
    with world.database.work(OPERATOR) as uow:  # the last one comes back late, when another has it
        row = uow.session.get_one(LeakLookUp, claim[0])
        row.tries, row.lease_until = 1, uow.now - timedelta(seconds=1)
    assert work_off(world) == 1
    leak_queue._fail(world.database, claim[0], claim[1], "leaks.reader-failed")
    done = shown(world, auditor_of(world, "a"), case_id)
    assert [one.state for one in done.look_ups] == [LookUpState.DONE]
    assert done.findings == ()
    with world.database.work(auditor_of(world, "a")) as uow:
        again = leak_cases.ask_look_up(uow, UUID(case_id))
        again.state, again.tries, again.lease_until = LookUpState.RUNNING, MOST_TRIES, uow.now - LEASE
    assert work_off(world) == 0
    assert shown(world, auditor_of(world, "a"), case_id).look_ups[0].trouble == "leaks.gave-up"


def test_a_look_up_of_who_is_no_auditor_any_more_is_not_done(world: World) -> None:
    case_id = new_case(world, auditor_of(world, "a"), noise(5, 260))
    assert work_off(world) == 1
    assert shown(world, auditor_of(world, "a"), case_id).look_ups[0].trouble == "core.forbidden"


def test_a_closed_case_is_not_touched_until_it_is_opened_again(world: World) -> None:
    auditor = auditor_of(world, "a")
    case_id = UUID(new_case(world, auditor, noise(6, 260)))
    with pytest.raises(Conflict), world.database.work(auditor) as uow:
        leak_cases.ask_look_up(uow, case_id)
    with pytest.raises(Invalid), world.database.work(auditor) as uow:
        leak_cases.close_case(uow, case_id, "  ")
    with world.database.work(auditor) as uow:
        leak_cases.close_case(uow, case_id, "أُحيل إلى القضاء")
    with pytest.raises(Conflict), world.database.work(auditor) as uow:
        leak_cases.write_note(uow, case_id, NoteKind.NOTE, "نص")
    with pytest.raises(Conflict), world.database.work(auditor) as uow:
        leak_cases.close_case(uow, case_id, "مرة أخرى")
    with world.database.work(auditor) as uow:
        leak_cases.reopen_case(uow, case_id, "ظهرت صورة أخرى")
    with world.database.work(auditor) as uow:
        leak_cases.write_note(uow, case_id, NoteKind.DECISION, "تُخاطب الجهة")
    case = shown(world, auditor, str(case_id))
    assert [(kind, text) for kind, _, _, text in case.notes] == [
        ("decision", "ظهرت صورة أخرى"), ("decision", "تُخاطب الجهة"),
    ]  # fmt: skip
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "leaks.case-closed") == 1


def test_what_was_handed_in_comes_back_byte_for_byte_and_lies_encrypted(world: World) -> None:
    auditor = auditor_of(world, "a")
    octets = noise(7, 300)
    case_id = UUID(new_case(world, auditor, octets))
    with world.database.read(auditor) as uow:
        (image,) = leak_queries.images(uow, case_id)
        assert leak_cases.read_file(uow, image, store=world.store, keys=world.keyring) == octets
        assert image.name == "صورة 1.png"
    data = world.settings.data
    stored = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert octets[100:400] not in stored


def test_a_finding_keeps_the_rule_that_held_when_it_was_made(world: World) -> None:
    make_auditors(world)
    letter = issued_letter(world)
    pdf, _ = downloaded_copy(world, letter, ("a", "employee"))
    with world.database.work(world.actor("a", "administrator")) as uow:
        leak_names.set_policy(uow, True)
    case_id = new_case(world, auditor_of(world, "a"), encoded(piece(rendered(pdf), 0.1, 0.1, 1, 0.6)))
    assert work_off(world) == 1
    with world.database.work(world.actor("a", "administrator")) as uow:
        leak_names.set_policy(uow, False)
    assert [one.open for one in shown(world, auditor_of(world, "a"), case_id).named] == [False]
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "leaks.name-policy-set") == 2
        from sqlalchemy import select

        assert [one.by_two for one in uow.session.scalars(select(LeakFinding))] == [True]


def test_what_was_changed_in_a_case_behind_the_log_is_found(world: World) -> None:
    make_auditors(world)
    auditor = auditor_of(world, "a")
    letter = issued_letter(world)
    pdf, _ = downloaded_copy(world, letter, ("a", "employee"))
    with world.database.work(world.actor("a", "administrator")) as uow:
        leak_names.set_policy(uow, True)
    case_id = UUID(new_case(world, auditor, encoded(piece(rendered(pdf), 0.1, 0.1, 1, 0.6))))
    assert not blamed(world)
    assert work_off(world) == 1
    finding_id = shown(world, auditor, str(case_id)).named[0].id
    with world.database.work(auditor) as uow:
        leak_names.ask_name(uow, case_id, finding_id, "بطلب اللجنة")
        leak_cases.write_note(uow, case_id, NoteKind.NOTE, "نص")
    with world.database.work(auditor_of(world, "a", "head")) as uow:
        leak_names.agree(uow, case_id, finding_id)
    with world.database.work(auditor) as uow:
        leak_cases.close_case(uow, case_id, "اكتمل")
    assert not blamed(world)
    changes = {
        "leak_findings": "UPDATE leak_findings SET chance = '1.00e-30'",
        "leak_images": "UPDATE leak_images SET size = size + 1",
        "leak_look_ups": "UPDATE leak_look_ups SET trouble = 'x'",
        "leak_name_policies": "UPDATE leak_name_policies SET by_two = NOT by_two",
        "leak_name_requests": "UPDATE leak_name_requests SET state = 'refused'",
        "leak_notes": "DELETE FROM leak_notes",
        "leak_cases": "UPDATE leak_cases SET number = 77",
    }
    for table, statement in changes.items():
        with world.database.work(OPERATOR) as uow:
            uow.session.execute(text(statement))
        assert any(table in one for one in blamed(world)), table


def blamed(world: World) -> list[str]:
    """What the check of the log says about leak cases."""
    return [one.what for one in check_all(world.parts, OPERATOR).report.faults if "leak" in one.what]
