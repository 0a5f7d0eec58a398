"""One structured line per mail event: who, where, which code; never a subject, a body or the text of an exception.

Which events there are, and what each line holds, is told in docs/operate/mail-log.md; of an address only the domain.
"""

import traceback
from uuid import uuid4

import structlog

from mailgw import metrics

_log = structlog.get_logger("mailgw")


def event(name: str, **fields: object) -> None:
    """Write one line for ``name`` (``message.answered``, ``rcpt.refused`` …) with its fields, and count it."""
    metrics.note(name, fields)
    _log.info(name, **fields)


def incident(error: BaseException, **fields: object) -> str:
    """Write where ``error`` came from (class and frames, not its text: it may quote data) and return the line's id."""
    number = uuid4().hex[:12]
    frames = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    metrics.note("incident", {"error": type(error).__name__})
    _log.error("incident", id=number, error=type(error).__name__, frames=frames[-8:], **fields)
    return number
