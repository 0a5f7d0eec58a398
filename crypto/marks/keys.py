"""Keys of the hidden marks, one a month, and the pseudo-random streams that the marks draw from them."""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from crypto.errors import KeyUnavailable

VERSION: Final = 2
"""Which rules a copy was marked by; a reader must know all that were ever released."""

KEY_BYTES = 32
_DOMAIN = b"edms/1/marks|"


@dataclass(frozen=True, slots=True)
class MarkKey:
    """The secret of a month (``id`` is ``2026-11``): who lacks it can neither find a mark nor make one."""

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise KeyUnavailable("crypto.key-length", length=len(self.secret))

    def of_document(self, document: bytes) -> "MarkKey":
        """Return the key of one document (its SHA-256): whoever learns it learns nothing of the month's."""
        return MarkKey(self.id, hmac.digest(self.secret, _DOMAIN + b"document|" + document, "sha256"))

    def stream(self, purpose: bytes, size: int) -> bytes:
        """Return ``size`` pseudo-random bytes of one purpose: SHAKE-256 behind a key of fixed length (FIPS 202)."""
        return hashlib.shake_256(self.secret + _DOMAIN + purpose).digest(size)

    def tag(self, message: bytes) -> bytes:
        """Return the authentication tag (HMAC-SHA256, RFC 2104) of a message, 32 bytes."""
        return hmac.digest(self.secret, _DOMAIN + b"tag|" + message, "sha256")
