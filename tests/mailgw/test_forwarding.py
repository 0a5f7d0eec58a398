"""Mail handed in for bodies served elsewhere: one transaction, one answer, once in the outbox, seen by its body."""

import re
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from edms.content import service as content
from edms.core.clock import utc_now
from edms.core.ids import new_id
from edms.dispatch import queue as queues
from edms.dispatch.mail import mail_of
from edms.dispatch.models import Evidence, OutboundPackage, OutboxItem
from edms.intake.models import ReceivedMessage
from mailgw.address import Address
from mailgw.envelope import Identity, MailParameters, RcptParameters, ReceivedEnvelope, Recipient, Submitter
from mailgw.handler import RegistryHandler
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.arrivals import envelope, with_handler
from tests.mailgw.certs import installation
from tests.mailgw.relaying import own_server

A, B, CENTRE = "moh.gov.example", "moe.gov.example", "centre.moh.gov.example"
RAW = (
    f"From: <diwan@moh.gov.example>\r\nTo: <diwan@{B}>, <ديوان@{B}>\r\nCc: <diwan@{CENTRE}>\r\n"
    "Message-ID: <m1@moh.gov.example>\r\nSubject: =?utf-8?b?2KrYudmF2YrZhQ==?=\r\n"
    f"Date: {format_datetime(utc_now())}\r\n\r\nText\r\n"
).encode()


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    """A world whose body B is served by a mail server of its own."""
    made = make_world(tmp_path, database_url)
    own_server(made, made.entity_b.id, 1, installation("postfix").certificate)
    return made


def handed_in(*to: str, raw: bytes = RAW) -> ReceivedEnvelope:
    """Return a mail of body A to mailboxes, with what a client may ask for."""
    made = envelope(raw, A)
    asked = RcptParameters(("FAILURE", "DELAY"), "rfc822;diwan@moe.gov.example")
    paths = [Address(*one.split("@")) for one in to]
    return replace(
        made, params=MailParameters(body="8BITMIME", ret="HDRS", envid="QQ1"),
        recipients=tuple(Recipient(path, asked) for path in paths),
    )  # fmt: skip


def by_clerk(world: World, envelope: ReceivedEnvelope) -> ReceivedEnvelope:
    """Return an envelope as a registry officer of body A hands it in."""
    clerk = Submitter(new_id(), new_id(), world.entity_a.id, "clerk", registry=True)
    return replace(envelope, identity=Identity(tls=True, submitter=clerk))


def take(world: World, *envelopes: ReceivedEnvelope) -> list[str]:
    sent = [by_clerk(world, each) for each in envelopes]

    async def use(handler: RegistryHandler) -> list[str]:
        return [(await handler.data(each)).lines().decode().strip() for each in sent]

    return with_handler(world, use)


def outbox(world: World) -> list[OutboxItem]:
    with world.database.read(OPERATOR) as uow:
        mails = select(OutboxItem).where(OutboxItem.kind == "mail").order_by(OutboxItem.id)
        return list(uow.session.scalars(mails))


def test_mail_for_a_body_served_elsewhere_waits_in_the_outbox_as_it_came(world: World) -> None:
    (answer,) = take(world, handed_in(f"diwan@{B}"))
    assert re.fullmatch(r"250 2\.0\.0 Ok: queued for 1, 0 repeated", answer)
    (item,) = outbox(world)
    assert (item.entity_id, item.recipient_id, item.mailbox) == (world.entity_a.id, world.entity_b.id, "diwan")
    assert (item.notify, item.orcpt) == ("FAILURE,DELAY", "rfc822;diwan@moe.gov.example")
    with world.database.read(OPERATOR) as uow:
        package = uow.session.get_one(OutboundPackage, item.package_id)
        mail = mail_of(package.meta)
        kept = content.read(
            uow, mail.file_id, entity_id=world.entity_a.id, store=world.store, keys=world.keyring
        )  # fmt: skip
        assert uow.session.scalars(select(ReceivedMessage)).all() == []
        proved = uow.session.scalars(select(Evidence)).all()
    assert kept == RAW
    assert (mail.mail_from, mail.message_id) == (f"diwan@{A}", "m1@moh.gov.example")
    assert (mail.ret, mail.envid, mail.eight_bit, mail.smtputf8) == ("HDRS", "QQ1", True, False)
    assert [(one.event, one.entity_id) for one in proved] == [("SubmissionAcceptance", world.entity_a.id)]


def test_the_same_mail_again_and_its_other_recipients_are_queued_once(world: World) -> None:
    first = handed_in(f"diwan@{B}")
    more = handed_in(f"diwan@{B}", f"ديوان@{B}")
    answers = take(world, first, first, more, more)
    assert [re.sub(r"^250 2\.0\.0 Ok: ", "", one) for one in answers] == [
        "queued for 1, 0 repeated", "queued for 0, 1 repeated", "queued for 1, 1 repeated", "queued for 0, 2 repeated",
    ]  # fmt: skip
    assert [one.mailbox for one in outbox(world)] == ["diwan", "ديوان"]
    assert len({one.package_id for one in outbox(world)}) == 1


def test_recipients_here_and_elsewhere_share_one_transaction_and_one_answer(world: World) -> None:
    (answer,) = take(world, handed_in(f"diwan@{CENTRE}", f"diwan@{B}"))
    assert answer == (
        "250 2.0.0 Ok: 0 registered, 1 waiting for the registry, 1 queued to be sent, 0 repeated"
    )  # fmt: skip
    assert len(outbox(world)) == 1
    with world.database.read(OPERATOR) as uow:
        (row,) = uow.session.scalars(select(ReceivedMessage)).all()
    assert row.entity_id == world.centre.id


def test_a_failure_leaves_neither_half(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailgw import taking

    def fail(*_: object) -> None:
        raise ValueError("after the intake, before the outbox")

    monkeypatch.setattr(taking, "forward", fail)

    async def use(handler: RegistryHandler) -> None:
        with pytest.raises(ValueError, match="before the outbox"):
            await handler.data(by_clerk(world, handed_in(f"diwan@{CENTRE}", f"diwan@{B}")))

    with_handler(world, use)
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(ReceivedMessage)).all() == []
    assert outbox(world) == []


def test_its_body_sees_it_in_the_queue_without_its_subject(world: World) -> None:
    take(world, handed_in(f"diwan@{B}"))

    def see(who: str) -> list[queues.QueueLine]:
        with world.database.read(world.actor(who, "registry")) as uow:
            return queues.queue(uow, queues.Asked())

    (line,) = see("a")
    assert (line.kind, line.message_id, line.mailbox) == ("mail", "m1@moh.gov.example", "diwan")
    assert "تعميم" not in repr(line)
    assert see("b") == []
