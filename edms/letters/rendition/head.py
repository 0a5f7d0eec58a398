"""The head of a letter: letterhead, number and dates, sensitivity; and the short head of the pages after the first."""

from dataclasses import dataclass, replace
from typing import Final

from edms.core.calendar import Locale, format_date, format_hijri, reference, to_digits
from edms.letters.rendition.paragraph import Style, prepare
from edms.letters.rendition.shaping import Ink
from edms.letters.rendition.sheet import Sheet, mm
from edms.letters.rendition.values import Letterhead, PrintedLetter
from edms.letters.rendition.wording import BLACK, GREEN, ORDINARY, PALE, RED, WORDS

MARGIN: Final = 18 * mm
TOP: Final = 12 * mm
_SIDE: Final = 70 * mm
_LINE: Final = 17.0
_EMBLEM: Final = 27.0
_LEAST_HEAD: Final = 72.0
_FACTS_LEADING: Final = 19.0
_ABOVE_FACTS: Final = 7.0
NEXT_HEIGHT: Final = 24.0


@dataclass(frozen=True, slots=True)
class Facts:
    """The lines at both sides under the letterhead: (label, text, red)."""

    right: tuple[tuple[str, str, bool], ...]
    left: tuple[tuple[str, str, bool], ...]

    @property
    def height(self) -> float:
        """Height in points."""
        return max(len(self.right), len(self.left)) * _FACTS_LEADING


def facts(letter: PrintedLetter, locale: Locale) -> Facts:
    """Return the number, dates, sensitivity and precedence of a letter; what is empty is left out."""
    words, digits = WORDS[locale], letter.digits
    rows: list[tuple[str, str, bool]] = [(words.number, shown_number(letter, locale), False)]
    if letter.date is not None:
        hijri = format_hijri(letter.date, adjust=letter.hijri_adjust, digits=digits, locale=locale)
        gregorian = format_date(letter.date, digits=digits, locale=locale)
        if locale == "en":
            rows.append((words.gregorian, gregorian, False))
            rows += [(words.hijri, hijri, False)] if hijri else []
        else:
            rows += (
                [(words.hijri, hijri, False), (words.gregorian, gregorian, False)]
                if hijri
                else [(words.date, gregorian, False)]
            )
    elif not letter.number:
        rows.append((words.date, "", False))
    marks = [(words.sensitivity, letter.sensitivity), (words.precedence, letter.precedence)]
    side = tuple((label, text, text not in ORDINARY) for label, text in marks if text)
    return Facts(tuple(rows), side)


def shown_number(letter: PrintedLetter, locale: Locale) -> str:
    """Return the letter's number as printed: in the letter's digits, its segments read from the right in Arabic."""
    shown = to_digits(letter.number, letter.digits)
    return reference(shown) if locale == "ar" else shown


def first_height(letter: PrintedLetter, locale: Locale) -> float:
    """Return the height in points that the head takes on the first page, under the top margin."""
    return _letterhead_height(letter.letterhead) + _ABOVE_FACTS + facts(letter, locale).height + 6


def draw_first(sheet: Sheet, letter: PrintedLetter, locale: Locale, size: tuple[float, float]) -> None:
    """Draw the head of the first page."""
    width, height = size
    top = height - TOP
    _draw_letterhead(sheet, letter.letterhead, width, top)
    y = top - _letterhead_height(letter.letterhead)
    sheet.rule(MARGIN, y, width - MARGIN, y, width=1.6, colour=GREEN)
    sheet.rule(MARGIN, y - 3, width - MARGIN, y - 3, width=0.5, colour=GREEN)
    found = facts(letter, locale)
    start = Style(Ink(size=13), leading=_FACTS_LEADING, align="start", base="rtl" if locale == "ar" else "ltr")
    column = (width - 2 * MARGIN) * 0.6
    rtl = locale == "ar"
    right_x, left_x = (width - MARGIN - column, MARGIN) if rtl else (MARGIN, width - MARGIN - 60 * mm)
    for number, (label, text, red) in enumerate(found.right):
        _fact(sheet, (label, text, red), start, (right_x, column), y - _ABOVE_FACTS - number * _FACTS_LEADING)
    side = replace(start, ink=Ink(size=12), align="end")
    for number, (label, text, red) in enumerate(found.left):
        _fact(sheet, (label, text, red), side, (left_x, 60 * mm), y - _ABOVE_FACTS - number * _FACTS_LEADING)


def draw_next(sheet: Sheet, letter: PrintedLetter, locale: Locale, size: tuple[float, float]) -> None:
    """Draw the short head of a later page: which letter it continues."""
    width, height = size
    if not letter.number:
        return
    ink = Ink(size=10, colour=GREEN)
    style = Style(ink, leading=14, align="start", base="rtl" if locale == "ar" else "ltr")
    text = WORDS[locale].continued + shown_number(letter, locale)
    if letter.date is not None:
        text += WORDS[locale].dash + format_date(letter.date, digits=letter.digits, locale=locale)
    top = height - TOP
    room = width - 2 * MARGIN
    sheet.block(prepare(text, style).lines(room)[:1], 14, MARGIN, top)
    sheet.rule(MARGIN, top - 17, width - MARGIN, top - 17, width=0.5, colour=GREEN)


def draw_marking(sheet: Sheet, letter: PrintedLetter, size: tuple[float, float]) -> None:
    """Draw the sensitivity in red at the head and the foot of the page, where it is not ordinary."""
    if letter.sensitivity in ORDINARY:
        return
    style = Style(Ink(size=11, bold=True, colour=RED), leading=14, align="center")
    width, height = size
    lines = prepare(letter.sensitivity, style).lines(width - 2 * MARGIN)[:1]
    sheet.block(lines, 14, MARGIN, height - 4 * mm)
    sheet.block(lines, 14, MARGIN, 9 * mm)


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


def _fact(sheet: Sheet, fact: tuple[str, str, bool], style: Style, place: tuple[float, float], top: float) -> None:
    label, text, red = fact
    value = replace(style.ink, colour=RED, bold=True) if red else style.ink
    spans = [(label, replace(style.ink, bold=True)), (text, value)]
    sheet.block(prepare(spans, style).lines(place[1])[:1], style.leading, place[0], top)


def _letterhead_height(head: Letterhead) -> float:
    return max(_LEAST_HEAD, max(len(head.lines_ar), len(head.lines_en)) * _LINE + 8)


def _draw_letterhead(sheet: Sheet, head: Letterhead, width: float, top: float) -> None:
    """Draw the Arabic lines at the right, the English at the left, the emblem between them."""
    y = top
    for number, text in enumerate(head.lines_ar):
        ink = Ink(size=14.5 if number < 2 else 12, bold=number < 2, colour=GREEN if number < 2 else BLACK)
        y = _centred(sheet, text, ink, (width - MARGIN - _SIDE, y), rtl=True)
    y = top - 2
    for number, text in enumerate(head.lines_en):
        ink = Ink(10 if number < 2 else 9, bold=number < 2, colour=GREEN if number < 2 else BLACK, family="latin")
        y = _centred(sheet, text, ink, (MARGIN, y), rtl=False)
    _emblem(sheet, width / 2, top - _letterhead_height(head) / 2 + 2, _EMBLEM)


def _centred(sheet: Sheet, text: str, ink: Ink, place: tuple[float, float], *, rtl: bool) -> float:
    """Draw one line of the letterhead, smaller where it would not fit; return the y under it."""
    style = Style(ink, leading=_LINE, align="center", base="rtl" if rtl else "ltr")
    prepared = prepare(text, style)
    if prepared.natural > _SIDE:
        smaller = replace(ink, size=max(ink.size * 0.7, ink.size * _SIDE / prepared.natural))
        prepared = prepare(text, replace(style, ink=smaller))
    return sheet.block(prepared.lines(_SIDE)[:1], _LINE, place[0], place[1])


def _emblem(sheet: Sheet, x: float, y: float, radius: float) -> None:
    """Draw a neutral eight-pointed star where the body has no emblem of its own."""
    sheet.saveState()
    sheet.translate(x, y)
    sheet.setStrokeColorRGB(*GREEN)
    sheet.setFillColorRGB(*GREEN)
    sheet.setLineWidth(0.9)
    side = radius * 0.64
    for _ in range(2):
        sheet.rect(-side, -side, 2 * side, 2 * side, stroke=1, fill=0)
        sheet.rotate(45)
    sheet.circle(0, 0, radius * 0.98)
    sheet.circle(0, 0, radius * 0.5)
    sheet.circle(0, 0, radius * 0.12, fill=1)
    sheet.restoreState()
