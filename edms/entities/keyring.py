"""The keys of bodies: versions kept in the database wrapped by the key store, unwrapped in memory for minutes."""

import threading
import time
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crypto.certificates import Pointers
from crypto.encryption import derive, new_key, open_value, seal_value, unwrap_key, wrap_key
from crypto.keystore import KeyStore
from edms.core.errors import Unavailable
from edms.entities.models import EntityKey

_KEPT_SECONDS = 900
_KEPT_KEYS = 4096


class Keyring:
    """Serves the newest or a named key version of an owner, and seals column values with it (``columns.Sealer``).

    ``pointers`` say in certificates where their revocation is answered; without them nothing is said.
    """

    def __init__(self, keys: KeyStore, *, pointers: Pointers | None = None) -> None:
        self.keys = keys
        self.pointers = pointers
        self._cache: dict[tuple[UUID, int], tuple[float, bytes, bytes]] = {}
        self._newest: dict[UUID, tuple[float, int]] = {}
        self._mutex = threading.Lock()

    def create(self, session: Session, owner: UUID, now: datetime, *, first: bool = False) -> int:
        """Add a fresh key version for ``owner`` (``ids.NIL``: the installation itself) and return its number.

        ``first`` says that the owner is new and has no version yet, so that thousands are made without a query each.
        """
        highest = (
            None if first else session.scalar(select(func.max(EntityKey.version)).where(EntityKey.owner_id == owner))
        )
        version = (highest or 0) + 1
        wrapped = self.keys.wrap(new_key(), _context(owner, version))
        session.add(EntityKey(owner_id=owner, version=version, wrapped=wrapped, created_at=now))
        return version

    def newest(self, session: Session, owner: UUID) -> int:
        """Return the newest key version of ``owner``; raises Unavailable when it has none here."""
        known = self._newest.get(owner)
        if known and known[0] > time.monotonic():
            return known[1]
        version = session.scalar(select(func.max(EntityKey.version)).where(EntityKey.owner_id == owner))
        if version is None:
            raise Unavailable("keys.no-key", owner=str(owner))
        self._newest[owner] = (time.monotonic() + _KEPT_SECONDS, version)
        return version

    def wrap(self, session: Session, owner: UUID, key: bytes, context: bytes) -> tuple[int, bytes]:
        """Wrap a file's or a seal's key for ``owner``; returns the key version used and the wrap."""
        version = self.newest(session, owner)
        return version, wrap_key(self._key(session, owner, version)[0], key, context)

    def unwrap(self, session: Session, owner: UUID, version: int, wrapped: bytes, context: bytes) -> bytes:
        """Open a wrap made by ``wrap``."""
        return unwrap_key(self._key(session, owner, version)[0], wrapped, context)

    def index_key(self, session: Session, owner: UUID) -> bytes:
        """Return the key of an owner's search index."""
        return derive(self._key(session, owner, self.newest(session, owner))[0], "edms/1/index")

    def seal(self, session: Session, owner: UUID, context: bytes, plaintext: bytes) -> bytes:
        """Encrypt a column value; two bytes of key version come first."""
        version = self.newest(session, owner)
        return version.to_bytes(2, "big") + seal_value(self._key(session, owner, version)[1], plaintext, context)

    def open(self, session: Session, owner: UUID, context: bytes, sealed: bytes) -> bytes:
        """Decrypt a column value sealed by ``seal``."""
        version = int.from_bytes(sealed[:2], "big")
        return open_value(self._key(session, owner, version)[1], sealed[2:], context)

    def _key(self, session: Session, owner: UUID, version: int) -> tuple[bytes, bytes]:
        kept = self._cache.get((owner, version))
        if kept and kept[0] > time.monotonic():
            return kept[1], kept[2]
        with session.no_autoflush:
            wrapped = session.scalar(
                select(EntityKey.wrapped).where(EntityKey.owner_id == owner, EntityKey.version == version)
            )
        if wrapped is None:
            raise Unavailable("keys.no-key", owner=str(owner))
        key = self.keys.unwrap(wrapped, _context(owner, version))
        columns = derive(key, "edms/1/columns")
        with self._mutex:
            if len(self._cache) >= _KEPT_KEYS:
                self._cache.clear()
            self._cache[owner, version] = (time.monotonic() + _KEPT_SECONDS, key, columns)
        return key, columns


def _context(owner: UUID, version: int) -> bytes:
    return f"edms/1/ekek|{owner}|{version}".encode()
