"""Rebuilding an entity's index from the database page by page, while readers go on with the present one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from edms.audit.queries import cursor
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.search import queries
from edms.search.engines import Engine, start_rebuild, switch
from edms.search.index import Index
from edms.search.indexes import Indexes
from edms.search.queries import Bookmark
from edms.search.rules import FOLLOWER

WORKER = system_actor("worker")
PAGE = 500

Progress = Callable[[int, int], None]
"""Called with the letters indexed so far and how many there are in all."""


@dataclass(slots=True)
class Rebuild:
    """One index being rebuilt at ``place``; ``blind`` when there is no present one that could serve meanwhile.

    It holds all events up to ``start``; without a ``mark`` it is finished.
    """

    entity_id: UUID
    key: bytes
    place: str
    index: Index
    start: int
    blind: bool
    mark: Bookmark | None = field(default_factory=Bookmark)
    written: int = 0


def begin(database: Database, indexes: Indexes, entity_id: UUID, *, blind: bool) -> Rebuild:
    """Begin a rebuild on the engine that fits the entity's number of letters."""
    with database.read(WORKER) as uow:
        start = cursor(uow, FOLLOWER)
        key = indexes.key(uow.session, entity_id)
        engine = engine_for(indexes, queries.letter_counts(uow, entity_id=entity_id).get(entity_id, 0))
    place, index = start_rebuild(indexes.folder_of(entity_id), key, engine)
    return Rebuild(entity_id, key, place, index, start, blind)


def step(database: Database, indexes: Indexes, rebuild: Rebuild, *, limit: int = PAGE) -> int:
    """Index the next page of letters and return how many; after the last page make the new index the current one."""
    if rebuild.mark is None:
        return 0
    with database.read(WORKER) as uow:
        documents, rebuild.mark = queries.letters_page(uow, rebuild.entity_id, rebuild.mark, limit)
    if documents:
        rebuild.index.write(documents, position=rebuild.start)
    rebuild.written += len(documents)
    if rebuild.mark is None:
        with database.read(WORKER) as uow:
            upto = cursor(uow, FOLLOWER)
        replay(database, rebuild.index, rebuild.entity_id, rebuild.start, upto)
        rebuild.start = upto
        rebuild.index.close()
        switch(indexes.folder_of(rebuild.entity_id), rebuild.place)
        indexes.forget(rebuild.entity_id)
        indexes.granted(rebuild.entity_id)
    return len(documents)


def replay(database: Database, index: Index, entity_id: UUID, position: int, upto: int, *, limit: int = PAGE) -> None:
    """Bring into ``index`` what happened in an entity after event ``position`` up to event ``upto``."""
    while True:
        with database.read(WORKER) as uow:
            position, changed = queries.events_of_entity(uow, entity_id, position, upto, limit)
            change = queries.changes(uow, changed).get(entity_id, queries.Change())
        index.write(change.documents, change.deleted, position=position)
        if position >= upto:
            return


def reindex(
    database: Database, indexes: Indexes, entity_ids: Sequence[UUID] | None = None, progress: Progress | None = None
) -> int:
    """Rebuild the indexes of some entities, or of all that hold letters, and return how many letters they hold.

    Waits for the writer's turn before each index; the follower and all readers may run meanwhile.
    """
    with database.read(WORKER) as uow:
        counts = queries.letter_counts(uow)
    wanted = sorted(counts) if entity_ids is None else entity_ids
    total, done = sum(counts.get(entity_id, 0) for entity_id in wanted), 0
    for entity_id in wanted:
        with indexes.turn(wait=True):
            rebuild = begin(database, indexes, entity_id, blind=False)
            while rebuild.mark is not None:
                done += step(database, indexes, rebuild)
                if progress:
                    progress(done, max(total, done))
    return done


def engine_for(indexes: Indexes, letters: int) -> Engine:
    """Return the engine for an index of so many letters."""
    if indexes.engine == "auto":
        return "fts5" if letters >= indexes.threshold else "whoosh"
    return indexes.engine
