"""Messages as the gateway gets them: a world's issued letters composed, and a handler that takes them in."""

import asyncio
import atexit
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select

from edms.core.clock import utc_now
from edms.dispatch.models import OutboxItem
from edms.dispatch.package import LetterPackage
from mailgw.address import Address
from mailgw.content import Held
from mailgw.directory import Register, Snapshot
from mailgw.envelope import Identity, MailParameters, RcptParameters, ReceivedEnvelope, Recipient
from mailgw.failpoints import FailPoints
from mailgw.handler import RegistryHandler
from mailgw.headers import read_headers
from mailgw.message import compose_letter, read_message
from mailgw.outgoing import Claimed, Sources, batches, load, registry_address
from mailgw.parsers import Parsers
from mailgw.refusals import Refusals
from mailgw.replies import Reply
from mailgw.taking import GATEWAY, Desk
from tests.factories.world import OPERATOR, World
from tests.mailgw.gateway import whole

Result = TypeVar("Result")


HOME = UUID(int=1)
EVERYBODY = ", ".join(f"<diwan@{one}>" for one in ("moh.gov.example", "moe.gov.example", "centre.moh.gov.example"))


def dated(envelope: ReceivedEnvelope) -> datetime:
    """Return when a message says that it was written: tests' messages of a fixed day arrive on that day."""
    written = parsedate_to_datetime(read_headers(envelope.content.head).first("date").decode())
    return written if written.tzinfo else written.replace(tzinfo=UTC)


class AtHome(RegistryHandler):
    """A handler that takes ``HOME`` for its own installation, and completes a message without Date or To."""

    async def data(self, envelope: ReceivedEnvelope) -> Reply:
        if envelope.identity.installation_id == HOME:
            envelope = replace(envelope, identity=replace(envelope.identity, installation_id=self.home_id))
        envelope = whole(envelope)
        return await super().data(replace(envelope, received_at=dated(envelope)))


def desk_of(world: World) -> Desk:
    return Desk(world.database, world.store, world.keyring, FailPoints({}), parsers())


@cache
def parsers() -> Parsers:
    """Return the children that all tests of a run share: loading what they need takes most of a second."""
    shared = Parsers(children=1, seconds=20)
    atexit.register(shared.close)
    return shared


def with_handler(
    world: World, use: Callable[[RegistryHandler], Awaitable[Result]], *, desk: Desk | None = None
) -> Result:
    """Run ``use`` with a world's handler on a loop of its own, and close it so that counts are written."""

    async def run() -> Result:
        register = Register(world.database, GATEWAY, None)
        handler = AtHome(register, desk or desk_of(world), Refusals(world.database))
        try:
            return await use(handler)
        finally:
            await handler.close()

    return asyncio.run(run())


def outbox(world: World) -> tuple[Snapshot, list[bytes]]:
    """Return the register and the octets of every message that waits in a world's outbox, in order."""
    from mailgw.directory import read_snapshot

    sources = Sources(world.database, world.store, world.keyring, "localhost")
    with world.database.read(OPERATOR) as uow:
        register = read_snapshot(uow)
        queued = uow.session.scalars(select(OutboxItem).where(OutboxItem.state == "queued").order_by(OutboxItem.id))
        items = [Claimed.of(item) for item in queued]
    packages = load(items, world.database, register)
    messages = []
    for batch in batches(items, packages):
        addresses = [registry_address(register.by_id[item.recipient_id].domain) for item in batch.items]
        messages.append(batch.outgoing.compose(sources, register, addresses))
    return register, messages


def envelope(raw: bytes, sender: str, *recipients: str) -> ReceivedEnvelope:
    """Return an envelope from one registry to others, by domain."""
    return ReceivedEnvelope(
        Identity(tls=True, installation_id=HOME), "127.0.0.1", "mail.example", Address("diwan", sender),
        MailParameters(), tuple(Recipient(Address("diwan", one), RcptParameters()) for one in recipients),
        Held(raw), utc_now(),
    )  # fmt: skip


def changed(raw: bytes, sender: str, change: Callable[[LetterPackage], LetterPackage]) -> bytes:
    """Return a letter's message with its package changed, as a forger would compose it."""
    package = read_message(raw)
    assert isinstance(package, LetterPackage)
    return compose_letter(
        change(package), mail_from=Address("diwan", sender), recipients_header=EVERYBODY,
        message_id="forged@x.example", date=utc_now(), hostname="x.example",
    )  # fmt: skip


def with_pdf(package: LetterPackage, pdf: bytes) -> LetterPackage:
    """Return a package whose letter is another file."""
    from edms.dispatch.package import make_part

    first, *others = package.parts
    return replace(package, parts=(make_part("letter", first.name, first.media_type, pdf), *others))
