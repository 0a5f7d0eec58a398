"""Column types: aware times, and text that is stored only as ciphertext bound to its table, column and row."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol, cast, overload
from uuid import UUID

from sqlalchemy import DateTime, Dialect, event
from sqlalchemy.orm import Session, object_session
from sqlalchemy.types import TypeDecorator

from crypto.errors import KeyDestroyed
from edms.core.ids import new_id

SEALER = "sealer"


class Sealer(Protocol):
    """Encrypts and decrypts column values under the key of their owner (an entity, or ``ids.NIL`` for shared rows).

    ``item`` is what the value is destroyed with, such as the letter that it is part of.
    """

    def seal(
        self, session: Session, owner: UUID, context: bytes, plaintext: bytes, *, item: UUID | None = None
    ) -> bytes:
        """Return the ciphertext of ``plaintext`` bound to ``context``."""
        ...

    def open(self, session: Session, owner: UUID, context: bytes, sealed: bytes, *, item: UUID | None = None) -> bytes:
        """Return the plaintext; raises crypto.errors.DecryptionError when value, row and owner do not fit.

        Raises crypto.errors.KeyDestroyed when the item was destroyed.
        """
        ...


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on every database; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC before storing."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the stored time back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class SealedText:
    """A text attribute kept in the bytes column ``<name>_sealed``; plaintext never reaches the database.

    The model names its owner column in ``sealed_owner`` (default ``entity_id``); a class whose rows belong to nobody
    sets it to ``None``. The value is sealed at flush, when the row's id and owner are known. A model whose values can
    be destroyed names the column of their item in ``sealed_item``; a destroyed value reads as ``gone``.
    """

    def __init__(self, *, gone: object = None) -> None:
        self.gone = gone

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember the attribute's name and register it with the class."""
        self.name = name
        self.column = f"{name}_sealed"
        self.slot = f"_plain_{name}"
        fields = dict(getattr(owner, "__sealed__", {}))
        fields[name] = self
        owner.__sealed__ = fields  # type: ignore[attr-defined]

    @overload
    def __get__(self, row: None, owner: type) -> "SealedText": ...
    @overload
    def __get__(self, row: object, owner: type) -> str: ...
    def __get__(self, row: object | None, owner: type) -> "SealedText | str":
        """Return the plaintext, opening it on first use."""
        return self if row is None else cast("str", self.read(row) or "")

    def __set__(self, row: object, value: str) -> None:
        """Keep the new plaintext; it is sealed at the next flush."""
        self.write(row, value)

    def read(self, row: object) -> Any:
        """Return the decoded value of ``row``, or None when the column is empty."""
        kept = row.__dict__.get(self.slot)
        sealed = getattr(row, self.column)
        if kept is not None and kept[0] is sealed:
            return kept[1]
        if sealed is None:
            return None
        session = object_session(row)
        if session is None:
            raise RuntimeError(f"{self.name} was read after its unit of work had ended")
        try:
            value = self.decode(
                session.info[SEALER].open(session, _owner(row), self._context(row), sealed, item=_item(row))
            )
        except KeyDestroyed:
            value = self.gone
        row.__dict__[self.slot] = (sealed, value)
        return value

    def write(self, row: object, value: object) -> None:
        """Set the value and mark the row as changed."""
        pending = bytearray()  # a bytearray stands for "not sealed yet"
        setattr(row, self.column, pending)
        row.__dict__[self.slot] = (pending, value)

    def seal(self, row: object, session: Session) -> None:
        """Replace a pending value by its ciphertext (called before flush)."""
        kept = row.__dict__.get(self.slot)
        current = row.__dict__.get(self.column)
        if kept is None or not isinstance(current, bytearray):
            return
        sealed = session.info[SEALER].seal(
            session, _owner(row), self._context(row), self.encode(kept[1]), item=_item(row)
        )
        setattr(row, self.column, sealed)
        row.__dict__[self.slot] = (sealed, kept[1])

    def encode(self, value: Any) -> bytes:
        """Return the bytes that are sealed."""
        return str(value).encode()

    def decode(self, plain: bytes) -> Any:
        """Return the value of the opened bytes."""
        return plain.decode()

    def _context(self, row: object) -> bytes:
        return f"edms/1/column|{row.__tablename__}|{self.name}|{row.id}".encode()  # type: ignore[attr-defined]


class SealedBytes(SealedText):
    """Bytes kept like SealedText."""

    @overload  # type: ignore[override]  # the same descriptor for another type of value
    def __get__(self, row: None, owner: type) -> "SealedBytes": ...
    @overload
    def __get__(self, row: object, owner: type) -> bytes: ...
    def __get__(self, row: object | None, owner: type) -> "SealedBytes | bytes":
        """Return the bytes, opening them on first use."""
        return self if row is None else cast("bytes", self.read(row) or b"")

    def __set__(self, row: object, value: bytes) -> None:  # type: ignore[override]
        """Keep the new bytes; they are sealed at the next flush."""
        self.write(row, value)

    def encode(self, value: Any) -> bytes:
        """Return the bytes as they are."""
        return bytes(value)

    def decode(self, plain: bytes) -> Any:
        """Return the bytes as they are."""
        return plain


class SealedJson(SealedText):
    """A JSON value kept like SealedText; assign a new value to change it (edits in place are not seen)."""

    @overload
    def __get__(self, row: None, owner: type) -> "SealedJson": ...
    @overload
    def __get__(self, row: object, owner: type) -> Any: ...
    def __get__(self, row: object | None, owner: type) -> Any:
        """Return the JSON value, or None when the column is empty."""
        return self if row is None else self.read(row)

    def __set__(self, row: object, value: Any) -> None:
        """Keep the new value; it is sealed at the next flush."""
        self.write(row, value)

    def encode(self, value: Any) -> bytes:
        """Return compact JSON."""
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def decode(self, plain: bytes) -> Any:
        """Parse the JSON."""
        return json.loads(plain)


def sealed_fields(row: object) -> Iterator[SealedText]:
    """Yield the sealed attributes of a row's class."""
    yield from getattr(type(row), "__sealed__", {}).values()


def _owner(row: object) -> UUID:
    column = getattr(type(row), "sealed_owner", "entity_id")
    return UUID(int=0) if column is None else cast("UUID", getattr(row, column))


def _item(row: object) -> UUID | None:
    column = getattr(type(row), "sealed_item", None)
    return None if column is None else cast("UUID | None", getattr(row, column))


def seal_pending(session: Session, *_: object) -> None:
    """Seal all pending values of the session's new and changed rows (SQLAlchemy ``before_flush``)."""
    for row in (*session.new, *session.dirty):
        seal_row(row, session)


def seal_row(row: Any, session: Session) -> None:
    """Seal the pending values of one row."""
    if getattr(type(row), "__sealed__", None) and row.id is None:
        row.id = new_id()  # the column default would come too late: the id is part of what is sealed
    for sealed in sealed_fields(row):
        sealed.seal(row, session)


event.listen(Session, "before_flush", seal_pending)
