"""Directions, register patterns and who may register; pure."""

from datetime import timedelta
from enum import StrEnum

from edms.core.actor import permission


class Direction(StrEnum):
    """Which way a registered letter goes."""

    OUTGOING = "outgoing"
    INCOMING = "incoming"


PATTERNS = {Direction.OUTGOING: "{mark}/{number}", Direction.INCOMING: "{year}/{number}"}
TURN_LENGTH = timedelta(seconds=20)

SEE_REGISTER = permission("registry.see", {"registry", "auditor", "system:operator"})
CLOSE_YEAR = permission("registry.close-year", {"registry", "system:operator"})


def printed_number(pattern: str, number: int, year: int, mark: str) -> str:
    """Write a register number by its pattern, e.g. ``{mark}/{number}`` → ``ص.ت/1287``."""
    return pattern.format(number=number, year=year, yy=f"{year % 100:02d}", mark=mark)
