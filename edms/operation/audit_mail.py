"""The daily mail with the log's checkpoint to an audit office outside: what it keeps, nobody here can take back."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import Final

from crypto.checkpoints import own_note
from edms.audit.checkpoints import newest
from edms.audit.log_seal import LogSeal
from edms.audit.queries import latest_checkpoint
from edms.audit.rules import AuditOffice
from edms.audit.service import record
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.actor import system_actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Invalid
from edms.core.parts import Parts
from edms.dispatch.mail import SubmittedMail
from edms.dispatch.outbox import Mailed
from edms.dispatch.submitting import Submission, enqueue_mail, is_known
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.entities.models import Entity
from edms.entities.rules import REGISTRY_MAILBOX
from edms.web import locale
from edms.web.locale import msgid

_WORKER: Final = system_actor("worker")
_WORDS: Final = msgid(
    "Keep this message. It says how the event log of %(origin)s stood after %(n)s entries, signed by its key. If the"
    " log of a later day does not go on from it, it was changed."
)


def mail_checkpoint(parts: Parts) -> bool:
    """Put today's mail into the outbox if an office is set and it is not there yet; say whether it was put there.

    Raises Invalid ``audit.office-unknown`` when no body with that domain is registered, or it is served here, where
    the keepers of the log are; ``entities.unknown-code`` for a sender that is none.
    """
    office, database, seal = parts[AuditOffice], parts[Database], parts[LogSeal]
    if not office.address:
        return False
    with database.work(_WORKER) as uow:
        if latest_checkpoint(uow) is None:
            return False
        sender = entities.entity_by_code(uow, office.sender)
        local, _, domain = office.address.rpartition("@")
        body = entities.entity_by_domain(uow, domain)
        if body is None or body.installation_id == entities.home(uow).id:
            raise Invalid("audit.office-unknown", address=office.address)
        key = sha256(f"audit-office|{seal.origin}|{office.address}|{uow.today}".encode()).digest()
        if is_known(uow, sender.id, key):
            return False
        head, note = newest(uow, seal)
        message_id = f"log.{key.hex()[:32]}@{sender.mail_domain}"
        raw = _message(uow, sender, office.address, message_id, own_note(note), seal.origin, head.size)
        file = content.put(uow, raw, kind="mail", entities=[sender.id], store=parts[ContentStore], keys=parts[Keyring])
        mail = SubmittedMail(
            file_id=file.id, size=len(raw), sha256=sha256(raw).hexdigest(),
            mail_from=f"{REGISTRY_MAILBOX}@{sender.mail_domain}", message_id=message_id, submitted_at=uow.now,
        )  # fmt: skip
        enqueue_mail(uow, Submission(mail, sender.id, key, (Mailed(body.id, local),)))
        record(uow, "audit.mailed", "log", None, entity_id=sender.id, size=head.size)
    return True


def _message(uow: UnitOfWork, sender: Entity, to: str, message_id: str, note: str, origin: str, size: int) -> bytes:
    made = EmailMessage(policy=SMTP)
    made["From"] = f"{REGISTRY_MAILBOX}@{sender.mail_domain}"
    made["To"] = to
    made["Date"] = format_datetime(uow.now)
    made["Message-ID"] = f"<{message_id}>"
    made["Subject"] = f"{origin} {size}"
    words = "\n\n".join(locale.gettext(_WORDS, each, origin=origin, n=size) for each in ("ar", "en"))
    made.set_content(words, charset="utf-8", cte="base64")
    made.add_attachment(note.encode(), maintype="application", subtype="octet-stream", filename="checkpoint.txt")
    return made.as_bytes()
