"""The indexes of all entities in one folder: a few kept open, one writer at a time, requests to rebuild."""

import fcntl
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from edms.core import arabic
from edms.core.errors import Unavailable
from edms.entities.keyring import Keyring
from edms.search.engines import THRESHOLD, Choice, current_place, open_index
from edms.search.index import Index


@dataclass(slots=True, eq=False)
class _Held:
    index: Index
    key: bytes
    place: str | None
    users: int = 0
    kept: bool = True


class Indexes:
    """Opens the index of an entity for reading or writing and keeps the last used ones open (thread-safe).

    ``engine`` is ``auto``, ``whoosh`` or ``fts5``; ``threshold`` is in letters; ``kept`` is how many stay open, each
    Whoosh index among them with its whole content in memory.
    """

    def __init__(
        self, folder: Path, keyring: Keyring, *, engine: str = "auto", threshold: int = THRESHOLD, kept: int = 8
    ) -> None:
        self.folder = folder
        self.engine: Choice = "whoosh" if engine == "whoosh" else "fts5" if engine == "fts5" else "auto"
        self.threshold = threshold
        self._keyring = keyring
        self._most = kept
        self._pool: OrderedDict[UUID, _Held] = OrderedDict()
        self._mutex = threading.RLock()

    def folder_of(self, entity_id: UUID) -> Path:
        """Return the folder of an entity's index."""
        return self.folder / entity_id.hex

    def key(self, session: Session, entity_id: UUID) -> bytes:
        """Return the 32-byte key of an entity's index."""
        return self._keyring.index_key(session, entity_id)

    def exists(self, entity_id: UUID) -> bool:
        """Say whether an entity has an index of this version of the analysis.

        Raises Unavailable ``search.index-damaged``.
        """
        place = current_place(self.folder_of(entity_id))
        return place is not None and int(place.split("-")[1]) == arabic.VERSION

    @contextmanager
    def reading(self, entity_id: UUID, key: bytes) -> Iterator[Index | None]:
        """Lend the current index of an entity; None when it has none yet. A reader never makes or changes files."""
        held = self._take(entity_id, key) if self.exists(entity_id) else None
        try:
            yield held.index if held else None
        finally:
            self._give_back(held)

    @contextmanager
    def writing(self, entity_id: UUID, key: bytes) -> Iterator[Index]:
        """Lend the current index of an entity to the one who has the turn; an empty one is made if there is none."""
        held = self._take(entity_id, key)
        try:
            yield held.index
        finally:
            self._give_back(held)

    def forget(self, entity_id: UUID) -> None:
        """Let go of an index that was replaced, so that its files and memory are freed."""
        with self._mutex:
            held = self._pool.pop(entity_id, None)
            if held:
                self._drop(held)

    def close(self) -> None:
        """Let go of all of them."""
        for entity_id in list(self._pool):
            self.forget(entity_id)

    @contextmanager
    def turn(self, *, wait: bool) -> Iterator[bool]:
        """Hold the turn of the one writer, among threads and processes; gives False when another has it and not wait.

        A folder that cannot be written raises Unavailable ``search.index-unavailable``.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "writer.lock").open("a")
        except OSError as error:
            raise Unavailable("search.index-unavailable") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    def request(self, entity_id: UUID) -> None:
        """Ask the follower, from any process, to rebuild a damaged index."""
        wanted = self.folder / "wanted"
        wanted.mkdir(parents=True, exist_ok=True)
        (wanted / entity_id.hex).touch()

    def requested(self) -> list[UUID]:
        """Return which rebuilds were asked for."""
        wanted = self.folder / "wanted"
        return [UUID(hex=path.name) for path in sorted(wanted.iterdir())] if wanted.is_dir() else []

    def granted(self, entity_id: UUID) -> None:
        """Forget a request."""
        (self.folder / "wanted" / entity_id.hex).unlink(missing_ok=True)

    def _take(self, entity_id: UUID, key: bytes) -> _Held:
        with self._mutex:
            folder = self.folder_of(entity_id)
            held = self._pool.get(entity_id)
            if held is None or held.key != key or held.place != current_place(folder):
                self.forget(entity_id)
                held = _Held(open_index(folder, key, self.engine), key, current_place(folder))
                self._pool[entity_id] = held
            self._pool.move_to_end(entity_id)
            held.users += 1
            while len(self._pool) > self._most:
                self._drop(self._pool.popitem(last=False)[1])
            return held

    def _give_back(self, held: _Held | None) -> None:
        if held is None:
            return
        with self._mutex:
            held.users -= 1
            if not held.kept and not held.users:
                held.index.close()

    @staticmethod
    def _drop(held: _Held) -> None:
        held.kept = False
        if not held.users:
            held.index.close()
