"""Prints the daily register (دفتر الوارد / الصادر) on A4 across: repeated heads, page numbers, totals."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Final

from reportlab.lib.pagesizes import A4, landscape

from edms.core.calendar import to_digits
from edms.letters.rendition import flow, seal_room
from edms.letters.rendition.finishing import Properties
from edms.letters.rendition.flow import Strip
from edms.letters.rendition.paragraph import Style, prepare
from edms.letters.rendition.shaping import Ink
from edms.letters.rendition.sheet import Sheet, mm
from edms.letters.rendition.table import Look, table
from edms.letters.rendition.tagging import Element
from edms.letters.rendition.values import RegisterPage
from edms.letters.rendition.wording import GREEN, WORDS

_SIZE: Final = landscape(A4)
_MARGIN: Final = 12 * mm
_WIDTH: Final = _SIZE[0] - 2 * _MARGIN
_FOOT: Final = 16 * mm
_HEAD: Final = 30.0
_ROOM: Final = _SIZE[1] - _MARGIN - _HEAD - _FOOT
_SYMBOL: Final = 38 * mm
_LOOK: Final = Look(ink=Ink(size=11.5), leading=16)


def render_register(page: RegisterPage) -> bytes:
    """Return the register as PDF. The same page always gives the same bytes; safe to call from many threads."""
    pages = flow.paginate(_strips(page), _ROOM, _ROOM)
    sheet = Sheet(_SIZE, Properties(page.title, page.entity_name, page.period, page.printed_on))
    for number, placed in enumerate(pages, 1):
        with nullcontext() if number == 1 else sheet.artifact():
            _head(sheet, page)
        flow.draw_page(sheet, placed, _MARGIN, _SIZE[1] - _MARGIN - _HEAD)
        _foot(sheet, page, number, len(pages))
        sheet.showPage()
    return sheet.pdf()


def _strips(page: RegisterPage) -> list[Strip]:
    strips = table(page.columns, page.rows, _WIDTH, room=_ROOM, look=_LOOK, base="rtl")
    if page.totals:
        style = Style(Ink(size=12, bold=True), leading=18, align="start", base="rtl")
        strips = flow.keep_with_next(strips, 1, _ROOM)
        strips += flow.paragraph(page.totals, style, _WIDTH, before=8)
    if page.checkpoint:
        style = Style(Ink(size=10), leading=14, align="start", base="rtl")
        told = flow.paragraph(page.checkpoint_words, style, _WIDTH, before=10)
        strips += flow.glue([*told, _witness(page)])
    return strips


def _witness(page: RegisterPage) -> Strip:
    """Return the QR symbol of the log's checkpoint, at the right: whoever keeps the paper is a witness of the log."""
    matrix = seal_room.matrix_of(page.checkpoint)
    x = _WIDTH - _SYMBOL

    def draw(sheet: Sheet, left: float, top: float) -> None:
        box = (left + x, top - _SYMBOL, left + _WIDTH, top)
        with sheet.figure(page.checkpoint_words, box):
            seal_room.symbol(sheet, matrix, left + x, top, _SYMBOL)

    return Strip(_SYMBOL, draw, before=4)


def _head(sheet: Sheet, page: RegisterPage) -> None:
    """Draw the body's name at the right, the title in the middle, the period at the left."""
    style = Style(Ink(size=12, bold=True, colour=GREEN), leading=20, base="rtl", align="start")
    top = _SIZE[1] - _MARGIN
    third = _WIDTH / 3
    places = (
        (page.entity_name, style, 2 * third),
        (page.title, replace(style, align="center").with_ink(size=16), third),
        (page.period, replace(style, align="end"), 0.0),
    )
    for number, (text, chosen, left) in enumerate(places):
        prepared = prepare(text, chosen)
        if prepared.natural > third:
            size = max(chosen.ink.size * 0.6, chosen.ink.size * third / prepared.natural)
            prepared = prepare(text, chosen.with_ink(size=size))
        with sheet.marked(Element("H1" if number == 1 else "P", text)):
            sheet.block(prepared.lines(third)[:1], 20, _MARGIN + left, top)
    y = top - 24
    sheet.rule(_MARGIN, y, _MARGIN + _WIDTH, y, width=1.2, colour=GREEN)


def _foot(sheet: Sheet, page: RegisterPage, number: int, count: int) -> None:
    style = Style(Ink(size=10), leading=14, align="center", base="rtl")
    text = to_digits(WORDS["ar"].page.format(page=number, pages=count), page.digits)
    sheet.block(prepare(text, style).lines(_WIDTH), 14, _MARGIN, _FOOT - 4 * mm)
