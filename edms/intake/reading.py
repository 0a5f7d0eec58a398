"""What the clerk is shown of a message that waits: facts from its metadata, without opening any file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from crypto.codes import format_code
from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.intake.models import ReceivedMessage
from edms.intake.rules import MessageKind
from edms.letters.body import Body, from_markup
from edms.letters.rules import Sensitivity


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A waiting message in plain values; ``hidden`` is above the clerk's clearance: its subject and text are left out.

    ``answered``: its sender is told what becomes of it, as it names a package. ``attachments`` are (name, size in
    bytes), ``problems`` the codes of what is wrong with an untyped message.
    """

    id: UUID
    typed: bool
    sender_ar: str
    sender_en: str
    received_at: datetime
    genuine: bool
    hidden: bool
    subject: str
    body: Body
    number: str
    letter_date: date | None
    document_code: str
    sensitivity: int
    precedence: str
    signer: str
    attachments: tuple[tuple[str, int], ...]
    problems: tuple[str, ...]
    flag: str
    kind: str
    answered: bool


def shown(uow: UnitOfWork, rows: Sequence[ReceivedMessage]) -> list[WaitingMessage]:
    """Return messages as the actor may see them."""
    senders = entities.entities_by_ids(uow, [row.sender_id for row in rows])
    return [_shown(uow.actor, row, senders[row.sender_id].name_ar, senders[row.sender_id].name_en) for row in rows]


def _shown(actor: Actor, row: ReceivedMessage, name_ar: str, name_en: str) -> WaitingMessage:
    meta: dict[str, Any] = row.meta
    typed = row.kind == MessageKind.LETTER
    level = level_of(row)
    hidden = level > actor.clearance
    attached = [part for part in meta.get("parts", ()) if part["role"] == "attachment"]
    return WaitingMessage(
        id=row.id,
        typed=typed,
        sender_ar=name_ar,
        sender_en=name_en,
        received_at=row.received_at,
        genuine=bool(meta.get("genuine")),
        hidden=hidden,
        subject="" if hidden else str(meta.get("subject", "")),
        body=[] if hidden else from_markup(str(meta.get("body_text" if typed else "text", ""))),
        number=str(meta.get("number", "")),
        document_code=format_code(str(meta.get("document_code", ""))),
        letter_date=date.fromisoformat(meta["date"]) if typed else None,
        sensitivity=level,
        precedence=str(meta.get("precedence", "")),
        signer=f"{meta['signer_name']} – {meta['signer_post']}" if typed else "",
        attachments=() if hidden else tuple((str(part["name"]), int(part["size"])) for part in attached),
        problems=tuple(meta.get("problems", ())),
        flag=row.flag,
        kind=row.kind,
        answered=bool(meta.get("package_id")),
    )


def level_of(row: ReceivedMessage) -> int:
    """Return the level of secrecy that a message is handled by: a letter's own, else restricted."""
    return (
        _level(str(row.meta.get("sensitivity", ""))) if row.kind == MessageKind.LETTER else int(Sensitivity.RESTRICTED)
    )


def _level(name: str) -> int:
    """Return the level of a wire name; an unknown one counts as the highest."""
    try:
        return int(Sensitivity[name.upper()])
    except KeyError:
        return int(Sensitivity.TOP_SECRET)
