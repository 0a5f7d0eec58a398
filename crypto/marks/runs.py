"""Finds the runs of joined letters in the text of a PDF page, and writes the page again with each run moved a little.

Only positions change: the codes, fonts, marked content and so the extracted text and the structure stay as they were
(ISO 32000-2 §9.3.7 text rise, §9.4.3 adjustments in TJ). Text inside form XObjects and invisible text is left alone.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pikepdf
from numpy.typing import NDArray

from crypto.marks.joining import joins
from crypto.marks.shift_code import STEP_MM, Steps
from crypto.marks.to_unicode import FontCodes

_WORD_GAP: Final = 180.0  # a movement of so many thousandths of an em parts words
_INVISIBLE: Final = 3
_POINTS: Final = 72 / 25.4
_LEAST_CHANGE: Final = 0.004
_LEAST_SIZE: Final = 1.5  # points on the page; what is smaller is no text that anybody reads
_SHOWS: Final = frozenset({"Tj", "TJ", "'", '"'})
_MOVES: Final = frozenset({"Td", "TD", "Tm", "T*", "BT"})
_STATE: Final = frozenset({"q", "Q", "cm", "Tf", "Tz", "Ts", "Tr", "ET", "Tc", "Tw", "TL", "gs", *_MOVES})
_KEPT_BARE: Final = _STATE | {"BDC", "BMC", "EMC", "W", "W*", "n", "re"}
_IDENTITY: Final = (1.0, 0.0, 0.0, 1.0)

Linear = tuple[float, float, float, float]
Shifts = NDArray[np.float64]


@dataclass(slots=True)
class _Glyph:
    """One code of a string; ``run`` is the number of its run on the page, -1 for spaces and what is never moved."""

    code: str
    text: str
    run: int = -1


@dataclass(slots=True)
class _Show:
    """A text-showing operator: glyphs and movements, and what turns a shift on the page into one of the text.

    ``inverse`` is the linear map from page to text space, ``unit`` the points of text space that a TJ number of -1000
    moves right, ``rise`` the text rise that the page itself asks for.
    """

    parts: list[_Glyph | float]
    inverse: Linear
    unit: float
    rise: float


@dataclass(slots=True)
class _State:
    ctm: Linear = _IDENTITY
    font: FontCodes | None = None
    size: float = 0.0
    stretch: float = 1.0
    rise: float = 0.0
    mode: int = 0


class _Moved:
    """A mark between instructions: the text position was set anew here."""


class _Ended:
    """A mark between instructions: a text object ends here."""


_Item = bytes | _Show | _Moved | _Ended


@dataclass(frozen=True, slots=True)
class PageRuns:
    """A page's content in pieces; ``count`` runs are numbered in the order in which the page draws them."""

    count: int
    items: Sequence[_Item] = field(repr=False)

    def hide(self, document: pikepdf.Pdf, page: pikepdf.Page, steps: Steps) -> None:
        """Give a page the content with moved runs; ``steps`` is count x 2 (right, up)."""
        page.Contents = document.make_stream(self.moved(steps.astype(np.float64) * (STEP_MM * _POINTS)))

    def moved(self, shifts: Shifts) -> bytes:
        """Return the page's content with each run moved; ``shifts`` is count x 2, points to the right and upwards."""
        return b"\n".join(_written(self.items, shifts.tolist()))


NOTHING: Final = PageRuns(0, ())
"""A page of which nothing is moved."""


def page_runs(page: pikepdf.Page) -> PageRuns:
    """Read a page's runs; one whose content breaks the grammar has none."""
    return _read(page, bare=False)


def labelled(page: pikepdf.Page) -> tuple[int, bytes]:
    """Return the number of runs and a content that draws nothing but them, each in the colour of its number + 1.

    The colour is the number in base 256 as red, green, blue; the text is set as on the page.
    """
    runs = _read(page, bare=True)
    return runs.count, b"\n".join(_coloured(runs.items))


def _read(page: pikepdf.Page, *, bare: bool) -> PageRuns:
    try:
        return _Reader(page, bare=bare).read(pikepdf.parse_content_stream(page))
    except (pikepdf.PdfError, ValueError, TypeError, IndexError, AttributeError):
        return NOTHING


class _Reader:
    def __init__(self, page: pikepdf.Page, *, bare: bool) -> None:
        self._bare = bare
        self._fonts = _fonts_of(page)
        self._state = _State()
        self._saved: list[_State] = []
        self._text: Linear = _IDENTITY
        self._items: list[_Item] = []
        self._raw: list[Any] = []
        self._chain: list[_Glyph | None] = []
        self._count = 0

    def read(self, instructions: Sequence[Any]) -> PageRuns:
        for instruction in instructions:
            name = str(instruction.operator)
            if name in _SHOWS:
                self._show(name, instruction.operands)
                continue
            if self._bare and name not in _KEPT_BARE:
                continue
            if name in _STATE:
                self._follow(name, instruction.operands)
            self._raw.append(instruction)
            if name in _MOVES:
                self._place(_Moved())
        self._end_chain()
        self._flush()
        return PageRuns(self._count, tuple(self._items))

    def _follow(self, name: str, operands: Sequence[Any]) -> None:
        if name == "q":
            self._saved.append(replace(self._state))
        elif name == "Q" and self._saved:
            self._state = self._saved.pop()
        elif name in {"BT", "Tm"}:
            self._text = _linear(operands) if operands else _IDENTITY
        elif name == "ET":
            self._place(_Ended())
        else:
            self._set(name, operands)
        if name in {"BT", "Tm", "Tf", "T*", "TD"} or (name == "Td" and float(operands[1])):
            self._end_chain()

    def _set(self, name: str, operands: Sequence[Any]) -> None:
        state = self._state
        if name == "cm":
            state.ctm = _product(_linear(operands), state.ctm)
        elif name == "Tf":
            state.font, state.size = self._fonts(str(operands[0])), float(operands[1])
        elif name == "Tz":
            state.stretch = float(operands[0]) / 100
        elif name == "Ts":
            state.rise = float(operands[0])
        elif name == "Tr":
            state.mode = int(operands[0])

    def _show(self, name: str, operands: Sequence[Any]) -> None:
        if name == '"':
            self._literal(f"{float(operands[0]):g} Tw {float(operands[1]):g} Tc".encode())
        if name in {"'", '"'}:
            self._literal(b"T*")
            self._place(_Moved())
            self._end_chain()
        state = self._state
        inverse = _inverse(_product(self._text, state.ctm))
        unit = state.size * state.stretch / 1000
        small = state.size * _scale(_product(self._text, state.ctm)) < _LEAST_SIZE
        if state.font is None or inverse is None or state.mode == _INVISIBLE or unit == 0 or small:
            if not self._bare:
                shown = operands[-1]
                array = shown if name == "TJ" else pikepdf.Array([shown])
                self._raw.append(([array], pikepdf.Operator("TJ")))
            return
        parts = self._parts(state.font, operands[-1] if name == "TJ" else [operands[-1]])
        self._place(_Show(parts, inverse, unit, state.rise))

    def _parts(self, font: FontCodes, elements: Sequence[Any]) -> list[_Glyph | float]:
        parts: list[_Glyph | float] = []
        for element in elements:
            if isinstance(element, pikepdf.String):
                glyphs = [_Glyph(code.hex(), text) for code, text in font.codes(bytes(element))]
                parts += glyphs
                self._chain += glyphs
            else:
                parts.append(float(element))
                if abs(float(element)) > _WORD_GAP:
                    self._chain.append(None)
        return parts

    def _end_chain(self) -> None:
        """Number the runs of the glyphs that stand on one line, from its right end, as Arabic is read."""
        begun, earlier = False, ""
        for glyph in reversed(self._chain):
            if glyph is None or (glyph.text and not glyph.text.strip()):
                begun = False
                continue
            if not begun or not joins(earlier, glyph.text):
                self._count += 1
                begun, earlier = True, ""
            glyph.run = self._count - 1
            earlier = glyph.text if _has_letter(glyph.text) else earlier
        self._chain.clear()

    def _literal(self, content: bytes) -> None:
        self._flush()
        self._items.append(content)

    def _place(self, item: _Item) -> None:
        self._flush()
        self._items.append(item)

    def _flush(self) -> None:
        if self._raw:
            self._items.append(pikepdf.unparse_content_stream(self._raw))
            self._raw = []


def _written(items: Sequence[_Item], shifts: Sequence[Sequence[float]]) -> Iterator[bytes]:
    """Yield the content with moved runs."""
    pen = _Pen(shifts)
    for item in items:
        if isinstance(item, bytes):
            yield item
        elif isinstance(item, _Moved):
            pen.along = 0.0
        elif isinstance(item, _Ended):
            yield pen.level().encode()
        else:
            yield pen.show(item).encode()


class _Pen:
    """Shows runs with an adjustment where the shift along the line changes, and a rise where the other one does."""

    def __init__(self, shifts: Sequence[Sequence[float]]) -> None:
        self._shifts = shifts
        self.along = self._rise = self._own_rise = 0.0

    def level(self) -> str:
        """Return the operator that gives the page its own rise back, if it is another."""
        if self._rise == self._own_rise:
            return ""
        self._rise = self._own_rise
        return f"{_number(self._rise)} Ts"

    def show(self, item: _Show) -> str:
        out: list[str] = []
        array = _Array()
        self._own_rise = item.rise
        a, b, c, d = item.inverse
        for part in item.parts:
            if isinstance(part, float):
                array.move(part)
                continue
            if part.run >= 0:
                x, y = self._shifts[part.run]
                along, rise = x * a + y * c, item.rise + x * b + y * d
                if abs(rise - self._rise) > _LEAST_CHANGE:
                    out += [*array.taken(), f"{_number(rise)} Ts"]
                    self._rise = rise
                if abs(along - self.along) > _LEAST_CHANGE:
                    array.move((self.along - along) / item.unit)
                    self.along = along
            array.show(part.code)
        return " ".join([*out, *array.taken()])


def _coloured(items: Sequence[_Item]) -> Iterator[bytes]:
    for item in items:
        if isinstance(item, bytes):
            yield item
        elif isinstance(item, _Show):
            out, array, run = [f"{_number(item.rise)} Ts"], _Array(), -1
            for part in item.parts:
                if isinstance(part, float):
                    array.move(part)
                    continue
                if part.run not in {run, -1}:
                    out += array.taken()
                    run = part.run
                    red, green, blue = ((run + 1 >> shift & 255) / 255 for shift in (16, 8, 0))
                    out.append(f"{red:.5f} {green:.5f} {blue:.5f} rg")
                array.show(part.code)
            yield " ".join([*out, *array.taken()]).encode()


class _Array:
    """Collects a TJ array."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._codes: list[str] = []
        self._move = 0.0

    def move(self, amount: float) -> None:
        self._move += amount

    def show(self, code: str) -> None:
        if abs(self._move) >= 0.5:
            self._close()
            self._parts.append(f"{self._move:.0f}")
            self._move -= round(self._move)
        self._codes.append(code)

    def taken(self) -> list[str]:
        """Return the operator that shows what was collected, if anything was, and begin anew."""
        self._close()
        if abs(self._move) >= 0.5:
            self._parts.append(f"{self._move:.0f}")
            self._move -= round(self._move)
        parts, self._parts = self._parts, []
        return [f"[{''.join(parts)}]TJ"] if parts else []

    def _close(self) -> None:
        if self._codes:
            self._parts.append(f"<{''.join(self._codes)}>")
            self._codes = []


def _fonts_of(page: pikepdf.Page) -> Callable[[str], FontCodes | None]:
    resources = page.obj.get("/Resources", pikepdf.Dictionary())
    fonts = resources.get("/Font", pikepdf.Dictionary())
    known: dict[str, FontCodes | None] = {}

    def font(name: str) -> FontCodes | None:
        if name not in known:
            found = fonts.get(name)
            known[name] = FontCodes(found) if found is not None and found.get("/Subtype") != "/Type3" else None
        return known[name]

    return font


def _has_letter(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _linear(operands: Sequence[Any]) -> Linear:
    a, b, c, d = (float(value) for value in operands[:4])
    return a, b, c, d


def _product(first: Linear, second: Linear) -> Linear:
    a, b, c, d = first
    e, f, g, h = second
    return a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h


def _inverse(matrix: Linear) -> Linear | None:
    a, b, c, d = matrix
    determinant = a * d - b * c
    if abs(determinant) < 1e-9:
        return None
    return d / determinant, -b / determinant, -c / determinant, a / determinant


def _scale(matrix: Linear) -> float:
    a, b, c, d = matrix
    return math.sqrt(abs(a * d - b * c))


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".").replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"
