"""The port of the search engines: what is indexed, what is asked, what is found."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """One letter as one entity's index sees it."""

    id: UUID
    subject: str
    body: str
    numbers: tuple[str, ...]
    """Official number, register number, document code, the sender's own number: found in any digit set and order."""
    parties: tuple[str, ...]
    """Names of the entities it is from and to."""
    day: date
    direction: str
    kind: str
    sensitivity: int
    acl: tuple[str, ...]
    """Opaque tokens (``registry``, ``u<unit>``, ``e<employee>``); a searcher must carry one of them."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What one person asks; without words it is a listing, newest first."""

    text: str
    acl: tuple[str, ...]
    direction: str | None = None
    since: date | None = None
    until: date | None = None
    limit: int = 20
    offset: int = 0


@dataclass(frozen=True, slots=True)
class SearchHits:
    """How many documents match in all, and the ids of the page asked for, best first."""

    total: int
    ids: tuple[UUID, ...]


class Index(Protocol):
    """One entity's index. One process writes, many read; it is a cache and may be rebuilt from the database.

    A damaged, foreign or wrongly keyed index raises ``Unavailable("search.index-damaged")`` from any method.
    """

    def write(self, documents: Iterable[IndexDocument], deleted: Iterable[UUID] = (), *, position: int) -> None:
        """Store documents (the same id again replaces), forget the deleted, set the follower's position: all at once.

        Within one call deletions come first. What a crash undoes, it undoes together with the position.
        """

    def position(self) -> int:
        """Return the follower's position of the last write; 0 when new."""

    def search(self, query: SearchQuery) -> SearchHits:
        """Return what matches all words of the query and is open to one of its ACL tokens.

        Raises ``Invalid("search.query-too-long", limit=...)``; never an error of syntax.
        """

    def count(self) -> int:
        """Return the number of documents."""

    def close(self) -> None:
        """Release files and memory; safe to call twice."""
