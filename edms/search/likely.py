"""Which letters of the own body a text is probably of, though some of its words were misread."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final
from uuid import UUID

from edms.core import arabic
from edms.core.database import UnitOfWork
from edms.letters import queries as letters
from edms.letters.models import Letter
from edms.letters.rules import acl_of_reader
from edms.search.index import SearchHits, SearchQuery
from edms.search.indexes import Indexes
from edms.search.service import ask

_MOST_PAIRS: Final = 48
_SURE: Final = 8  # pairs after which a letter that leads by so many is the one
COMMON: Final = 20
"""Letters: a pair of words that stands in more of them tells nothing."""
_SHORTEST: Final = 3
_FEWEST_PAIRS: Final = 2


def likely_letters(uow: UnitOfWork, lines: Sequence[str], *, indexes: Indexes, most: int = 3) -> list[Letter]:
    """Return the letters that hold the most pairs of neighbouring words of some lines, the likeliest first.

    Only letters of the actor's body that the actor may read. The rarer a pair, the more it says; a letter that fewer
    than two pairs speak for is none. Raises Unavailable ``search.index-…``.
    """
    entity_id = uow.actor.entity_id
    if entity_id is None:
        return []
    key, acl = indexes.key(uow.session, entity_id), acl_of_reader(uow.actor)

    def holding(phrase: str) -> SearchHits:
        return ask(indexes, entity_id, key, SearchQuery(phrase, acl, limit=COMMON))

    ids = ranked(lines, holding)[:most]
    readable = letters.visible_ids(uow, ids)
    return [readable[one] for one in ids if one in readable]


def ranked(lines: Sequence[str], holding: Callable[[str], SearchHits]) -> list[UUID]:
    """Return the letters that lines speak for, the likeliest first; ``holding`` finds up to ``COMMON`` by a phrase."""
    score: Counter[UUID] = Counter()
    pairs: Counter[UUID] = Counter()
    for first, second in _pairs(lines):
        found = holding(f'"{first} {second}"')
        if 0 < found.total <= COMMON:
            score.update(dict.fromkeys(found.ids, 1 / found.total))
            pairs.update(found.ids)
            (_, most_pairs), *others = pairs.most_common(2)
            if most_pairs - sum(count for _, count in others) >= _SURE:
                break
    best = max(score.values(), default=0.0)
    return [one for one, value in score.most_common() if pairs[one] >= _FEWEST_PAIRS and value >= best / 2]


def _pairs(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Return pairs of neighbouring words, the longest first: long words are rare, and asked for quickly."""
    words = ([word for word in arabic.words(line) if len(word) >= _SHORTEST] for line in lines)
    found = dict.fromkeys(pair for line in words for pair in pairwise(line))
    return sorted(found, key=lambda pair: -len(pair[0]) - len(pair[1]))[:_MOST_PAIRS]
