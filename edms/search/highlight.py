"""Marks in a line of text the words that a query found, however they are inflected."""

import re

from edms.core import arabic

_WORD = re.compile("[\\w\u064b-\u065f\u0670]+")


def highlight(text: str, query: str) -> tuple[tuple[str, bool], ...]:
    """Return ``text`` in pieces, each with whether it is a found word; the pieces joined are ``text``."""
    typed = [word for word in arabic.words(query) if not arabic.is_stop(word)]
    if not typed:
        return ((text, False),)
    stems, last = set(map(arabic.stem, typed)), arabic.bare(typed[-1])
    pieces: list[tuple[str, bool]] = []
    end = 0
    for found in _WORD.finditer(text):
        words = arabic.words(found[0])
        if any(arabic.stem(word) in stems or (len(last) > 1 and arabic.bare(word).startswith(last)) for word in words):
            pieces += [(text[end : found.start()], False), (found[0], True)]
            end = found.end()
    return tuple((piece, hit) for piece, hit in [*pieces, (text[end:], False)] if piece)
