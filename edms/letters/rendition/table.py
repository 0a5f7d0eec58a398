"""Sets simple tables: columns from the right in Arabic, heads repeated on each page, long cells carried over."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from edms.letters.rendition.bidi import Base, base_of
from edms.letters.rendition.flow import Strip
from edms.letters.rendition.paragraph import Line, Prepared, Style, prepare
from edms.letters.rendition.shaping import Colour, Ink
from edms.letters.rendition.sheet import Sheet
from edms.letters.rendition.tagging import COLUMN_HEAD, Element
from edms.letters.rendition.values import Align

_PAD_X: Final = 4.0
_PAD_TOP: Final = 1.0
_PIECE_LINES: Final = 24
_NARROWEST: Final = 22.0
_MANY_COLUMNS: Final = 6


@dataclass(frozen=True, slots=True)
class Look:
    """Ink, leading and colours of a table; lengths in points."""

    ink: Ink = field(default_factory=lambda: Ink(size=12.0))
    leading: float = 16.5
    foot: float = 3.0
    border: Colour = (0.35, 0.4, 0.4)
    tint: Colour = (0.90, 0.94, 0.93)


@dataclass(frozen=True, slots=True)
class _Cell:
    lines: tuple[Line, ...]
    width: float
    element: Element


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: float,
    *,
    look: Look | None = None,
    base: Base = "rtl",
    before: float = 0.0,
) -> list[Strip]:
    """Return one strip a row (more for a row of very long cells), the head repeated where a page begins.

    `width` in points; short rows are filled with empty cells; the first column stands at the start side of `base`.
    """
    count = max([len(header), *(len(row) for row in rows)], default=0)
    if not count:
        return []
    chosen = _fitted(look or Look(), count)
    head = [_prepare(text, chosen, base, head=True) for text in _padded(header, count)] if any(header) else []
    body = [[_prepare(text, chosen, base) for text in _padded(row, count)] for row in rows]
    columns = [list(column) for column in zip(*([head] if head else []), *body, strict=True)]
    if not columns:
        return []
    ruled = _Ruling(tuple(_widths(columns, width)), chosen, base, Element("Table"))
    head_strips = tuple(ruled.row(head, _padded(header, count), head=True)) if head else ()
    strips: list[Strip] = [replace(strip, glued=True) for strip in head_strips]
    for cells, texts in zip(body, rows, strict=True):
        strips += [replace(strip, head=head_strips) for strip in ruled.row(cells, _padded(texts, count))]
    strips[0] = replace(strips[0], before=before)
    return strips


def _fitted(look: Look, count: int) -> Look:
    """Return a smaller look for a table of many columns."""
    if count <= _MANY_COLUMNS:
        return look
    factor = max(0.6, _MANY_COLUMNS / count + 0.25) if count < _MANY_COLUMNS * 2 else 0.6
    factor = min(1.0, factor)
    return replace(look, ink=replace(look.ink, size=look.ink.size * factor), leading=look.leading * factor)


def _padded(row: Sequence[str], count: int) -> list[str]:
    return [*row, *[""] * (count - len(row))]


def _prepare(text: str, look: Look, base: Base, *, head: bool = False) -> Prepared:
    """Shape a cell: heads and cells without letters are centred, text begins at its start side."""
    centred = head or not any(char.isalpha() for char in text)
    ink = replace(look.ink, bold=True) if head else look.ink
    own = base_of(text, base)
    align: Align = "center" if centred else "start" if own == base else "end"
    return prepare(text, Style(ink=ink, leading=look.leading, align=align, base=own, default_base=base))


def _widths(columns: Sequence[Sequence[Prepared]], width: float) -> list[float]:
    """Share the width: every column its natural width if that fits, else its longest word and a part of the rest."""
    pad = 2 * _PAD_X + 1
    limit = width * 0.45
    least = [min(max(cell.longest for cell in column), limit) + pad for column in columns]
    natural = [min(max(cell.natural for cell in column), width * 2) + pad for column in columns]
    least = [max(_NARROWEST, value) for value in least]
    natural = [max(low, value) for low, value in zip(least, natural, strict=True)]
    if sum(natural) <= width:
        weights = [value**1.5 for value in natural]
        spare = width - sum(natural)
        return [value + spare * weight / sum(weights) for value, weight in zip(natural, weights, strict=True)]
    if sum(least) >= width:
        return [value * width / sum(least) for value in least]
    wish = [(high - low) ** 0.75 for low, high in zip(least, natural, strict=True)]
    spare = width - sum(least)
    return [low + spare * part / sum(wish) for low, part in zip(least, wish, strict=True)]


@dataclass(frozen=True, slots=True)
class _Ruling:
    """What the rows of one table share."""

    widths: tuple[float, ...]
    look: Look
    base: Base
    element: Element

    def row(self, cells: Sequence[Prepared], texts: Sequence[str], *, head: bool = False) -> list[Strip]:
        """Return the strips of one row: one, or several where a cell is longer than a piece."""
        row = Element("TR", parent=self.element)
        set_cells = [
            _Cell(cell.lines(width - 2 * _PAD_X), width, _cell(text, row, head=head))
            for cell, width, text in zip(cells, self.widths, texts, strict=True)
        ]
        longest = max(len(cell.lines) for cell in set_cells)
        strips = []
        for start in range(0, longest, _PIECE_LINES):
            piece = tuple(replace(cell, lines=cell.lines[start : start + _PIECE_LINES]) for cell in set_cells)
            tallest = max(len(cell.lines) for cell in piece)
            height = tallest * self.look.leading + _PAD_TOP + self.look.foot
            strips.append(Strip(height, _Drawing(piece, height, self.look, self.base, head)))
        return strips


def _cell(text: str, row: Element, *, head: bool) -> Element:
    return Element("TH", text, row, attributes=COLUMN_HEAD) if head else Element("TD", text, row)


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Draws one row piece: its ruling, then the cells in logical order, text in the middle of each."""

    cells: tuple[_Cell, ...]
    height: float
    look: Look
    base: Base
    tinted: bool

    def __call__(self, sheet: Sheet, x: float, top: float) -> None:
        """Draw the row with its left edge at `x` and its top at `top`."""
        edges = self._edges(x)
        sheet.setLineWidth(0.5)
        sheet.setStrokeColorRGB(*self.look.border)
        if self.tinted:
            sheet.setFillColorRGB(*self.look.tint)
        for cell, left in zip(self.cells, edges, strict=True):
            sheet.rect(left, top - self.height, cell.width, self.height, stroke=1, fill=int(self.tinted))
        for cell, left in zip(self.cells, edges, strict=True):
            spare = self.height - _PAD_TOP - self.look.foot - len(cell.lines) * self.look.leading
            with sheet.marked(cell.element):
                sheet.block(cell.lines, self.look.leading, left + _PAD_X, top - _PAD_TOP - spare / 2)

    def _edges(self, x: float) -> list[float]:
        """Return the left edge of each cell, the first cell at the start side."""
        widths = [cell.width for cell in self.cells]
        if self.base == "rtl":
            return [x + sum(widths[place + 1 :]) for place in range(len(widths))]
        return [x + sum(widths[:place]) for place in range(len(widths))]
