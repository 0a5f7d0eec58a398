"""States of a consignment on its way, and who may look after the queue; pure."""

from datetime import timedelta
from enum import StrEnum

from edms.core.actor import permission


class ItemState(StrEnum):
    """Where a consignment stands between our outbox and the far registry."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REGISTERED = "registered"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PackageKind(StrEnum):
    """What a package is; MAIL is a message of a client or a body's own server, carried as it came; REPORT a DSN."""

    LETTER = "letter"
    RECEIPT = "receipt"
    INQUIRY = "inquiry"
    CONFIRMATION = "confirmed"
    MAIL = "mail"
    REPORT = "report"


ENQUEUE = permission(
    "dispatch.enqueue", {"employee", "signatory", "registry", "system:gateway", "system:operator", "system:worker"}
)
SEE_QUEUE = permission("dispatch.see-queue", {"registry", "system:operator"})
KEEP_QUEUE = permission("dispatch.keep-queue", {"registry", "system:operator"})


class Outcome(StrEnum):
    """How the next hop answered, decided once from its SMTP code (RFC 5321 §4.2.1)."""

    OK = "ok"
    TRANSIENT = "transient"
    PERMANENT = "permanent"


OPEN = (ItemState.QUEUED, ItemState.SENDING)
WAITING_STATES = (*OPEN, ItemState.FAILED)
LEASE = timedelta(seconds=90)
WAITING = timedelta(hours=24)
