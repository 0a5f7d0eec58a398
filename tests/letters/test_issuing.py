"""Issuing: number, codes, sealed sheet, outbox and events together; voiding and settling afterwards."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pikepdf
import pytest
from sqlalchemy import func, select

from crypto import codes
from crypto.digests import sha256
from edms.audit.models import Event
from edms.content import service as content
from edms.content.models import StoredFile
from edms.content.store import ContentStore
from edms.core.actor import system_actor
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from edms.dispatch.models import OutboundPackage, OutboxItem
from edms.entities import queries as entities
from edms.letters import closing, issuing, queries, service
from edms.letters.models import Letter
from edms.letters.printing_plan import Printing
from edms.letters.rules import Kind, State
from edms.registry import service as registry
from edms.registry.models import RegisterEntry, RegisterYear
from edms.registry.service import TurnQueue
from tests.factories import letters as make
from tests.factories.world import OPERATOR, World


def acts(world: World, letter_id: object) -> list[str]:
    with world.database.read(OPERATOR) as uow:
        return list(uow.session.scalars(select(Event.act).where(Event.object_id == letter_id).order_by(Event.seq)))


def test_issue_gives_number_codes_sheet_outbox_and_events_at_once(world: World) -> None:
    made = make.issued(world, files={"جدول.csv": b"a"})
    with world.database.read(world.actor("a", "head")) as uow:
        letter = queries.letter(uow, made.letter_id)
        assert (letter.state, letter.number, letter.register_number) == (
            State.ISSUED, f"{world.entity_a.short_mark}/1", f"{made.date.year}/1",
        )  # fmt: skip
        assert codes.parse(made.document_code, year=made.date.year).digits == letter.document_code
        assert made.hijri.startswith("14")
        pdf = issuing.original(uow, letter, store=world.store, keys=world.keyring)
        assert sha256(pdf) == letter.rendition_hash
        items = uow.session.scalars(select(OutboxItem).where(OutboxItem.letter_id == letter.id)).all()
        assert [item.recipient_id for item in items] == [world.entity_b.id]
        meta = uow.session.get_one(OutboundPackage, letter.package_id).meta
        assert meta["subject"] == make.SUBJECT
        assert [part["role"] for part in meta["parts"]] == ["letter", "attachment"]
        assert meta["verification_code"] == made.verification_code
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert len(opened.pages) == letter.pages == 1
    assert acts(world, made.letter_id)[-1] == "letters.issued"


def test_sheet_of_the_sender_is_not_readable_with_another_bodys_key(world: World) -> None:
    made = make.issued(world)
    with world.database.read(OPERATOR) as uow:
        letter = uow.session.get_one(Letter, made.letter_id)
        assert letter.rendition_id is not None
        with pytest.raises(NotFound, match="no-key"):
            content.read(uow, letter.rendition_id, entity_id=world.entity_b.id, store=world.store, keys=world.keyring)


def test_issue_refuses_unsigned_letter_and_person_without_the_right(world: World) -> None:
    submitted, signed = make.submitted(world), make.signed(world)
    with pytest.raises(Conflict, match="not-signed"):
        make.issue(world, submitted)
    with pytest.raises(Forbidden, match="forbidden"):
        make.issue(world, signed, world.actor("a", "employee"))
    assert make.letter(world, signed).number == ""


def test_issue_refuses_a_letter_changed_after_its_signature(world: World) -> None:
    letter_id = make.signed(world, files={"a.txt": b"a"})
    with world.database.work(OPERATOR) as uow:
        queries.attachments(uow, letter_id)[0].hash = sha256(b"other").hex()
    with pytest.raises(Conflict, match="signature-invalid"):
        make.issue(world, letter_id)


def test_issue_twice_is_refused_and_spends_no_number(world: World) -> None:
    made = make.issued(world)
    with pytest.raises(Conflict, match="wrong-state"):
        make.issue(world, made.letter_id)
    assert make.issued(world).number.endswith("/2")


def test_failed_seal_gives_the_turn_back_and_leaves_no_gap(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    letter_id = make.signed(world)

    def full(*_: Any, **__: Any) -> Any:
        raise Unavailable("content.store-failed")

    with monkeypatch.context() as broken:
        broken.setattr(content, "stage", full)
        with pytest.raises(Unavailable, match="store-failed"):
            make.issue(world, letter_id)
    assert make.letter(world, letter_id).state == State.SIGNED
    with world.database.read(OPERATOR) as uow:
        year = uow.session.scalars(select(RegisterYear)).one()
        assert (year.last_number, year.turn_until) == (0, None)
        assert uow.session.scalar(select(func.count()).select_from(RegisterEntry)) == 0
    assert make.issue(world, letter_id).number.endswith("/1")


def test_lost_turn_renders_again_with_the_next_number(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make.signed(world), make.signed(world)
    stage = content.stage
    overtaken: list[str] = []

    def late(*given: Any, **named: Any) -> Any:
        if not overtaken:
            overtaken.append("yes")
            with world.database.work(OPERATOR) as uow:
                uow.session.scalars(select(RegisterYear)).one().turn_until = uow.now  # the lease ran out
            thread = threading.Thread(target=lambda: overtaken.append(_issue_elsewhere(world, second)))
            thread.start()
            thread.join()
        return stage(*given, **named)

    monkeypatch.setattr(content, "stage", late)
    made = make.issue(world, first)
    assert overtaken[1].endswith("/1")
    assert made.number.endswith("/2")


def _issue_elsewhere(world: World, letter_id: Any) -> str:
    """Issue as another process does, which does not share our queue of threads."""
    return issuing.issue(
        world.database, world.actor("a", "head"), letter_id, turns=TurnQueue(), store=world.parts[ContentStore],
        keys=world.keyring, printing=world.parts[Printing],
    ).number  # fmt: skip


def test_forty_letters_from_eight_threads_are_numbered_without_gap(world: World) -> None:
    waiting = [make.signed(world, subject=f"كتاب {n}") for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        numbers = [made.number for made in pool.map(lambda letter_id: make.issue(world, letter_id), waiting)]
    assert sorted(int(number.split("/")[-1]) for number in numbers) == list(range(1, 41))
    with world.database.read(OPERATOR) as uow:
        kept = uow.session.scalars(select(RegisterEntry.number).order_by(RegisterEntry.number)).all()
        assert kept == list(range(1, 41))
        issued = uow.session.scalars(select(Letter.document_code)).all()
        assert len(set(issued)) == 40
        assert uow.session.scalar(select(func.count()).select_from(StoredFile)) == 40


def test_void_keeps_number_reason_and_authority(world: World) -> None:
    made = make.issued(world)
    with world.database.work(world.actor("a", "registry")) as uow:
        closing.void(uow, made.letter_id, " صدر سهواً ")
    with world.database.read(world.actor("a", "registry")) as uow:
        letter = queries.letter(uow, made.letter_id)
        entry = queries.register_entry(uow, made.letter_id)
        assert entry is not None
        assert (letter.state, letter.number, entry.number, entry.void_reason) == (
            State.VOID, made.number, 1, "صدر سهواً",
        )  # fmt: skip
        assert entry.void_authority_id == world.actor("a", "registry").employee_id
    assert make.issued(world).number.endswith("/2")


def test_void_needs_reason_right_and_an_issued_letter(world: World) -> None:
    made, signed = make.issued(world), make.signed(world)
    for reason, who, letter_id, error in (
        (" ", "registry", made.letter_id, Invalid), ("سبب", "employee", made.letter_id, Forbidden),
        ("سبب", "head", signed, Conflict),
    ):  # fmt: skip
        with pytest.raises(error), world.database.work(world.actor("a", who)) as uow:
            closing.void(uow, letter_id, reason)
    assert make.letter(world, made.letter_id).state == State.ISSUED


def test_settle_is_for_incoming_letters_and_people_who_answer_them(world: World) -> None:
    made = make.issued(world)
    incoming = make.receive(world, made.letter_id)
    with pytest.raises(Conflict), world.database.work(world.actor("a", "head")) as uow:
        closing.settle(uow, made.letter_id)
    with world.database.work(world.actor("b", "employee")) as uow:
        assert closing.settle(uow, incoming).state == State.SETTLED
    with pytest.raises(Conflict), world.database.work(world.actor("b", "employee")) as uow:
        closing.settle(uow, incoming)


def test_reply_settles_the_letter_it_answers(world: World) -> None:
    asked = make.issued(world)
    incoming = make.receive(world, asked.letter_id)
    head = world.actor("b", "head")
    text = make.letter_text(world, to=(world.entity_a.id,), kind=Kind.REPLY, references=(asked.document_code,))
    with world.database.work(head) as uow:
        signer = entities.signing_posts(uow, world.entity_b.id)[0].id
        answer = service.draft(uow, replace(text, signer_post_id=signer)).id
        service.submit(uow, answer)
        service.sign(uow, answer, keys=world.keyring)
    make.issue(world, answer, head)
    assert make.letter(world, incoming, head).state == State.SETTLED


def test_number_is_refused_in_a_closed_year(world: World) -> None:
    made, waiting = make.issued(world), make.signed(world)
    with world.database.work(OPERATOR) as uow:
        entry = uow.session.scalars(select(RegisterEntry)).one()
        registry.close_year(uow, entry.register_id, made.date.year)
    with pytest.raises(Conflict, match="year-closed"):
        make.issue(world, waiting)
    assert make.letter(world, waiting).state == State.SIGNED


def test_issuing_as_the_system_is_possible_and_named(world: World) -> None:
    letter_id = make.signed(world)
    make.issue(world, letter_id, system_actor("operator"))
    with world.database.read(OPERATOR) as uow:
        event = uow.session.scalars(select(Event).where(Event.act == "letters.issued")).one()
        assert event.actor == "operator"
