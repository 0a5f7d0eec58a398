"""Finds where a word of Arabic may be stretched by a kashida (كشيدة), and how well it looks there."""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

_WORD: Final = re.compile(r"[\u0621-\u065f\u0670-\u06d3\u0640]+")
_RIGHT_JOINING: Final = frozenset("آأؤإاةدذرزوٱژڈڕۆۇۅۉۀى")
_NOT_JOINING: Final = frozenset("ءٴٵ")
_ALEFS: Final = frozenset("اأإآٱ")
_TEETH: Final = frozenset("سشصض")
_SHORTEST: Final = 4
_LAST: Final = ((1, "ةهدذ"), (2, "الكطظگ"), (3, "وعغقفرز"))
_TATWEEL: Final = "\u0640"


class Joint(NamedTuple):
    """A joint to stretch: the one before the character at place `at`; `rank` 0 is the best looking."""

    rank: int
    at: int


@lru_cache(8192)
def best_joint(text: str) -> Joint | None:
    """Return the best place to stretch a piece of text, None where it must not be.

    After a seen or sad, before the last taa marbuta, haa or dal, before the last alef, lam or kaf, before the last waw
    or qaf, else at the last joint, as Naskh writers do. Never in text with digits or other signs than punctuation at
    its ends, nor in words of fewer than four letters, between lam and alef, in the word الله, or beside a tatweel.
    """
    word = _WORD.search(text)
    if word is None or any(char.isalnum() for char in text[: word.start()] + text[word.end() :]):
        return None
    letters = [
        (place, char) for place, char in enumerate(word.group(), word.start()) if unicodedata.category(char) != "Mn"
    ]
    bare = "".join(char for _, char in letters)
    if len(bare) < _SHORTEST or _TATWEEL in bare or bare.endswith("لله"):
        return None
    found = [
        Joint(_rank(bare, number), letters[number][0])
        for number in range(1, len(bare))
        if _joined(bare[number - 1], bare[number])
    ]
    return min(found, key=lambda joint: (joint.rank, -joint.at), default=None)


def _joined(before: str, after: str) -> bool:
    """Tell whether two letters are joined by a stroke that may be made longer."""
    if before in _RIGHT_JOINING or before in _NOT_JOINING or after in _NOT_JOINING:
        return False
    return not (before == "ل" and (after in _ALEFS or after == "ل"))


def _rank(bare: str, number: int) -> int:
    """Rank the joint before the letter `number`."""
    last = number == len(bare) - 1
    if bare[number - 1] in _TEETH and number > 1:
        return 0
    if not last:
        return 5 if number > 1 else 6
    return next((rank for rank, letters in _LAST if bare[number] in letters), 4)
