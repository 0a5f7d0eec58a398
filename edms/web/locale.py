"""Turns short English msgids and error codes into the reader's language, for pages and the command line alike."""

import gettext as plural_forms
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Final, Literal

from edms.core import calendar
from edms.core.errors import EdmsError, Problem

Locale = Literal["ar", "en"]

DEFAULT_LOCALE: Final[Locale] = "ar"
LOCALES: Final[tuple[Locale, ...]] = ("ar", "en")
TRANSLATIONS: Final = Path(__file__).with_name("translations")
UNKNOWN_ERROR: Final = "web.unknown-error"
FIRST_STRONG_ISOLATE: Final = "\u2068"
POP_ISOLATE: Final = "\u2069"

_PLURALS: Final[dict[str, str]] = {
    "ar": "n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5",
    "en": "n != 1",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All messages of one language: msgid → text, or → one text per plural form; ``form`` picks the form of a count."""

    locale: Locale
    messages: Mapping[str, str | tuple[str, ...]]
    form: Callable[[int], int]


def as_locale(text: str | None) -> Locale:
    """Return the supported language named by ``text``, or the default one."""
    return "en" if text == "en" else DEFAULT_LOCALE


def direction(locale: Locale) -> Literal["rtl", "ltr"]:
    """Return the base direction of a page in ``locale``."""
    return "rtl" if locale == "ar" else "ltr"


def digits(locale: Locale) -> calendar.Digits:
    """Return the digit set that ``locale`` is written with."""
    return "arab" if locale == "ar" else "latn"


@cache
def catalogue(locale: Locale) -> Catalogue:
    """Read and merge every ``translations/<locale>/**/*.po``; of two texts for a msgid the first file by name wins."""
    from babel.messages.pofile import read_po

    messages: dict[str, str | tuple[str, ...]] = {}
    for path in sorted((TRANSLATIONS / locale).rglob("*.po")):
        with path.open("rb") as stream:
            entries = read_po(stream, locale=locale, abort_invalid=True)
        for entry in entries:
            key = entry.id if isinstance(entry.id, str) else entry.id[0]
            texts = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ("",))
            if key and all(texts) and not entry.fuzzy:
                messages.setdefault(key, texts[0] if isinstance(entry.id, str) else texts)
    return Catalogue(locale, messages, plural_forms.c2py(_PLURALS[locale]))


def msgid(text: str) -> str:
    """Mark a text for translation where it is declared; it is translated where it is shown."""
    return text


def isolate(text: str) -> str:
    """Wrap text with Latin letters or digits in a first-strong isolate (UAX #9): it then cannot reorder a sentence."""
    if any(character.isascii() and character.isalnum() for character in text):
        return f"{FIRST_STRONG_ISOLATE}{text}{POP_ISOLATE}"
    return text


def _shown(value: object, locale: Locale) -> str:
    """Write one parameter of a message as the language writes it."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return calendar.format_number(value, digits(locale))
    if isinstance(value, datetime):
        return calendar.format_datetime(value, digits=digits(locale), locale=locale)
    if isinstance(value, date):
        return calendar.format_date(value, digits=digits(locale), locale=locale)
    if isinstance(value, list | tuple | set | frozenset):
        joiner = "، " if locale == "ar" else ", "
        return joiner.join(_shown(part, locale) for part in value)
    text = str(value)
    return isolate(calendar.reference(text)) if locale == "ar" else text


def _fill(text: str, params: Mapping[str, object], locale: Locale) -> str:
    """Put the parameters in; raises KeyError where the text names one that was not given."""
    return text % {name: _shown(value, locale) for name, value in params.items()} if params else text


def gettext(msgid: str, locale: Locale = DEFAULT_LOCALE, **params: object) -> str:
    """Return the text of ``msgid`` with its ``%(name)s`` parameters; a msgid without a text stands for itself."""
    found = catalogue(locale).messages.get(msgid, msgid)
    return _fill(found if isinstance(found, str) else found[-1], params, locale)


def ngettext(singular: str, plural: str, count: int, locale: Locale = DEFAULT_LOCALE, **params: object) -> str:
    """Return the text for ``count`` things (six forms in Arabic, CLDR order); ``%(n)s`` is the count itself."""
    known = catalogue(locale)
    forms = known.messages.get(singular)
    untranslated = singular if count == 1 else plural
    text = forms[known.form(count)] if isinstance(forms, tuple) else untranslated
    return _fill(text, {"n": count, **params}, locale)


def translate_error(error: EdmsError | Problem, locale: Locale = DEFAULT_LOCALE) -> str:
    """Return the sentence for an error's code; a code without one is logged and answered with a general sentence."""
    found = catalogue(locale).messages.get(error.code)
    if found is None:
        log.warning("no %s text for error code %s", locale, error.code)
        return gettext(UNKNOWN_ERROR, locale, error=error.code)
    text = found
    if isinstance(text, tuple):
        count = error.params.get("n", 1)
        text = text[catalogue(locale).form(count if isinstance(count, int) else 1)]
    try:
        return _fill(text, error.params, locale)
    except (KeyError, ValueError, TypeError):
        log.warning("the %s text of %s does not fit its parameters %s", locale, error.code, sorted(error.params))
        return gettext(UNKNOWN_ERROR, locale, error=error.code)
