"""Breaks paragraphs into lines by total fit and aligns them, right to left or left to right."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from edms.letters.rendition import shaping
from edms.letters.rendition.bidi import Base, base_of, visual_order
from edms.letters.rendition.breaking import Box, boxes_of, fit, line_ends, natural_width
from edms.letters.rendition.directions import clean, protect
from edms.letters.rendition.kashida import Joint, best_joint
from edms.letters.rendition.shaping import Ink, Run
from edms.letters.rendition.values import Align

_WIDEST_GAP_EM: Final = 1.6
_EASY_GAP_EM: Final = 0.22  # what is added to a space before words are stretched
_MOST_TATWEELS: Final = 3
_REMEMBERED: Final = 3_000  # letters of a paragraph that is kept shaped


@dataclass(frozen=True, slots=True)
class Style:
    """How a paragraph is set; lengths in points; `base` None: by its letters; `default_base` where it has none;
    `kashida`: Arabic words of a justified line are stretched where its spaces would become wide.
    """

    ink: Ink = field(default_factory=Ink)
    leading: float = 20.0
    align: Align = "justify"
    base: Base | None = None
    default_base: Base = "rtl"
    first: float = 0.0
    indent: float = 0.0
    kashida: bool = False

    def with_ink(self, **changes: object) -> "Style":
        """Return the style with some properties of its ink changed."""
        return replace(self, ink=replace(self.ink, **changes))  # type: ignore[arg-type]  # names checked by dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One set line: runs from left to right, offset of the first from the left edge, stretch of each space."""

    runs: tuple[Run, ...]
    x: float
    stretch: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """A paragraph shaped and measured, ready to be broken at any width."""

    style: Style
    base: Base
    pieces: tuple[tuple[Box, ...], ...]

    @property
    def natural(self) -> float:
        """Width in points of the longest line when nothing is broken."""
        return max((natural_width(piece) for piece in self.pieces), default=0.0) + self.style.indent

    @property
    def longest(self) -> float:
        """Width in points of the longest word."""
        return max((box.width for piece in self.pieces for box in piece), default=0.0) + self.style.indent

    def lines(self, width: float) -> tuple[Line, ...]:
        """Break and align at `width` points; at least one (empty) line."""
        style, room = self.style, max(width - self.style.indent, 1.0)
        found: list[Line] = []
        for number, piece in enumerate(self.pieces):
            first = style.first if number == 0 and style.first < room / 2 else 0.0
            boxes = fit(piece, room - first)
            cuts = line_ends(boxes, room, first)
            for start, end in cuts:
                lead = first if start == 0 else 0.0
                found.append(_align(boxes[start:end], room - lead, lead, self, last=end == len(boxes)))
        return tuple(found) or (Line((), 0.0, 0.0),)


def prepare(text: str | Sequence[tuple[str, Ink]], style: Style) -> Prepared:
    """Clean, guard, order and shape a paragraph given as text or as spans of text with their ink.

    The last paragraphs are remembered: while somebody types, all but one of them stay as they were.
    """
    if isinstance(text, str):
        return _prepared(text, style) if len(text) <= _REMEMBERED else _shaped([(text, style.ink)], style)
    return _shaped(list(text), style)


@lru_cache(maxsize=256)
def _prepared(text: str, style: Style) -> Prepared:
    return _shaped([(text, style.ink)], style)


def _shaped(spans: Sequence[tuple[str, Ink]], style: Style) -> Prepared:
    cleaned = [(clean(part), ink) for part, ink in spans]
    base = style.base or base_of("".join(part for part, _ in cleaned), style.default_base)
    pieces = []
    for line in _split_lines(cleaned):
        guarded = [(protect(part, base), ink) for part, ink in line]
        pieces.append(boxes_of(shaping.words(guarded, base)))
    return Prepared(style, base, tuple(pieces))


def _split_lines(spans: Iterable[tuple[str, Ink]]) -> list[list[tuple[str, Ink]]]:
    lines: list[list[tuple[str, Ink]]] = [[]]
    for part, ink in spans:
        for number, chunk in enumerate(part.split("\n")):
            if number:
                lines.append([])
            if chunk:
                lines[-1].append((chunk, ink))
    return lines


def _align(boxes: Sequence[Box], room: float, lead: float, paragraph: Prepared, *, last: bool) -> Line:
    """Place one line: stretch, order (L2), offset from the left edge of the paragraph."""
    style = paragraph.style
    justified = style.align == "justify" and not last
    if justified and style.kashida:
        boxes = _stretched(boxes, room - natural_width(boxes), style.ink.size)
    logical: list[Run] = []
    gaps = 0
    for number, box in enumerate(boxes):
        logical += box.runs
        if number < len(boxes) - 1 and box.gap:
            logical += box.gap
            gaps += 1
    slack = room - natural_width(boxes)
    stretch = slack / gaps if justified and gaps and 0 < slack / gaps <= _WIDEST_GAP_EM * style.ink.size else 0.0
    free = slack - stretch * gaps
    rtl = paragraph.base == "rtl"
    x = free / 2 if style.align == "center" else 0.0 if (style.align == "end") == rtl else free
    if not rtl:
        x += style.indent + lead
    ordered = tuple(logical[index] for index in visual_order([run.level for run in logical]))
    return Line(ordered, x, stretch)


def _stretched(boxes: Sequence[Box], slack: float, size: float) -> Sequence[Box]:
    """Return the words of a line, some of them stretched so that the spaces need not become wide.

    Spaces come first; then one joint a word, the best looking words first, never two neighbours before all others.
    """
    needed = slack - (len(boxes) - 1) * _EASY_GAP_EM * size
    if needed <= 0 or len(boxes) < 2 or slack > (len(boxes) - 1) * _WIDEST_GAP_EM * size:
        return boxes
    ranked = sorted(
        (joint.rank, number % 2, number) for number, box in enumerate(boxes) if (joint := _joint(box)) is not None
    )
    found = list(boxes)
    for tatweels in range(1, _MOST_TATWEELS + 1):
        for _, _, number in ranked:
            wider = _widened(boxes[number], tatweels)
            gained = wider.width - found[number].width
            if 0 < gained <= needed:
                found[number] = wider
                needed -= gained
    return found


def _joint(box: Box) -> Joint | None:
    """Return where a word may be stretched: only a word of one run, from right to left, in a face with a kashida."""
    only = box.runs[0]
    if len(box.runs) > 1 or only.level % 2 == 0 or not shaping.has_kashida(only.face):
        return None
    return best_joint(only.text)


def _widened(box: Box, tatweels: int) -> Box:
    joint = _joint(box)
    if joint is None:
        return box
    wider = shaping.stretched(box.runs[0], joint.at, tatweels)
    return replace(box, runs=(wider,), width=wider.width)
