"""Hashing of passwords: Argon2id, two at a time, and the same work for a login that does not exist."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from edms.accounts.rules import clean_password
from edms.core.errors import Unavailable

UNUSABLE = "!"
"""Stored where an account has no password yet; no password fits it."""

_HASHER = PasswordHasher(
    time_cost=3, memory_cost=RFC_9106_LOW_MEMORY.memory_cost, parallelism=1, hash_len=32, salt_len=16
)
_AT_ONCE = 2
_QUEUE = 20
_QUEUE_SECONDS = 30
_slots = threading.BoundedSemaphore(_AT_ONCE)
_queue = threading.BoundedSemaphore(_AT_ONCE + _QUEUE)
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password that is to be kept: as typed, for the rules about passwords, and its hash."""

    text: str = field(repr=False)
    hashed: str = field(repr=False)


@contextmanager
def _slot() -> Iterator[None]:
    """Hold one of two places (64 MiB each); raise Unavailable ``accounts.busy`` when twenty wait already."""
    if not _queue.acquire(blocking=False):
        raise Unavailable("accounts.busy")
    try:
        if not _slots.acquire(timeout=_QUEUE_SECONDS):
            raise Unavailable("accounts.busy")
        try:
            yield
        finally:
            _slots.release()
    finally:
        _queue.release()


def hash_password(password: str) -> str:
    """Return the Argon2id hash (RFC 9106, 64 MiB, t=3, p=1) in PHC form; about 0.2 s."""
    with _slot():
        return _HASHER.hash(clean_password(password))


def prepare(password: str) -> NewPassword:
    """Hash a password that is to be kept (about 0.2 s, so never while a unit of work is open)."""
    return NewPassword(password, hash_password(password))


def fits(password: str, stored: str) -> bool:
    """Say whether a password is the stored one; an unusable hash costs the same time and never fits."""
    usable = stored != UNUSABLE
    with _slot():
        try:
            _HASHER.verify(stored if usable else _dummy(), clean_password(password))
        except (VerificationError, InvalidHashError):
            return False
    return usable


def is_outdated(stored: str) -> bool:
    """Say whether a hash was made with other costs than today's."""
    return stored != UNUSABLE and _HASHER.check_needs_rehash(stored)


def generate_password() -> str:
    """Return a password for one use, 5 groups of 4 without look-alikes: 99 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(5))


@cache
def _dummy() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))
