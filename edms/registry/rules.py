"""Directions, register patterns and who may register; pure."""

import unicodedata
from datetime import timedelta
from enum import StrEnum
from string import Formatter

from edms.core.actor import permission
from edms.core.calendar import fold_digits
from edms.core.errors import Problem


class Direction(StrEnum):
    """Which way a registered letter goes."""

    OUTGOING = "outgoing"
    INCOMING = "incoming"


PATTERNS = {Direction.OUTGOING: "{mark}/{number}", Direction.INCOMING: "{year}/{number}"}
LONGEST_PATTERN = 60
PLACEHOLDERS = ("mark", "number", "year", "yy")
_PUNCTUATION = frozenset("/-–._() ")
TURN_LENGTH = timedelta(seconds=20)

SEE_REGISTER = permission("registry.see", {"registry", "auditor", "system:operator"})
SET_PATTERN = permission("registry.set-pattern", {"administrator", "centre", "system:operator"})
CLOSE_YEAR = permission("registry.close-year", {"registry", "system:operator"})


def clean_pattern(text: str) -> str:
    """Return a pattern in NFC with ASCII digits and single spaces, without invisible marks of direction."""
    kept = "".join(one for one in unicodedata.normalize("NFC", text) if unicodedata.category(one) != "Cf")
    return fold_digits(" ".join(kept.split()))


def pattern_problem(pattern: str) -> Problem | None:
    """Return what is wrong with a pattern of numbers, or None.

    It names ``{number}`` once, may name ``{mark}``, ``{year}`` and ``{yy}``, and holds besides only letters, digits,
    spaces and ``/ - – . _ ( )``; no digit stands beside ``{number}``, so that a printed number can be read back.
    """
    if not 0 < len(pattern) <= LONGEST_PATTERN:
        return Problem("pattern", "registry.pattern-length", limit=LONGEST_PATTERN)
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError:
        return Problem("pattern", "registry.pattern-braces")
    names = [name for _, name, _, _ in parts if name is not None]
    unknown = [name for _, name, spec, turn in parts if name is not None and (name not in PLACEHOLDERS or spec or turn)]
    if unknown:
        return Problem("pattern", "registry.pattern-unknown", name=unknown[0][:40] or "{}")
    if names.count("number") != 1:
        return Problem("pattern", "registry.pattern-no-number")
    literal = "".join(text for text, *_ in parts)
    strange = [one for one in literal if not (one.isalpha() or one.isdecimal() or one in _PUNCTUATION)]
    if strange:
        return Problem("pattern", "registry.pattern-character", character=strange[0])
    sample = printed_number(pattern.replace("{number}", "\0"), 0, 2026, "0")
    before, _, after = sample.partition("\0")
    if before[-1:].isdecimal() or after[:1].isdecimal():
        return Problem("pattern", "registry.pattern-ambiguous")
    return None


def printed_number(pattern: str, number: int, year: int, mark: str) -> str:
    """Write a register number by its pattern, e.g. ``{mark}/{number}`` → ``ص.ت/1287``."""
    return pattern.format(number=number, year=year, yy=f"{year % 100:02d}", mark=mark)
