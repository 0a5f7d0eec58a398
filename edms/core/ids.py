"""Inner keys: UUIDv7 (RFC 9562 §5.7), time-ordered, made in Python so that rows know their id early."""

import os
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

NIL = UUID(int=0)

_lock = threading.Lock()
_last = 0


def new_id() -> UUID:
    """Return a fresh UUIDv7; within one process the ids grow strictly (the 12 random bits of ``rand_a`` count up)."""
    global _last  # noqa: PLW0603 - the monotonic counter of RFC 9562 §6.2, method 1
    with _lock:
        stamp = (time.time_ns() // 1_000_000) << 12 | int.from_bytes(os.urandom(1), "big")
        _last = max(stamp, _last + 1)
        stamp = _last
    value = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64
    return UUID(int=value | 0b10 << 62 | int.from_bytes(os.urandom(8), "big") >> 2)


def made_at(key: UUID) -> datetime | None:
    """Return the moment that a UUIDv7 names (UTC, milliseconds); None for any other UUID."""
    if key.version != 7:
        return None
    return datetime.fromtimestamp((key.int >> 80) / 1000, UTC)
