"""What both engines index and ask: a document as columns of terms, a query as clauses of terms."""

import re
from dataclasses import dataclass
from hashlib import blake2b

from edms.core import arabic
from edms.core.errors import Invalid
from edms.search.index import IndexDocument

QUERY_LIMIT = 1000
"""Characters of the longest query."""

_MOST = 64  # clauses asked; a pasted paragraph is found by its beginning
_PHRASE = re.compile(r'["“”«»]([^"“”«»]*)["“”«»]')
_DIGIT_GROUPS = re.compile(r"[\d\s-]{12,}")
_GAP = "\ue001"  # stands between two names of one column, so that no phrase runs over it
_EXACT = "\ue002"  # before an unstemmed word
_SHORTEST, _LONGEST = 2, 7  # of edge n-grams


@dataclass(frozen=True, slots=True)
class Columns:
    """A document as terms: ``subject``, ``body``, ``names`` in order (for phrases); ``marks``, ``tags`` as sets."""

    subject: list[str]
    body: list[str]
    names: list[str]
    """Numbers and parties."""
    marks: list[str]
    """Whole references, exact words and beginnings of words of subject, numbers and parties."""
    tags: list[str]
    """ACL tokens and direction, hashed to a safe alphabet."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition of a query: any of its alternatives; all clauses of a query must hold."""

    phrase: tuple[str, ...]
    """Terms in order within subject, body or names (one term: a word)."""
    marks: tuple[str, ...] = ()
    """Or any of these marks."""
    parts: tuple[str, ...] = ()
    """Or all of these terms within names."""
    beginning: str = ""
    """Or a mark that begins so (only for words longer than an edge n-gram)."""


def tag(kind: str, value: str) -> str:
    """Return the term of a filter value such as ``("acl", "u12")``: 20 letters and digits."""
    return "t" + blake2b(f"{kind}:{value}".encode(), digest_size=10).hexdigest()


def columns(document: IndexDocument) -> Columns:
    """Return the terms of a document."""
    names: list[str] = []
    shown = [document.subject, *document.numbers, *document.parties]
    for name in (*document.numbers, *document.parties):
        names += [*arabic.analyze(name), _GAP]
    texts = (*shown, document.body)
    marks = {arabic.whole_reference(parts) for text in texts for parts in arabic.split_references(text)[0]}
    for word in {arabic.bare(word) for text in shown for word in arabic.words(text)}:
        marks.add(_EXACT + word)
        marks.update(arabic.edge_ngrams(word, _SHORTEST, _LONGEST))
    tags = {tag("direction", document.direction), *(tag("acl", token) for token in document.acl)}
    return Columns(arabic.analyze(document.subject), arabic.analyze(document.body), names, sorted(marks), sorted(tags))


def clauses(text: str) -> list[Clause]:
    """Read what a person typed: words, ``"phrases"``, references; the last word may be a beginning.

    An empty list asks for everything. Raises ``Invalid("search.query-too-long", limit=...)``.
    """
    if len(text) > QUERY_LIMIT:
        raise Invalid("search.query-too-long", limit=QUERY_LIMIT)
    digits = arabic.fold_digits(text).strip()
    if _DIGIT_GROUPS.fullmatch(digits):  # a document code typed in groups
        code = "".join(sign for sign in digits if sign.isdigit())
        groups = tuple(arabic.words(digits))
        return [Clause(groups, marks=(code,), parts=(code,))] if groups else []
    found = [Clause(phrase) for quoted in _PHRASE.findall(text) if (phrase := tuple(arabic.analyze(quoted)))]
    references, rest = arabic.split_references(_PHRASE.sub(" ", text))
    for parts in references:
        stems = tuple(map(arabic.stem, parts))
        found.append(Clause(stems, (arabic.whole_reference(parts),), stems))
    words = arabic.words(rest)
    asked = [word for word in dict.fromkeys(words) if not arabic.is_stop(word)] or ([] if found else words)
    found += [_unfinished(word) if word == words[-1] else _word(word) for word in asked]
    return list(dict.fromkeys(found))[:_MOST]


def _word(word: str) -> Clause:
    return Clause((arabic.stem(word),), (_EXACT + arabic.bare(word),))


def _unfinished(word: str) -> Clause:
    """Return the clause of the last word, which may be only the beginning of one."""
    bare = arabic.bare(word)
    marks = (_EXACT + bare, bare) if _SHORTEST <= len(bare) <= _LONGEST else (_EXACT + bare,)
    return Clause((arabic.stem(word),), marks, beginning=_EXACT + bare if len(bare) > _LONGEST else "")
