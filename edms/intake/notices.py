"""What the writer of ordinary mail is told: that it was opened (MDN, RFC 8098), that the registry sent it back (DSN).

Only a person's act sends either, and once.
"""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import select

from edms.core.database import UnitOfWork
from edms.core.errors import Conflict
from edms.dispatch.mail import Notice
from edms.dispatch.models import Evidence
from edms.dispatch.reports import send_notice
from edms.dispatch.rules import ErdsEvent
from edms.entities import queries as entities
from edms.entities.rules import REGISTRY_MAILBOX
from edms.intake import proving, queries
from edms.intake.models import ReceivedMessage
from edms.intake.rules import DECIDE, FOREIGN, MessageKind


class Asked(StrEnum):
    """Whether the writer of a message asked for a notice, and whether it was sent."""

    NO = "no"
    YES = "yes"
    SENT = "sent"


def asked(uow: UnitOfWork, row: ReceivedMessage) -> Asked:
    """Tell whether a notice may be sent for a message: its writer asked for it, to an address of the writer's body."""
    if row.kind != MessageKind.UNTYPED or not _address(uow, row):
        return Asked.NO
    sent = select(Evidence.id).where(
        Evidence.received_id == row.id, Evidence.entity_id == row.entity_id,
        Evidence.event == ErdsEvent.CONTENT_ACCESS_TRACKING,
    )  # fmt: skip
    return Asked.SENT if uow.session.scalar(sent.limit(1)) is not None else Asked.YES


def tell(uow: UnitOfWork, message_id: UUID) -> ReceivedMessage:
    """Tell the writer that the message was opened; raises Conflict where it was not asked for or was sent before."""
    uow.actor.require(DECIDE)
    row = queries.message(uow, message_id)
    state = asked(uow, row)
    if state is not Asked.YES:
        raise Conflict("intake.notice-sent" if state is Asked.SENT else "intake.notice-not-asked")
    own = entities.entity(uow, row.entity_id)
    known = proving.known_of(row, row.meta)
    notice = Notice(
        kind="displayed", to=_address(uow, row), recipient=f"{REGISTRY_MAILBOX}@{own.mail_domain}", at=uow.now,
        arrived_at=row.received_at, message_id=known.message_id,
    )  # fmt: skip
    send_notice(uow, notice, from_entity=row.entity_id, to_entity=row.sender_id, letter_id=row.letter_id)
    proving.prove_decision(uow, row, ErdsEvent.CONTENT_ACCESS_TRACKING)
    return row


def tell_refused(uow: UnitOfWork, row: ReceivedMessage) -> None:
    """Tell the envelope's sender of ordinary mail that the registry refused it, and why (RFC 3464).

    Nobody is told of mail from the null sender (RFC 5321 §4.5.5), nor of mail whose sender was not proved.
    """
    mail_from = row.meta.get("mail_from", "")
    if not mail_from or row.flag == FOREIGN:
        return
    own, known = entities.entity(uow, row.entity_id), proving.known_of(row, row.meta)
    notice = Notice(
        kind="refused", to=mail_from, recipient=f"{REGISTRY_MAILBOX}@{own.mail_domain}", at=uow.now,
        arrived_at=row.received_at, message_id=known.message_id, file_id=row.raw_file_id, ret="HDRS",
        reply=row.refusal_text,
    )  # fmt: skip
    send_notice(uow, notice, from_entity=row.entity_id, to_entity=row.sender_id)


def _address(uow: UnitOfWork, row: ReceivedMessage) -> str:
    """Return where the notice goes: an address of the body that sent the message and no other (RFC 8098 §2.1)."""
    address = str(row.meta.get("notify_to", ""))
    domain = entities.entity(uow, row.sender_id).mail_domain
    return address if address.rpartition("@")[2].lower() == domain.lower() else ""
