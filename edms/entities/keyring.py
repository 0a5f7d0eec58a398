"""The keys of bodies: versions kept in the database wrapped by the key store, unwrapped in memory for minutes."""

import hmac
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, SessionTransaction

from crypto.certificates import Pointers
from crypto.encryption import KEY_BYTES, derive, new_key, open_value, rewrapper, seal_value, unwrap_key, wrap_key
from crypto.errors import KeyUnavailable
from crypto.keystore import KeyStore
from crypto.vault import Vault
from edms.core.errors import Unavailable
from edms.core.ids import made_at
from edms.entities.models import EntityKey, KeyHead

KEPT_SECONDS: Final = 900
_KEPT_KEYS = 4096
UNDER_VAULT: Final = 0x8000
_SEEN = "keyring.seen"
_HEAD = select(KeyHead.epoch, KeyHead.vault_id)
_SHARE = text("SELECT pg_advisory_xact_lock_shared(1801812339)")
_ALONE = text("SELECT pg_advisory_xact_lock(1801812339)")


class Keyring:
    """Serves the newest or a named key version of an owner, and seals column values with it (``columns.Sealer``).

    An ``item`` (a file, a letter; a UUIDv7) makes what is wrapped or sealed need a secret of the vault too, in the
    bucket of its owner and year, so that it can be destroyed. ``pointers`` say in certificates where their revocation
    is answered; without them nothing is said. ``vault_file`` is where the vault is, once there is one.
    """

    def __init__(self, keys: KeyStore, *, pointers: Pointers | None = None, vault_file: Path | None = None) -> None:
        self.keys = keys
        self.pointers = pointers
        self.vault_file = vault_file
        self._vault: Vault | None = None
        self._cache: dict[tuple[UUID, int], tuple[float, bytes, bytes, bytes]] = {}
        self._newest: dict[UUID, tuple[float, int, int]] = {}
        self._items: dict[tuple[UUID, UUID, int], bytes] = {}
        self._state = 0
        self._mutex = threading.Lock()

    def create(self, session: Session, owner: UUID, now: datetime, *, first: bool = False) -> int:
        """Add a fresh key version for ``owner`` (``ids.NIL``: the installation itself) and return its number.

        It takes over the key of the owner's search index. ``first`` says that the owner is new and has no version yet,
        so that thousands are made without a query each.
        """
        self._see(session)
        highest = None if first else self._highest(session, owner)
        version = (highest or 0) + 1
        index = self._key(session, owner, highest)[2] if highest else b""
        wrapped = self.keys.wrap(new_key() + index, _context(owner, version))
        session.add(EntityKey(owner_id=owner, version=version, wrapped=wrapped, created_at=now))
        return version

    def newest(self, session: Session, owner: UUID) -> int:
        """Return the newest key version of ``owner``; raises Unavailable when it has none here."""
        return self._newest_of(session, owner, self._seen(session)[0])

    def _newest_of(self, session: Session, owner: UUID, epoch: int | None) -> int:
        known = self._newest.get(owner)
        if known and known[0] > time.monotonic() and epoch in (None, known[2]):
            return known[1]
        version = self._highest(session, owner)
        if version is None:
            raise Unavailable("keys.no-key", owner=str(owner))
        self._newest[owner] = (time.monotonic() + KEPT_SECONDS, version, epoch or 0)
        return version

    def wrap(
        self, session: Session, owner: UUID, key: bytes, context: bytes, *, item: UUID | None = None
    ) -> tuple[int, bytes]:
        """Wrap a file's or a seal's key for ``owner``; returns the key version used and the wrap."""
        epoch, vault_id = self._see(session)
        version = self._newest_of(session, owner, epoch)
        if item is not None and vault_id is not None:
            key = wrap_key(self._secret(owner, item), key, _inner(owner, item, context))
        return version, wrap_key(self._whole(session, owner, version), key, context)

    def unwrap(
        self, session: Session, owner: UUID, version: int, wrapped: bytes, context: bytes, *, item: UUID | None = None
    ) -> bytes:
        """Open a wrap made by ``wrap``; raises KeyDestroyed when the item's secret was destroyed."""
        opened = unwrap_key(self._whole(session, owner, version), wrapped, context)
        if item is None or len(opened) == KEY_BYTES:
            return opened
        return unwrap_key(self._secret(owner, item), opened, _inner(owner, item, context))

    def under_vault(self, session: Session, owner: UUID, item: UUID, key: bytes, context: bytes) -> bytes:
        """Wrap a key by the vault's secret of an item alone; raises Unavailable ``keys.no-vault`` where none is."""
        if self._see(session)[1] is None:
            raise Unavailable("keys.no-vault", file=str(self.vault_file or ""))
        return wrap_key(self._secret(owner, item), key, context)

    def from_vault(self, owner: UUID, item: UUID, wrapped: bytes, context: bytes) -> bytes:
        """Open a wrap made by ``under_vault``; raises KeyDestroyed when the item's secret was destroyed."""
        return unwrap_key(self._secret(owner, item), wrapped, context)

    def rewrapper(self, session: Session, owner: UUID, older: int, newer: int) -> Callable[[bytes, bytes], bytes]:
        """Return what brings a wrap, with its context, under another version of the owner's key; no vault is asked."""
        return rewrapper(self._whole(session, owner, older), self._whole(session, owner, newer))

    def index_key(self, session: Session, owner: UUID) -> bytes:
        """Return the key of an owner's search index; it stays the same over all versions."""
        return self._key(session, owner, self.newest(session, owner))[2]

    def seal(
        self, session: Session, owner: UUID, context: bytes, plaintext: bytes, *, item: UUID | None = None
    ) -> bytes:
        """Encrypt a column value; two bytes of key version come first, their highest bit set for one with an item."""
        epoch, vault_id = self._see(session)
        version = self._newest_of(session, owner, epoch)
        key = self._key(session, owner, version)[1]
        if item is None or vault_id is None:
            return version.to_bytes(2, "big") + seal_value(key, plaintext, context)
        key = self._kept_of(owner, item, version, key)
        return (version | UNDER_VAULT).to_bytes(2, "big") + seal_value(key, plaintext, context)

    def open(self, session: Session, owner: UUID, context: bytes, sealed: bytes, *, item: UUID | None = None) -> bytes:
        """Decrypt a column value sealed by ``seal``; raises KeyDestroyed when the item's secret was destroyed."""
        version = int.from_bytes(sealed[:2], "big")
        known = version & ~UNDER_VAULT
        key = self._key(session, owner, known)[1]
        if version & UNDER_VAULT and item is not None:
            key = self._kept_of(owner, item, known, key)
        return open_value(key, sealed[2:], context)

    def column_key_only(self, session: Session, owner: UUID, version: int) -> bytes:
        """Return what is left of a forgotten version: the key of its column values, wrapped by the key store."""
        return self.keys.wrap(self._key(session, owner, version)[1], _left(owner, version))

    def rewrapped(self, row: EntityKey) -> bytes:
        """Return a version's keys wrapped under the newest root of the key store."""
        context = (_left if row.forgotten_at else _context)(row.owner_id, row.version)
        return self.keys.wrap(self.keys.unwrap(row.wrapped, context), context)

    def vault(self) -> Vault:
        """Return the vault, opened on first use; raises Unavailable ``keys.no-vault``."""
        if self._vault is None:
            try:
                self._vault = Vault(self.vault_file or Path(), self.keys)
            except KeyUnavailable as error:
                raise Unavailable("keys.no-vault", file=str(self.vault_file or ""), reason=error.code) from error
        return self._vault

    def forget_kept(self) -> None:
        """Let go of everything kept in memory."""
        with self._mutex:
            self._cache.clear()
            self._newest.clear()

    def alone(self, session: Session) -> None:
        """Wait until no other transaction may still wrap under what it saw before, and let none begin to.

        On SQLite every writing transaction is alone.
        """
        if session.get_bind().dialect.name == "postgresql":
            session.execute(_ALONE)

    def _see(self, session: Session) -> tuple[int | None, bytes | None]:
        """Once a transaction, before it wraps: learn whether there are new versions since; return epoch and vault."""
        seen = self._seen(session)
        if seen[0] is None:
            connection = session.connection()
            if connection.dialect.name == "postgresql":
                connection.execute(_SHARE)
            epoch, vault_id = connection.execute(_HEAD).one()
            if vault_id is not None and self.vault().id != vault_id:
                raise Unavailable("keys.other-vault", file=str(self.vault_file))
            session.info[_SEEN] = _innermost(session), epoch, vault_id
            return epoch, vault_id
        return seen

    @staticmethod
    def _seen(session: Session) -> tuple[int | None, bytes | None]:
        """Return the epoch and the vault that this transaction has seen, if it has looked.

        A savepoint that is undone lets go of the lock that was taken in it: what was seen there counts only there.
        """
        transaction, epoch, vault_id = session.info.get(_SEEN, (None, None, None))
        return (epoch, vault_id) if transaction is not None and transaction is _innermost(session) else (None, None)

    def _secret(self, owner: UUID, item: UUID) -> bytes:
        """Return the vault's secret of an item, derived once as long as nothing is destroyed."""
        return self._kept_of(owner, item, 0, b"")

    def _kept_of(self, owner: UUID, item: UUID, version: int, key: bytes) -> bytes:
        """Return an item's secret, or what it makes of the column key of a ``version``."""
        vault = self.vault()
        try:
            state = vault.state()
        except KeyUnavailable as error:
            raise Unavailable("keys.no-vault", file=str(self.vault_file or ""), reason=error.code) from error
        with self._mutex:
            if state != self._state or len(self._items) >= _KEPT_KEYS:
                self._items.clear()
                self._state = state
            kept = self._items.get((owner, item, version))
        if kept is None:
            if version:
                kept = _column_key(self._secret(owner, item), key)
            else:
                kept = vault.secret(bucket_of(owner, year_of(item)), item.bytes)
            with self._mutex:
                if state == self._state:
                    self._items[owner, item, version] = kept
        return kept

    @staticmethod
    def _highest(session: Session, owner: UUID) -> int | None:
        return session.scalar(select(func.max(EntityKey.version)).where(EntityKey.owner_id == owner))

    def _whole(self, session: Session, owner: UUID, version: int) -> bytes:
        """Return a key that wraps; raises Unavailable ``keys.forgotten``."""
        key = self._key(session, owner, version)[0]
        if not key:
            raise Unavailable("keys.forgotten", owner=str(owner), version=version)
        return key

    def _key(self, session: Session, owner: UUID, version: int) -> tuple[bytes, bytes, bytes]:
        """Return the keys of a version: what wraps (nothing when it is forgotten), of columns, of the index."""
        kept = self._cache.get((owner, version))
        if kept and kept[0] > time.monotonic():
            return kept[1:]
        found = select(EntityKey.wrapped, EntityKey.forgotten_at).where(
            EntityKey.owner_id == owner, EntityKey.version == version
        )
        with session.no_autoflush:
            row = session.execute(found).one_or_none()
        if row is None:
            raise Unavailable("keys.no-key", owner=str(owner))
        if row.forgotten_at:
            key, columns, index = b"", self.keys.unwrap(row.wrapped, _left(owner, version)), b""
        else:
            opened = self.keys.unwrap(row.wrapped, _context(owner, version))
            key = opened[:KEY_BYTES]
            columns = derive(key, "edms/1/columns")
            index = opened[KEY_BYTES:] or derive(key, "edms/1/index")
        with self._mutex:
            if len(self._cache) >= _KEPT_KEYS:
                self._cache.clear()
            self._cache[owner, version] = (time.monotonic() + KEPT_SECONDS, key, columns, index)
        return key, columns, index


def bucket_of(owner: UUID, year: int) -> bytes:
    """Return the name of a body's bucket in the vault: its items of a year, of disposal class 0 (no other yet)."""
    return f"edms/1/bucket|{owner}|0|{year}".encode()


def year_of(item: UUID) -> int:
    """Return the year (UTC) that an item was made in, 0 when its id does not tell."""
    made = made_at(item)
    return made.year if made else 0


def _innermost(session: Session) -> SessionTransaction | None:
    return session.get_nested_transaction() or session.get_transaction()


def _column_key(secret: bytes, key: bytes) -> bytes:
    return hmac.digest(secret, b"edms/1/item-column|" + key, "sha256")


def _inner(owner: UUID, item: UUID, context: bytes) -> bytes:
    return bucket_of(owner, year_of(item)) + b"|" + context


def _context(owner: UUID, version: int) -> bytes:
    return f"edms/1/ekek|{owner}|{version}".encode()


def _left(owner: UUID, version: int) -> bytes:
    return f"edms/1/ekek-columns|{owner}|{version}".encode()
