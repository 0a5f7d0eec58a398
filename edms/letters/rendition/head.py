"""The head of a letter: number and dates, sensitivity, the seal; and the short head of the pages after the first."""

import re
from dataclasses import dataclass, replace
from typing import Final

from edms.core.calendar import Digits, Locale, format_date, format_hijri, reference, to_digits
from edms.letters.rendition import seal_room
from edms.letters.rendition.letterhead import draw_letterhead, letterhead_height
from edms.letters.rendition.paragraph import Style, prepare
from edms.letters.rendition.shaping import Ink
from edms.letters.rendition.sheet import Sheet, mm
from edms.letters.rendition.values import PrintedLetter
from edms.letters.rendition.wording import GREY, ORDINARY, PALE, RED, WORDS, tint

MARGIN: Final = 18 * mm
TOP: Final = 12 * mm
NEXT_HEIGHT: Final = 24.0

_RLI: Final = "\u2067"
_PDI: Final = "\u2069"
_ARABIC: Final = re.compile("[\u0620-\u064a]")
_LEADING: Final = 19.0
_WIDEST_LEADING: Final = 21.5
_ABOVE: Final = 8.0
_BELOW: Final = 6.0
_SIDE: Final = 62 * mm
_CAPTION: Final = 27 * mm
_CAPTION_LEADING: Final = 11.0
_NEAR: Final = 3 * mm
_BLANK: Final = 38 * mm
_PAPER: Final = 210 * mm


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the block under the letterhead; `red` for what must be seen."""

    label: str
    text: str
    red: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """The lines at the start side (number, dates) and at the end side (sensitivity, precedence)."""

    start: tuple[Fact, ...]
    end: tuple[Fact, ...]


def facts(letter: PrintedLetter, locale: Locale) -> Facts:
    """Return the number, dates, sensitivity and precedence of a letter; what is empty is left out.

    On a sheet with a seal they all stand at the start side, since the seal takes the end side.
    """
    words = WORDS[locale]
    marks = ((words.sensitivity, letter.sensitivity), (words.precedence, letter.precedence))
    start = (Fact(words.number, shown_number(letter, locale)), *_dates(letter, locale))
    end = tuple(Fact(label, text, text not in ORDINARY) for label, text in marks if text)
    return Facts((*start, *end), ()) if letter.seal_mm > 0 else Facts(start, end)


def shown_number(letter: PrintedLetter, locale: Locale) -> str:
    """Return the letter's number as printed."""
    return written_number(letter.number, letter.digits, locale)


def written_number(number: str, digits: Digits, locale: Locale) -> str:
    """Write a letter's number in a digit set; one with Arabic letters is read from the right in either language."""
    shown = to_digits(number, digits)
    if locale == "ar":
        return reference(shown)
    return f"{_RLI}{reference(shown)}{_PDI}" if _ARABIC.search(shown) else shown


def first_height(letter: PrintedLetter, locale: Locale) -> float:
    """Return the height in points that the head takes on the first page, under the top margin."""
    block = _rows(letter, locale)[1]
    return letterhead_height(letter.letterhead, _PAPER - 2 * MARGIN) + 2.6 + _ABOVE + block + _BELOW


def draw_first(sheet: Sheet, letter: PrintedLetter, locale: Locale, size: tuple[float, float]) -> None:
    """Draw the head of the first page."""
    width, height = size
    room = width - 2 * MARGIN
    top = draw_letterhead(sheet, letter.letterhead, MARGIN, height - TOP, room) - _ABOVE
    rtl = locale == "ar"
    found, (leading, _) = facts(letter, locale), _rows(letter, locale)
    start = Style(Ink(size=13), leading=leading, align="start", base="rtl" if rtl else "ltr")
    side = seal_room.side(letter.seal_mm)
    column = room - (side + _CAPTION + 2 * _NEAR if side else _SIDE)
    for number, fact in enumerate(found.start):
        _fact(sheet, fact, start, (width - MARGIN - column if rtl else MARGIN, column), top - number * leading)
    end = replace(start, align="start")
    for number, fact in enumerate(found.end):
        _fact(sheet, fact, end, (MARGIN if rtl else width - MARGIN - _SIDE, _SIDE), top - number * leading)
    if side:
        _seal(sheet, letter, locale, (MARGIN if rtl else width - MARGIN - side, top))


def draw_next(sheet: Sheet, letter: PrintedLetter, locale: Locale, size: tuple[float, float]) -> None:
    """Draw the short head of a later page: which letter it continues, and whose it is."""
    width, height = size
    if not letter.number:
        return
    colour = tint(letter.letterhead.colour)
    style = Style(Ink(size=10, colour=colour), leading=14, align="start", base="rtl" if locale == "ar" else "ltr")
    text = WORDS[locale].continued + shown_number(letter, locale)
    if letter.date is not None:
        day = format_date(letter.date, digits=letter.digits, months=letter.months, locale=locale)
        text += WORDS[locale].dash + day
    top, room = height - TOP, width - 2 * MARGIN
    continued = prepare(text, style)
    sheet.block(continued.lines(room)[:1], 14, MARGIN, top)
    names = letter.letterhead.lines_en if locale == "en" else letter.letterhead.lines_ar
    if names:
        name = prepare(names[-1], replace(style.with_ink(bold=True), align="end"))
        if continued.natural + name.natural + 6 * mm < room:
            sheet.block(name.lines(room), 14, MARGIN, top)
    sheet.rule(MARGIN, top - 17, width - MARGIN, top - 17, width=0.5, colour=colour)


def draw_marking(sheet: Sheet, letter: PrintedLetter, size: tuple[float, float]) -> None:
    """Draw the sensitivity in red at the head and the foot of the page, where it is not ordinary."""
    if letter.sensitivity in ORDINARY:
        return
    style = Style(Ink(size=11, bold=True, colour=RED), leading=14, align="center")
    width, height = size
    lines = prepare(letter.sensitivity, style).lines(width - 2 * MARGIN)[:1]
    sheet.block(lines, 14, MARGIN, height - 4 * mm)
    sheet.block(lines, 14, MARGIN, 8.5 * mm)


def draw_watermark(sheet: Sheet, text: str, size: tuple[float, float]) -> None:
    """Draw a pale word across the page, under everything else."""
    if not text:
        return
    width, height = size
    ink = Ink(size=110, bold=True, colour=PALE)
    prepared = prepare(text, Style(ink, leading=130, align="center"))
    if prepared.natural > width:
        ink = replace(ink, size=max(12.0, 110 * width / prepared.natural))
        prepared = prepare(text, Style(ink, leading=130, align="center"))
    sheet.saveState()
    sheet.translate(width / 2, height / 2)
    sheet.rotate(45)
    sheet.block(prepared.lines(width * 1.1), 130, -width * 0.55, 65)
    sheet.restoreState()


def _dates(letter: PrintedLetter, locale: Locale) -> tuple[Fact, ...]:
    """Return the Hijri date and the Gregorian one that corresponds to it, each where it is wanted."""
    words, digits, day = WORDS[locale], letter.digits, letter.date
    if day is None:
        return () if letter.number else (Fact(words.date, ""),)
    gregorian = format_date(day, digits=digits, months=letter.months, locale=locale)
    hijri = format_hijri(day, adjust=letter.hijri_adjust, digits=digits, locale=locale) if letter.hijri else ""
    if not hijri:
        return (Fact(words.date, gregorian),)
    if locale == "en":
        return Fact(words.gregorian, gregorian), Fact(words.hijri, hijri)
    return Fact(words.hijri, hijri), Fact(words.gregorian, gregorian)


def _rows(letter: PrintedLetter, locale: Locale) -> tuple[float, float]:
    """Return the leading of the facts and the height of their block, which a seal sets where it is taller."""
    found = facts(letter, locale)
    rows = max(len(found.start), len(found.end), 1)
    side = seal_room.side(letter.seal_mm)
    leading = min(max(_LEADING, side / rows), _WIDEST_LEADING) if side > rows * _LEADING else _LEADING
    leading = max(side / rows, 17.0) if side and side < rows * _LEADING else leading
    return leading, max(rows * leading, side)


def _fact(sheet: Sheet, fact: Fact, style: Style, place: tuple[float, float], top: float) -> None:
    """Draw a label in bold and what it says; an empty one gets a dotted line to write on."""
    label = replace(style.ink, bold=True)
    value = replace(style.ink, colour=RED, bold=True) if fact.red else style.ink
    prepared = prepare([(fact.label, label), (fact.text, value)], style)
    if prepared.natural > place[1]:
        share = max(0.7, place[1] / prepared.natural)
        spans = [(fact.label, replace(label, size=13 * share)), (fact.text, replace(value, size=13 * share))]
        prepared = prepare(spans, style)
    sheet.block(prepared.lines(place[1])[:1], style.leading, place[0], top)
    if not fact.text:
        used, y = prepared.natural + 4, top - style.leading * 0.8
        start = place[0] + place[1] - used - _BLANK if style.base == "rtl" else place[0] + used
        sheet.saveState()
        sheet.setDash(0.6, 2.2)
        sheet.rule(start, y, start + _BLANK, y, width=0.6, colour=GREY)
        sheet.restoreState()


def _seal(sheet: Sheet, letter: PrintedLetter, locale: Locale, place: tuple[float, float]) -> None:
    """Draw the paper seal at the end side and beside it, at its foot, how it is used."""
    x, top = place
    side = seal_room.side(letter.seal_mm)
    seal_room.draw(sheet, x, top, side)
    words, rtl = WORDS[locale], locale == "ar"
    text = words.seal if sheet.seal_matrix is not None else words.seal_empty
    style = Style(
        Ink(size=8.5 if rtl else 7.5, colour=GREY), leading=_CAPTION_LEADING, align="end", base="rtl" if rtl else "ltr"
    )
    lines = prepare(text, style).lines(_CAPTION)
    left = x + side + _NEAR if rtl else x - _NEAR - _CAPTION
    sheet.block(lines, _CAPTION_LEADING, left, top - side + len(lines) * _CAPTION_LEADING)
