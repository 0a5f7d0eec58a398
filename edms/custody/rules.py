"""Letters reserved for named readers: which, for whom, by which passphrase; pure."""

import unicodedata
from typing import Final

from edms.core.arabic import fold_digits
from edms.letters.rules import Sensitivity

RESERVED_FROM: Final = Sensitivity.TOP_SECRET
"""The sensitivity from which a letter can be reserved: class 3."""

SHORTEST_PASSPHRASE: Final = 12
LONGEST_PASSPHRASE: Final = 200
_FEWEST_DIFFERENT: Final = 6
MOST_READERS: Final = 30
FEWEST_KEYS: Final = 2
"""Keys that must open a reserved letter, the body's escrow key among them: nobody locks one up for himself alone."""
LARGEST: Final = 200 << 20
"""Octets of a letter with all its files; it is sealed and opened as one piece."""


def clean_passphrase(text: str) -> str:
    """Return a passphrase as typed on any keyboard: one form of each letter (NFKC), Western digits, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", fold_digits(text)).split())


def passphrase_problem(text: str, again: str) -> tuple[str, str] | None:
    """Return the field and the code of what is wrong with a new passphrase (as ``clean_passphrase`` gives it)."""
    if len(text) < SHORTEST_PASSPHRASE or len(set(text)) < _FEWEST_DIFFERENT:
        return "passphrase", "custody.short-passphrase"
    if len(text) > LONGEST_PASSPHRASE:
        return "passphrase", "custody.long-passphrase"
    return None if text == again else ("again", "custody.passphrase-differs")
