"""Guards what an author typed in Arabic text against bidi surprises: references, dates, units, addresses, codes."""

import re
import unicodedata
from typing import Final

from edms.core.calendar import RLM, reference
from edms.letters.rendition.bidi import Base

_LRI: Final = "\u2066"
_PDI: Final = "\u2069"
_NBSP: Final = "\u00a0"
_ARABIC: Final = "\u0621-\u064a\u0660-\u0669\u0671-\u06d3\u06f0-\u06f9"

_REFERENCE: Final = re.compile(rf"[{_ARABIC}\d]+(?:{RLM}?/{RLM}?[{_ARABIC}\d]+)+")
_HAS_ARABIC: Final = re.compile(rf"[{_ARABIC}]")
_TECHNICAL: Final = re.compile(
    r"""(?<![\w@./:+\-\u2066])(?:
        https?://[!-~]+(?<![.,;:!?)])                       # a web address
      | [0-9A-Za-z._%+\-]+@[0-9A-Za-z.\-]+\.[A-Za-z]{2,}    # an e-mail address
      | \+?[0-9]{1,4}(?:[\ \-][0-9]{2,}){2,}                # a telephone number, an ISO date
      | \+[0-9]{5,}
      | [0-9]+(?:[.,:][0-9]+)*\ ?(?:%|[A-Za-z°µ][A-Za-z0-9°²³/\-]*)   # 7.5%, 120 TB, 29MD-4HTB
    )(?![\w@])""",
    re.VERBOSE | re.ASCII,
)


def clean(text: str) -> str:
    """Return text fit for setting: no control characters or lone surrogates, single spaces; newlines stay."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text
    kept = []
    for char in text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n"):
        category = unicodedata.category(char)
        if char == "\n":
            kept.append(char)
        elif category == "Cs":
            kept.append("\ufffd")
        elif char in "\t\v\f\x1f":
            kept.append(" ")
        elif category != "Cc":
            kept.append(char)
    return re.sub(r" {2,}", " ", "".join(kept))


def protect(text: str, base: Base) -> str:
    """Return one line of text with the marks that keep numbers and Latin terms in order in an Arabic paragraph.

    References and Arabic-digit dates get U+200F around each slash; terms that begin with a Western digit (units,
    percentages, telephone numbers, codes) and addresses are isolated left to right (UAX #9 §2.4.2), unbroken.
    """
    if base == "ltr":
        return text
    marked = _REFERENCE.sub(_reference, text) if "/" in text else text
    if not any(char in "0123456789@:" for char in marked):
        return marked
    return _TECHNICAL.sub(lambda found: _LRI + found.group().replace(" ", _NBSP) + _PDI, marked)


def _reference(found: re.Match[str]) -> str:
    """Mark the slashes of a token that holds an Arabic letter or digit; 5/10/2025 stays as typed."""
    token = found.group()
    return reference(token) if _HAS_ARABIC.search(token) else token
