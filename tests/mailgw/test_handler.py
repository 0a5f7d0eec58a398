"""The gateway's handler over a world: what is registered, what waits, what is refused, and what it answers."""

import errno
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from crypto.certificates import serial_of
from edms.core.errors import Unavailable
from edms.dispatch.models import Evidence, OutboxItem, RefusalCount
from edms.dispatch.package import LetterPackage
from edms.entities import authority
from edms.entities import service as entity_service
from edms.entities.models import IssuedCertificate
from edms.intake.models import ReceivedMessage
from edms.letters.models import Letter
from mailgw.address import Address
from mailgw.directory import read_snapshot
from mailgw.envelope import Identity, MailParameters, ReceivedEnvelope
from mailgw.handler import RegistryHandler
from mailgw.replies import Reply
from mailgw.taking import prepare, take_in
from tests.factories.issued import issued_letter
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.arrivals import changed, desk_of, envelope, outbox, with_handler, with_pdf

A, B, CENTRE = "moh.gov.example", "moe.gov.example", "centre.moh.gov.example"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def either(tmp_path: Path, database_url: str) -> World:
    """A world on SQLite, then on PostgreSQL."""
    return make_world(tmp_path, database_url)


def take(world: World, *envelopes: ReceivedEnvelope) -> list[str]:
    """Return the English line of the answer to each message, given one after the other."""

    async def use(handler: RegistryHandler) -> list[Reply]:
        return [await handler.data(each) for each in envelopes]

    return [answer.lines().decode().strip() for answer in with_handler(world, use)]


def letter_from_a(world: World, to: tuple[UUID, ...] = ()) -> bytes:
    issued_letter(world, to=to)
    return outbox(world)[1][0]


def messages(world: World) -> list[ReceivedMessage]:
    with world.database.read(OPERATOR) as uow:
        return list(uow.session.scalars(select(ReceivedMessage).order_by(ReceivedMessage.id)))


def test_sealed_letter_is_registered_and_a_repeat_gets_the_same_number(either: World) -> None:
    world = either
    raw = letter_from_a(world)
    first, second = take(world, envelope(raw, A, B), envelope(raw, A, B))
    assert re.fullmatch(r"250 2\.0\.0 Ok: registered as 20\d\d/1", first)
    assert second == f"{first} (repeat)"
    assert [row.times_received for row in messages(world)] == [2]
    with world.database.read(OPERATOR) as uow:
        kinds = uow.session.scalars(select(OutboxItem.kind).order_by(OutboxItem.id)).all()
    assert kinds == ["letter", "receipt"]


def test_receipt_comes_back_onto_the_consignment_once(world: World) -> None:
    take(world, envelope(letter_from_a(world), A, B))
    receipt = outbox(world)[1][1]
    assert take(world, envelope(receipt, B, A), envelope(receipt, B, A)) == ["250 2.0.0 Ok: message taken"] * 2
    with world.database.read(OPERATOR) as uow:
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "letter")).one()
        proofs = uow.session.execute(select(Evidence.event, Evidence.entity_id)).all()
    assert item.state == "registered"
    assert item.far_number.endswith("/1")
    assert sorted(proofs) == sorted([
        ("SubmissionAcceptance", world.entity_a.id), ("ContentConsignment", world.entity_b.id),
        ("ContentHandover", world.entity_b.id), ("ContentHandover", world.entity_a.id),
    ])  # fmt: skip


def test_a_third_body_cannot_answer_for_the_recipient(world: World) -> None:
    take(world, envelope(letter_from_a(world), A, B))
    receipt = outbox(world)[1][1]
    stolen = receipt.replace(b"<diwan@moe.gov.example>", b"<diwan@centre.moh.gov.example>")
    take(world, envelope(stolen, CENTRE, A))
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "letter")).one().state == "queued"
    assert take(world, envelope(receipt, B, A)) == ["250 2.0.0 Ok: message taken"]
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "letter")).one().state == "registered"


def test_one_message_to_many_counts_what_became_of_each(either: World) -> None:
    world = either
    raw = letter_from_a(world, (world.entity_b.id, world.centre.id))
    answer, again = take(world, envelope(raw, A, B, CENTRE), envelope(raw, A, B, CENTRE))
    assert answer == "250 2.0.0 Ok: 2 registered, 0 waiting for the registry, 0 repeated"
    assert again == "250 2.0.0 Ok: 2 registered, 0 waiting for the registry, 2 repeated"


def test_body_that_the_letter_does_not_name_decides_itself(world: World) -> None:
    raw = changed(letter_from_a(world), A, lambda package: package)
    assert take(world, envelope(raw, A, CENTRE)) == ["250 2.0.0 Ok: waiting for the registry"]
    (row,) = messages(world)
    assert row.state == "waiting"


@pytest.mark.parametrize(
    "forge",
    [
        lambda package: with_pdf(package, b"%PDF-1.7\nnot sealed"),
        lambda package: with_pdf(package, package.parts[0].content + b"\n% more"),
        lambda package: replace(package, sender_code="10000216"),
        lambda package: replace(package, document_code="999999260000000155"),
    ],
    ids=["no seal", "altered", "another sender", "another's document code"],
)
def test_doubtful_letter_waits_for_the_clerk(world: World, forge: Callable[[LetterPackage], LetterPackage]) -> None:
    raw = changed(letter_from_a(world), A, forge)
    assert take(world, envelope(raw, A, B)) == ["250 2.0.0 Ok: waiting for the registry"]
    with world.database.read(world.actor("b", "registry")) as uow:
        (row,) = uow.session.scalars(select(ReceivedMessage)).all()
        assert row.meta["genuine"] is False
        assert uow.session.scalars(select(Letter).where(Letter.direction == "incoming")).all() == []


def test_a_letter_under_a_revoked_seal_waits_unless_its_time_is_proved(world: World) -> None:
    raw = letter_from_a(world)
    with world.database.work(OPERATOR) as uow:
        seal = entity_service.ensure_seal(uow, world.entity_a.id, keys=world.keyring)
        revoked = authority.revoke(uow, serial_of(seal.certificate), "keyCompromise")
        long_ago = uow.now - timedelta(days=1)
    assert "registered as" in take(world, envelope(raw, A, B))[0]  # stamped before the revocation
    with world.database.work(OPERATOR) as uow:
        uow.session.get_one(IssuedCertificate, revoked.id).revoked_at = long_ago
    later = changed(raw, A, lambda package: replace(package, package_id=uuid4()))
    assert take(world, envelope(later, A, B)) == ["250 2.0.0 Ok: waiting for the registry"]


def test_other_content_under_a_known_id_is_not_taken_for_a_repeat(world: World) -> None:
    raw = letter_from_a(world)
    other = changed(raw, A, lambda package: with_pdf(package, b"%PDF-1.7\nother"))
    first, second = take(world, envelope(raw, A, B), envelope(other, A, B))
    assert "registered as" in first
    assert second == "250 2.0.0 Ok: waiting for the registry"
    assert len(messages(world)) == 2


def test_plain_mail_waits_and_its_original_is_kept(world: World) -> None:
    raw = ("From: <diwan@moh.gov.example>\r\nMessage-ID: <a@b>\r\nContent-Type: text/plain; charset=utf-8\r\n"
           "Subject: test\r\n\r\nتحية طيبة\r\n").encode()  # fmt: skip
    later = raw.replace(b"From:", b"Received: by another path\r\nFrom:", 1)
    first, second = take(world, envelope(raw, A, B), envelope(later, A, B))
    assert first == second == "250 2.0.0 Ok: waiting for the registry"
    (row,) = messages(world)
    assert (row.kind, row.times_received) == ("untyped", 2)


@pytest.mark.parametrize(
    ("cause", "answer"),
    [(OSError(errno.ENOSPC, "full"), "452 4.3.1"), (OSError(errno.EIO, "broken"), "451 4.3.0")],
)
def test_nothing_is_bounced_for_our_own_trouble(world: World, cause: OSError, answer: str) -> None:
    raw = letter_from_a(world)

    class Broken:
        def __getattr__(self, name: str) -> object:
            raise Unavailable("content.store-failed") from cause

    async def use(handler: RegistryHandler) -> Reply:
        return await handler.data(envelope(raw, A, B))

    broken = replace(desk_of(world), store=Broken())  # type: ignore[arg-type]
    assert with_handler(world, use, desk=broken).lines().decode().startswith(answer)
    assert messages(world) == []


def test_refusals_are_counted_and_our_own_sender_is_told(either: World) -> None:
    world = either

    async def use(handler: RegistryHandler) -> None:
        home = Identity(tls=True, installation_id=handler.home_id)
        stranger = Address("diwan", "stranger.example")
        assert (await handler.mail(home, None, MailParameters())) is None
        assert (await handler.mail(Identity(tls=True), None, MailParameters())) is not None
        assert (await handler.mail(home, stranger, MailParameters())) is not None
        assert (await handler.mail(home, Address("diwan", A), MailParameters())) is None
        for _ in range(3):
            refusal = await handler.rcpt(home, Address("diwan", A), stranger)
            assert refusal is not None
            assert (refusal.code, refusal.enhanced) == (550, "5.7.1")
        assert (await handler.rcpt(Identity(), Address("diwan", A), stranger)) is not None

    with_handler(world, use)
    with world.database.read(OPERATOR) as uow:
        counted = {row.code: row.count for row in uow.session.scalars(select(RefusalCount))}
        proofs = [(row.event, row.entity_id, row.reason) for row in uow.session.scalars(select(Evidence))]
    assert counted == {"smtp.null-sender": 1, "smtp.sender-unregistered": 1, "smtp.recipient-unregistered": 4}
    assert proofs == [("SubmissionRejection", world.entity_a.id, "smtp.recipient-unregistered")] * 3


def test_mail_from_nobody_who_proved_to_be_registered_is_an_alarm(world: World) -> None:
    desk, stranger = desk_of(world), replace(envelope(letter_from_a(world), A, B), identity=Identity(tls=True))
    with world.database.read(OPERATOR) as uow:
        register = read_snapshot(uow)
    take_in([prepare(stranger, register.by_domain[A], register, desk)], desk)  # past the policy, which refuses it
    [row] = messages(world)
    with world.database.read(OPERATOR) as uow:
        proofs = uow.session.execute(
            select(Evidence.event, Evidence.reason).where(Evidence.received_id == row.id).order_by(Evidence.id)
        ).all()
    assert (row.state, row.flag) == ("waiting", "intake.foreign")
    assert sorted(proofs) == [("ContentConsignment", ""), ("ReceivedFromNonERDS", "intake.foreign")]
