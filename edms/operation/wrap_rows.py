"""The wraps of files as the driver gives and takes them: for going over millions, where each conversion counts."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, bindparam, select, tuple_, type_coerce, update
from sqlalchemy.types import NullType

from edms.content.models import FileKey
from edms.content.service import wrap_context
from edms.core.database import UnitOfWork
from edms.core.ids import NIL
from edms.entities.keyring import Keyring

Place = tuple[Any, Any]
"""File and body of a wrap, as the driver has them: 32 hexadecimal digits (SQLite) or a UUID."""
_FILES: Final[Any] = FileKey.__table__
_RAW: Final = NullType()
_FILE, _BODY = type_coerce(FileKey.file_id, _RAW), type_coerce(FileKey.entity_id, _RAW)
_NEXT = (
    select(_FILE, _BODY, FileKey.key_version, type_coerce(FileKey.wrapped, _RAW))
    .where(tuple_(_FILE, _BODY) > tuple_(bindparam("file", type_=_RAW), bindparam("body", type_=_RAW)))
    .order_by(FileKey.file_id, FileKey.entity_id)
    .limit(bindparam("most"))
)
_DONE = (
    update(_FILES)
    .where(
        type_coerce(_FILES.c.file_id, _RAW) == bindparam("file", type_=_RAW),
        type_coerce(_FILES.c.entity_id, _RAW) == bindparam("body", type_=_RAW),
        _FILES.c.key_version == bindparam("older"),
    )
    .values(key_version=bindparam("newer"), wrapped=bindparam("wrap", type_=_RAW))
)
_ORDER: Final = ("file", "body", "older", "newer", "wrap")
Change = tuple[Any, Any, int, int, bytes]
"""File, body, the version that was read, the new one, the new wrap."""


def start(connection: Connection) -> Place:
    """Return the place before the first wrap."""
    return (NIL.hex, NIL.hex) if connection.dialect.name == "sqlite" else (NIL, NIL)


def following(uow: UnitOfWork, place: Place, most: int) -> Sequence[Any]:
    """Return the next wraps after a place: file, body, version, wrap."""
    return uow.rows(_NEXT, file=place[0], body=place[1], most=most)


def write(uow: UnitOfWork, changes: Sequence[Change]) -> None:
    """Store wraps anew, each only if it still has the version that was read."""
    connection = uow.session.connection()
    compiled = _DONE.compile(dialect=connection.dialect)
    if compiled.positional:
        places = [_ORDER.index(name) for name in compiled.positiontup or ()]
        bound: list[Any] = [tuple(change[at] for at in places) for change in changes]
    else:
        bound = [dict(zip(_ORDER, change, strict=True)) for change in changes]
    connection.exec_driver_sql(str(compiled), bound)


class Rewrapper:
    """Makes the changes of rows that are under an older version than their body's newest."""

    def __init__(self, keys: Keyring, newest: dict[UUID, int]) -> None:
        self._keys = keys
        self._newest = newest
        self._bodies: dict[Any, tuple[UUID, int]] = {}
        self._ciphers: dict[tuple[UUID, int], Callable[[bytes, bytes], bytes]] = {}

    def changes(self, uow: UnitOfWork, rows: Sequence[Any]) -> list[Change]:
        """Return what is to be written; raises DecryptionError when a wrap does not open."""
        found: list[Change] = []
        for file, raw, older, wrapped in rows:
            body, newer = self._bodies.get(raw) or self._body(raw)
            if older < newer:
                cipher = self._ciphers.get((body, older)) or self._cipher(uow, body, older, newer)
                found.append((file, raw, older, newer, cipher(wrapped, wrap_context(_dashed(file), body))))
        return found

    def _body(self, raw: Any) -> tuple[UUID, int]:
        body = UUID(hex=raw) if isinstance(raw, str) else raw
        self._bodies[raw] = body, self._newest.get(body, 0)
        return self._bodies[raw]

    def _cipher(self, uow: UnitOfWork, body: UUID, older: int, newer: int) -> Callable[[bytes, bytes], bytes]:
        self._ciphers[body, older] = self._keys.rewrapper(uow.session, body, older, newer)
        return self._ciphers[body, older]


def _dashed(file: Any) -> Any:
    """Return how a UUID is written (RFC 9562 §4)."""
    return f"{file[:8]}-{file[8:12]}-{file[12:16]}-{file[16:20]}-{file[20:]}" if isinstance(file, str) else file
