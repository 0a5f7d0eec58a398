"""The attached list of addressees of a circular: two columns, numbered down the first and then the second."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Final

from edms.core.calendar import Digits, Locale, format_number, to_digits
from edms.letters.rendition import flow
from edms.letters.rendition.flow import Strip
from edms.letters.rendition.paragraph import Style, prepare
from edms.letters.rendition.sheet import Sheet, mm
from edms.letters.rendition.tagging import NUMBERED, Element
from edms.letters.rendition.wording import WORDS

_GAP: Final = 8 * mm
_NUMBER: Final = 10.0
_DIGIT: Final = 6.5


def address_list(
    names: Sequence[str], digits: Digits, locale: Locale, style: Style, *, width: float, room: float
) -> list[Strip]:
    """Return one strip a page, the first on a new page under a heading; `width` and `room` (a page) in points."""
    title = WORDS[locale].list_title.format(count=format_number(len(names), digits))
    centred = replace(style, align="center", leading=26).with_ink(size=14, bold=True)
    heading = flow.paragraph(title, centred, width, element=Element("H2", title))
    heading[0] = replace(heading[0], fresh=True)
    taken = sum(strip.height for strip in heading)
    columns = _columns(names, digits, style, (width - _GAP) / 2, (room - taken, room))
    pages = [_page(first, second, width, rtl=style.base == "rtl") for first, second in columns]
    return [*flow.glue([*heading, pages[0]]), *pages[1:]]


def _columns(
    names: Sequence[str], digits: Digits, style: Style, width: float, rooms: tuple[float, float]
) -> list[tuple[list[Strip], list[Strip]]]:
    """Fill columns one after the other; return them in pairs, one pair a page."""
    rtl = style.base == "rtl"
    indent = _NUMBER + _DIGIT * len(str(len(names)))
    listed = Element("L", attributes=NUMBERED)
    columns: list[list[Strip]] = [[]]
    used = 0.0
    for number, name in enumerate(names, 1):
        label = to_digits(f"{number}.", digits)
        item = Element("LI", parent=listed)
        rows = flow.paragraph(
            name, style, width - indent, left=0 if rtl else indent, element=Element("LBody", name, item)
        )
        mark = prepare(label, style).lines(width)[:1]
        rows[0] = flow.marked(rows[0], mark, style.leading, Element("Lbl", label, item))
        tall = sum(row.height for row in rows)
        if columns[-1] and used + tall > rooms[0 if len(columns) <= 2 else 1]:
            columns.append([])
            used = 0.0
        columns[-1] += rows
        used += tall
    columns += [[]] * (len(columns) % 2)
    return list(pairwise(columns))[::2]


def _page(first: list[Strip], second: list[Strip], width: float, *, rtl: bool) -> Strip:
    """Return one strip that draws two columns side by side, the first at the start side."""
    height = max(sum(strip.height for strip in column) for column in (first, second))
    other = (width + _GAP) / 2
    return Strip(height, partial(_draw, ((first, other if rtl else 0.0), (second, 0.0 if rtl else other))))


def _draw(places: Sequence[tuple[list[Strip], float]], sheet: Sheet, x: float, top: float) -> None:
    for column, left in places:
        y = top
        for strip in column:
            strip.paint(sheet, x + left, y)
            y -= strip.height
