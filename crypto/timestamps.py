"""Where time-stamps come from: this installation's own authority here, an outside one in ``remote_timestamps``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from crypto import timestamp_tokens
from crypto.certificates import load_certificate
from crypto.errors import TimestampUnavailable
from crypto.timestamp_tokens import TokenSigner

REQUEST_TYPE: Final = "application/timestamp-query"
REPLY_TYPE: Final = "application/timestamp-reply"
LARGEST_REQUEST: Final = 4096
DIGEST_BYTES: Final = 32
_MOST_BACK: Final = timedelta(seconds=5)

Clock = Callable[[], datetime]


class TimeStamper(Protocol):
    """Says that bytes existed at a time (adapters: our own authority, an outside one)."""

    def token(self, digest: bytes) -> bytes:
        """Return the DER of a TimeStampToken (RFC 3161) over a SHA-256 digest; raises TimestampUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class StampRoots:
    """The roots (DER) under which outside time-stamps are believed, and nothing else."""

    roots: tuple[bytes, ...]


def utc_now() -> datetime:
    """Return the time that this machine's clock shows."""
    return datetime.now(UTC)


class LocalTimeStamper:
    """Our own authority: its key signs through ``sign``, its ``chain`` goes from the issuing authority to the root."""

    def __init__(
        self,
        sign: Callable[[bytes], bytes],
        certificate: bytes,
        chain: Sequence[bytes],
        *,
        clock: Clock = utc_now,
        not_before: datetime | None = None,
    ) -> None:
        """Take the key's ``sign``; no time before ``not_before`` (what is known to have happened) is ever told."""
        self._signer = TokenSigner(sign, certificate, tuple(chain))
        parsed = load_certificate(certificate)
        self._from, self._to = parsed.not_valid_before_utc, parsed.not_valid_after_utc
        self._clock = clock
        self._last = not_before or clock()

    def token(self, digest: bytes) -> bytes:
        """Return a token over a SHA-256 digest; raises TimestampUnavailable when our clock cannot be right."""
        if len(digest) != DIGEST_BYTES:
            raise ValueError("a SHA-256 digest has 32 bytes")
        return self._signer.token(digest, "sha256", when=self.now())

    def answer(self, request: bytes) -> bytes:
        """Return the TimeStampResp (DER) to anybody's TimeStampReq; a refusal is an answer too."""
        try:
            now = self.now()
        except TimestampUnavailable:
            return timestamp_tokens.unavailable()
        return timestamp_tokens.answer(request, self._signer, now=now)

    def now(self) -> datetime:
        """Return the time to be told.

        Raises TimestampUnavailable ``timestamp.clock-back`` while the clock is more than five seconds behind the last
        time that was told, ``timestamp.clock-outside`` when it shows a time outside the certificate's.
        """
        found = self._clock()
        if found < self._last - _MOST_BACK:
            raise TimestampUnavailable("timestamp.clock-back", seconds=int((self._last - found).total_seconds()))
        if not self._from <= found <= self._to:
            raise TimestampUnavailable("timestamp.clock-outside")
        self._last = max(found, self._last)
        return found
