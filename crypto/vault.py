"""The vault: a small sealed file of secrets that keys of files and texts need beside their body's key, to destroy them.

"EDV1" | length u16 | id 16 and a key wrapped by the key store | nonce 12 | AES-256-GCM-SIV of the CBOR of what is left
of a punctured tree. It never lies in the database nor in its backups: what is destroyed here opens nowhere any more.
"""

import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from crypto import punctured_tree as tree
from crypto.encryption import new_key
from crypto.errors import DecryptionError, KeyDestroyed, KeyUnavailable
from crypto.keystore import KeyStore, root_version

ID_BYTES = 16
_MAGIC = b"EDV1"
_NONCE_BYTES = 12
_KEPT = 8192
LOOK_EVERY = 0.1
"""Seconds after which a destruction counts in every process."""


def create_vault(path: Path, keys: KeyStore) -> bytes:
    """Make a vault (mode 0600) of a fresh tree and return its id; never overwrites.

    Raises KeyUnavailable ``vault.exists`` or ``vault.unwritable``.
    """
    vault_id = secrets.token_bytes(ID_BYTES)
    with _locked(path):
        if path.exists():
            raise KeyUnavailable("vault.exists", path=str(path))
        _replace(path, _sealed(vault_id, tree.fresh(), keys))
    return vault_id


class Vault:
    """Derives secrets and destroys them; safe for many threads and for many processes on one file."""

    def __init__(self, path: Path, keys: KeyStore, *, look_every: float = LOOK_EVERY) -> None:
        """Open the file; raises KeyUnavailable ``vault.missing`` or ``vault.damaged``, or what the key store does.

        Whether another process has destroyed something is looked up at most every ``look_every`` seconds.
        """
        self.path, self._keys = path, keys
        self._guard = threading.RLock()
        self._buckets: dict[bytes, bytes] = {}
        self._stamp: tuple[int, int, int] | None = None
        self._every, self._look_at = look_every, 0.0
        self._states = 0
        self.id = b""
        self._nodes: tree.Nodes = {}
        self._current()

    def secret(self, bucket: bytes, item: bytes) -> bytes:
        """Return the 32-byte secret of an item in a bucket; raises KeyDestroyed ``vault.destroyed``."""
        with self._guard:
            self._current()
            return self._derived(bucket, item)

    def state(self) -> int:
        """Return a number that differs once something was destroyed: what was kept from before may be gone."""
        with self._guard:
            self._current()
            return self._states

    def destroyed(self, path: tree.Path) -> bool:
        """Say whether nothing can be derived at a path any more."""
        with self._guard:
            self._current()
            return not tree.left_of(self._nodes, path)

    def destroy(self, paths: Sequence[tree.Path]) -> int:
        """Destroy what lies at these paths, durably, and return how many were still there.

        The file is replaced, and the octets of the one before are overwritten. A disk may keep copies of its own of
        what is overwritten (SSD, snapshots): those stay sealed by the key store.
        """

        def punctured(nodes: tree.Nodes) -> int:
            return sum([tree.puncture(nodes, path) for path in paths])

        return self._change(punctured)

    def rewrap(self) -> None:
        """Seal the file anew, under the newest root of the key store."""
        self._change(lambda _nodes: 1)

    def root_version(self) -> int:
        """Return under which root of the key store the file is sealed."""
        return root_version(_parts(_read(self.path))[1])

    def size(self) -> int:
        """Return how many octets the file has."""
        return self.path.stat().st_size

    def _derived(self, bucket: bytes, item: bytes) -> bytes:
        """Derive a secret from its bucket's node, which is kept: half the steps."""
        whole = tree.path_of(bucket, item)
        node = self._buckets.get(bucket)
        if node is None:
            node = tree.derive_node(self._nodes, whole[: tree.STEPS])
            if node is not None:
                if len(self._buckets) >= _KEPT:
                    self._buckets.clear()
                self._buckets[bucket] = node
        found = tree.derive_below(node, whole[tree.STEPS :]) if node else tree.derive_node(self._nodes, whole)
        if found is None:
            raise KeyDestroyed("vault.destroyed")
        return found

    def _current(self) -> None:
        """Read the file again when another process has replaced it, and forget what was derived from the old one."""
        if self._every and time.monotonic() < self._look_at:
            return
        stamp = _stamp_of(self.path)
        while stamp != self._stamp:
            data = _read(self.path)
            try:
                self._load(data, stamp)
            except KeyUnavailable:
                if _stamp_of(self.path) == stamp:
                    raise
            stamp = _stamp_of(self.path)  # what was replaced is overwritten: it may have been read half and half
        self._look_at = time.monotonic() + self._every

    def _load(self, data: bytes, stamp: tuple[int, int, int]) -> None:
        self.id, self._nodes = _opened(data, self._keys)
        self._stamp = stamp
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._buckets.clear()
        self._states += 1

    def _change(self, change: Callable[[tree.Nodes], int]) -> int:
        with self._guard, _locked(self.path):
            _finish(self.path)
            vault_id, nodes = _opened(_read(self.path), self._keys)
            changed = change(nodes)
            if changed:
                _replace(self.path, _sealed(vault_id, nodes, self._keys))
            self.id, self._nodes, self._stamp = vault_id, nodes, _stamp_of(self.path)
            self._begin_anew()
            return changed


def _sealed(vault_id: bytes, nodes: tree.Nodes, keys: KeyStore) -> bytes:
    key, nonce = new_key(), secrets.token_bytes(_NONCE_BYTES)
    header = vault_id + keys.wrap(key, _context(vault_id))
    front = _MAGIC + len(header).to_bytes(2) + header
    return front + nonce + AESGCMSIV(key).encrypt(nonce, cbor2.dumps(nodes, canonical=True), front)


def _opened(data: bytes, keys: KeyStore) -> tuple[bytes, tree.Nodes]:
    vault_id, wrapped, front, sealed = _parts(data)
    try:
        key = keys.unwrap(wrapped, _context(vault_id))
        found = cbor2.loads(AESGCMSIV(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], front))
    except (InvalidTag, DecryptionError):
        raise KeyUnavailable("vault.damaged") from None
    nodes: tree.Nodes = dict(found)
    return vault_id, nodes


def _parts(data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Return (id, wrapped key, all that stands before the sealed part, the sealed part)."""
    begin = len(_MAGIC) + 2
    end = begin + int.from_bytes(data[len(_MAGIC) : begin])
    if data[: len(_MAGIC)] != _MAGIC or end <= begin + ID_BYTES or len(data) <= end + _NONCE_BYTES:
        raise KeyUnavailable("vault.damaged")
    return data[begin : begin + ID_BYTES], data[begin + ID_BYTES : end], data[:end], data[end:]


def _context(vault_id: bytes) -> bytes:
    return b"edms/1/vault|" + vault_id


def _stamp_of(path: Path) -> tuple[int, int, int]:
    try:
        state = path.stat()
    except OSError as error:
        raise KeyUnavailable("vault.missing", path=str(path)) from error
    return state.st_ino, state.st_mtime_ns, state.st_size


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyUnavailable("vault.missing", path=str(path)) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the exclusive lock of the vault."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(_beside(path, ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KeyUnavailable("vault.unwritable", path=str(path)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes) -> None:
    """Replace the file atomically and durably; the one before is overwritten, at the latest next time."""
    fresh, old = _beside(path, ".new"), _beside(path, ".old")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            old.hardlink_to(path)
        fresh.replace(path)
        _sync(path.parent)
        _finish(path)
    except OSError as error:
        raise KeyUnavailable("vault.unwritable", path=str(path)) from error


def _finish(path: Path) -> None:
    """Overwrite what was replaced, this time or before a process died; never what is still the vault itself."""
    old = _beside(path, ".old")
    if not old.exists():
        return
    if not old.samefile(path):
        with old.open("r+b") as file:
            file.write(secrets.token_bytes(old.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
    old.unlink()
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
