"""The separate facts about a letter's way to each body, why it stopped and who must act; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from edms.core.actor import permission
from edms.dispatch.rules import ItemState

SEE_READERS = permission("tracking.see-readers", {"registry", "auditor", "signatory", "system:operator"})
"""Who may see which colleagues opened a letter; everybody sees the own acts."""

SEE_COMPLIANCE = permission("tracking.see-compliance", {"centre", "system:operator"})
"""Who sees every body's counts; counts only, never a letter."""

SEE_EVIDENCE = permission("tracking.see-evidence", {"registry", "auditor", "signatory", "system:operator"})
"""Who sees what was proved of the own body's letters, with the hashes, and takes it along signed."""

SEE_BALANCE = permission("tracking.see-balance", {"registry", "centre", "system:operator"})
"""Who sees whether what was sent and what was received agree, of the own body."""

SEE_ALL_BALANCES = permission("tracking.see-all-balances", {"centre", "system:operator"})
"""Who sees that of all bodies."""

FACTS: Final = ("taken", "delivered", "opened", "registered", "settled")
LIFE: Final = (
    "letters.drafted", "letters.submitted", "letters.returned", "letters.signed", "letters.issued",
    "letters.registered", "letters.assigned", "letters.annulled", "letters.void", "letters.void-by-sender",
    "letters.settled", "dispatch.exception", "dispatch.annulled",
)  # fmt: skip
READING: Final = {
    "letters.opened": "opened",
    "codes.view": "opened",
    "codes.print": "printed",
    "codes.download": "downloaded",
    "letters.exported": "exported",
    "letters.attachment-read": "downloaded",
}
MOST_EVENTS: Final = 300


class Show(StrEnum):
    """Which recipients a list shows."""

    ALL = "all"
    WAITING = "waiting"
    REGISTERED = "registered"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a letter has not arrived and who must do what, as codes of sentences; ``words`` are the far side's own."""

    reason: str
    advice: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """What is known of a letter's way to one body: each moment stands by itself, none is inferred from another."""

    entity_id: UUID
    entity_code: str
    entity_name: str
    role: str
    state: str
    taken: datetime | None
    delivered: datetime | None
    opened: datetime | None
    registered: datetime | None
    far_number: str
    far_unit: str
    settled: datetime | None
    refused: datetime | None
    attempts: int
    next_at: datetime | None
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Totals:
    """How many of a letter's recipients each fact is known of; ``stopped`` are refused, failed or cancelled."""

    recipients: int
    taken: int
    delivered: int
    opened: int
    registered: int
    settled: int
    stopped: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Person:
    """Who did something: name, posts held in the body today, and code; all empty for one of our own processes."""

    name: str = ""
    post: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a letter in its own body; ``kind`` is ``drafted``, ``issued``, ``opened``, …"""

    at: datetime
    kind: str
    who: Person
    times: int = 1


@dataclass(frozen=True, slots=True)
class Reader:
    """Who opened, printed, downloaded or exported a letter: the first and last time and how often."""

    who: Person
    kind: str
    first: datetime
    last: datetime
    times: int


_ENHANCED: Final = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_SMTP: Final = re.compile(r"\s*[245]\d\d[ -]")
_BY_SUBJECT: Final = {
    "1": ("tracking.reason-address", "tracking.advice-centre"),
    "2": ("tracking.reason-mailbox", "tracking.advice-call"),
    "3": ("tracking.reason-system", "tracking.advice-resend"),
    "4": ("tracking.reason-network", "tracking.advice-resend"),
    "5": ("tracking.reason-protocol", "tracking.advice-help-desk"),
    "6": ("tracking.reason-content", "tracking.advice-help-desk"),
    "7": ("tracking.reason-policy", "tracking.advice-centre"),
}


def trouble_of(state: str, attempts: int, words: str, far: Mapping[str, str] = MappingProxyType({})) -> Trouble | None:
    """Explain why a consignment has not been accepted, from its state and the last answer (RFC 3463 classes).

    ``far`` is what the far registry told beside the facts: an ``exception``, or that its registration was ``annulled``.

    >>> trouble_of("refused", 1, "550 5.7.1 not registered").reason
    'tracking.reason-policy'
    >>> trouble_of("queued", 0, "") is None
    True
    """
    if "annulled" in far or ("exception" in far and state == ItemState.ACCEPTED):
        return _far_trouble(far, words)
    if state == ItemState.CANCELLED:
        return Trouble("tracking.reason-cancelled", "tracking.advice-none")
    if state in (ItemState.QUEUED, ItemState.SENDING):
        return Trouble("tracking.reason-retrying", "tracking.advice-wait", words) if attempts else None
    if state == ItemState.FAILED:
        return Trouble("tracking.reason-no-answer", "tracking.advice-call", words)
    if state != ItemState.REFUSED:
        return None
    code = _ENHANCED.search(words)
    if code is None:
        reason = "tracking.reason-other" if _SMTP.match(words) else "tracking.reason-registry"
        return Trouble(reason, "tracking.advice-registry", words)
    if code.groups()[1:] == ("3", "4"):
        return Trouble("tracking.reason-too-large", "tracking.advice-smaller", words)
    return Trouble(*_BY_SUBJECT.get(code[2], ("tracking.reason-other", "tracking.advice-help-desk")), words)


def _far_trouble(far: Mapping[str, str], words: str) -> Trouble:
    if "annulled" in far:
        return Trouble("tracking.reason-annulled", "tracking.advice-registry", words)
    return Trouble(far["exception"], "tracking.advice-exception")
