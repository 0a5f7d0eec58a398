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
_PIECE_LINES: Final = 6
_TALLEST_HEAD: Final = 0.4
_RULE: Final = 0.5
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
    room: float,
    look: Look | None = None,
    base: Base = "rtl",
    before: float = 0.0,
) -> list[Strip]:
    """Return one strip a row, the head repeated where a page begins; a row taller than a page comes in pieces.

    `width` and `room` (the text area of a page) in points; short rows are filled with empty cells; the first column
    stands at the start side of `base`. A head that would take much of each page is not repeated.
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
    head_strips = ruled.row(head, _padded(header, count), room, head=True) if head else []
    tall = sum(strip.height for strip in head_strips)
    repeated = tuple(head_strips) if tall <= room * _TALLEST_HEAD else ()
    left = room - tall if repeated else room
    strips = [replace(strip, glued=True) for strip in head_strips]
    for cells, texts in zip(body, rows, strict=True):
        strips += [replace(strip, head=repeated) for strip in ruled.row(cells, _padded(texts, count), left)]
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

    def row(self, cells: Sequence[Prepared], texts: Sequence[str], room: float, *, head: bool = False) -> list[Strip]:
        """Return the strip of one row; of one that is taller than `room` pieces that a page may part."""
        row = Element("TR", parent=self.element)
        set_cells = [
            _Cell(cell.lines(width - 2 * _PAD_X), width, _cell(text, row, head=head))
            for cell, width, text in zip(cells, self.widths, texts, strict=True)
        ]
        longest = max(len(cell.lines) for cell in set_cells)
        height = longest * self.look.leading + _PAD_TOP + self.look.foot
        if height <= room:
            return [Strip(height, _Drawing(tuple(set_cells), height, self.look, self.base, head))]
        return self._pieces(set_cells, longest, head=head)

    def _pieces(self, cells: Sequence[_Cell], longest: int, *, head: bool) -> list[Strip]:
        strips = []
        for start in range(0, longest, _PIECE_LINES):
            end = min(start + _PIECE_LINES, longest)
            first, last = start == 0, end == longest
            height = (end - start) * self.look.leading + _PAD_TOP * first + self.look.foot * last
            piece = tuple(replace(cell, lines=cell.lines[start:end]) for cell in cells)
            drawing = _Drawing(piece, height, self.look, self.base, head, first=first, last=last)
            strips.append(Strip(height, drawing, seam=drawing.seam))
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
    first: bool = True
    last: bool = True

    def __call__(self, sheet: Sheet, x: float, top: float) -> None:
        """Draw the row with its left edge at `x` and its top at `top`."""
        edges = self._edges(x)
        self._rules(sheet, edges, top)
        whole = self.first and self.last
        inner = self.height - _PAD_TOP * self.first - self.look.foot * self.last
        for cell, left in zip(self.cells, edges, strict=True):
            spare = inner - len(cell.lines) * self.look.leading if whole else 0.0
            with sheet.marked(cell.element):
                sheet.block(
                    cell.lines, self.look.leading, left + _PAD_X, top - _PAD_TOP * self.first - max(0.0, spare) / 2
                )

    def seam(self, sheet: Sheet, x: float, y: float) -> None:
        """Draw the line that closes a piece of a row at the foot of a page and opens it on the next."""
        width = sum(cell.width for cell in self.cells)
        sheet.rule(x, y, x + width, y, width=_RULE, colour=self.look.border)

    def _rules(self, sheet: Sheet, edges: Sequence[float], top: float) -> None:
        """Draw the ruling of the row, or of its piece: sides always, top and foot where the row begins and ends."""
        sheet.setLineWidth(_RULE)
        sheet.setStrokeColorRGB(*self.look.border)
        if self.tinted:
            sheet.setFillColorRGB(*self.look.tint)
        whole = self.first and self.last
        for cell, left in zip(self.cells, edges, strict=True):
            if whole or self.tinted:
                sheet.rect(left, top - self.height, cell.width, self.height, stroke=int(whole), fill=int(self.tinted))
            if not whole:
                for x in (left, left + cell.width):
                    sheet.line(x, top, x, top - self.height)
        left = min(edges)
        if not whole and self.first:
            self.seam(sheet, left, top)
        if not whole and self.last:
            self.seam(sheet, left, top - self.height)

    def _edges(self, x: float) -> list[float]:
        """Return the left edge of each cell, the first cell at the start side."""
        widths = [cell.width for cell in self.cells]
        if self.base == "rtl":
            return [x + sum(widths[place + 1 :]) for place in range(len(widths))]
        return [x + sum(widths[:place]) for place in range(len(widths))]
