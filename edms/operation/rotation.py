"""New versions of keys, of the root and of bodies, and the end of old ones that nothing needs any more."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from crypto.keystore import root_version
from edms.audit.service import record
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict, NotFound
from edms.core.ids import NIL
from edms.entities.keyring import KEPT_SECONDS, Keyring
from edms.entities.models import EntityKey, KeyHead
from edms.entities.rules import KEEP_KEYS
from edms.operation.rewrapping import newest_versions, uses

WAIT: Final = timedelta(seconds=KEPT_SECONDS)
"""How long a retired version stays: longer than any reader works on what it has read before."""
_AT_ONCE: Final = 500
_WEB_SECRET: Final = b"edms/1/web-secret"


def rotate_root(database: Database, actor: Actor, *, keys: Keyring, run_folder: Path) -> tuple[int, int]:
    """Make a new root version and wrap under it all that the key store wraps; return it, and how many keys there are.

    Called again after it was broken off, it makes one more version and takes all of them over.
    """
    with database.work(actor) as uow:
        uow.actor.require(KEEP_KEYS)
        version = keys.keys.rotate()
        record(uow, "keys.root-rotated", "keys", None, version=version)
    return version, rewrap_roots(database, actor, keys=keys, run_folder=run_folder)


def rewrap_roots(database: Database, actor: Actor, *, keys: Keyring, run_folder: Path) -> int:
    """Wrap all keys of bodies, the vault and the pages' secret under the newest root, and see that they open."""
    newest = keys.keys.roots()[-1]
    with database.work(actor) as uow:
        uow.actor.require(KEEP_KEYS)
        keys.alone(uow.session)
        ids = list(uow.session.scalars(select(EntityKey.id).order_by(EntityKey.id)))
    for at in range(0, len(ids), _AT_ONCE):
        with database.work(actor) as uow:
            some = select(EntityKey).where(EntityKey.id.in_(ids[at : at + _AT_ONCE])).with_for_update()
            for row in uow.session.scalars(some):
                if root_version(row.wrapped) != newest:
                    row.wrapped = keys.rewrapped(row)
    if (keys.vault_file or Path()).is_file() and keys.vault().root_version() != newest:
        keys.vault().rewrap()
    _rewrap_file(run_folder / "web.secret", newest, keys)
    with database.read(actor) as uow:
        for row in uow.session.scalars(select(EntityKey)):
            keys.rewrapped(row)  # it opens, or this raises and nothing is forgotten
    with database.work(actor) as uow:
        record(uow, "keys.root-rewrapped", "keys", None, version=newest, keys=len(ids))
    return len(ids)


def needed_roots(uow: UnitOfWork, *, keys: Keyring, run_folder: Path) -> dict[int, int]:
    """Return how many things each root version of the key store is needed for."""
    found = dict.fromkeys(keys.keys.roots(), 0)
    wrapped = [bytes(one) for one in uow.session.scalars(select(EntityKey.wrapped))]
    versions = [root_version(one) for one in wrapped]
    if (keys.vault_file or Path()).is_file():
        versions.append(keys.vault().root_version())
    if (run_folder / "web.secret").is_file():
        versions.append(root_version((run_folder / "web.secret").read_bytes()))
    for version in versions:
        found[version] = found.get(version, 0) + 1
    return found


def forget_root(database: Database, actor: Actor, version: int, *, keys: Keyring, run_folder: Path) -> None:
    """Destroy a root version; Conflict ``keys.root-needed`` while anything is wrapped under it.

    Raises NotFound ``keys.no-root``, Conflict ``keys.newest-root``.
    """
    with database.work(actor) as uow:
        uow.actor.require(KEEP_KEYS)
        keys.alone(uow.session)
        needed = needed_roots(uow, keys=keys, run_folder=run_folder)
        if version not in needed:
            raise NotFound("keys.no-root", version=version)
        if version == max(needed):
            raise Conflict("keys.newest-root", version=version)
        if needed[version]:
            raise Conflict("keys.root-needed", version=version, count=needed[version])
        keys.keys.forget(version)
        record(uow, "keys.root-forgotten", "keys", None, version=version)


def rotate_owners(uow: UnitOfWork, owners: Sequence[UUID], *, keys: Keyring) -> None:
    """Give bodies (NIL: the installation) a new version of their key; every process wraps under it from now on.

    What is wrapped already moves with :func:`edms.operation.rewrapping.rewrap_all`.
    """
    uow.actor.require(KEEP_KEYS)
    keys.alone(uow.session)
    uow.session.execute(update(KeyHead).where(KeyHead.id == 1).values(epoch=KeyHead.epoch + 1))
    for owner in owners:
        version = keys.create(uow.session, owner, uow.now)
        record(uow, "keys.rotated", "keys", None, entity_id=None if owner == NIL else owner, version=version)


def forget_version(database: Database, actor: Actor, owner: UUID, version: int, *, keys: Keyring) -> None:
    """Destroy what wraps in an old version of a body's key; the key of its column values is left, and only opens.

    Raises NotFound ``keys.no-version``, Conflict ``keys.newest-version``, ``keys.version-needed`` while anything is
    wrapped under it, ``keys.not-retired`` within a quarter of an hour after it was retired.
    """
    with database.read(actor) as uow:
        needed, newest = uses(uow)[owner, version], newest_versions(uow).get(owner, 0)
    with database.work(actor) as uow:
        uow.actor.require(KEEP_KEYS)
        row = uow.session.scalars(
            select(EntityKey).where(EntityKey.owner_id == owner, EntityKey.version == version).with_for_update()
        ).one_or_none()
        if row is None:
            raise NotFound("keys.no-version", version=version)
        if version == newest:
            raise Conflict("keys.newest-version", version=version)
        if needed:
            raise Conflict("keys.version-needed", version=version, count=needed)
        if row.retired_at is None or uow.now - row.retired_at < WAIT:
            raise Conflict("keys.not-retired", version=version, minutes=KEPT_SECONDS // 60)
        if row.forgotten_at is None:
            row.wrapped, row.forgotten_at = keys.column_key_only(uow.session, owner, version), uow.now
            body = None if owner == NIL else owner
            record(uow, "keys.forgotten", "entity-key", row.id, entity_id=body, version=version)
        uow.after_commit(keys.forget_kept)


def _rewrap_file(path: Path, newest: int, keys: Keyring) -> None:
    """Replace a small file that the key store wrapped by the same under the newest root."""
    if not path.is_file() or root_version(path.read_bytes()) == newest:
        return
    aside = path.with_suffix(".rewrapped")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(keys.keys.wrap(keys.keys.unwrap(path.read_bytes(), _WEB_SECRET), _WEB_SECRET))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
