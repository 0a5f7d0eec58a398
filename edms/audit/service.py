"""Recording events: buffered during the unit of work, numbered and stored just before its commit."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, inspect, update

from crypto.digests import canonical, sha256
from edms.audit.models import Event, EventHead
from edms.core.database import Base, UnitOfWork

_BUFFER = "audit.events"
_STEP = (
    update(EventHead.__table__)  # type: ignore[arg-type]
    .where(EventHead.id == 1)
    .values(last_seq=EventHead.last_seq + bindparam("step", type_=BigInteger))
    .returning(EventHead.last_seq)
)
_PLAIN: dict[type, Callable[[Any], str]] = {
    bytes: bytes.hex, bytearray: bytearray.hex, memoryview: memoryview.hex,
    datetime: datetime.isoformat, date: date.isoformat, UUID: str,
}  # fmt: skip
_Pending = tuple[dict[str, Any], Base | None, Sequence[Base]]


def record(
    uow: UnitOfWork,
    act: str,
    object_type: str,
    object_id: UUID | None,
    *,
    entity_id: UUID | None = None,
    row: Base | None = None,
    rows: Sequence[Base] = (),
    gone: Base | None = None,
    **facts: str | int | bool | None,
) -> None:
    """Note that the actor did ``act`` (``letters.issued``) to an object.

    ``row`` is the object's row, or the one that the act is about: the entry commits to its state after the change, and
    to that of ``rows`` (evidence of the act, other rows that it changed), named in this order in its ``of``; a row that
    the act deletes is ``gone``. ``facts`` hold codes and numbers, never a subject, a name or a text. ``entity_id``
    defaults to the actor's entity.
    """
    pending: list[_Pending] = uow.info.setdefault(_BUFFER, [])
    entry = {
        "act": act,
        "actor": uow.actor.name,
        "employee": _text(uow.actor.employee_id),
        "entity": _text(entity_id or uow.actor.entity_id),
        "object": object_type,
        "id": _text(object_id),
        "session": _text(uow.actor.session_id),
        "client": uow.actor.client,
        "facts": facts,
        "at": uow.now.isoformat(),
    }
    if gone is not None:
        entry["gone"] = row_name(gone)
    pending.append((entry, row, rows))
    uow.before_commit(_BUFFER, lambda: _store(uow))


def _store(uow: UnitOfWork) -> None:
    uow.flush()
    pending: list[_Pending] = uow.info.pop(_BUFFER, [])
    [(last,)] = uow.rows(_STEP, step=len(pending))
    events = []
    for seq, (entry, row, rows) in enumerate(pending, start=last - len(pending) + 1):
        entry["seq"] = seq
        if row is not None:
            entry["row"] = row_hash(row).hex()
        if rows:
            entry["rows"] = [row_hash(each).hex() for each in rows]
        if row is not None or rows:
            entry["of"] = [row_name(each) for each in (row, *rows) if each is not None]
        stored = canonical(entry)
        events.append(
            {
                "seq": seq,
                "at": uow.now,
                "act": entry["act"],
                "actor": entry["actor"][:60],
                "employee_id": _id(entry["employee"]),
                "entity_id": _id(entry["entity"]),
                "object_type": entry["object"],
                "object_id": _id(entry["id"]),
                "entry": stored,
                "entry_hash": sha256(stored),
            }
        )
    uow.insert_values(Event, events)


def row_hash(row: Base) -> bytes:
    """Return SHA-256 over the canonical values of a row's columns, as they stand in the database."""
    names = _columns(type(row))
    if inspect(row).transient:  # stored past the session: what it was not given is empty
        given = row.__dict__.get
        return values_hash({name: given(name) for name in names})
    return values_hash({name: getattr(row, name) for name in names})


def values_hash(values: Mapping[str, Any]) -> bytes:
    """Return what ``row_hash`` returns, of a row given by the values of its columns."""
    return sha256(canonical({name: _plain(value) for name, value in values.items()}))


def row_name(row: Base) -> str:
    """Return the name by which entries speak of a row: its table and its key, ``letters/0190…``."""
    (key,) = row.__table__.primary_key
    return f"{row.__tablename__}/{row.__dict__[key.name]}"


@cache
def _columns(kind: type[Base]) -> tuple[str, ...]:
    return tuple(column.key for column in inspect(kind).column_attrs)


def facts_of(event: Event) -> dict[str, Any]:
    """Return the facts that ``record`` was given."""
    facts: dict[str, Any] = json.loads(event.entry)["facts"]
    return facts


def _plain(value: Any) -> object:
    plain = _PLAIN.get(type(value))
    return plain(value) if plain else value


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _id(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)
