"""What changed between two versions of a letter's text, paragraph by paragraph; pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from edms.letters.body import to_markup


@dataclass(frozen=True, slots=True)
class Change:
    """A paragraph that was taken out, put in, or written otherwise (``before`` → ``after``)."""

    act: Literal["added", "removed", "altered"]
    before: str = ""
    after: str = ""


def changes(older: Mapping[str, Any], newer: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the changes of subject and body from an older version's text to a newer one's, in order of the letter.

    >>> changes({"subject": "أ", "body": []}, {"subject": "ب", "body": []})
    (Change(act='altered', before='أ', after='ب'),)
    """
    before, after = _lines(older), _lines(newer)
    found: list[Change] = []
    for act, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if act != "equal":
            found += _changed(before[a:b], after[c:d])
    return tuple(found)


def _changed(before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    common = min(len(before), len(after))
    for old, new in zip(before, after, strict=False):
        yield Change("altered", old, new)
    for old in before[common:]:
        yield Change("removed", before=old)
    for new in after[common:]:
        yield Change("added", after=new)


def _lines(text: Mapping[str, Any]) -> list[str]:
    body = text.get("body")
    blocks = [to_markup([block]) for block in body] if isinstance(body, list) else []
    return [str(text.get("subject") or ""), *blocks]
