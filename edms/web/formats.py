"""Template filters that write numbers, dates, names and codes, all through ``edms.core.calendar``."""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from flask import Flask, g
from markupsafe import Markup, escape

from edms.core import calendar
from edms.core.errors import EdmsError, Problem
from edms.web import locale as language

_MARKED_SLASH: Final = f"{calendar.RLM}/{calendar.RLM}"
_ARABIC: Final = re.compile("[\u0620-\u064a]")
_SLASH_IN_ARABIC: Final = re.compile("(?<=[\u0600-\u06ff])/(?=[\u0600-\u06ff])")


def current_locale() -> language.Locale:
    """Return the language of this request."""
    return language.as_locale(g.get("locale"))


def number(value: int | float | Decimal, grouped: bool = True) -> str:
    """Write a number in the reader's digits."""
    return calendar.format_number(value, language.digits(current_locale()), grouped=grouped)


def digits(value: object) -> str:
    """Write the digits inside any text in the reader's digit set (a register number, a year)."""
    return calendar.to_digits(str(value), language.digits(current_locale()))


def day(value: date | datetime | None, era: bool = False) -> str:
    """Write a Gregorian date, with the letter of its era where it stands beside a Hijri one; "" for None."""
    if value is None:
        return ""
    here = current_locale()
    return calendar.format_date(value, digits=language.digits(here), locale=here, era=era)


def hijri(value: date | datetime | None) -> str:
    """Write the Umm al-Qura date of a day; an empty string for None."""
    if value is None:
        return ""
    here = current_locale()
    return calendar.format_hijri(value, digits=language.digits(here), locale=here)


def both_dates(value: date | datetime | None) -> str:
    """Write a day in both calendars, Hijri first; an empty string for None."""
    if value is None:
        return ""
    here = current_locale()
    return calendar.format_pair(value, digits=language.digits(here), locale=here)


def moment(value: datetime | None) -> str:
    """Write a moment in the office's time zone; an empty string for None."""
    if value is None:
        return ""
    here = current_locale()
    zone = g.get("time_zone", calendar.BAGHDAD)
    return calendar.format_datetime(value, zone, digits=language.digits(here), locale=here)


def reference(value: object) -> Markup:
    """Write an official number (letter/class/serial) isolated and marked so that its segments keep their order.

    A number without Arabic letters (3/2201) is read from the left in English, and then carries no marks.
    """
    here = current_locale()
    text = calendar.to_digits(str(value), language.digits(here))
    if here == "en" and _ARABIC.search(text) is None:
        return Markup('<bdi class="number" dir="ltr">{}</bdi>').format(text)
    return Markup('<bdi class="number" dir="rtl">{}</bdi>').format(calendar.reference(text))


def register_number(value: str) -> str:
    """Write a number of a register, kept as year/number: «٨ لسنة ٢٠٢٦»; what is not of that form stays as it is."""
    year, _, entry = value.partition("/")
    if not (year.isdecimal() and entry.isdecimal()):
        return value
    return translate("%(number)s of the year %(year)s", number=digits(entry), year=digits(year))


def prose(value: object) -> str:
    """Write free text with the slashes of the Arabic numbers in it marked, so that their segments keep their order."""
    return _SLASH_IN_ARABIC.sub(_MARKED_SLASH, "" if value is None else str(value))


def bdi(value: object) -> Markup:
    """Isolate a name or any free text from the direction of the sentence around it."""
    return Markup("<bdi>{}</bdi>").format("" if value is None else value)


def code(value: object) -> Markup:
    """Isolate a code, an address or other machine text, always left to right."""
    return Markup('<bdi class="code" dir="ltr" translate="no">{}</bdi>').format("" if value is None else value)


def file_size(octets: int) -> str:
    """Write a number of octets in a unit of 1,024 (KB, MB, GB)."""
    size, unit = float(octets), "B"
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    shown = round(size, 1) if size < 100 else round(size)
    written = number(int(shown) if shown == int(shown) else Decimal(str(shown)))
    return f"{written} {translate(unit)}"


def error_text(error: EdmsError | Problem) -> Markup:
    """Write an error or a problem of the input as a sentence."""
    return escape(language.translate_error(error, current_locale()))


def for_field(problems: Iterable[Problem] | None, name: str) -> tuple[Problem, ...]:
    """Return the problems that concern one field."""
    return tuple(problem for problem in problems or () if problem.where == name)


def translate(msgid: str, **params: object) -> str:
    """``_()`` of the templates and views: gettext in the language of this request."""
    return language.gettext(msgid, current_locale(), **params)


def translate_plural(singular: str, plural: str, count: int, **params: object) -> str:
    """``ngettext()`` of the templates: the plural form in the language of this request."""
    return language.ngettext(singular, plural, count, current_locale(), **params)


FILTERS: dict[str, Callable[..., object]] = {
    "number": number,
    "digits": digits,
    "date": day,
    "hijri": hijri,
    "dates": both_dates,
    "datetime": moment,
    "prose": prose,
    "reference": reference,
    "register_number": register_number,
    "bdi": bdi,
    "code": code,
    "file_size": file_size,
    "error_text": error_text,
    "for_field": for_field,
}


def register(app: Flask) -> None:
    """Give the templates of ``app`` the filters and ``_``, ``ngettext``."""
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals.update({"_": translate, "ngettext": translate_plural})
