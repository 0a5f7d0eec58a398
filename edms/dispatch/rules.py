"""States of a consignment on its way, and who may look after the queue; pure."""

from datetime import timedelta
from enum import StrEnum

from edms.core.actor import Permission, permission


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
SEE_REFUSALS = permission("dispatch.see-refusals", {"registry", "system:operator"})
KEEP_QUEUE = permission("dispatch.keep-queue", {"registry", "system:operator"})


class ErdsEvent(StrEnum):
    """The events of ETSI EN 319 522-3 that evidence speaks of; each is ``http://uri.etsi.org/19522/Event/<value>``."""

    SUBMISSION_ACCEPTANCE = "SubmissionAcceptance"
    SUBMISSION_REJECTION = "SubmissionRejection"
    RELAY_ACCEPTANCE = "RelayAcceptance"
    RELAY_REJECTION = "RelayRejection"
    RELAY_FAILURE = "RelayFailure"
    CONTENT_CONSIGNMENT = "ContentConsignment"
    CONTENT_CONSIGNMENT_FAILURE = "ContentConsignmentFailure"
    CONSIGNMENT_NOTIFICATION = "ConsignmentNotification"
    CONTENT_HANDOVER = "ContentHandover"
    CONTENT_HANDOVER_FAILURE = "ContentHandoverFailure"
    CONTENT_ACCESS_TRACKING = "ContentAccessTracking"
    CONSIGNMENT_ACCEPTANCE = "ConsignmentAcceptance"
    CONSIGNMENT_REJECTION = "ConsignmentRejection"
    RECEIVED_FROM_NON_ERDS = "ReceivedFromNonERDS"


EVENT_URI = "http://uri.etsi.org/19522/Event/"
EVIDENCE_POLICY = "urn:diwan:policy:evidence:1"
NEGATIVE = frozenset({
    ErdsEvent.SUBMISSION_REJECTION, ErdsEvent.RELAY_REJECTION, ErdsEvent.RELAY_FAILURE,
    ErdsEvent.CONTENT_CONSIGNMENT_FAILURE, ErdsEvent.CONTENT_HANDOVER_FAILURE, ErdsEvent.CONSIGNMENT_REJECTION,
    ErdsEvent.RECEIVED_FROM_NON_ERDS,
})  # fmt: skip
"""Events that always carry a reason."""

RECEIPT_EVENTS: dict[str, ErdsEvent] = {
    "delivered": ErdsEvent.CONTENT_CONSIGNMENT,
    "registered": ErdsEvent.CONTENT_HANDOVER,
    "opened": ErdsEvent.CONTENT_ACCESS_TRACKING,
    "settled": ErdsEvent.CONSIGNMENT_ACCEPTANCE,
    "refused": ErdsEvent.CONSIGNMENT_REJECTION,
    "updated": ErdsEvent.CONTENT_HANDOVER,
    "annulled": ErdsEvent.CONSIGNMENT_REJECTION,
    "exception": ErdsEvent.CONTENT_HANDOVER_FAILURE,
}
"""What each kind of receipt proves; ``void`` is the sender's own word and proves nothing of the addressee."""

_SENDERS = permission("dispatch.prove-submission", {
    "employee", "signatory", "registry", "system:gateway", "system:worker", "system:operator"})  # fmt: skip
_GATEWAY = permission("dispatch.prove-arrival", {"system:gateway"})
_RELAY = permission("dispatch.prove-relay", {"system:relay", "system:gateway"})
_ADDRESSEES = permission("dispatch.prove-handling", {
    "employee", "signatory", "registry", "system:gateway", "system:worker", "system:operator"})  # fmt: skip
RECORDERS: dict[ErdsEvent, Permission] = {
    ErdsEvent.SUBMISSION_ACCEPTANCE: _SENDERS,
    ErdsEvent.SUBMISSION_REJECTION: _GATEWAY,
    ErdsEvent.RELAY_ACCEPTANCE: _RELAY,
    ErdsEvent.RELAY_REJECTION: _RELAY,
    ErdsEvent.RELAY_FAILURE: _RELAY,
    ErdsEvent.CONTENT_CONSIGNMENT: _GATEWAY,
    ErdsEvent.CONTENT_CONSIGNMENT_FAILURE: _RELAY,
    ErdsEvent.CONSIGNMENT_NOTIFICATION: _ADDRESSEES,
    ErdsEvent.CONTENT_HANDOVER: _ADDRESSEES,
    ErdsEvent.CONTENT_HANDOVER_FAILURE: _ADDRESSEES,
    ErdsEvent.CONTENT_ACCESS_TRACKING: _ADDRESSEES,
    ErdsEvent.CONSIGNMENT_ACCEPTANCE: _ADDRESSEES,
    ErdsEvent.CONSIGNMENT_REJECTION: _ADDRESSEES,
    ErdsEvent.RECEIVED_FROM_NON_ERDS: _GATEWAY,
}
"""Who may record an event: the gateway what arrives, the relay what the next hop answered, people their own acts."""


class Outcome(StrEnum):
    """How the next hop answered, decided once from its SMTP code (RFC 5321 §4.2.1)."""

    OK = "ok"
    TRANSIENT = "transient"
    PERMANENT = "permanent"


OPEN = (ItemState.QUEUED, ItemState.SENDING)
WAITING_STATES = (*OPEN, ItemState.FAILED)
WARNED = (PackageKind.LETTER, PackageKind.MAIL)
"""What a delay is told of: receipts and the like are sent again by nobody and wait for their own end."""
LEASE = timedelta(seconds=90)
LANE_MOST = 100
"""How much of what one body sends over one next hop a relay takes in hand at a time: one message to many."""
WAITING = timedelta(hours=24)
