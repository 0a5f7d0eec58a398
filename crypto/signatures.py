"""Plain signatures over bytes: ECDSA P-256 with SHA-256 (FIPS 186-5), keys as DER."""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from crypto.errors import KeyUnavailable


def new_signing_key() -> bytes:
    """Return a fresh P-256 private key as PKCS#8 DER, not encrypted: wrap it before it is stored."""
    return generate_private_key(SECP256R1()).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def public_of(private_der: bytes) -> bytes:
    """Return the public half as DER SubjectPublicKeyInfo; raises KeyUnavailable when it is not a P-256 key."""
    return load_private(private_der).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def sign(private_der: bytes, data: bytes) -> bytes:
    """Return the DER signature over ``data``; raises KeyUnavailable when the key is not a P-256 key."""
    return load_private(private_der).sign(data, ECDSA(SHA256()))


def verify(public_der: bytes, data: bytes, signature: bytes) -> bool:
    """Say whether ``signature`` is that key's over exactly ``data``; raises KeyUnavailable for a bad public key."""
    try:
        _load_public(public_der).verify(signature, data, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=256)
def load_private(private_der: bytes) -> EllipticCurvePrivateKey:
    """Return the loaded P-256 private key; raises KeyUnavailable when the bytes are not one."""
    try:
        key = load_der_private_key(private_der, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyUnavailable("crypto.bad-private-key") from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise KeyUnavailable("crypto.bad-private-key")
    return key


@lru_cache(maxsize=1024)
def _load_public(public_der: bytes) -> EllipticCurvePublicKey:
    try:
        key = load_der_public_key(public_der)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyUnavailable("crypto.bad-public-key") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise KeyUnavailable("crypto.bad-public-key")
    return key
