"""Hashes of whole runs of 256, 65,536 … entries, kept so that a proof reads some hundreds of rows and not the log."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select

from crypto.errors import CryptoError
from crypto.merkle import Tree, leaf_hash
from edms.audit.models import Event, Tile
from edms.audit.queries import sealed_size
from edms.core.actor import system_actor
from edms.core.database import Database, UnitOfWork

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
_RUNS_AT_ONCE: Final = 40
_KEPT: Final = 64
_WORKER: Final = system_actor("worker")


class TreeReader:
    """Answers for the tree of the first ``size`` entries: the hash of any run of leaves that a proof names.

    A kept hash that is missing is worked out from what lies below it. Nothing read here is believed: whoever gives a
    proof out holds it against a signed root.
    """

    def __init__(self, uow: UnitOfWork, size: int) -> None:
        self._uow = uow
        self._size = size
        self._groups: dict[tuple[int, int], Sequence[bytes]] = {}

    def hashes(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the tree hash of each run (first, end); raises CryptoError ``crypto.bad-proof-range``."""
        return [self._span(start, end) for start, end in spans]

    def run(self, level: int, place: int) -> bytes:
        """Return the hash of the ``place``-th run of 256 to the power ``level`` entries, worked out from below."""
        below = self._group(level - 1, place)
        if len(below) != WIDTH:
            raise CryptoError("crypto.bad-proof-range", size=self._size)
        return Tree().grown(below).root()

    def _span(self, start: int, end: int) -> bytes:
        """Join the perfect subtrees of a run from right to left (RFC 6962 §2.1: the left one is the larger)."""
        peaks, width = list[bytes](), end - start
        for height in range(width.bit_length() - 1, -1, -1):
            if width >> height & 1:
                peaks.append(self._perfect(height, start >> height))
                start += 1 << height
        return Tree(width, tuple(peaks)).root()

    def _perfect(self, height: int, place: int) -> bytes:
        level, count = height // HEIGHT, 1 << height % HEIGHT
        first = place * count
        below = self._group(level, first // WIDTH)[first % WIDTH : first % WIDTH + count]
        if len(below) != count:
            raise CryptoError("crypto.bad-proof-range", size=self._size)
        return Tree().grown(below).root()

    def _group(self, level: int, group: int) -> Sequence[bytes]:
        """Return the up to 256 hashes of a level that one of the next level is made of."""
        known = self._groups.get((level, group))
        if known is None:
            if len(self._groups) >= _KEPT:
                self._groups.clear()
            known = self._groups[level, group] = self._leaves(group) if level == 0 else self._kept(level, group)
        return known

    def _leaves(self, group: int) -> list[bytes]:
        first, end = group * WIDTH + 1, min((group + 1) * WIDTH, self._size)
        wanted = select(Event.entry).where(Event.seq >= first, Event.seq <= end).order_by(Event.seq)
        return [leaf_hash(bytes(entry)) for entry in self._uow.session.scalars(wanted)]

    def _kept(self, level: int, group: int) -> list[bytes]:
        first, end = group * WIDTH, min((group + 1) * WIDTH, self._size >> HEIGHT * level)
        wanted = select(Tile.place, Tile.hash).where(Tile.level == level, Tile.place >= first, Tile.place < end)
        kept = {place: digest for place, digest in self._uow.session.execute(wanted)}  # noqa: C416
        return [kept[place] if place in kept else self.run(level, place) for place in range(first, end)]


def follow(database: Database) -> int:
    """Keep the hashes of some more whole runs of sealed entries; return how many, 0 when none is left."""
    with database.read(_WORKER) as uow:
        size = sealed_size(uow)
        tree, found = TreeReader(uow, size), list[Tile]()
        for level in range(1, 64 // HEIGHT):
            done = _next_place(uow, level)
            some = range(done, min(size >> HEIGHT * level, done + _RUNS_AT_ONCE))
            if level > 1 and some:  # the runs below come first
                some = range(done, min(some.stop, _next_place(uow, level - 1) >> HEIGHT))
            found += [Tile(level=level, place=place, hash=tree.run(level, place)) for place in some]
    if found:
        with database.work(_WORKER) as uow:
            uow.session.add_all(found)
    return len(found)


def _next_place(uow: UnitOfWork, level: int) -> int:
    last = uow.session.scalar(select(func.max(Tile.place)).where(Tile.level == level))
    return 0 if last is None else last + 1
