"""Mail that one of our bodies hands in for a body served elsewhere: put into the outbox as it came, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from edms.core.database import UnitOfWork
from edms.dispatch import evidence
from edms.dispatch.evidence import Proof
from edms.dispatch.mail import SubmittedMail, mail_meta
from edms.dispatch.models import OutboundPackage, OutboxItem
from edms.dispatch.outbox import Mailed, enqueue_mailed, package_row
from edms.dispatch.rules import ENQUEUE, ErdsEvent, PackageKind


@dataclass(frozen=True, slots=True)
class Submission:
    """A mail handed in by ``entity_id`` under its idempotency ``key``, and where it goes from here."""

    mail: SubmittedMail
    entity_id: UUID
    key: bytes
    recipients: tuple[Mailed, ...]


def is_known(uow: UnitOfWork, entity_id: UUID, key: bytes) -> bool:
    """Tell whether a body has handed this message in before, so that its file is kept already."""
    return _package(uow, entity_id, key) is not None


def enqueue_mail(uow: UnitOfWork, submission: Submission) -> int:
    """Put a mail into the outbox for those of its recipients for which it is not there yet; returns how many.

    A client that got no answer hands the same message in again, and one that splits its list of recipients hands it
    in several times: each mailbox has it once. The raw file must be the sender's (``is_known`` says if it is already).
    """
    uow.actor.require(ENQUEUE)
    package = _package(uow, submission.entity_id, submission.key)
    if package is None:
        mail = submission.mail
        package = package_row(
            uow, PackageKind.MAIL, submission.entity_id, mail_meta(mail), message_id=mail.message_id
        )  # fmt: skip
        package.key = submission.key
        known = set()
    else:
        rows = uow.session.execute(
            select(OutboxItem.recipient_id, OutboxItem.mailbox).where(OutboxItem.package_id == package.id)
        )
        known = {(row.recipient_id, row.mailbox) for row in rows}
    fresh = [one for one in submission.recipients if (one.recipient_id, one.mailbox) not in known]
    if fresh:
        enqueue_mailed(uow, package, fresh)
        _prove(uow, submission, fresh)
    return len(fresh)


def _prove(uow: UnitOfWork, submission: Submission, recipients: Sequence[Mailed]) -> None:
    mail = submission.mail
    evidence.prove(uow, *(
        Proof(
            ErdsEvent.SUBMISSION_ACCEPTANCE, submission.entity_id, other_entity_id=body, submitted_at=mail.submitted_at,
            message_id=mail.message_id, message_hash=bytes.fromhex(mail.sha256),
        )
        for body in dict.fromkeys(one.recipient_id for one in recipients)
    ), act="dispatch.submitted")  # fmt: skip


def _package(uow: UnitOfWork, entity_id: UUID, key: bytes) -> OutboundPackage | None:
    return uow.session.scalars(
        select(OutboundPackage).where(OutboundPackage.entity_id == entity_id, OutboundPackage.key == key)
    ).one_or_none()
