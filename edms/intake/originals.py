"""The original of a message, byte for byte as the gateway took it: for the registry of the body that received it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from edms.audit.service import record
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden, NotFound
from edms.entities.keyring import Keyring
from edms.intake.models import ReceivedMessage
from edms.intake.reading import level_of
from edms.intake.rules import READ_ORIGINAL

MAX_HEADER = 64_000
MAX_SHOWN = 4_000
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Original:
    """A message's octets, and the name and hash (SHA-256, lower hex) under which it is given."""

    name: str
    sha256: str
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Glance:
    """The beginning of a message as plain text: its header block, and the first lines after it."""

    header: str = field(repr=False)
    beginning: str = field(repr=False)


def original(uow: UnitOfWork, message_id: UUID, *, store: ContentStore, keys: Keyring) -> Original:
    """Return a message of the actor's body whole; that it was read is an event of the unit of work.

    Raises NotFound for another body's, Forbidden ``intake.above-clearance``, Unavailable for a damaged blob.
    """
    row = _readable(uow, message_id)
    record(uow, "intake.original-read", "message", row.id, entity_id=row.entity_id, kind=row.kind)
    octets = content.read(uow, row.raw_file_id, entity_id=row.entity_id, store=store, keys=keys)
    return Original(f"{row.received_at:%Y-%m-%d}-{row.id}.eml", row.raw_hash.hex(), octets)


def glance(uow: UnitOfWork, message_id: UUID, *, store: ContentStore, keys: Keyring) -> Glance:
    """Return the beginning of a message as harmless text; that it was read is an event, errors as :func:`original`."""
    row = _readable(uow, message_id)
    record(uow, "intake.original-glanced", "message", row.id, entity_id=row.entity_id, kind=row.kind)
    pieces = content.chunks(uow, row.raw_file_id, entity_id=row.entity_id, store=store, keys=keys)
    start = _start(pieces, MAX_HEADER + MAX_SHOWN)
    end = _END_OF_HEADER.search(start)
    header = start[: end.start() if end else MAX_HEADER]
    beginning = start[end.end() :] if end else b""
    return Glance(_plain(header[:MAX_HEADER]), _plain(beginning[:MAX_SHOWN]))


def messages_of(uow: UnitOfWork, letter_id: UUID, *, limit: int = 50) -> Sequence[ReceivedMessage]:
    """Return what a body received about a letter that the caller has found visible: itself, receipts; oldest first.

    Nothing for those who may not read originals.
    """
    if not uow.actor.may(READ_ORIGINAL):
        return ()
    found = select(ReceivedMessage).where(ReceivedMessage.letter_id == letter_id)
    if uow.actor.entity_id is not None:
        found = found.where(ReceivedMessage.entity_id == uow.actor.entity_id)
    return uow.session.scalars(found.order_by(ReceivedMessage.id).limit(limit)).all()


def _readable(uow: UnitOfWork, message_id: UUID) -> ReceivedMessage:
    uow.actor.require(READ_ORIGINAL)
    row = uow.session.get(ReceivedMessage, message_id)
    if row is None or (uow.actor.entity_id is not None and row.entity_id != uow.actor.entity_id):
        raise NotFound("intake.unknown-message")
    if uow.actor.entity_id is not None and level_of(row) > uow.actor.clearance:
        raise Forbidden("intake.above-clearance")
    return row


def _start(pieces: Iterator[bytes], most: int) -> bytes:
    start = b""
    for piece in pieces:
        start += piece[: most - len(start)]
        if len(start) >= most:
            break
    return start


def _plain(octets: bytes) -> str:
    """Return octets as text in which nothing acts: no control, no direction mark, nothing but lines and tabs."""
    lines = octets.decode("utf-8", "replace").replace("\r\n", "\n")
    return "".join(char if char == "\n" or char.isprintable() else " " if char == "\t" else "\N{REPLACEMENT CHARACTER}"
                   for char in lines)  # fmt: skip
