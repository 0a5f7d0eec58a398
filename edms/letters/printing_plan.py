"""How letters are printed in this installation."""

from dataclasses import dataclass

from edms.core.calendar import Digits, MonthNames


@dataclass(frozen=True, slots=True)
class Printing:
    """How letters are printed here where a body says nothing else.

    Where they are verified, time zone, digit set, Hijri adjustment (days), names of the months.
    """

    verify_url: str
    timezone: str = "Asia/Baghdad"
    digits: Digits = "arab"
    hijri_adjust: int = 0
    months: MonthNames = "levant"
