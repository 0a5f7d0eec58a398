"""Digests and the canonical JSON they are taken over."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from crypto.errors import CryptoError

_DEEPEST = 64
_SCALARS = frozenset({str, int, bool, type(None)})
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def sha256(data: bytes | Iterable[bytes]) -> bytes:
    """Return the 32-byte SHA-256 (FIPS 180-4) of bytes, or of the pieces of a stream."""
    if isinstance(data, bytes | bytearray | memoryview):
        return hashlib.sha256(data).digest()
    digest = hashlib.sha256()
    for piece in data:
        digest.update(piece)
    return digest.digest()


def canonical(value: object) -> bytes:
    """Return the one JSON form of ``value``: UTF-8, keys sorted by code point, no spaces, no escapes but the needed.

    Takes None, bool, int, str, sequences and mappings with text keys (close to RFC 8785, but integers are exact and
    floats have no place). Raises CryptoError ``crypto.not-canonical`` for anything else, lone surrogates included.
    """
    try:
        return _ENCODER.encode(_plain(value, 0)).encode()
    except UnicodeEncodeError:
        raise CryptoError("crypto.not-canonical", kind="surrogate") from None


def _plain(value: object, depth: int) -> object:
    if depth > _DEEPEST:
        raise CryptoError("crypto.not-canonical", kind="depth")
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: item if type(item) in _SCALARS else _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(item, depth + 1) for item in value]
    raise CryptoError("crypto.not-canonical", kind=type(value).__name__)
