"""States of a received message and who may decide on it; pure."""

from enum import StrEnum

from edms.core.actor import permission


class MessageState(StrEnum):
    """What became of a message that arrived."""

    WAITING = "waiting"
    REGISTERED = "registered"
    REFUSED = "refused"
    NOTED = "noted"


class MessageKind(StrEnum):
    """What a message turned out to be."""

    LETTER = "letter"
    RECEIPT = "receipt"
    INQUIRY = "inquiry"
    CONFIRMATION = "confirmed"
    REPORT = "report"
    UNTYPED = "untyped"


DECIDED = frozenset({MessageKind.LETTER, MessageKind.UNTYPED})
"""What is registered or refused; everything else is noted."""

ACCEPT = permission("intake.accept", {"system:gateway"})
DECIDE = permission("intake.decide", {"registry", "system:operator"})
READ_ORIGINAL = permission("intake.read-original", {"registry", "system:operator"})

OPAQUE = "intake.opaque"
"""The flag of a message whose content could not be read."""
SAME_ID_OTHER_BODY = "intake.same-id-other-body"
"""The flag of a message that bears the Message-ID of another one of the same sender, and the act of the alert."""
FOREIGN = "intake.foreign"
"""The flag of a message from nobody who proved to be registered: the gateway takes none, so it is an alarm."""
