"""Passwords that are allowed, roles that may be granted, limits of sessions and of sign-in; pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Final

from edms.core.actor import permission
from edms.core.arabic import normalize
from edms.entities.rules import Role

KEEP_ACCOUNTS = permission("accounts.keep", {Role.ADMINISTRATOR, Role.CENTRE, "system:operator"})
KEEP_ALL_ACCOUNTS = permission("accounts.keep-all", {Role.CENTRE, "system:operator"})
ACT_FOR_OTHERS = permission("accounts.act-for-others", {"system:operator"})

DELEGATE = permission("accounts.delegate", {Role.SIGNATORY, Role.ADMINISTRATOR, Role.CENTRE, "system:operator"})

DEPUTY: Final = "deputy"
"""The role that an actor carries while signing for another; it is never stored and never granted by hand."""
LONGEST_DELEGATION: Final = timedelta(days=366)

GRANTED_BY_ADMINISTRATORS: Final = frozenset({Role.EMPLOYEE, Role.SIGNATORY, Role.REGISTRY, Role.ADMINISTRATOR})
"""Auditors and the centre see across bodies, so only the centre and the operator make them."""

SHORTEST_PASSWORD: Final = 12
"""ASVS 5.0 6.2.1 asks for 8 and recommends 15; 12 holds until a second factor exists."""
LONGEST_PASSWORD: Final = 128
SESSIONS_AT_ONCE: Final = 3
TOUCH_EVERY: Final = timedelta(seconds=60)

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}[a-z0-9]")
_RUN = 4
_SEQUENCES = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1q2w3e4r5t6y7u8i9o0p")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lives, and how often somebody may try to sign in."""

    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=12)
    pair_per_minute: int = 5
    login_per_minute: int = 20
    address_per_minute: int = 30
    longest_delay: timedelta = timedelta(hours=1)


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail clients submit, as people enter it there; a port of 0 is not served."""

    name: str
    starttls_port: int
    tls_port: int


@dataclass(frozen=True, slots=True)
class LetterKinds:
    """The kinds of letters that may be delegated one by one, with their names (msgids)."""

    labels: Mapping[str, str]


def clean_login(text: str) -> str | None:
    """Return a login name in its one form (lower case, 3 to 64 of a-z 0-9 . _ -), or None when it is not one."""
    login = unicodedata.normalize("NFKC", text).strip().lower()
    return login if _LOGIN.fullmatch(login) else None


def clean_password(text: str) -> str:
    """Return a password in NFC, so that every keyboard gives the same bytes; nothing else is changed."""
    return unicodedata.normalize("NFC", text)


def password_problem(password: str, *, known_words: Iterable[str] = ()) -> str | None:
    """Return the code of why a password is refused, or None (NIST SP 800-63B-4 §3.1.1.2: length and lists, no recipes).

    ``known_words`` are the login and the names of person and body: a password made of little else is refused.
    """
    text = clean_password(password)
    if len(text) < SHORTEST_PASSWORD:
        return "accounts.password-short"
    if len(text) > LONGEST_PASSWORD:
        return "accounts.password-long"
    plain = normalize(text).replace(" ", "")
    if len(set(plain)) < 5 or _is_walk(plain):
        return "accounts.password-simple"
    if _core(plain) in _common() or plain in _common():
        return "accounts.password-common"
    words = [normalize(word).replace(" ", "") for word in known_words]
    left = plain
    for word in sorted((word for word in words if len(word) >= 3), key=len, reverse=True):
        left = left.replace(word, "")
    return "accounts.password-personal" if left != plain and len(left) < SHORTEST_PASSWORD // 2 else None


def roles_of(text: str) -> frozenset[Role]:
    """Return the roles stored in ``Account.roles``."""
    return frozenset(Role(name) for name in text.split())


def stored_roles(roles: Iterable[str]) -> str:
    """Return roles as ``Account.roles`` keeps them, in a fixed order; raises ValueError for an unknown one."""
    wanted = {Role(role) for role in roles}
    return " ".join(role for role in Role if role in wanted)


def delay_after(attempts: int, allowed: int, longest: timedelta) -> timedelta | None:
    """Return how long to wait after so many attempts: nothing up to ``allowed``, then a minute, then twice as long.

    >>> [delay_after(n, 5, timedelta(hours=1)) for n in (5, 6, 8)]
    [None, datetime.timedelta(seconds=60), datetime.timedelta(seconds=240)]
    """
    if attempts <= allowed:
        return None
    return min(timedelta(minutes=2.0 ** min(attempts - allowed - 1, 20)), longest)


@cache
def _common() -> frozenset[str]:
    text = (files("edms.accounts") / "data" / "common-passwords.txt").read_text("utf-8")
    return frozenset(normalize(line).replace(" ", "") for line in text.splitlines() if line and line[0] != "#")


def _core(plain: str) -> str:
    """Return what is left of a password without digits and signs at its ends, and without repetition."""
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    for size in range(3, len(core) // 2 + 1):
        if core[:size] * (len(core) // size + 1) == core + core[: size * (len(core) // size + 1) - len(core)]:
            return core[:size]
    return core


def _is_walk(plain: str) -> bool:
    """Say whether a password is nothing but runs along the keyboard or the alphabet."""
    at = 0
    while at < len(plain):
        size = max((_run(plain, at, sequence) for sequence in _SEQUENCES), default=0)
        if size < _RUN:
            return len(plain) - at < _RUN
        at += size
    return True


def _run(plain: str, at: int, sequence: str) -> int:
    best = 0
    for line in (sequence, sequence[::-1]):
        size = 1
        while at + size <= len(plain) and plain[at : at + size] in line:
            size += 1
        best = max(best, size - 1)
    return best
