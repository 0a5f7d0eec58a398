"""Asking cheaply whether the log tells of certain acts: what must count from the next command on is asked each time."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import DBAPIError

from edms.core.database import Database
from edms.core.errors import Unavailable


class LogWatch:
    """Watches for ``acts``, and for all that begin with ``prefix`` except ``but``, by one bare statement.

    It has a connection of its own. On SQLite the answer takes microseconds and waits for no writer (``instant``);
    PostgreSQL is a round trip away. Not for several threads at once.
    """

    def __init__(self, database: Database, prefix: str, acts: Sequence[str], but: Sequence[str] = ()) -> None:
        self.instant = database.is_sqlite
        self._engine = database.engine
        wanted, unwanted = (", ".join(f"'{act}'" for act in some) for some in (acts, but or ("",)))  # our own constants
        self._telling = f"(e.act LIKE '{prefix}%' AND e.act NOT IN ({unwanted}) OR e.act IN ({wanted}))"
        self._connection: Any = None

    def since(self, position: int) -> tuple[int, bool]:
        """Return the log's newest position and whether any such act came after ``position``.

        Raises Unavailable when the database cannot say.
        """
        try:
            if self._connection is None:
                self._connection = self._open()
            cursor = self._connection.cursor()
            rows = cursor.execute(
                f"SELECT h.last_seq, EXISTS (SELECT 1 FROM events e WHERE e.seq > {int(position)}"  # noqa: S608
                f" AND {self._telling}) FROM event_head h WHERE h.id = 1"
            ).fetchall()
            cursor.close()
        except (DBAPIError, self._engine.dialect.loaded_dbapi.Error) as error:
            self.close()
            raise Unavailable("database.unavailable") from error
        return (rows[0][0], bool(rows[0][1])) if rows else (0, False)

    def close(self) -> None:
        """Give the connection up; the next question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Any:
        connection: Any = self._engine.raw_connection()
        if self.instant:
            connection.cursor().execute("PRAGMA busy_timeout = 20")
        else:
            connection.driver_connection.autocommit = True
        connection.detach()  # close() then ends it, and the pool opens another in its place
        return connection
