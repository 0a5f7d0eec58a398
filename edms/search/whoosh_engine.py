"""The small engine: Whoosh over sealed files held in memory, with a journal for cheap single writes."""

import heapq
import threading
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from whoosh.searching import SearchContext, Searcher

from edms.core.errors import Unavailable
from edms.search.index import IndexDocument, SearchHits, SearchQuery
from edms.search.terms import clauses
from edms.search.whoosh_storage import EMPTY, MemoryStorage, SealedFolder
from edms.search.whoosh_terms import WEIGHTING, apply, compile_clauses, compile_filter, open_files

_Frame = dict[str, Any]  # of the journal: packed documents, deleted ids, position

_JOURNAL_DOCUMENTS = 24
_JOURNAL_SPREAD = 24  # a circular to all bodies must not find all of their journals full at once
_JOURNAL_BYTES = 1 << 19
_ATTEMPTS = 8  # of a reader that meets a new head while it loads the old one


class WhooshIndex:
    """An :class:`~edms.search.index.Index` of sealed Whoosh files in ``folder`` under the 32-byte ``key``."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = SealedFolder(folder, key)
        self._lock = threading.RLock()
        self._head = EMPTY
        self._signature: tuple[int, ...] = ()
        self._frames: list[_Frame] = []
        self._end = 0
        self._base: MemoryStorage | None = None
        self._searcher: Searcher | None = None
        self._applied = 0
        self._refresh()

    def write(self, documents: Iterable[IndexDocument], deleted: Iterable[UUID] = (), *, position: int) -> None:
        """See :meth:`edms.search.index.Index.write`."""
        packed = list(map(_pack, documents))
        frame: _Frame = {"documents": packed, "deleted": [id.hex for id in deleted], "position": position}
        with self._lock, self._folder.writing():
            self._refresh()
            frames = [*self._frames, frame]
            most = _JOURNAL_DOCUMENTS + (self._head.index_id[0] % _JOURNAL_SPREAD if self._head.index_id else 0)
            if sum(map(_size, frames)) > most or self._end > _JOURNAL_BYTES:
                self._fold(frames, position)
                return
            if self._head is EMPTY:
                self._head = self._folder.publish(EMPTY, 0, {})
                self._signature = self._folder.signature()
            self._end = self._folder.append(self._head, len(self._frames), self._end, frame)
            self._frames.append(frame)

    def position(self) -> int:
        """See :meth:`edms.search.index.Index.position`."""
        with self._lock:
            self._refresh()
            return int(self._frames[-1]["position"]) if self._frames else self._head.position

    def count(self) -> int:
        """See :meth:`edms.search.index.Index.count`."""
        with self._lock:
            return int(self._open().doc_count())

    def search(self, query: SearchQuery) -> SearchHits:
        """See :meth:`edms.search.index.Index.search`."""
        asked = clauses(query.text)
        if not query.acl:
            return SearchHits(0, ())
        since, until = ((day or limit).toordinal().to_bytes(4, "big") for day, limit in _bounds(query))
        hits: list[tuple[float, bytes]] = []
        with self._lock:
            searcher = self._open()
            for leaf, _ in searcher.leaf_searchers() if searcher.doc_count() else ():
                keys = leaf.reader().column_reader("key", translate=False)
                allowed = compile_filter(query).matcher(leaf, leaf.boolean_context())
                if not asked:
                    hits += [(0.0, key) for row in allowed.all_ids() if since <= (key := keys[row])[:4] <= until]
                    continue
                rows = set(allowed.all_ids())
                found = compile_clauses(asked).matcher(leaf, SearchContext(weighting=WEIGHTING))
                while found.is_active():
                    row = found.id()
                    if row in rows and since <= (key := keys[row])[:4] <= until:
                        hits.append((round(found.score(), 4), key))
                    found.next()
        page = heapq.nlargest(query.offset + query.limit, hits)[query.offset :]
        return SearchHits(len(hits), tuple(UUID(bytes=key[4:]) for _, key in page))

    def close(self) -> None:
        """See :meth:`edms.search.index.Index.close`."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._head, self._signature, self._frames, self._end = EMPTY, (), [], 0
        self._base, self._searcher, self._applied = None, None, 0

    def _refresh(self) -> None:
        """Take note of what other processes have published."""
        for _ in range(_ATTEMPTS):
            signature = self._folder.signature()
            if signature != self._signature:
                old = self._base
                self._forget()
                self._base = old  # its segment files may still be part of the index
                self._head = self._folder.head()
                self._signature = signature
            if self._head is EMPTY:
                return
            frames, self._end = self._folder.journal(self._head, self._end, len(self._frames))
            self._frames += frames
            if self._folder.signature() == signature:
                return
        raise Unavailable("search.index-unavailable")

    def _files(self) -> dict[str, bytes]:
        """Load the files of the head that are not in memory yet."""
        known = self._base.files if self._base is not None else {}
        head = self._head
        files = {name: known[name] if name in known else self._folder.read(head, name) for name in head.files}
        self._base = MemoryStorage(files)
        return files

    def _open(self) -> Searcher:
        """Return a searcher over the folded files and the journal, the latter applied in memory only."""
        for _ in range(_ATTEMPTS):
            self._refresh()
            if self._searcher is not None and self._applied == len(self._frames):
                return self._searcher
            try:
                storage = MemoryStorage(self._files())
            except FileNotFoundError:
                continue
            if self._frames:
                apply(storage, *_net(self._frames))
            self._searcher = open_files(storage).searcher(weighting=WEIGHTING)
            self._applied = len(self._frames)
            return self._searcher
        raise Unavailable("search.index-unavailable")

    def _fold(self, frames: list[_Frame], position: int) -> None:
        """Bring the journal and a new frame into segment files and publish them."""
        storage = MemoryStorage(self._files())
        apply(storage, *_net(frames))
        head = self._folder.publish(self._head, position, storage.files)
        self._forget()
        self._head = head
        self._base = storage
        self._signature = self._folder.signature()


def _bounds(query: SearchQuery) -> tuple[tuple[date | None, date], tuple[date | None, date]]:
    return (query.since, date.min), (query.until, date.max)


def _size(frame: _Frame) -> int:
    return len(frame["documents"]) + len(frame["deleted"])


def _net(frames: list[_Frame]) -> tuple[list[IndexDocument], set[UUID]]:
    """Return what a journal comes to: the last copy of each document, and the ids that are gone."""
    live: dict[str, dict[str, Any]] = {}
    gone: set[str] = set()
    for frame in frames:
        for id in frame["deleted"]:
            live.pop(id, None)
            gone.add(id)
        for packed in frame["documents"]:
            live[packed["id"]] = packed
    return list(map(_unpack, live.values())), {UUID(hex=id) for id in gone}


def _pack(document: IndexDocument) -> dict[str, Any]:
    return {
        "id": document.id.hex, "subject": document.subject, "body": document.body, "numbers": document.numbers,
        "parties": document.parties, "day": document.day.isoformat(), "direction": document.direction,
        "kind": document.kind, "sensitivity": document.sensitivity, "acl": document.acl,
    }  # fmt: skip


def _unpack(packed: dict[str, Any]) -> IndexDocument:
    lists = {name: tuple(packed[name]) for name in ("numbers", "parties", "acl")}
    return IndexDocument(**{**packed, **lists, "id": UUID(hex=packed["id"]), "day": date.fromisoformat(packed["day"])})
