"""What the relay reports of a consignment: evidence always, and a DSN to a sender that runs its own mail server."""

from typing import Final
from uuid import UUID

from edms.core.database import UnitOfWork
from edms.dispatch import evidence, queries
from edms.dispatch.mail import Notice, ReportKind, SubmittedMail, mail_of, notice_meta
from edms.dispatch.models import OutboxItem
from edms.dispatch.outbox import enqueue_all, package_row
from edms.dispatch.rules import WAITING, ErdsEvent, PackageKind
from edms.entities import queries as entities
from edms.entities.models import Installation
from edms.entities.rules import REGISTRY_MAILBOX, SERVER

DELAYED: Final = "dispatch.delayed"
PROVED: Final = (PackageKind.LETTER, PackageKind.MAIL)
_EVENTS: Final[dict[ReportKind, ErdsEvent]] = {
    "delayed": ErdsEvent.CONTENT_CONSIGNMENT_FAILURE,
    "failed": ErdsEvent.RELAY_REJECTION,
    "expired": ErdsEvent.RELAY_FAILURE,
    "delivered": ErdsEvent.RELAY_ACCEPTANCE,
}
_WANTED: Final[dict[ReportKind, str]] = {
    "delayed": "DELAY", "failed": "FAILURE", "expired": "FAILURE", "delivered": "SUCCESS",
}  # fmt: skip


def report(uow: UnitOfWork, item: OutboxItem, kind: ReportKind, *, reply: str = "", act: str = "") -> None:
    """Record that a consignment was delivered, refused, given up, or is delayed; its sender is told as RFC 3461 says.

    ``item`` has its new state already. Evidence is recorded of letters and mail, not of receipts and reports; a mail
    of a body that runs its own server is answered by a DSN (``PackageKind.REPORT``) where its NOTIFY asks for one.
    ``act`` names the entry in the log (default ``evidence.<event>``).
    """
    if item.kind not in PROVED:
        return
    package = queries.package(uow, item.package_id)
    reason = {"delivered": "", "delayed": DELAYED}.get(kind, reply or item.refusal or "dispatch.no-answer")
    evidence.prove(uow, evidence.of_item(item, _EVENTS[kind], reason, package=package), act=act, row=item)
    if item.kind == PackageKind.MAIL and _is_wanted(item, kind) and _runs_own_server(uow, item):
        mail = mail_of(package.meta)
        if mail.mail_from:  # nothing answers a report (RFC 5321 §4.5.5)
            _send(uow, item, kind, mail, reply or item.refusal)


def _is_wanted(item: OutboxItem, kind: ReportKind) -> bool:
    """Tell whether NOTIFY asks for such a report; without NOTIFY failures and delays are told (RFC 3461 §4.1)."""
    asked = item.notify.split(",") if item.notify else ["FAILURE", "DELAY"]
    return _WANTED[kind] in asked


def _runs_own_server(uow: UnitOfWork, item: OutboxItem) -> bool:
    body = entities.entity(uow, item.entity_id)
    return uow.session.get_one(Installation, body.installation_id).kind == SERVER


def _send(uow: UnitOfWork, item: OutboxItem, kind: ReportKind, mail: SubmittedMail, reply: str) -> None:
    domain = entities.entity(uow, item.recipient_id).mail_domain
    notice = Notice(
        kind=kind, to=mail.mail_from, recipient=f"{item.mailbox or REGISTRY_MAILBOX}@{domain}", at=uow.now,
        arrived_at=mail.submitted_at, message_id=mail.message_id, file_id=mail.file_id, orcpt=item.orcpt,
        envid=mail.envid, ret=mail.ret, reply=reply, smtputf8=mail.smtputf8,
        retry_until=item.created_at + WAITING if kind == "delayed" else None,
    )  # fmt: skip
    send_notice(uow, notice, from_entity=item.entity_id, to_entity=item.entity_id, letter_id=item.letter_id)


def send_notice(
    uow: UnitOfWork, notice: Notice, *, from_entity: UUID, to_entity: UUID, letter_id: UUID | None = None
) -> None:
    """Put a report into the outbox for the mailbox that it is for; ``from_entity`` can read the mail that it is of."""
    package = package_row(uow, PackageKind.REPORT, from_entity, notice_meta(notice))
    mailbox = notice.to.rpartition("@")[0]
    enqueue_all(uow, [(package, letter_id, [(to_entity, "to")])], mailbox=mailbox[:64])
