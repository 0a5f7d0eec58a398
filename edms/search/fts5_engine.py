"""The large engine: SQLite FTS5 in a file whose every page, the write-ahead log included, is encrypted (ChaCha20)."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

import apsw

from crypto.encryption import derive
from edms.core.errors import Unavailable
from edms.search.index import IndexDocument, SearchHits, SearchQuery
from edms.search.terms import Clause, clauses, columns, tag

_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER, serial INTEGER);
INSERT OR IGNORE INTO state VALUES (1, 0, 0);
CREATE TABLE IF NOT EXISTS documents (row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    subject, body, names, marks, tags, content='', contentless_delete=1,
    tokenize="unicode61 remove_diacritics 0 categories 'L* N* Co'"
);
"""
_DAY = 32  # a row number is day << 32 | serial, so that newest first is the order of rows
_RANK = "round(bm25(words, 6.0, 1.0, 3.0, 0.5, 0.0), 9)"
_BUSY_MS = 30_000


class Fts5Index:
    """An :class:`~edms.search.index.Index` in one SQLite file at ``path`` under the 32-byte ``key``."""

    def __init__(self, path: Path, key: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        with _damage():
            self._base = apsw.Connection(str(path))
            self._base.set_busy_timeout(_BUSY_MS)
            # A writer of many small indexes would pay two fsyncs at each close; the log is folded in as it grows.
            self._base.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self._base.execute("PRAGMA cipher='chacha20'")
            self._base.execute(f"PRAGMA key='raw:{derive(key, 'search/fts5').hex()}'")
            # NORMAL: a power cut may undo the last writes, and their position with them.
            self._base.execute("PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=OFF")
            if not self._one("SELECT count(*) FROM sqlite_master WHERE name = 'words'"):
                self._base.execute("PRAGMA journal_mode=WAL")
                with self._base:
                    self._base.execute(_SCHEMA)

    def write(self, documents: Iterable[IndexDocument], deleted: Iterable[UUID] = (), *, position: int) -> None:
        """See :meth:`edms.search.index.Index.write`."""
        ready = [(document, columns(document)) for document in {given.id: given for given in documents}.values()]
        with self._lock, _damage(), self._transaction():
            serial = self._one("SELECT serial FROM state")
            for gone in {*deleted, *(document.id for document, _ in ready)}:
                for (row,) in self._base.execute("DELETE FROM documents WHERE id = ? RETURNING row", (gone.bytes,)):
                    self._base.execute("DELETE FROM words WHERE rowid = ?", (row,))
            for document, terms in ready:
                serial += 1
                row = document.day.toordinal() << _DAY | serial
                self._base.execute("INSERT INTO documents VALUES (?, ?)", (row, document.id.bytes))
                lists = (terms.subject, terms.body, terms.names, terms.marks, terms.tags)
                self._base.execute(
                    "INSERT INTO words (rowid, subject, body, names, marks, tags) VALUES (?, ?, ?, ?, ?, ?)",
                    (row, *map(" ".join, lists)),
                )
            self._base.execute("UPDATE state SET position = ?, serial = ?", (position, serial))

    def position(self) -> int:
        """See :meth:`edms.search.index.Index.position`."""
        with self._lock, _damage():
            return self._one("SELECT position FROM state")

    def count(self) -> int:
        """See :meth:`edms.search.index.Index.count`."""
        with self._lock, _damage():
            return self._one("SELECT count(*) FROM documents")

    def search(self, query: SearchQuery) -> SearchHits:
        """See :meth:`edms.search.index.Index.search`."""
        asked = clauses(query.text)
        if not query.acl:
            return SearchHits(0, ())
        where = "words MATCH ? AND words.rowid BETWEEN ? AND ?"
        low = (query.since or date.min).toordinal() << _DAY
        high = ((query.until or date.max).toordinal() + 1 << _DAY) - 1
        bound = (_match(asked, query), low, high)
        order = f"{_RANK}, words.rowid DESC" if asked else "words.rowid DESC"
        page = (
            f"SELECT id FROM (SELECT rowid AS row FROM words WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?)"  # noqa: S608 - constants
            " JOIN documents USING (row)"
        )
        with self._lock, _damage():
            total = self._one(f"SELECT count(*) FROM words WHERE {where}", bound)  # noqa: S608 - constants
            found = self._base.execute(page, (*bound, query.limit, query.offset)) if total else ()
            return SearchHits(total, tuple(UUID(bytes=id) for (id,) in found))

    def close(self) -> None:
        """See :meth:`edms.search.index.Index.close`."""
        with self._lock:
            self._base.close()

    def _one(self, sql: str, bound: tuple[object, ...] = ()) -> int:
        (row,) = self._base.execute(sql, bound)
        return int(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Begin as a writer at once, so that a second writer waits instead of failing at its first change."""
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError, apsw.FormatError, apsw.SQLError) as error:
        raise Unavailable("search.index-damaged") from error
    except (apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.BusyError, apsw.ReadOnlyError) as error:
        raise Unavailable("search.index-unavailable") from error


def _match(asked: list[Clause], query: SearchQuery) -> str:
    """Write the FTS5 expression; every term stands in quotes and holds only letters, digits and private-use signs."""
    conditions = [f"tags : ({_any(tag('acl', token) for token in query.acl)})"]
    if query.direction is not None:
        conditions.append(f"tags : {_quoted([tag('direction', query.direction)])}")
    return " AND ".join([*conditions, *map(_condition, asked)])


def _condition(clause: Clause) -> str:
    ways = [f"{{subject body names}} : {_quoted(clause.phrase)}"]
    if clause.marks:
        ways.append(f"marks : ({_any(clause.marks)})")
    if clause.parts:
        ways.append("(" + " AND ".join(f"names : {_quoted([part])}" for part in clause.parts) + ")")
    if clause.beginning:
        ways.append(f"marks : {_quoted([clause.beginning])} *")
    return "(" + " OR ".join(ways) + ")"


def _any(terms: Iterable[str]) -> str:
    return " OR ".join(_quoted([term]) for term in terms)


def _quoted(terms: Iterable[str]) -> str:
    return '"' + " ".join(terms).replace('"', '""') + '"'
