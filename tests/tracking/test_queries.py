"""A letter's way: five facts that never imply each other, and who may see who opened it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from crypto.codes import format_code
from edms.core.actor import system_actor
from edms.core.errors import Invalid, NotFound
from edms.core.ids import new_id
from edms.dispatch.claiming import claim
from edms.dispatch.models import OutboxItem
from edms.dispatch.package import Receipt
from edms.dispatch.rules import Outcome
from edms.dispatch.service import Attempt, apply_receipt, record_attempt
from edms.letters import queries as letters
from edms.letters.reading import note_opening
from edms.letters.rules import Sensitivity
from edms.tracking import queries, service
from edms.tracking.rules import RecipientFacts, Show, trouble_of
from tests.factories.issued import IssuedLetter, downloaded_copy, issued_letter
from tests.factories.world import OPERATOR, World, make_world

RELAY = new_id()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("world"))
    yield made
    made.database.dispose()


@pytest.fixture
def letter(world: World) -> IssuedLetter:
    return issued_letter(world)


def the_fact(world: World, letter: IssuedLetter) -> RecipientFacts:
    with world.database.read(world.actor("a", "employee")) as uow:
        (found,) = queries.facts(uow, letters.letter(uow, letter.id))
    return found


def known(facts: RecipientFacts) -> set[str]:
    return {name for name in ("taken", "delivered", "opened", "registered", "settled") if getattr(facts, name)}


def attempted(world: World, letter: IssuedLetter, outcome: Outcome, reply: str) -> None:
    with world.database.work(OPERATOR) as uow:
        row = uow.session.scalars(select(OutboxItem).where(OutboxItem.letter_id == letter.id)).one()
        row.next_at = uow.now - timedelta(hours=1)
    with world.database.work(system_actor("relay")) as uow:
        for item in claim(uow, RELAY, limit=1000):
            if item.letter_id == letter.id:
                uow.session.refresh(item)
                record_attempt(uow, RELAY, Attempt(item.id, outcome, reply))


def answered(world: World, letter: IssuedLetter, kind: Any, **more: Any) -> None:
    with world.database.work(system_actor("gateway")) as uow:
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.letter_id == letter.id)).one()
        receipt = Receipt(
            kind=kind, package_id=item.package_id, document_code=letter.document_code,
            entity_code=world.entity_b.code, at=uow.now,
            **{"register_number": "", "reason_code": "", "reason_text": "", **more},
        )  # fmt: skip
        assert apply_receipt(uow, receipt, from_entity=world.entity_b.id, to_entity=world.entity_a.id) is not None


def test_an_issued_letter_is_only_queued(world: World, letter: IssuedLetter) -> None:
    facts = the_fact(world, letter)
    assert (facts.entity_name, facts.state, known(facts), facts.trouble) == ("وزارة التربية", "queued", set(), None)


def test_taken_over_is_not_delivered(world: World, letter: IssuedLetter) -> None:
    attempted(world, letter, Outcome.OK, "250 2.0.0 ok")
    assert known(the_fact(world, letter)) == {"taken"}


def test_the_far_number_comes_with_the_registration(world: World, letter: IssuedLetter) -> None:
    attempted(world, letter, Outcome.OK, "250 2.0.0 ok")
    answered(world, letter, "registered", register_number="2026/17")
    facts = the_fact(world, letter)
    assert facts.far_number == "2026/17"
    assert {"opened", "settled"}.isdisjoint(known(facts))
    answered(world, letter, "settled")
    assert "opened" not in known(the_fact(world, letter))


def test_a_retried_letter_says_when_it_is_tried_next(world: World, letter: IssuedLetter) -> None:
    attempted(world, letter, Outcome.TRANSIENT, "451 4.3.0 later")
    facts = the_fact(world, letter)
    assert (facts.attempts, known(facts)) == (1, set())
    assert facts.next_at is not None
    assert facts.trouble is not None
    assert (facts.trouble.reason, facts.trouble.words) == ("tracking.reason-retrying", "451 4.3.0 later")


def test_a_refused_letter_says_why_and_who_must_act(world: World, letter: IssuedLetter) -> None:
    attempted(world, letter, Outcome.PERMANENT, "550 5.7.1 not registered here")
    facts = the_fact(world, letter)
    assert facts.refused is not None
    assert facts.trouble is not None
    assert (facts.trouble.reason, facts.trouble.advice) == ("tracking.reason-policy", "tracking.advice-centre")


def test_a_registry_that_refuses_is_quoted(world: World, letter: IssuedLetter) -> None:
    answered(world, letter, "refused", reason_code="not-ours", reason_text="الموضوع ليس من اختصاصنا")
    trouble = the_fact(world, letter).trouble
    assert trouble is not None
    assert (trouble.reason, trouble.words) == ("tracking.reason-registry", "الموضوع ليس من اختصاصنا")


@pytest.mark.parametrize(
    ("state", "attempts", "words", "reason"),
    [
        ("refused", 1, "552 5.3.4 too big", "tracking.reason-too-large"),
        ("refused", 1, "550 5.1.1 unknown", "tracking.reason-address"),
        ("refused", 1, "550 5.6.0 header", "tracking.reason-content"),
        ("refused", 1, "554 no", "tracking.reason-other"),
        ("refused", 0, "5.9.9", "tracking.reason-other"),
        ("failed", 9, "", "tracking.reason-no-answer"),
        ("cancelled", 0, "", "tracking.reason-cancelled"),
    ],
)
def test_each_refusal_has_its_reason(state: str, attempts: int, words: str, reason: str) -> None:
    trouble = trouble_of(state, attempts, words)
    assert trouble is not None
    assert trouble.reason == reason


def test_hundreds_of_recipients_cost_few_statements(world: World) -> None:
    letter = issued_letter(world, to=[world.entity_b.id, world.centre.id])
    statements: list[str] = []
    with world.database.read(world.actor("a", "employee")) as uow:
        row = letters.letter(uow, letter.id)
        event.listen(world.database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
        assert len(queries.facts(uow, row)) == 2
        assert len(queries.facts(uow, row, offset=1, limit=1)) == 1
        totals = queries.totals(uow, row)
    assert (totals.recipients, totals.waiting, totals.registered, totals.stopped) == (2, 2, 0, 0)
    assert len(statements) <= 6


def test_lists_show_the_wanted_recipients(world: World, letter: IssuedLetter) -> None:
    attempted(world, letter, Outcome.PERMANENT, "550 5.1.1 unknown")
    with world.database.read(world.actor("a", "employee")) as uow:
        row = letters.letter(uow, letter.id)
        shown = {show: len(queries.facts(uow, row, show=show)) for show in Show}
    assert shown == {Show.ALL: 1, Show.WAITING: 0, Show.REGISTERED: 0, Show.STOPPED: 1}


def test_the_timeline_tells_who_wrote_signed_and_issued(world: World, letter: IssuedLetter) -> None:
    with world.database.read(world.actor("a", "employee")) as uow:
        steps = queries.timeline(uow, letters.letter(uow, letter.id))
    assert [step.kind for step in steps] == ["drafted", "submitted", "signed", "issued"]
    assert (steps[0].who.name, steps[0].who.post) == ("عمر ناظم الجبوري", "ملاحظ")
    assert steps[2].who.post == "رئيس الجهة"


def test_the_registry_sees_who_opened_and_a_clerk_only_himself(world: World, letter: IssuedLetter) -> None:
    downloaded_copy(world, letter, ("a", "registry"))
    with world.database.work(world.actor("a", "colleague")) as uow:
        note_opening(uow, letters.letter(uow, letter.id))
    seen = {}
    for who in ("registry", "head", "colleague", "employee"):
        with world.database.read(world.actor("a", who)) as uow:
            row = letters.letter(uow, letter.id)
            seen[who] = [(reader.who.post, reader.kind, reader.times) for reader in queries.readers(uow, row)]
    everybody = [
        ("مسؤول الديوان", "downloaded", 1), ("مسؤول الديوان", "opened", 1), ("معاون ملاحظ", "opened", 1),
    ]  # fmt: skip
    assert sorted(seen["registry"]) == sorted(seen["head"]) == sorted(everybody)
    assert seen["colleague"] == [("معاون ملاحظ", "opened", 1)]
    assert seen["employee"] == []


def test_a_code_is_read_with_any_digits_and_separators(world: World, letter: IssuedLetter) -> None:
    code = letter.document_code
    arabic = code.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    short = f"{int(code[8:16])}/{code[6:8]}-{code[16:]}"
    with world.database.read(world.actor("a", "employee")) as uow:
        for typed in (code, format_code(code), arabic, format_code(code).replace(".", " - "), short):
            assert service.letter_of_code(uow, typed).id == letter.id


def test_exchanged_digits_are_refused_with_the_reading_meant(world: World, letter: IssuedLetter) -> None:
    groups = format_code(letter.document_code).split(".")
    with world.database.read(OPERATOR) as uow, pytest.raises(Invalid) as caught:
        service.letter_of_code(uow, "/".join(groups[::-1]))
    assert caught.value.params == {"suggestion": format_code(letter.document_code)}


@pytest.mark.parametrize("typed", ["", "x", "100000", "٠" * 18, "1" * 300, "K7QX2-9MD4H-TB3ZP-8WVNH"])
def test_what_is_no_document_code_is_refused(world: World, typed: str) -> None:
    with world.database.read(OPERATOR) as uow, pytest.raises(Invalid):
        service.letter_of_code(uow, typed)


def test_another_body_cannot_track(world: World, letter: IssuedLetter) -> None:
    for who in ("head", "registry", "employee"):
        with world.database.read(world.actor("b", who)) as uow, pytest.raises(NotFound):
            service.letter_of_code(uow, letter.document_code)


def test_a_letter_above_the_clearance_cannot_be_tracked(world: World) -> None:
    secret = issued_letter(world, sensitivity=Sensitivity.TOP_SECRET)
    with world.database.read(world.actor("a", "registry")) as uow, pytest.raises(NotFound):
        service.letter_of_code(uow, secret.document_code)


def test_what_is_told_has_the_stable_keys(world: World, letter: IssuedLetter) -> None:
    with world.database.read(OPERATOR) as uow:
        value = service.told(uow, service.letter_of_code(uow, letter.document_code))
    assert (value["document_code"], value["number"], value["state"]) == (letter.document_code, letter.number, "issued")
    (recipient,) = value["recipients"]
    assert recipient["entity"] == world.entity_b.code
    assert all(recipient[key] is None for key in ("taken", "delivered", "opened", "registered", "settled", "refused"))
    assert [each["event"] for each in value["events"]] == ["drafted", "submitted", "signed", "issued"]
