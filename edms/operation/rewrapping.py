"""Bringing all wraps under the newest versions of their keys, batch by batch, while everybody goes on working.

A batch is read and wrapped anew outside any lock and written in one short transaction, each row only if it still has
the version that was read. Killed anywhere, the next run finds what is left.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, func, select, update

from edms.audit.service import record
from edms.codes.mark_keys import wrap_context
from edms.codes.models import MarkKeyRow
from edms.content.models import FileKey
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.ids import NIL
from edms.entities.keyring import Keyring
from edms.entities.models import EntityKey
from edms.entities.rules import KEEP_KEYS
from edms.letters.models import SigningKey
from edms.letters.signing import signing_context
from edms.operation import wrap_rows
from edms.operation.wrap_rows import Rewrapper

BATCH: Final = 2000
Uses = Counter[tuple[UUID, int]]
"""How many keys are wrapped under a version, by owner and version."""
_SIGNERS: Final[Any] = SigningKey.__table__
_SIGNER_DONE = (
    update(_SIGNERS)
    .where(_SIGNERS.c.employee_id == bindparam("employee"), _SIGNERS.c.private_key_wrapped == bindparam("before"))
    .values(private_key_wrapped=bindparam("wrap"))
)
_VERSION_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many keys were wrapped anew, and which versions nothing needs any more since."""

    files: int
    signers: int
    retired: tuple[tuple[UUID, int], ...]


def rewrap_all(
    database: Database, actor: Actor, *, keys: Keyring, batch: int = BATCH,
    progress: Callable[[int], None] = lambda _done: None,
) -> Rewrapped:  # fmt: skip
    """Wrap everything under the newest versions of its owners' keys, then note which older ones are retired.

    Before the first batch it waits until no transaction can wrap under an older version any more. ``progress`` is told
    how many rows were looked at. Raises KeyUnavailable and DecryptionError when a wrap does not open; what was done
    until then stays.
    """
    with database.work(actor) as uow:
        uow.actor.require(KEEP_KEYS)
        keys.alone(uow.session)
        newest = newest_versions(uow)
    if all(version == 1 for version in newest.values()):
        return Rewrapped(0, 0, ())
    signers = _signers(database, actor, keys, newest)
    _mark_keys(database, actor, keys, newest)
    files, seen, rewrapper = 0, 0, Rewrapper(keys, newest)
    with database.read(actor) as uow:
        place = wrap_rows.start(uow.session.connection())
    while True:
        with database.read(actor) as uow:
            rows = wrap_rows.following(uow, place, batch)
            changes = rewrapper.changes(uow, rows)
        if changes:
            with database.work(actor) as uow:
                wrap_rows.write(uow, changes)
        if not rows:
            break
        place = rows[-1][0], rows[-1][1]
        files, seen = files + len(changes), seen + len(rows)
        progress(seen)
    return Rewrapped(files, signers, _retire(database, actor, newest, files, signers))


def newest_versions(uow: UnitOfWork) -> dict[UUID, int]:
    """Return the newest version of every owner's key."""
    newest = select(EntityKey.owner_id, func.max(EntityKey.version)).group_by(EntityKey.owner_id)
    return {row[0]: row[1] for row in uow.session.execute(newest)}


def uses(uow: UnitOfWork) -> Uses:
    """Count what is wrapped under each version; it reads all wraps."""
    files = select(FileKey.entity_id, FileKey.key_version, func.count()).group_by(
        FileKey.entity_id, FileKey.key_version
    )
    found: Uses = Counter({(owner, version): count for owner, version, count in uow.session.execute(files)})
    for owner, wrapped in uow.session.execute(select(SigningKey.entity_id, SigningKey.private_key_wrapped)):
        found[owner, _version(wrapped)] += 1
    found.update((NIL, version) for version in uow.session.scalars(select(MarkKeyRow.key_version)))
    return found


def count_wraps(uow: UnitOfWork) -> int:
    """Return how many wraps of files there are."""
    return uow.session.scalar(select(func.count()).select_from(FileKey)) or 0


def _signers(database: Database, actor: Actor, keys: Keyring, newest: Mapping[UUID, int]) -> int:
    """Wrap the keys of signing persons anew: as many as there are people who sign, in one transaction."""
    with database.work(actor) as uow:
        fresh = []
        for row in uow.session.execute(
            select(SigningKey.employee_id, SigningKey.entity_id, SigningKey.private_key_wrapped)
        ):
            older, newer = _version(row.private_key_wrapped), newest[row.entity_id]
            if older < newer:
                wrapped, context = row.private_key_wrapped[_VERSION_BYTES:], signing_context(row.employee_id)
                wrap = keys.rewrapper(uow.session, row.entity_id, older, newer)(wrapped, context)
                wrap = newer.to_bytes(_VERSION_BYTES, "big") + wrap
                fresh.append({"employee": row.employee_id, "before": row.private_key_wrapped, "wrap": wrap})
        if fresh:
            uow.session.connection().execute(_SIGNER_DONE, fresh)
    return len(fresh)


def _mark_keys(database: Database, actor: Actor, keys: Keyring, newest: Mapping[UUID, int]) -> None:
    """Wrap the keys of the hidden marks anew, one for each month, in one transaction."""
    with database.work(actor) as uow:
        newer = newest[NIL]
        for row in uow.session.scalars(select(MarkKeyRow).where(MarkKeyRow.key_version < newer)):
            rewrap = keys.rewrapper(uow.session, NIL, row.key_version, newer)
            row.key_version, row.wrapped = newer, rewrap(row.wrapped, wrap_context(row.month))
            record(uow, "codes.mark-key-wrapped", "mark-key", None, row=row, month=row.month)


def _version(wrapped: bytes) -> int:
    return int.from_bytes(wrapped[:_VERSION_BYTES], "big")


def _retire(
    database: Database, actor: Actor, newest: Mapping[UUID, int], files: int, signers: int
) -> tuple[tuple[UUID, int], ...]:
    """Note when nothing was left under older versions; whoever comes later counts again."""
    with database.read(actor) as uow:
        used = uses(uow)
    with database.work(actor) as uow:
        waiting: Sequence[EntityKey] = uow.session.scalars(
            select(EntityKey).where(EntityKey.retired_at.is_(None)).order_by(EntityKey.owner_id, EntityKey.version)
        ).all()
        retired = [
            row for row in waiting if row.version < newest.get(row.owner_id, 0) and not used[row.owner_id, row.version]
        ]
        for row in retired:
            row.retired_at = uow.now
            record(uow, "keys.retired", "entity-key", row.id, entity_id=_body(row.owner_id), version=row.version)
        record(uow, "keys.rewrapped", "keys", None, files=files, signers=signers, retired=len(retired))
    return tuple((row.owner_id, row.version) for row in retired)


def _body(owner: UUID) -> UUID | None:
    return None if owner == NIL else owner
