"""Searching the letters of one's own body: rights hold in the index and are proved again in the database."""

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from crypto import codes
from crypto.errors import BadCode
from edms.audit.service import record
from edms.core.calendar import fold_digits
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden, NotFound, Unavailable
from edms.letters import queries as letters
from edms.letters.listing import Row, rows
from edms.letters.models import Letter
from edms.letters.rules import acl_of_reader
from edms.search import queries
from edms.search.highlight import highlight
from edms.search.index import SearchHits, SearchQuery
from edms.search.indexes import Indexes
from edms.search.rules import MOST_HITS, NOTED_FROM, PAGE_SIZE, SEARCH
from edms.search.terms import clauses

_CODE = re.compile("[\\d\\s./_:\\\\\u2010-\u2014\u2212\u200e\u200f-]+")
_CODE_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Hit:
    """One letter found: its row as in every list, its date, its subject in pieces, each with whether it was asked."""

    letter: Row
    day: date
    marked: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Results:
    """How many letters match, those of page ``page`` (from 1), and what a document code in the query says."""

    total: int
    page: int
    size: int
    hits: tuple[Hit, ...]
    exact: UUID | None = None
    """The letter of the document code that was typed."""
    bad_code: bool = False
    """What was typed has the form of a document code, and its check digits are wrong."""
    suggestion: str | None = None
    """The code that was probably meant."""

    @property
    def confidential(self) -> int:
        """Hits on this page whose finding is to be noted."""
        return sum(hit.letter.sensitivity >= NOTED_FROM for hit in self.hits)


def search(
    uow: UnitOfWork,
    query_text: str,
    *,
    indexes: Indexes,
    direction: str | None = None,
    since: date | None = None,
    until: date | None = None,
    page: int = 1,
    size: int = PAGE_SIZE,
    locale: str = "ar",
) -> Results:
    """Return one page of the letters of the actor's body that match and that the actor may read, best first;
    bodies are named in the language of ``locale``.

    Without words it lists, newest first. A page past the end gives the last one. Raises Forbidden for who belongs to
    no body, Invalid ``search.query-too-long``, Unavailable ``search.index-…`` (a damaged index is put down for repair).
    """
    uow.actor.require(SEARCH)
    entity_id = uow.actor.entity_id
    if entity_id is None:
        raise Forbidden("core.forbidden", permission=SEARCH.name)
    clauses(query_text)  # refuses what is too long before anything is opened
    size = min(max(size, 1), MOST_HITS)
    asked = SearchQuery(query_text, acl_of_reader(uow.actor), direction, since, until, size, (max(page, 1) - 1) * size)
    key = indexes.key(uow.session, entity_id)
    found = ask(indexes, entity_id, key, asked)
    if found.total and not found.ids:
        page = -(-found.total // size)
        asked = SearchQuery(query_text, asked.acl, direction, since, until, size, (page - 1) * size)
        found = ask(indexes, entity_id, key, asked)
    readable = letters.visible_ids(uow, found.ids)
    shown = [readable[id] for id in found.ids if id in readable]
    exact, bad_code, suggestion = _typed_code(uow, query_text)
    return Results(
        found.total - (len(found.ids) - len(shown)), max(page, 1), size, _hits(uow, shown, query_text, locale), exact,
        bad_code, suggestion,
    )  # fmt: skip


def note_found(uow: UnitOfWork, results: Results) -> None:
    """Record, without a word of the query, that a search showed confidential letters; nothing when it showed none."""
    if results.confidential:
        record(
            uow, "search.searched", "entity", uow.actor.entity_id, total=results.total,
            confidential=results.confidential,
        )  # fmt: skip


def ask(indexes: Indexes, entity_id: UUID, key: bytes, asked: SearchQuery) -> SearchHits:
    """Ask the present index; once more when it was replaced in between."""
    try:
        return _ask_once(indexes, entity_id, key, asked)
    except Unavailable:
        indexes.forget(entity_id)
    try:
        return _ask_once(indexes, entity_id, key, asked)
    except Unavailable as error:
        if error.code == "search.index-damaged":
            indexes.request(entity_id)
        raise


def _ask_once(indexes: Indexes, entity_id: UUID, key: bytes, asked: SearchQuery) -> SearchHits:
    with indexes.reading(entity_id, key) as index:
        return index.search(asked) if index is not None else SearchHits(0, ())


def _typed_code(uow: UnitOfWork, text: str) -> tuple[UUID | None, bool, str | None]:
    """Return the letter of a typed document code; else whether its check digits are wrong, and what was meant."""
    digits = fold_digits(text)
    if not _CODE.fullmatch(digits) or sum(map(str.isdigit, digits)) != _CODE_DIGITS:
        return None, False, None
    try:
        code = codes.parse(text, year=uow.now.year)
        return letters.letter_by_code(uow, code.digits).id, False, None
    except BadCode as error:
        return None, True, error.suggestion
    except NotFound:
        return None, False, None


def _hits(uow: UnitOfWork, found: list[Letter], query_text: str, locale: str) -> tuple[Hit, ...]:
    return tuple(
        Hit(row, queries.day_of(letter), highlight(row.subject, query_text))
        for letter, row in zip(found, rows(uow, found, locale=locale), strict=True)
    )
