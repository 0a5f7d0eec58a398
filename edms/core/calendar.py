"""Writes every number and date the reader sees: three digit sets, Gregorian and Hijri, Arabic and English."""

import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal
from zoneinfo import ZoneInfo

from hijridate import Gregorian

Digits = Literal["arab", "latn", "arabext"]
"""Names of digit sets as in CLDR: ٠١٢, 012, and the Persian ۰۱۲."""

Locale = Literal["ar", "en"]
MonthNames = Literal["levant", "gulf", "maghreb"]

RLM: Final = "\u200f"
BAGHDAD: Final = "Asia/Baghdad"

_WESTERN: Final = "0123456789"
_ARABIC_INDIC: Final = "٠١٢٣٤٥٦٧٨٩"
_PERSIAN: Final = "۰۱۲۳۴۵۶۷۸۹"
_TO_SET: Final = {"arab": str.maketrans(_WESTERN, _ARABIC_INDIC), "arabext": str.maketrans(_WESTERN, _PERSIAN)}
_SEPARATORS: Final = str.maketrans(".,", "٫٬")

_MONTHS: Final[dict[str, tuple[str, ...]]] = {
    "levant": (
        "كانون الثاني",
        "شباط",
        "آذار",
        "نيسان",
        "أيار",
        "حزيران",
        "تموز",
        "آب",
        "أيلول",
        "تشرين الأول",
        "تشرين الثاني",
        "كانون الأول",
    ),
    "gulf": (
        "يناير",
        "فبراير",
        "مارس",
        "أبريل",
        "مايو",
        "يونيو",
        "يوليو",
        "أغسطس",
        "سبتمبر",
        "أكتوبر",
        "نوفمبر",
        "ديسمبر",
    ),
    "maghreb": (
        "جانفي",
        "فيفري",
        "مارس",
        "أفريل",
        "ماي",
        "جوان",
        "جويلية",
        "أوت",
        "سبتمبر",
        "أكتوبر",
        "نوفمبر",
        "ديسمبر",
    ),
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}
_HIJRI_MONTHS: Final[dict[str, tuple[str, ...]]] = {
    "ar": (
        "محرم",
        "صفر",
        "ربيع الأول",
        "ربيع الآخر",
        "جمادى الأولى",
        "جمادى الآخرة",
        "رجب",
        "شعبان",
        "رمضان",
        "شوال",
        "ذو القعدة",
        "ذو الحجة",
    ),
    "en": (
        "Muharram",
        "Safar",
        "Rabi al-Awwal",
        "Rabi al-Akhir",
        "Jumada al-Ula",
        "Jumada al-Akhirah",
        "Rajab",
        "Shaban",
        "Ramadan",
        "Shawwal",
        "Dhu al-Qidah",
        "Dhu al-Hijjah",
    ),
}


def fold_digits(text: str) -> str:
    """Return `text` with the decimal digits of every script (Unicode category Nd) as ASCII digits."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(char)) if unicodedata.category(char) == "Nd" else char for char in text)


def to_digits(text: str, digits: Digits = "arab") -> str:
    """Return `text` with its decimal digits in the wanted set; all other characters stay as they are."""
    folded = fold_digits(text)
    return folded if digits == "latn" else folded.translate(_TO_SET[digits])


def format_number(number: int | Decimal | float, digits: Digits = "arab", *, grouped: bool = True) -> str:
    """Write a number with its separators (٬ and ٫ in the Arabic sets, as CLDR); a minus is marked to stay beside it."""
    plain = f"{abs(number):,}" if grouped else f"{abs(number)}"
    if digits == "latn":
        return ("\u200e-" if number < 0 else "") + plain
    return ("\u061c-" if number < 0 else "") + plain.translate(_SEPARATORS).translate(_TO_SET[digits])


def reference(text: str) -> str:
    """Put U+200F around each slash, so that ت/٤/١٢٨٧ reads segment by segment from the right.

    Without the marks the slash between two Arabic digits joins them into one left-to-right number (UAX #9 W4).
    Marks that are there already are not doubled.
    """
    bare = text.replace(RLM + "/", "/").replace("/" + RLM, "/")
    return bare.replace("/", f"{RLM}/{RLM}")


def format_date(
    day: date, *, digits: Digits = "arab", months: MonthNames = "levant", locale: Locale = "ar", era: bool = True
) -> str:
    """Write a Gregorian date: «٢٠ تشرين الثاني ٢٠٢٥ م», or "20 November 2025" (Western digits) in English."""
    if locale == "en":
        return f"{day.day} {_MONTHS['en'][day.month - 1]} {day.year}"
    text = f"{day.day} {_MONTHS[months][day.month - 1]} {day.year}" + (" م" if era else "")
    return to_digits(text, digits)


def format_hijri(day: date, *, adjust: int = 0, digits: Digits = "arab", locale: Locale = "ar") -> str:
    """Write the Umm al-Qura date of a Gregorian day: «٢٩ جمادى الأولى ١٤٤٧ هـ»; "" outside 1924-2077.

    `adjust` moves the reckoning by whole days, where the moon was officially seen earlier or later.
    """
    parts = _hijri(day, adjust)
    if parts is None:
        return ""
    year, month, number = parts
    if locale == "en":
        return f"{number} {_HIJRI_MONTHS['en'][month - 1]} {year} AH"
    return to_digits(f"{number} {_HIJRI_MONTHS['ar'][month - 1]} {year} هـ", digits)


def hijri_iso(day: date, adjust: int = 0) -> str:
    """Return the Umm al-Qura date as "1447-05-29"; "" outside the tables (1924-2077)."""
    parts = _hijri(day, adjust)
    return "" if parts is None else f"{parts[0]:04d}-{parts[1]:02d}-{parts[2]:02d}"


def format_pair(
    day: date,
    *,
    adjust: int = 0,
    digits: Digits = "arab",
    months: MonthNames = "levant",
    locale: Locale = "ar",
) -> str:
    """Write both dates side by side, Hijri first; the Gregorian alone where there is no Hijri table."""
    gregorian = format_date(day, digits=digits, months=months, locale=locale)
    hijri = format_hijri(day, adjust=adjust, digits=digits, locale=locale)
    if not hijri:
        return gregorian
    return f"{hijri}, {gregorian}" if locale == "en" else f"{hijri} الموافق {gregorian}"


def format_datetime(
    moment: datetime,
    tz: str = BAGHDAD,
    *,
    digits: Digits = "arab",
    months: MonthNames = "levant",
    locale: Locale = "ar",
) -> str:
    """Write a moment as date and clock time of the zone `tz`; raises ValueError for a moment without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment must carry its time zone")
    try:
        local = moment.astimezone(ZoneInfo(tz))
    except OverflowError:
        local = moment
    clock = f"{local.hour:02d}:{local.minute:02d}"
    written = format_date(local.date(), digits=digits, months=months, locale=locale)
    return f"{written}, {clock}" if locale == "en" else f"{written}، {to_digits(clock, digits)}"


def _hijri(day: date, adjust: int) -> tuple[int, int, int] | None:
    """Return (year, month, day) of the Umm al-Qura calendar, or None outside its tables."""
    try:
        shifted = day + timedelta(days=adjust)
        hijri = Gregorian(shifted.year, shifted.month, shifted.day).to_hijri()
    except OverflowError:
        return None
    return hijri.year, hijri.month, hijri.day
