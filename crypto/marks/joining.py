"""Which Arabic letters join: a run of joined letters (a connected piece of a word) is what gets moved as one."""

import unicodedata
from typing import Final

# Unicode ArabicShaping.txt, joining types R (joins only the letter before it) and U (joins none), by code point.
_RIGHT: Final = frozenset(
    map(
        chr,
        [
            *(0x0622, 0x0623, 0x0624, 0x0625, 0x0627, 0x0629, 0x062F, 0x0630, 0x0631, 0x0632, 0x0648),
            *(0x0671, 0x0672, 0x0673, 0x0675, 0x0676, 0x0677),
            *range(0x0688, 0x069A),
            *(0x06C0, *range(0x06C3, 0x06CC), 0x06CD, 0x06CF, 0x06D2, 0x06D3, 0x06D5, 0x06EE, 0x06EF),
        ],
    )
)
_NONE: Final = frozenset("\u0621\u0674")


def joins(earlier: str, later: str) -> bool:
    """Say whether two neighbouring pieces of text, in reading order, are written joined; unknown text joins all."""
    first, second = _letters(earlier)[-1:], _letters(later)[:1]
    if not first or not second:
        return bool(earlier.strip() or not earlier) and bool(later.strip() or not later)
    if _is_arabic(first) != _is_arabic(second):
        return False
    if not _is_arabic(first):
        return True  # words in other scripts and numbers are moved whole
    return first not in _RIGHT and first not in _NONE and second not in _NONE


def _letters(text: str) -> str:
    """Return a text without marks, which belong to their letter."""
    return "".join(char for char in text if unicodedata.category(char) not in {"Mn", "Me", "Cf"}).strip()


def _is_arabic(char: str) -> bool:
    return ("\u0620" <= char <= "\u06ff" or "\u0750" <= char <= "\u08ff") and unicodedata.category(char) in {"Lo", "Lm"}
