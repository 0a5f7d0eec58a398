"""Did you issue this? Answered by the register, sealed, believed only when the seal is the issuer's, kept by both."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from crypto.codes import document_code, format_code
from edms.confirmations import queries, service
from edms.confirmations.models import InquiryRow
from edms.confirmations.rules import AN_HOUR, Answer, Side
from edms.confirmations.told import Told, told
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound
from edms.dispatch.models import OutboundPackage
from edms.dispatch.package import Confirmation, Inquiry
from edms.dispatch.packing import confirmation_of, inquiry_of
from edms.dispatch.rules import PackageKind
from edms.entities import queries as entities
from edms.letters import closing
from edms.letters.rules import Sensitivity
from tests.factories.issued import IssuedLetter, events, issued_letter
from tests.factories.world import OPERATOR, World, make_world

SUBJECT = "تخصيصات مشروع الأرشفة"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def letter(world: World) -> IssuedLetter:
    return issued_letter(world)


def asked(world: World, code: str, *, verification: str = "", file: bytes = b"") -> tuple[UUID, Inquiry]:
    """Let body B ask; return its row and what goes out."""
    with world.database.work(world.actor("b", "employee")) as uow:
        row_id = service.ask(uow, code, verification_code=verification, file=file).id
    return row_id, inquiry_of(sent(world, PackageKind.INQUIRY))


def answered(world: World, inquiry: Inquiry) -> Confirmation:
    """Let body A's gateway answer; return what goes out."""
    with world.database.work(OPERATOR) as uow:
        asker, issuer = (entities.entity_by_code(uow, code) for code in (inquiry.asker_code, inquiry.issuer_code))
        service.answer(uow, inquiry, asker=asker, issuer=issuer, keys=world.keyring)
    return confirmation_of(sent(world, PackageKind.CONFIRMATION))


def taken(world: World, confirmation: Confirmation, row_id: UUID) -> Told:
    with world.database.work(OPERATOR) as uow:
        asker, issuer = (entities.entity(uow, body.id) for body in (world.entity_b, world.entity_a))
        service.take_answer(uow, confirmation, issuer=issuer, asker=asker)
    with world.database.read(world.actor("b", "employee")) as uow:
        return told(uow, [queries.inquiry(uow, row_id)])[0]


def sent(world: World, kind: PackageKind) -> dict[str, object]:
    with world.database.read(OPERATOR) as uow:
        newest = select(OutboundPackage).where(OutboundPackage.kind == kind).order_by(OutboundPackage.id.desc())
        package = uow.session.scalars(newest.limit(1)).one()
        return dict(package.meta)


def test_an_issued_letter_is_confirmed_with_its_facts_under_the_issuers_seal(
    world: World, letter: IssuedLetter
) -> None:
    row_id, inquiry = asked(world, format_code(letter.document_code), file=letter.pdf)
    row = taken(world, answered(world, inquiry), row_id)
    assert (row.answer, row.number, row.subject) == (Answer.ISSUED, letter.number, SUBJECT)
    with world.database.read(OPERATOR) as uow:
        acts = ("confirmations.asked", "confirmations.answered", "confirmations.told")
        assert [events(uow, act) for act in acts] == [1, 1, 1]
    with world.database.read(world.actor("a", "registry")) as uow:
        (ours,) = queries.inquiries(uow, Side.ANSWERED)
        assert (ours.answer, ours.document_code) == (Answer.ISSUED, letter.document_code)


def test_a_code_that_was_never_given_out_is_not_issued(world: World, letter: IssuedLetter) -> None:
    never = document_code(letter.document_code[:6], 2026, 99_999)
    row_id, inquiry = asked(world, never)
    row = taken(world, answered(world, inquiry), row_id)
    assert (row.answer, row.number, row.subject) == (Answer.NOT_ISSUED, "", "")


def test_another_file_under_a_true_code_is_told(world: World, letter: IssuedLetter) -> None:
    row_id, inquiry = asked(world, letter.document_code, file=letter.pdf + b"\n% more")
    assert taken(world, answered(world, inquiry), row_id).answer == Answer.DIFFERENT


def test_a_void_letter_is_told_to_be_void(world: World, letter: IssuedLetter) -> None:
    with world.database.work(world.actor("a", "head")) as uow:
        closing.void(uow, letter.id, "صدر سهواً")
    row_id, inquiry = asked(world, letter.document_code)
    assert taken(world, answered(world, inquiry), row_id).answer == Answer.VOID


@pytest.mark.parametrize("proof", ["none", "verification", "file"])
def test_a_confidential_letter_is_confirmed_only_to_who_has_it(world: World, proof: str) -> None:
    secret = issued_letter(world, sensitivity=Sensitivity.CONFIDENTIAL, to=[world.centre.id])
    row_id, inquiry = asked(
        world, secret.document_code,
        verification=secret.verification_code.lower() if proof == "verification" else "",
        file=secret.pdf if proof == "file" else b"",
    )  # fmt: skip
    row = taken(world, answered(world, inquiry), row_id)
    assert row.answer == (Answer.WITHHELD if proof == "none" else Answer.ISSUED)
    assert row.subject == ""


@pytest.mark.parametrize(
    "change",
    [
        {"answer": "issued"}, {"number": "١"}, {"subject": "غيره"}, {"proof": b""}, {"proof": b"\x30\x00"},
        {"document_code": "1" * 18}, {"file_sha256": "0" * 64},
    ],
)  # fmt: skip
def test_a_changed_answer_is_not_believed(world: World, letter: IssuedLetter, change: dict[str, str]) -> None:
    with world.database.work(world.actor("a", "head")) as uow:
        closing.void(uow, letter.id, "صدر سهواً")
    row_id, inquiry = asked(world, letter.document_code)
    row = taken(world, replace(answered(world, inquiry), **change), row_id)  # type: ignore[arg-type]
    assert row.answer == Answer.UNPROVED


def test_the_first_answer_stays_and_answers_nobody_asked_for_change_nothing(world: World, letter: IssuedLetter) -> None:
    row_id, inquiry = asked(world, letter.document_code)
    confirmation = answered(world, inquiry)
    assert taken(world, confirmation, row_id).answer == Answer.ISSUED
    assert taken(world, replace(confirmation, answer="void"), row_id).answer == Answer.ISSUED
    with world.database.work(OPERATOR) as uow:
        bodies = {"issuer": entities.entity(uow, world.entity_a.id), "asker": entities.entity(uow, world.centre.id)}
        assert service.take_answer(uow, confirmation, **bodies) is None


@pytest.mark.parametrize(
    ("typed", "code"),
    [("123", "confirmations.bad-code"), ("", "confirmations.bad-code"), ("10023496", "confirmations.bad-code")],
)
def test_what_is_no_document_code_is_refused_and_nothing_is_sent(world: World, typed: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal, world.database.work(world.actor("b", "employee")) as uow:
        service.ask(uow, typed)
    assert refusal.value.code == code
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(InquiryRow)).all() == []


def test_the_own_letter_is_not_asked_about(world: World, letter: IssuedLetter) -> None:
    with pytest.raises(Invalid, match="own-letter"), world.database.work(world.actor("a", "employee")) as uow:
        service.ask(uow, letter.document_code)


def test_a_body_cannot_walk_through_a_register_by_asking(world: World, letter: IssuedLetter) -> None:
    with pytest.raises(Conflict, match="too-many"), world.database.work(world.actor("b", "employee")) as uow:
        for _ in range(AN_HOUR + 1):
            service.ask(uow, letter.document_code)


def test_inquiries_are_seen_by_the_own_body_alone(world: World, letter: IssuedLetter) -> None:
    row_id, _ = asked(world, letter.document_code)
    with world.database.read(world.actor("a", "registry")) as uow, pytest.raises(NotFound):
        queries.inquiry(uow, row_id)
    with world.database.read(world.actor("b", "administrator")) as uow, pytest.raises(Forbidden):
        queries.inquiries(uow, Side.ASKED)
