"""Guards what an author typed in Arabic text against bidi surprises: references, dates, units, addresses, codes."""

import re
import unicodedata
from typing import Final

from edms.core.calendar import RLM, reference
from edms.letters.rendition.bidi import Base

_LRI: Final = "\u2066"
_PDI: Final = "\u2069"
_OVERRIDES: Final = frozenset("\u202a\u202b\u202c\u202d\u202e")
_NBSP: Final = "\u00a0"
_ARABIC: Final = "\u0621-\u064a\u0660-\u0669\u0671-\u06d3\u06f0-\u06f9"

_REFERENCE: Final = re.compile(rf"[{_ARABIC}\d]+(?:{RLM}?/{RLM}?[{_ARABIC}\d]+)+")
_SPACED: Final = re.compile(rf"(?<=[\d{_ARABIC}]) ?/ (?=\d)|(?<=\d) /(?=\d)")  # ١١/ ٤/ ١٤٤٢, (أ / ٢٧٢)
_HAS_ARABIC: Final = re.compile(rf"[{_ARABIC}]")
_HAS_LATIN: Final = re.compile(r"[0-9A-Za-z\u00aa-\u02af]")
_LATIN: Final = "0-9A-Za-z\u00aa-\u02af\u1e00-\u1eff\u0370-\u052f"
_JOINS: Final = r"[./:@_%+&'\u2019\-,=?~#\\\u00d7\u2010\u2011]"
_SIGN: Final = r"(?:[+#\u00b1\u2212]|(?<!\S)-)"
_PERCENT: Final = r"(?:[%\u2030\u00b0+]|[ \u00a0][%\u2030])"
_TOKEN: Final = rf"{_SIGN}?[{_LATIN}]+(?:{_JOINS}+[{_LATIN}]+)*{_PERCENT}?"
_BETWEEN: Final = r"(?:[ \u00a0]|[ \u00a0]?[,;:&+/|*=<>\u00d7\-\u2013\u2014]{1,2}[ \u00a0])"
_INNER: Final = rf"\({_TOKEN}(?:{_BETWEEN}{_TOKEN})*\)"
_WORDS: Final = rf"(?:{_TOKEN}|{_INNER})(?:{_BETWEEN}(?:{_TOKEN}|{_INNER}))*"
_BRACKETED: Final = rf"(?:\({_WORDS}\)|\[{_WORDS}\]|\{{{_WORDS}\}})"
_PHRASE: Final = re.compile(
    rf"(?<![{_LATIN}\u2066])(?:https?://[!-~]+(?<![.,;:!?)])|{_TOKEN}(?:{_BETWEEN}(?:{_TOKEN}|{_BRACKETED}))*)"
)
_LISTED: Final = re.compile(  # "1 - ISO 9001": the number stays outside
    r"([0-9.,]+[ \u00a0]?[,;:/\-\u2013]{1,2}[ \u00a0])(.+)"
)
_ISOLATED: Final = re.compile(  # a letter, a percentage, a product, a sign, a telephone, an ISO date
    r"[^\W\d_]|[%\u2030\u00b0\u00d7]|^[+\-\u00b1\u2212]|[0-9][ \-][0-9]+[ \-][0-9]"
)
_BOUND: Final = re.compile(  # "120 TB", "27001 2022", "ISO/IEC 27001:2022": a number is not parted from its word
    r"(?<=[0-9]) (?=[A-Za-z\u00b0\u00b5]{1,4}\b|[0-9%\u2030])|(?<=[A-Z]) (?=[0-9])"
)


def clean(text: str) -> str:
    """Return text fit for setting: no control characters, embeddings or overrides of direction (only isolates
    stay), no lone surrogates, single spaces; newlines stay.
    """
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
        elif category != "Cc" and char not in _OVERRIDES:
            kept.append(char)
    return re.sub(r" {2,}", " ", "".join(kept))


def protect(text: str, base: Base) -> str:
    """Return one line of text with the marks that keep numbers and Latin terms in order in an Arabic paragraph.

    References and Arabic-digit dates get U+200F around each slash and are not parted at the spaces beside one. Latin
    phrases with their numbers, percentages, telephone numbers, ISO dates and addresses are isolated left to right
    (UAX #9 §2.4.2), numbers tied to their units.
    """
    if base == "ltr":
        return text
    marked = text
    if "/" in text:
        marked = _SPACED.sub(lambda found: found.group().replace(" ", _NBSP), _REFERENCE.sub(_reference, text))
    return _PHRASE.sub(_phrase, marked) if _HAS_LATIN.search(marked) else marked


def _phrase(found: re.Match[str]) -> str:
    """Isolate a phrase of Latin letters and Western digits; a plain number or 5/10/2025 needs no help."""
    phrase = found.group()
    listed = _LISTED.fullmatch(phrase)
    before, rest = listed.groups() if listed else ("", phrase)
    if not _ISOLATED.search(rest):
        return phrase
    return before + _LRI + _BOUND.sub(_NBSP, rest) + _PDI


def _reference(found: re.Match[str]) -> str:
    """Mark the slashes of a token that holds an Arabic letter or digit; 5/10/2025 stays as typed."""
    token = found.group()
    return reference(token) if _HAS_ARABIC.search(token) else token
