"""Keys for other installations: HPKE (RFC 9180) in base mode, suite number first, so that a suite can be replaced.

Suite 1 is DHKEM(X25519) and suite 2 the hybrid MLKEM768_X25519, both with HKDF-SHA256 and AES-256-GCM.
"""

from dataclasses import dataclass, field
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from crypto.errors import DecryptionError, KeyUnavailable

RecipientSuite = Literal[1, 2]

_X25519_BYTES = 32
_SUITES = {
    1: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    2: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}


@dataclass(frozen=True, slots=True)
class RecipientKey:
    """A key pair as bytes, the suite number first: wrap ``private`` before storing it, give ``public`` away."""

    private: bytes = field(repr=False)
    public: bytes


def new_recipient_key(suite: RecipientSuite = 2) -> RecipientKey:
    """Make a key pair of the suite; 2 (hybrid, safe against later quantum computers) unless a peer cannot."""
    mark = suite.to_bytes(1)
    curve = X25519PrivateKey.generate()
    private, public = curve.private_bytes_raw(), curve.public_key().public_bytes_raw()
    if suite == 1:
        return RecipientKey(mark + private, mark + public)
    lattice = MLKEM768PrivateKey.generate()
    return RecipientKey(
        mark + private + lattice.private_bytes_raw(), mark + public + lattice.public_key().public_bytes_raw()
    )


def wrap_for(public: bytes, dek: bytes, context: bytes) -> bytes:
    """Encrypt ``dek`` for the holder of ``public``; ``context`` is bound to it. Raises KeyUnavailable for a bad key."""
    suite = public[:1]
    try:
        if suite == b"\x01":
            return suite + _SUITES[1].encrypt(dek, X25519PublicKey.from_public_bytes(public[1:]), _info(context))
        if suite == b"\x02":
            return suite + _SUITES[2].encrypt(dek, _hybrid_public(public[1:]), _info(context))
    except ValueError:
        raise KeyUnavailable("crypto.bad-public-key") from None
    raise KeyUnavailable("crypto.unknown-suite", suite=suite.hex())


def unwrap_with(private: bytes, wrapped: bytes, context: bytes) -> bytes:
    """Decrypt what :func:`wrap_for` made; raises DecryptionError, or KeyUnavailable when the private key is not one."""
    suite = private[:1]
    if suite not in (b"\x01", b"\x02"):
        raise KeyUnavailable("crypto.unknown-suite", suite=suite.hex())
    if wrapped[:1] != suite:
        raise DecryptionError("crypto.unknown-suite", suite=wrapped[:1].hex())
    key = _private(private)
    try:
        return _SUITES[suite[0]].decrypt(wrapped[1:], key, _info(context))
    except (InvalidTag, ValueError):
        raise DecryptionError("crypto.altered") from None


def _private(private: bytes) -> X25519PrivateKey | MLKEM768X25519PrivateKey:
    curve, seed = private[1 : 1 + _X25519_BYTES], private[1 + _X25519_BYTES :]
    try:
        if private[:1] == b"\x01" and not seed:
            return X25519PrivateKey.from_private_bytes(curve)
        return MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(seed), X25519PrivateKey.from_private_bytes(curve)
        )
    except ValueError:
        raise KeyUnavailable("crypto.bad-private-key") from None


def _hybrid_public(public: bytes) -> MLKEM768X25519PublicKey:
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(public[_X25519_BYTES:]),
        X25519PublicKey.from_public_bytes(public[:_X25519_BYTES]),
    )


def _info(context: bytes) -> bytes:
    return b"edms/1/hpke|" + context
