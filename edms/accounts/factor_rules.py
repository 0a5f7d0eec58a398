"""Which PINs are too easy, how codes are written, how long a step-up holds, how wrong tries slow down; pure."""

import itertools
import re
import secrets
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from edms.core.arabic import fold_digits

FRESH: Final = timedelta(minutes=5)
"""How long a PIN or second factor counts (security.md §4: not older than 5 minutes for signing and rights)."""
SKEW: Final = timedelta(seconds=30)
"""By how much the clocks of two hosts of one installation may differ."""
WRONG_TRIES: Final = 5
LONGEST_DELAY: Final = timedelta(hours=1)
FORGIVEN_AFTER: Final = timedelta(hours=24)

PIN_SIZES: Final = range(6, 13)
TOTP_SECONDS: Final = 30
TOTP_DIGITS: Final = 6
RECOVERY_CODES: Final = 10

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES: Final = str.maketrans("OIL", "011")
_RECOVERY: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{16}")
_KEYPAD: Final = ("147", "258", "369", "159", "357", "123", "456", "789")
_COMMON: Final = frozenset(
    {"112358", "314159", "271828", "159753", "147258", "258369", "142536", "192837", "100200", "102030", "246810"}
    | {"135790", "135792", "246802", "741852", "963852", "789456", "456123", "998877", "112211", "10203040"}
)


def clean_secret(text: str) -> str:
    """Return a PIN or a code as typed on any keyboard, in Western digits without spaces and dashes."""
    return re.sub(r"[\s\-–—]+", "", fold_digits(text))


def pin_problem(pin: str, *, known: Iterable[str] = ()) -> str | None:
    """Return the code of why a PIN (cleaned) is refused, or None; ``known`` are numbers others know of the person.

    >>> [pin_problem(pin) for pin in ("12345", "000000", "123456", "580217", "739158")]
    ['accounts.pin-form', 'accounts.pin-simple', 'accounts.pin-simple', 'accounts.pin-date', None]
    """
    if not (pin.isascii() and pin.isdigit() and len(pin) in PIN_SIZES):
        return "accounts.pin-form"
    if _is_pattern(pin) or pin in _COMMON:
        return "accounts.pin-simple"
    if _is_date(pin):
        return "accounts.pin-date"
    if any(len(one) >= 4 and (one in pin or pin in one) for one in map(clean_secret, known) if one.isdigit()):
        return "accounts.pin-known"
    return None


def step_up_delay(wrong: int) -> timedelta | None:
    """Return how long to wait after so many wrong tries in a row: nothing before the fifth, then a growing delay.

    >>> [step_up_delay(wrong) for wrong in (4, 5, 7)]
    [None, datetime.timedelta(seconds=60), datetime.timedelta(seconds=240)]
    """
    if wrong < WRONG_TRIES:
        return None
    return min(timedelta(minutes=2.0 ** min(wrong - WRONG_TRIES, 20)), LONGEST_DELAY)


def new_recovery_code() -> str:
    """Return a recovery code, 80 random bits in four groups of Crockford's base 32."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(16))
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))


def clean_recovery_code(text: str) -> str | None:
    """Return a recovery code without its dashes and with look-alikes read right, or None when it is not one."""
    code = clean_secret(text).upper().translate(_LOOKALIKES)
    return code if _RECOVERY.fullmatch(code) else None


def _is_pattern(pin: str) -> bool:
    """Say whether a PIN repeats itself, mirrors itself, or walks along the digits or the keypad."""
    if len(set(pin)) < 3 or pin == pin[::-1]:
        return True
    steps = {(int(b) - int(a)) % 10 for a, b in itertools.pairwise(pin)}
    if len(steps) == 1:
        return True
    if any(pin == (pin[:size] * len(pin))[: len(pin)] for size in range(1, len(pin) // 2 + 1)):
        return True
    lines = {line for each in _KEYPAD for line in (each, each[::-1])}
    return len(pin) % 3 == 0 and all(pin[at : at + 3] in lines for at in range(0, len(pin), 3))


def _is_date(pin: str) -> bool:
    """Say whether a PIN is a date of a living memory, or a year beside two digits (birthdays are guessed first)."""
    years = range(1920, 2040)
    if len(pin) == 6:
        if int(pin[:4]) in years or int(pin[2:]) in years:
            return True
        short = ((pin[4:], pin[2:4], pin[:2]), (pin[:2], pin[2:4], pin[4:]))
        return any(_day(1900 + int(y), int(m), int(d)) or _day(2000 + int(y), int(m), int(d)) for y, m, d in short)
    if len(pin) == 8:
        long = ((pin[:4], pin[4:6], pin[6:]), (pin[4:], pin[2:4], pin[:2]), (pin[4:], pin[:2], pin[2:4]))
        return any(int(y) in years and _day(int(y), int(m), int(d)) for y, m, d in long)
    return False


def _day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
