"""The key store in a PKCS#11 token (OASIS PKCS #11 v2.40): keys are made there and never leave it."""

import fcntl
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pkcs11
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import (
    EncryptedDataInvalid,
    EncryptedDataLenRange,
    GeneralError,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)
from pkcs11.mechanisms import GCMParams
from pkcs11.util.ec import encode_ec_public_key, encode_ecdsa_signature, encode_named_curve_parameters

from crypto.errors import DecryptionError, KeyUnavailable

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ROOT = "diwan-root-{}"
_ROOT_LABEL = re.compile(_ROOT.format("([0-9]+)"))
_SUITE = b"\x01"  # AES-256-GCM with a fresh random nonce
_VERSION_BYTES, _NONCE_BYTES, _TAG_BYTES = 4, 12, 16
_HEAD = _VERSION_BYTES + len(_SUITE) + _NONCE_BYTES
_LARGEST = 65_536
_ALTERED = (EncryptedDataInvalid, EncryptedDataLenRange, GeneralError)  # SoftHSM 2.6 says GeneralError
_WRONG_PIN = (PinIncorrect, PinInvalid, PinLenRange, PinLocked)
_KEPT_INSIDE = {Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True}

Value = TypeVar("Value")


class Pkcs11KeyStore:
    """The adapter (see :class:`crypto.keystore.KeyStore`); safe for many threads and for processes that fork.

    Keys are found by label: ``diwan-root-1``, ``diwan-root-2`` … are AES-256 and wrap, all others are P-256 and sign.
    A token cannot refuse a second key of the same label, so whoever makes keys holds the lock file: name one that all
    processes of the machine share, and make keys from one machine only.
    """

    def __init__(self, module: Path, *, token: str, pin: str, lock: Path) -> None:
        """Open a token by its label; the first root version is made when there is none.

        Raises KeyUnavailable ``keystore.no-module``, ``.no-token``, ``.wrong-secret`` or ``.token-failed``.
        """
        self._module, self._token, self._pin, self._lock = module, token, pin, lock
        self._guard = threading.RLock()
        self._process = 0
        self._session: Any = None
        self._roots: dict[int, Any] = {}
        with self._making():
            if self._newest() == 0:
                self._do(lambda: self._make_root(1))

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Encrypt ``key`` under the newest root version: version u32 | suite | nonce | ciphertext and tag."""
        if len(key) > _LARGEST:
            raise KeyUnavailable("keystore.too-long", limit=_LARGEST)
        nonce = secrets.token_bytes(_NONCE_BYTES)

        def wrapped() -> bytes:
            version = self._look_newest()
            bound = _bound(version, nonce, context)
            sealed = bytes(self._root(version).encrypt(key, mechanism=Mechanism.AES_GCM, mechanism_param=bound))
            return version.to_bytes(_VERSION_BYTES) + _SUITE + nonce + sealed

        return self._do(wrapped)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt what :meth:`wrap` made; raises DecryptionError, or KeyUnavailable for an unknown version."""
        if len(wrapped) < _HEAD + _TAG_BYTES:
            raise DecryptionError("crypto.too-short")
        version = int.from_bytes(wrapped[:_VERSION_BYTES])
        if wrapped[_VERSION_BYTES : _VERSION_BYTES + 1] != _SUITE:
            raise DecryptionError("crypto.unknown-suite")
        parameters = _bound(version, wrapped[_HEAD - _NONCE_BYTES : _HEAD], context)

        def opened() -> bytes:
            root = self._root(version)
            try:
                return bytes(root.decrypt(wrapped[_HEAD:], mechanism=Mechanism.AES_GCM, mechanism_param=parameters))
            except _ALTERED:
                raise DecryptionError("crypto.altered") from None

        return self._do(opened)

    def create(self, name: str) -> None:
        """Make a P-256 signing key called ``name`` (lower case, digits, dot, dash); nothing when it exists."""
        if not _NAME.fullmatch(name) or name.startswith(_ROOT.format("")):
            raise KeyUnavailable("keystore.bad-name", name=name)
        with self._making():
            if not self._do(lambda: self._found(ObjectClass.PRIVATE_KEY, name)):
                self._do(lambda: self._make_pair(name))

    def sign(self, name: str, data: bytes) -> bytes:
        """Return the ECDSA P-256 SHA-256 signature (DER) of key ``name`` over ``data``."""
        digest = Hash(SHA256())
        digest.update(data)
        hashed = digest.finalize()  # hashed here: not every token has ECDSA with SHA-256 in one step

        def signed() -> bytes:
            return bytes(self._key(ObjectClass.PRIVATE_KEY, name).sign(hashed, mechanism=Mechanism.ECDSA))

        return bytes(encode_ecdsa_signature(self._do(signed)))

    def public_key(self, name: str) -> bytes:
        """Return the public key ``name`` as DER SubjectPublicKeyInfo."""
        return bytes(self._do(lambda: encode_ec_public_key(self._key(ObjectClass.PUBLIC_KEY, name))))

    def rotate(self) -> int:
        """Add a root version and return its number; older versions stay for unwrapping."""
        with self._making():
            version = self._newest() + 1
            self._do(lambda: self._make_root(version))
        return version

    def roots(self) -> tuple[int, ...]:
        """Return the root versions in the token, oldest first."""
        self._do(self._look_up_roots)
        return tuple(sorted(self._roots))

    def forget(self, version: int) -> None:
        """Destroy a root version in the token; raises KeyUnavailable ``keystore.newest-version``."""

        def destroy() -> None:
            for each in self._found(ObjectClass.SECRET_KEY, _ROOT.format(version)):
                each.destroy()
            self._roots.pop(version, None)

        with self._making():
            if version == self._newest():
                raise KeyUnavailable("keystore.newest-version", version=version)
            self._do(destroy)

    def _look_up_roots(self) -> None:
        """Find all root versions: some may be gone, so that counting up from the first would find none."""
        found: dict[int, Any] = {}
        for each in self._session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY}):
            number = _ROOT_LABEL.fullmatch(each.label)
            if number:
                found.setdefault(int(number[1]), []).append(each)
        self._roots = {version: min(some, key=lambda one: bytes(one[Attribute.ID])) for version, some in found.items()}

    def _newest(self) -> int:
        """Return the newest root version in the token (others may have added one), 0 when there is none."""
        return self._do(self._look_newest)

    def _look_newest(self) -> int:
        version = max(self._roots, default=0)
        if not version or not self._found(ObjectClass.SECRET_KEY, _ROOT.format(version)):
            self._look_up_roots()  # another process has forgotten what this one knew
            version = max(self._roots, default=0)
        while found := self._found(ObjectClass.SECRET_KEY, _ROOT.format(version + 1)):
            version += 1
            self._roots[version] = found[0]
        return version

    def _root(self, version: int) -> Any:
        if version not in self._roots:
            found = self._found(ObjectClass.SECRET_KEY, _ROOT.format(version))
            if not found:
                raise KeyUnavailable("keystore.unknown-version", version=version)
            self._roots[version] = found[0]
        return self._roots[version]

    def _key(self, kind: ObjectClass, name: str) -> Any:
        found = self._found(kind, name)
        if not found:
            raise KeyUnavailable("keystore.unknown-name", name=name)
        return found[0]

    def _found(self, kind: ObjectClass, label: str) -> list[Any]:
        """Return the objects of a label; of several (made on two machines at once) the same one comes first for all."""
        found = list(self._session.get_objects({Attribute.CLASS: kind, Attribute.LABEL: label}))
        return found if len(found) < 2 else sorted(found, key=lambda one: bytes(one[Attribute.ID]))

    def _make_root(self, version: int) -> None:
        self._session.generate_key(
            KeyType.AES, 256, label=_ROOT.format(version), id=secrets.token_bytes(16), store=True, template=_KEPT_INSIDE
        )

    def _make_pair(self, name: str) -> None:
        curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
        parameters = self._session.create_domain_parameters(KeyType.EC, curve, local=True)
        parameters.generate_keypair(label=name, id=secrets.token_bytes(16), store=True, private_template=_KEPT_INSIDE)

    def _do(self, work: Callable[[], Value]) -> Value:
        """Do something with the token, one thread at a time; after a failure once more in a new session."""
        with self._guard:
            try:
                try:
                    self._open()
                    return work()
                except _WRONG_PIN:
                    raise  # a second try would only bring the token nearer to locking itself
                except PKCS11Error:
                    self._session = None
                    self._open()
                    return work()
            except _WRONG_PIN as error:
                raise KeyUnavailable("keystore.wrong-secret", path=self._token) from error
            except PKCS11Error as error:
                self._session = None
                raise KeyUnavailable("keystore.token-failed", token=self._token, found=type(error).__name__) from error

    def _open(self) -> None:
        if self._session is not None and self._process == os.getpid():
            return
        try:
            library = pkcs11.lib(str(self._module))
        except PKCS11Error as error:
            raise KeyUnavailable("keystore.no-module", path=str(self._module)) from error
        if self._process not in (0, os.getpid()):
            library.reinitialize()  # after a fork the library must begin anew (PKCS #11 v2.40 §6.6.1)
        try:
            token = library.get_token(token_label=self._token)
        except PKCS11Error as error:
            raise KeyUnavailable("keystore.no-token", token=self._token) from error
        try:
            self._session = token.open(rw=True, user_pin=self._pin)
        except UserAlreadyLoggedIn:  # the login belongs to the process, not to the session
            self._session = token.open(rw=True)
        self._roots.clear()
        self._process = os.getpid()

    @contextmanager
    def _making(self) -> Iterator[None]:
        """Hold the lock of those who make keys."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(self._lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise KeyUnavailable("keystore.unwritable", path=str(self._lock)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _bound(version: int, nonce: bytes, context: bytes) -> GCMParams:
    aad = b"root|" + version.to_bytes(_VERSION_BYTES) + context
    return GCMParams(nonce=nonce, aad=aad, tag_bits=_TAG_BYTES * 8)
