"""KeyStore in one sealed file, opened with a passphrase or a random key: the embedded default."""

import fcntl
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crypto.encryption import new_key, unwrap_key, wrap_key
from crypto.errors import DecryptionError, KeyUnavailable
from crypto.keyfile import Header, Keys, Opener, SecretKind, default_kind, read_keys, seal_keys
from crypto.signatures import load_private, new_signing_key

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VERSION_BYTES = 4


def create_key_file(path: Path, secret: bytes, *, kind: SecretKind | None = None, memory_kib: int = 262_144) -> None:
    """Make a new sealed key file (mode 0600) with root version 1; never overwrites.

    ``kind`` tells a passphrase (stretched by Argon2id, RFC 9106, with ``memory_kib`` of memory) from a random
    32-byte key (HKDF only); without it, 32 bytes that are not printable text are a key and all else a passphrase.
    Raises KeyUnavailable ``keystore.exists`` or ``keystore.empty-secret``.
    """
    if not secret:
        raise KeyUnavailable("keystore.empty-secret")
    header = Header.fresh(kind or default_kind(secret), memory_kib=memory_kib)
    opener = Opener.of(header, secret)
    with _locked(path):
        if path.exists():
            raise KeyUnavailable("keystore.exists", path=str(path))
        _write(path, seal_keys(opener, Keys(roots={1: new_key()}, signing={})))


class FileKeyStore:
    """The adapter; safe for many threads and many processes on one file (see :class:`crypto.keystore.KeyStore`)."""

    def __init__(self, path: Path, secret: bytes) -> None:
        """Open the file; raises KeyUnavailable ``keystore.missing``, ``.wrong-secret`` or ``.damaged``."""
        self._path = path
        self._guard = threading.Lock()
        data, self._stamp = _read(path)
        self._opener = Opener.of(Header.read(data), secret)
        self._keys = read_keys(self._opener, data)

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Encrypt ``key`` under the newest root version: version u32 | suite | nonce | ciphertext."""
        keys = self._current()
        version = max(keys.roots)
        return version.to_bytes(_VERSION_BYTES) + wrap_key(keys.roots[version], key, _bound(version, context))

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt what :meth:`wrap` made; raises DecryptionError, or KeyUnavailable for an unknown version."""
        if len(wrapped) <= _VERSION_BYTES:
            raise DecryptionError("crypto.too-short")
        version = int.from_bytes(wrapped[:_VERSION_BYTES])
        root = self._current().roots.get(version)  # never from memory alone: another process may have forgotten it
        if root is None:
            raise KeyUnavailable("keystore.unknown-version", version=version)
        return unwrap_key(root, wrapped[_VERSION_BYTES:], _bound(version, context))

    def create(self, name: str) -> None:
        """Make a P-256 signing key called ``name`` (lower case, digits, dot, dash); nothing when it exists."""
        if not _NAME.fullmatch(name):
            raise KeyUnavailable("keystore.bad-name", name=name)
        if name not in self._current().signing:
            self._change(lambda keys: replace(keys, signing={name: new_signing_key(), **keys.signing}))

    def sign(self, name: str, data: bytes) -> bytes:
        """Return the ECDSA P-256 SHA-256 signature (DER) of key ``name`` over ``data``."""
        return load_private(self._signing_key(name)).sign(data, ECDSA(SHA256()))

    def public_key(self, name: str) -> bytes:
        """Return the public key ``name`` as DER SubjectPublicKeyInfo."""
        public = load_private(self._signing_key(name)).public_key()
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def rotate(self) -> int:
        """Add a root version and return its number; older versions stay for unwrapping."""
        changed = self._change(lambda keys: replace(keys, roots={**keys.roots, max(keys.roots) + 1: new_key()}))
        return max(changed.roots)

    def roots(self) -> tuple[int, ...]:
        """Return the root versions that the file holds, oldest first."""
        return tuple(sorted(self._current().roots))

    def forget(self, version: int) -> None:
        """Take a root version out of the file; raises KeyUnavailable ``keystore.newest-version``.

        The file is replaced, and what the disk still holds of the old one is sealed by the same secret.
        """

        def without(keys: Keys) -> Keys:
            if version == max(keys.roots):
                raise KeyUnavailable("keystore.newest-version", version=version)
            return replace(keys, roots={each: root for each, root in keys.roots.items() if each != version})

        if version in self._current().roots:
            self._change(without)

    def _signing_key(self, name: str) -> bytes:
        private = self._keys.signing.get(name) or self._current().signing.get(name)
        if private is None:
            raise KeyUnavailable("keystore.unknown-name", name=name)
        return private

    def _current(self) -> Keys:
        """Return the keys, read again when another process has replaced the file."""
        with self._guard:
            if _stamp_of(self._path) != self._stamp:
                data, self._stamp = _read(self._path)
                self._keys = read_keys(self._opener, data)
            return self._keys

    def _change(self, change: Callable[[Keys], Keys]) -> Keys:
        """Apply ``change`` to what is on disk now, under the file lock, so that no process loses another's change."""
        with self._guard, _locked(self._path):
            data, _ = _read(self._path)
            changed = change(read_keys(self._opener, data))
            _write(self._path, seal_keys(self._opener, changed))
            self._keys, self._stamp = changed, _stamp_of(self._path)
            return changed


def _bound(version: int, context: bytes) -> bytes:
    return b"root|" + version.to_bytes(_VERSION_BYTES) + context


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the exclusive lock of the key file (a file beside it: the key file itself is replaced by rename)."""
    lock = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KeyUnavailable("keystore.unwritable", path=str(path)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _stamp_of(path: Path) -> tuple[int, int, int]:
    """Return what changes whenever the file is replaced: inode, time of change, size."""
    try:
        state = path.stat()
    except OSError as error:
        raise KeyUnavailable("keystore.missing", path=str(path)) from error
    return state.st_ino, state.st_mtime_ns, state.st_size


def _read(path: Path) -> tuple[bytes, tuple[int, int, int]]:
    stamp = _stamp_of(path)
    try:
        return path.read_bytes(), stamp
    except OSError as error:
        raise KeyUnavailable("keystore.missing", path=str(path)) from error


def _write(path: Path, data: bytes) -> None:
    """Replace the file atomically and durably: temp, fsync, rename, fsync of the folder; mode 0600."""
    temporary = path.with_name(path.name + ".new")
    try:
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise KeyUnavailable("keystore.unwritable", path=str(path)) from error
