"""The sealed key file: "EDK1" | header_len u16 | CBOR header | nonce 12 | AES-256-GCM-SIV of the CBOR keys."""

import hmac
import io
import secrets
from dataclasses import dataclass, field
from typing import Literal

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crypto.encryption import KEY_BYTES, derive
from crypto.errors import KeyUnavailable

SecretKind = Literal["key", "passphrase"]

_MAGIC = b"EDK1"
_NONCE_BYTES = 12
_CHECK_BYTES = 16
_MAX_MEMORY_KIB = 1 << 20
_MAX_PASSES = 16


def default_kind(secret: bytes) -> SecretKind:
    """Return ``key`` for 32 bytes that are not printable text (a random key never is), else ``passphrase``."""
    try:
        printable = secret.decode().strip().isprintable()
    except UnicodeDecodeError:
        printable = False
    return "key" if len(secret) == KEY_BYTES and not printable else "passphrase"


@dataclass(frozen=True, slots=True)
class Keys:
    """What the file holds: root keys by version and signing keys (PKCS#8 DER) by name."""

    roots: dict[int, bytes] = field(repr=False)
    signing: dict[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Header:
    """The clear part: how the secret becomes the sealing key (Argon2id cost, RFC 9106, or HKDF for a random key)."""

    kind: SecretKind
    salt: bytes
    memory_kib: int
    passes: int
    check: bytes = b""

    @classmethod
    def fresh(cls, kind: SecretKind, *, memory_kib: int) -> "Header":
        """Return a header with a new salt; ``check`` is filled in by :meth:`Opener.of`."""
        return cls(kind, secrets.token_bytes(16), memory_kib, 3)

    @classmethod
    def read(cls, data: bytes) -> "Header":
        """Read the header of a whole file; raises KeyUnavailable ``keystore.damaged`` when it is not one."""
        try:
            values = cbor2.loads(_split(data)[0])
            header = cls(values["kind"], values["salt"], values["memory_kib"], values["passes"], values["check"])
            sound = (
                header.kind in ("key", "passphrase")
                and len(header.salt) == 16
                and len(header.check) == _CHECK_BYTES
                and 8 <= header.memory_kib <= _MAX_MEMORY_KIB
                and 1 <= header.passes <= _MAX_PASSES
            )
        except (cbor2.CBORDecodeError, KeyError, TypeError, ValueError, AttributeError):
            sound = False
        if not sound:
            raise KeyUnavailable("keystore.damaged")
        return header

    def encoded(self) -> bytes:
        """Return the canonical CBOR of the header."""
        values = {
            "kind": self.kind,
            "salt": self.salt,
            "memory_kib": self.memory_kib,
            "passes": self.passes,
            "check": self.check,
        }
        return cbor2.dumps(values, canonical=True)


@dataclass(frozen=True, slots=True)
class Opener:
    """A header together with the sealing key that the secret gave (kept in memory: stretching takes a second)."""

    header: Header
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, header: Header, secret: bytes) -> "Opener":
        """Stretch ``secret``; raises KeyUnavailable ``keystore.wrong-secret`` when the header's check differs."""
        if header.kind == "key":
            master = HKDF(SHA256(), KEY_BYTES, header.salt, b"edms/1/keyfile").derive(secret)
        else:
            stretch = Argon2id(
                salt=header.salt, length=KEY_BYTES, iterations=header.passes, lanes=1, memory_cost=header.memory_kib
            )
            master = stretch.derive(secret)
        check = derive(master, "keyfile-check")[:_CHECK_BYTES]
        if header.check and not hmac.compare_digest(header.check, check):
            raise KeyUnavailable("keystore.wrong-secret")
        checked = Header(header.kind, header.salt, header.memory_kib, header.passes, check)
        return cls(checked, derive(master, "keyfile-seal"))


def seal_keys(opener: Opener, keys: Keys) -> bytes:
    """Return the bytes of a whole key file."""
    header = opener.header.encoded()
    front = _MAGIC + len(header).to_bytes(2) + header
    nonce = secrets.token_bytes(_NONCE_BYTES)
    body = cbor2.dumps({"roots": keys.roots, "signing": keys.signing}, canonical=True)
    return front + nonce + AESGCMSIV(opener.key).encrypt(nonce, body, front)


def read_keys(opener: Opener, data: bytes) -> Keys:
    """Return the keys in the bytes of a whole key file; raises KeyUnavailable ``keystore.damaged``."""
    header, sealed = _split(data)
    front = data[: len(data) - len(sealed)]
    if header != opener.header.encoded() or len(sealed) <= _NONCE_BYTES:
        raise KeyUnavailable("keystore.damaged")
    try:
        body = AESGCMSIV(opener.key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], front)
    except InvalidTag:
        raise KeyUnavailable("keystore.damaged") from None
    values = cbor2.loads(body)
    return Keys(roots=values["roots"], signing=values["signing"])


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Return (header, sealed rest); raises KeyUnavailable ``keystore.damaged``."""
    file = io.BytesIO(data)
    if file.read(len(_MAGIC)) != _MAGIC:
        raise KeyUnavailable("keystore.damaged")
    length = int.from_bytes(file.read(2))
    header = file.read(length)
    if not length or len(header) != length:
        raise KeyUnavailable("keystore.damaged")
    return header, file.read()
