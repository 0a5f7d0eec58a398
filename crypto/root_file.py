"""The root authority's own key: P-384, in a sealed file that is kept apart from the installation and seldom opened."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from crypto.certificates import CA_ROOT
from crypto.errors import KeyUnavailable
from crypto.keyfile import Header, Keys, Opener, SecretKind, default_kind, read_keys, seal_keys


@dataclass(frozen=True, slots=True)
class RootKey:
    """The private key of a root, in memory for as long as a ceremony takes."""

    private: EllipticCurvePrivateKey = field(repr=False)

    def public_key(self) -> bytes:
        """Return the public half as DER SubjectPublicKeyInfo."""
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def new_root_key() -> RootKey:
    """Return a fresh P-384 key."""
    return RootKey(generate_private_key(SECP384R1()))


def write_root_file(
    path: Path, root: RootKey, secret: bytes, *, kind: SecretKind | None = None, memory_kib: int = 262_144
) -> None:
    """Seal the key into a new file (mode 0600, the form of the key file), opened by ``secret`` alone.

    Raises KeyUnavailable ``keystore.exists`` or ``keystore.unwritable``; never overwrites.
    """
    opener = Opener.of(Header.fresh(kind or default_kind(secret), memory_kib=memory_kib), secret)
    private = root.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    sealed = seal_keys(opener, Keys(roots={}, signing={CA_ROOT: private}))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise KeyUnavailable("keystore.exists", path=str(path)) from None
    except OSError as error:
        raise KeyUnavailable("keystore.unwritable", path=str(path)) from error


def open_root_file(path: Path, secret: bytes) -> RootKey:
    """Return the key in a root file; a passphrase may end with a line end.

    Raises KeyUnavailable ``keystore.missing``, ``.wrong-secret`` or ``.damaged``.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KeyUnavailable("keystore.missing", path=str(path)) from error
    header = Header.read(data)
    secret = secret.removesuffix(b"\n").removesuffix(b"\r") if header.kind == "passphrase" else secret
    found = read_keys(Opener.of(header, secret), data).signing.get(CA_ROOT, b"")
    try:
        private = load_der_private_key(found, password=None)
    except (ValueError, TypeError):
        raise KeyUnavailable("keystore.damaged") from None
    if not isinstance(private, EllipticCurvePrivateKey):
        raise KeyUnavailable("keystore.damaged")
    return RootKey(private)
