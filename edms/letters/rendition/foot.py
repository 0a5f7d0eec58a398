"""The foot of each page: the document code as Code 128 with its digits, how to verify, the page number."""

import re
from typing import Final

from crypto.barcodes import code128_modules
from edms.core.calendar import Locale, fold_digits, to_digits
from edms.letters.rendition.head import MARGIN
from edms.letters.rendition.paragraph import Style, prepare
from edms.letters.rendition.shaping import Ink
from edms.letters.rendition.sheet import Sheet, mm
from edms.letters.rendition.values import PrintedLetter
from edms.letters.rendition.wording import GREY, WORDS, tint

HEIGHT: Final = 29 * mm
MODULE: Final = 0.335 * mm
BAR_HEIGHT: Final = 9.5 * mm
QUIET_MODULES: Final = 10

_BAR: Final = re.compile("1+")
_RULE_Y: Final = 24 * mm
_BARS_Y: Final = 13 * mm
_DOCUMENT_DIGITS: Final = 18


def written_code(code: str) -> str:
    """Return a document code as it is printed: 100234.26.00012345.71; any other text unchanged."""
    if len(code) != _DOCUMENT_DIGITS or not code.isdigit():
        return code
    return f"{code[:6]}.{code[6:8]}.{code[8:16]}.{code[16:]}"


def draw_foot(sheet: Sheet, letter: PrintedLetter, locale: Locale, width: float, numbers: tuple[int, int]) -> None:
    """Draw the foot of page `numbers[0]` of `numbers[1]`; `width` is that of the paper in points."""
    words = WORDS[locale]
    sheet.rule(MARGIN, _RULE_Y, width - MARGIN, _RULE_Y, width=0.8, colour=tint(letter.letterhead.colour))
    _contact(sheet, letter.letterhead.contact, locale, width)
    taken = draw_code(sheet, fold_digits(letter.document_code), MARGIN, _BARS_Y) if letter.document_code else 0.0
    rtl = locale == "ar"
    room = width - 2 * MARGIN - taken
    left = MARGIN + taken
    style = Style(Ink(size=10), leading=14, align="start" if rtl else "end", base="rtl" if rtl else "ltr")
    lines = []
    if letter.verify_url:
        lines.append(words.verify + letter.verify_url)
    if letter.verification_code:
        lines.append(words.verify_code + letter.verification_code)
    lines.append(to_digits(words.page.format(page=numbers[0], pages=numbers[1]), letter.digits))
    for number, text in enumerate(lines):
        found = prepare(text, style).lines(room)[:1]
        sheet.block(found, 14, left, _RULE_Y - 3 - number * 14)


def _contact(sheet: Sheet, text: str, locale: Locale, width: float) -> None:
    """Draw where the body is found, in one small line above the rule."""
    if not text:
        return
    room = width - 2 * MARGIN
    style = Style(Ink(size=9.5, colour=GREY), leading=12, align="center", base="rtl" if locale == "ar" else "ltr")
    prepared = prepare(text, style)
    if prepared.natural > room:
        prepared = prepare(text, style.with_ink(size=max(6.0, 9.5 * room / prepared.natural * 0.995)))
    sheet.block(prepared.lines(room)[:1], 12, MARGIN, _RULE_Y + 13)


def draw_code(sheet: Sheet, code: str, x: float, y: float) -> float:
    """Draw the bars of a code with its digits below, its left quiet zone before `x`; return the width taken."""
    if not (code.isascii() and code.isdigit()):
        return 0.0
    modules = code128_modules(code)
    width = len(modules) * MODULE
    with sheet.figure(written_code(code), (x, y, x + width, y + BAR_HEIGHT)):
        _bars(sheet, modules, x, y)
    style = Style(Ink(size=8.5, family="latin"), leading=11, align="center", base="ltr")
    sheet.block(prepare(written_code(code), style).lines(width), 11, x, y)
    return width + QUIET_MODULES * MODULE


def _bars(sheet: Sheet, modules: str, x: float, y: float) -> None:
    """Draw the bars as one path: sixty rectangles cost more time than the text of the foot."""
    bars = (
        f"{x + bar.start() * MODULE:.4f} {y:.4f} {len(bar.group()) * MODULE:.4f} {BAR_HEIGHT:.4f} re"
        for bar in _BAR.finditer(modules)
    )
    sheet.draw(f"q 0 g {' '.join(bars)} f Q")
