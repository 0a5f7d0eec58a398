"""The follower of the event log that keeps every entity's index at the state of the database: resumable, idempotent."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog

from edms.audit.queries import cursor, move_cursor
from edms.core.database import Database
from edms.core.errors import Unavailable
from edms.search import queries
from edms.search.engines import needs_upgrade
from edms.search.index import Index
from edms.search.indexes import Indexes
from edms.search.rebuild import PAGE, WORKER, Rebuild, begin, replay, step
from edms.search.rules import FOLLOWER

_CHECKED_AT_ONCE = 50
_SURVEY_SECONDS = 600

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _State:
    """What this process knows of the indexes; all of it can be found out again."""

    known: dict[UUID, int] = field(default_factory=dict)
    """The position up to which each index was seen or written."""
    unchecked: dict[UUID, int] | None = None
    """Entities not looked at yet since the start, with the last event that their index must hold."""
    rebuilds: dict[UUID, Rebuild | None] = field(default_factory=dict)
    """Indexes being rebuilt, or to be (None), in this order."""
    surveyed: float = float("-inf")


@dataclass(frozen=True, slots=True)
class _Batch:
    start: int
    end: int
    changes: dict[UUID, queries.Change]
    keys: dict[UUID, bytes]
    required: dict[UUID, int]
    """The last earlier event that the index of an entity must hold, of entities not seen before."""


_states: WeakKeyDictionary[Indexes, _State] = WeakKeyDictionary()


def follow(database: Database, indexes: Indexes, *, limit: int = 500) -> int:
    """Index the next ``limit`` events and do one step of upkeep; return how much was done, 0 when nothing is left.

    A letter is written into the index of the entity whose letter it is. No transaction is open while an index is
    written. Killed anywhere, the next call does the rest: an index's own position tells what it holds, and one that
    lost its files or its last writes is brought up again. Returns 0 also while another process has the turn.
    Raises Unavailable when the database or the disk cannot serve now.
    """
    with indexes.turn(wait=False) as mine:
        if not mine:
            return 0
        state = _states.setdefault(indexes, _State())
        return _take_events(database, indexes, state, limit) + _upkeep(database, indexes, state)


def catch_up(database: Database, indexes: Indexes, *, limit: int = 500) -> None:
    """Index all that has happened until now, without upkeep: for a command that must find what was just done."""
    with indexes.turn(wait=True):
        state = _states.setdefault(indexes, _State())
        while _take_events(database, indexes, state, limit):
            pass


def survey(database: Database, indexes: Indexes) -> int:
    """Note which indexes must be rebuilt: lost ones, those that outgrew their engine, those on another than is set."""
    state = _states.setdefault(indexes, _State())
    state.surveyed = time.monotonic()
    at_least = indexes.threshold if indexes.engine == "auto" else 1
    with database.read(WORKER) as uow:
        large = sorted(queries.letter_counts(uow, at_least=max(at_least, 1)))
        keys = {entity_id: indexes.key(uow.session, entity_id) for entity_id in large}
    found = 0
    for entity_id, position in list(state.known.items()):
        if position and not _exists(indexes, entity_id):
            found += _want(state, entity_id)
    for entity_id, key in keys.items():
        with _damage(state, entity_id), indexes.reading(entity_id, key) as index:
            if index is not None and needs_upgrade(index, indexes.engine, indexes.threshold):
                found += _want(state, entity_id)
    return found


def _take_events(database: Database, indexes: Indexes, state: _State, limit: int) -> int:
    batch = _read(database, indexes, state, limit)
    if batch.end == batch.start:
        return 0
    for entity_id, change in batch.changes.items():
        _write(database, indexes, state, batch, entity_id, change)
    with database.work(WORKER) as uow:
        move_cursor(uow, FOLLOWER, batch.end)
    return batch.end - batch.start


def _read(database: Database, indexes: Indexes, state: _State, limit: int) -> _Batch:
    with database.read(WORKER) as uow:
        start = cursor(uow, FOLLOWER)
        end, changed = queries.next_events(uow, start, limit)
        changes = queries.changes(uow, changed)
        new = [entity_id for entity_id in changes if entity_id not in state.known]
        return _Batch(
            start, end, changes, {entity_id: indexes.key(uow.session, entity_id) for entity_id in changes},
            queries.last_events(uow, start, new) if new else {},
        )  # fmt: skip


def _write(
    database: Database, indexes: Indexes, state: _State, batch: _Batch, entity_id: UUID, change: queries.Change
) -> None:
    """Write one entity's share of a batch; an index that is behind is brought up or put down for a rebuild."""
    rebuild = state.rebuilds.get(entity_id)
    if entity_id in state.rebuilds and (rebuild is None or rebuild.blind):
        return  # what happens meanwhile is replayed at its end
    required = state.known.get(entity_id, batch.required.get(entity_id, 0))
    with _damage(state, entity_id), indexes.writing(entity_id, batch.keys[entity_id]) as index:
        if _at_hand(database, state, index, entity_id, required, batch.start):
            if index.position() < batch.end:
                index.write(change.documents, change.deleted, position=batch.end)
            state.known[entity_id] = batch.end


def _at_hand(database: Database, state: _State, index: Index, entity_id: UUID, required: int, upto: int) -> bool:
    """Say whether an index holds all up to ``required``; replay what it lacks, or ask for a rebuild of an empty one."""
    position = index.position()
    if position >= required:
        return True
    log.warning("index is behind", entity=str(entity_id), position=position, required=required)
    if position == 0:
        _want(state, entity_id)
        return False
    replay(database, index, entity_id, position, upto)
    return True


def _upkeep(database: Database, indexes: Indexes, state: _State) -> int:
    """Look at some indexes after a start, see what was asked for, and do one page of one rebuild."""
    checked = _check_some(database, indexes, state)
    for entity_id in indexes.requested():
        _want(state, entity_id)
    if not state.unchecked and time.monotonic() - state.surveyed >= _SURVEY_SECONDS:
        survey(database, indexes)
    for entity_id, rebuild in list(state.rebuilds.items())[:1]:
        return checked + _rebuild_some(database, indexes, state, entity_id, rebuild)
    return checked


def _check_some(database: Database, indexes: Indexes, state: _State) -> int:
    """After a start, compare the positions of some indexes with what they must hold."""
    with database.read(WORKER) as uow:
        upto = cursor(uow, FOLLOWER)
        if state.unchecked is None:
            state.unchecked = queries.last_events(uow, upto)
        some = list(islice(state.unchecked.items(), _CHECKED_AT_ONCE))
        newest = queries.newest_event(uow) if some else 0
        keys = {entity_id: indexes.key(uow.session, entity_id) for entity_id, _ in some}
    for entity_id, required in some:
        del state.unchecked[entity_id]
        if entity_id in state.known or entity_id in state.rebuilds:
            continue
        with _damage(state, entity_id), indexes.writing(entity_id, keys[entity_id]) as index:
            if index.position() > newest:  # the database was restored from before this index
                _want(state, entity_id)
            elif _at_hand(database, state, index, entity_id, required, upto):
                state.known[entity_id] = required
    return len(some)


def _rebuild_some(database: Database, indexes: Indexes, state: _State, entity_id: UUID, rebuild: Rebuild | None) -> int:
    if rebuild is None:
        blind = not _serves(database, indexes, entity_id)
        rebuild = state.rebuilds[entity_id] = begin(database, indexes, entity_id, blind=blind)
    step(database, indexes, rebuild, limit=PAGE)
    if rebuild.mark is None:
        del state.rebuilds[entity_id]
        state.known[entity_id] = rebuild.start
        log.info("index rebuilt", entity=str(entity_id), letters=rebuild.written, place=rebuild.place)
    return 1


def _serves(database: Database, indexes: Indexes, entity_id: UUID) -> bool:
    """Say whether the present index of an entity can be read and holds anything."""
    with database.read(WORKER) as uow:
        key = indexes.key(uow.session, entity_id)
    try:
        with indexes.reading(entity_id, key) as index:
            return index is not None and index.position() > 0 and index.count() >= 0
    except Unavailable as error:
        if error.code != "search.index-damaged":
            raise
        return False


def _exists(indexes: Indexes, entity_id: UUID) -> bool:
    try:
        return indexes.exists(entity_id)
    except Unavailable:
        return False


def _want(state: _State, entity_id: UUID) -> bool:
    """Put an index down for a rebuild; say whether it was not yet."""
    new = entity_id not in state.rebuilds
    state.rebuilds.setdefault(entity_id, None)
    return new


@contextmanager
def _damage(state: _State, entity_id: UUID) -> Iterator[None]:
    """Take a damaged index for one to rebuild; everything else goes on."""
    try:
        yield
    except Unavailable as error:
        if error.code != "search.index-damaged":
            raise
        log.warning("index is damaged", entity=str(entity_id))
        _want(state, entity_id)
