"""Mail for bodies served elsewhere, handed in by our people and by servers of our bodies: sent on as it came."""

from dataclasses import dataclass
from uuid import UUID

from edms.content.service import StagedFile
from edms.core.database import UnitOfWork
from edms.dispatch import submitting
from edms.dispatch.mail import SubmittedMail
from edms.dispatch.outbox import Mailed
from edms.dispatch.submitting import Submission
from mailgw.directory import Snapshot
from mailgw.envelope import ReceivedEnvelope
from mailgw.policy import EntityEntry


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What the gateway may answer for recipients served elsewhere: how many wait now, how many had it before."""

    queued: int
    repeats: int


def local_bodies(envelope: ReceivedEnvelope, register: Snapshot) -> tuple[UUID, ...]:
    """Return the bodies served here to which a message goes, each once."""
    found = [register.by_domain[one.address.domain] for one in envelope.recipients]
    return tuple(dict.fromkeys(entry.entity_id for entry in found if entry.local))


def submission_of(
    envelope: ReceivedEnvelope, register: Snapshot, *, sender: EntityEntry, key: bytes, raw: StagedFile, message_id: str
) -> Submission | None:
    """Return what goes on to bodies served elsewhere, None when no recipient is; the policy has allowed it at RCPT."""
    far = [one for one in envelope.recipients if not register.by_domain[one.address.domain].local]
    if not far:
        return None
    params = envelope.params
    mail = SubmittedMail(
        file_id=raw.id, size=raw.size, sha256=envelope.content.sha256.hex(), mail_from=str(envelope.mail_from or ""),
        message_id=message_id, submitted_at=envelope.received_at, envid=params.envid, ret=params.ret,
        smtputf8=params.smtputf8, eight_bit=params.body == "8BITMIME",
    )  # fmt: skip
    recipients = tuple(
        Mailed(
            register.by_domain[one.address.domain].entity_id, one.address.local, ",".join(one.params.notify),
            one.params.orcpt,
        )
        for one in far
    )  # fmt: skip
    return Submission(mail, sender.entity_id, key, recipients)


def needs_file(uow: UnitOfWork, submission: Submission | None) -> bool:
    """Tell whether the raw file must be kept for the sender: it is not, when this message is in the outbox already."""
    return submission is not None and not submitting.is_known(uow, submission.entity_id, submission.key)


def forward(uow: UnitOfWork, submission: Submission) -> Forwarded:
    """Put a message into the outbox, in the transaction that takes it in."""
    queued = submitting.enqueue_mail(uow, submission)
    return Forwarded(queued, len(submission.recipients) - queued)
