"""The letterhead (ترويسة): Arabic lines at the right, English at the left, the emblem between them, a fine rule."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from edms.letters.rendition.emblem import draw_emblem
from edms.letters.rendition.paragraph import Line, Prepared, Style, prepare
from edms.letters.rendition.shaping import Colour, Ink
from edms.letters.rendition.sheet import Sheet, mm
from edms.letters.rendition.values import Letterhead
from edms.letters.rendition.wording import BLACK, WORDS, tint

_EMBLEM: Final = 25 * mm
_GAP: Final = 3 * mm
_RULE: Final = 2 * mm
_SMALLEST: Final = 0.82
_ARABIC_SIZES: Final = (15.5, 14.5, 12.5)
_LATIN_SIZES: Final = (10.5, 9.75, 9.0)
_ARABIC_LEADING: Final = 1.36
_LATIN_LEADING: Final = 1.48


@dataclass(frozen=True, slots=True)
class _Set:
    """A line of the letterhead set and broken: what is drawn, and its leading in points."""

    lines: tuple[Line, ...]
    leading: float

    @property
    def height(self) -> float:
        """Height in points."""
        return len(self.lines) * self.leading


def letterhead_height(head: Letterhead, width: float) -> float:
    """Return the height in points of a letterhead `width` points wide, down to its rule."""
    return max(_EMBLEM, _height(_arabic(head, width)), _height(_latin(head, width))) + _RULE


def draw_letterhead(sheet: Sheet, head: Letterhead, left: float, top: float, width: float) -> float:
    """Draw the letterhead from `top`; return the y of its lower rule."""
    colour = tint(head.colour)
    height = letterhead_height(head, width)
    middle = top - (height - _RULE) / 2
    side = _side(width)
    for found, x in ((_arabic(head, width), left + width - side), (_latin(head, width), left)):
        y = middle + _height(found) / 2
        for each in found:
            y = sheet.block(each.lines, each.leading, x, y)
    _emblem(sheet, head, (left + width / 2, middle), colour)
    return _rule(sheet, left, top - height, width, colour)


def _emblem(sheet: Sheet, head: Letterhead, place: tuple[float, float], colour: Colour) -> None:
    """Draw the emblem; a body's own is a figure that readers aloud name, the neutral one an ornament."""
    x, y = place
    half = _EMBLEM / 2
    names = head.lines_en if sheet.language == "en" and head.lines_en else head.lines_ar
    alt = WORDS["en" if sheet.language == "en" else "ar"].emblem + names[-1] if names else ""
    own = bool(head.emblem and alt)
    with sheet.figure(alt, (x - half, y - half, x + half, y + half)) if own else sheet.artifact():
        draw_emblem(sheet, head.emblem, place, _EMBLEM, colour)


def _rule(sheet: Sheet, left: float, y: float, width: float, colour: Colour) -> float:
    """Draw a thick and a thin line that part for a small star in the middle."""
    middle, open_ = left + width / 2, 5.0
    for start, end in ((left, middle - open_), (middle + open_, left + width)):
        sheet.rule(start, y, end, y, width=1.5, colour=colour)
        sheet.rule(start, y - 2.6, end, y - 2.6, width=0.4, colour=colour)
    sheet.saveState()
    sheet.translate(middle, y - 1.2)
    sheet.setFillColorRGB(*colour)
    for _ in range(2):
        sheet.rect(-1.7, -1.7, 3.4, 3.4, stroke=0, fill=1)
        sheet.rotate(45)
    sheet.restoreState()
    return y - 2.6


def _side(width: float) -> float:
    return (width - _EMBLEM) / 2 - _GAP


def _height(found: tuple[_Set, ...]) -> float:
    return sum(each.height for each in found)


def _arabic(head: Letterhead, width: float) -> tuple[_Set, ...]:
    return _column(head.lines_ar, _side(width), tint(head.colour), latin=False)


def _latin(head: Letterhead, width: float) -> tuple[_Set, ...]:
    return _column(head.lines_en, _side(width), tint(head.colour), latin=True)


@lru_cache(256)
def _column(texts: tuple[str, ...], width: float, colour: Colour, *, latin: bool) -> tuple[_Set, ...]:
    """Set the lines of one side: the first two in colour, the lower ones smaller and dark."""
    sizes, spread = (_LATIN_SIZES, _LATIN_LEADING) if latin else (_ARABIC_SIZES, _ARABIC_LEADING)
    found = []
    for number, text in enumerate(texts):
        size = sizes[min(number, len(sizes) - 1)]
        ink = Ink(
            size=size, bold=number < 2, colour=colour if number < 2 else BLACK, family="latin" if latin else "naskh"
        )
        style = Style(ink, leading=size * spread, align="center", base="ltr" if latin else "rtl")
        prepared = _fitted(text, style, width)
        found.append(_Set(prepared.lines(width), prepared.style.leading))
    return tuple(found)


def _fitted(text: str, style: Style, width: float) -> Prepared:
    """Return a line, a little smaller where that keeps it whole; a longer one is broken at its own size."""
    prepared = prepare(text, style)
    share = width / prepared.natural if prepared.natural > width else 1.0
    if not _SMALLEST <= share < 1:
        return prepared
    size = style.ink.size * share * 0.995
    return prepare(text, replace(style.with_ink(size=size), leading=style.leading * share))
