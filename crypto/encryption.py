"""Small secrets: deriving keys, sealing one column value, wrapping one key with another (AES-256, suite byte first)."""

import secrets
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from crypto.errors import DecryptionError, KeyUnavailable

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_VALUE_GCM_SIV = b"\x01"  # AES-256-GCM-SIV, RFC 8452
_WRAP_GCM = b"\x01"  # AES-256-GCM with a fresh random nonce, NIST SP 800-38D


def new_key() -> bytes:
    """Return 32 fresh random bytes for AES-256."""
    return secrets.token_bytes(KEY_BYTES)


def derive(key: bytes, purpose: str) -> bytes:
    """Return the 32-byte key of one ``purpose`` under ``key`` (HKDF-Expand with SHA-256, RFC 5869 §2.3).

    Raises KeyUnavailable when ``key`` is not 32 bytes.
    """
    info = b"edms/1/derive|" + purpose.encode()
    return HKDFExpand(algorithm=SHA256(), length=KEY_BYTES, info=info).derive(_checked(key))


def seal_value(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Encrypt one column value: suite byte | nonce 12 | ciphertext and tag; 29 bytes longer than ``plaintext``.

    ``context`` (table, column, row) is authenticated and not stored: the value opens only in its own place.
    Raises KeyUnavailable when ``key`` is not 32 bytes.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCMSIV(_checked(key)).encrypt(nonce, plaintext, _value_aad(context))
    return _VALUE_GCM_SIV + nonce + sealed


def open_value(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Decrypt what :func:`seal_value` made; raises DecryptionError for another key or context or altered bytes."""
    nonce, body = _parts(sealed, _VALUE_GCM_SIV)
    try:
        return AESGCMSIV(_checked(key)).decrypt(nonce, body, _value_aad(context))
    except InvalidTag:
        raise DecryptionError("crypto.altered") from None


def wrap_key(kek: bytes, dek: bytes, context: bytes) -> bytes:
    """Encrypt the key ``dek`` under the key ``kek``: suite byte | nonce 12 | ciphertext and tag (61 bytes for 32).

    ``context`` names what the key is for and is authenticated. Raises KeyUnavailable when ``kek`` is not 32 bytes.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _WRAP_GCM + nonce + AESGCM(_checked(kek)).encrypt(nonce, dek, _wrap_aad(context))


def unwrap_key(kek: bytes, wrapped: bytes, context: bytes) -> bytes:
    """Decrypt what :func:`wrap_key` made; raises DecryptionError for another key or context or altered bytes."""
    nonce, body = _parts(wrapped, _WRAP_GCM)
    try:
        return AESGCM(_checked(kek)).decrypt(nonce, body, _wrap_aad(context))
    except InvalidTag:
        raise DecryptionError("crypto.altered") from None


def rewrapper(old: bytes, new: bytes) -> Callable[[bytes, bytes], bytes]:
    """Return a function of (wrapped, context) that brings what :func:`wrap_key` made from one key under another.

    It is made once for many: making a cipher costs as much as using it. It raises what :func:`unwrap_key` does.
    """
    opening, closing = AESGCM(_checked(old)), AESGCM(_checked(new))

    def rewrapped(wrapped: bytes, context: bytes) -> bytes:
        nonce, body = _parts(wrapped, _WRAP_GCM)
        aad, fresh = _wrap_aad(context), secrets.token_bytes(_NONCE_BYTES)
        try:
            return _WRAP_GCM + fresh + closing.encrypt(fresh, opening.decrypt(nonce, body, aad), aad)
        except InvalidTag:
            raise DecryptionError("crypto.altered") from None

    return rewrapped


def _checked(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise KeyUnavailable("crypto.key-length", length=len(key))
    return key


def _parts(sealed: bytes, suite: bytes) -> tuple[bytes, bytes]:
    """Split suite | nonce | body, refusing what is too short or of a suite this version does not read."""
    if len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES:
        raise DecryptionError("crypto.too-short")
    if sealed[:1] != suite:
        raise DecryptionError("crypto.unknown-suite", suite=sealed[0])
    return sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]


def _value_aad(context: bytes) -> bytes:
    return b"edms/1/value|" + _VALUE_GCM_SIV + context


def _wrap_aad(context: bytes) -> bytes:
    return b"edms/1/wrap|" + _WRAP_GCM + context
