"""Breaks paragraphs into lines by total fit and aligns them, right to left or left to right."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from edms.letters.rendition import shaping
from edms.letters.rendition.bidi import Base, base_of, visual_order
from edms.letters.rendition.directions import clean, protect
from edms.letters.rendition.shaping import Ink, Run, Word
from edms.letters.rendition.values import Align

_INFINITE: Final = 1e18
_OVERFULL: Final = 1e9
_LINE_COST: Final = 1.0
_WIDEST_GAP_EM: Final = 1.6
_FINAL_FORM_EM: Final = 0.9  # a letter cut from the next may take a wider, final form


@dataclass(frozen=True, slots=True)
class Style:
    """How a paragraph is set; lengths in points; `base` None: by its letters; `default_base` where it has none."""

    ink: Ink = field(default_factory=Ink)
    leading: float = 20.0
    align: Align = "justify"
    base: Base | None = None
    default_base: Base = "rtl"
    first: float = 0.0
    indent: float = 0.0

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
class _Box:
    """An unbreakable word and the space that follows it."""

    runs: Word
    width: float
    gap: Word
    gap_width: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """A paragraph shaped and measured, ready to be broken at any width."""

    style: Style
    base: Base
    pieces: tuple[tuple[_Box, ...], ...]

    @property
    def natural(self) -> float:
        """Width in points of the longest line when nothing is broken."""
        return max((_natural(piece) for piece in self.pieces), default=0.0) + self.style.indent

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
            boxes = _fit(piece, room - first)
            cuts = _breaks(boxes, room, first)
            for start, end in cuts:
                lead = first if start == 0 else 0.0
                found.append(_align(boxes[start:end], room - lead, lead, self, last=end == len(boxes)))
        return tuple(found) or (Line((), 0.0, 0.0),)


def prepare(text: str | Sequence[tuple[str, Ink]], style: Style) -> Prepared:
    """Clean, guard, order and shape a paragraph given as text or as spans of text with their ink."""
    spans = [(text, style.ink)] if isinstance(text, str) else list(text)
    cleaned = [(clean(part), ink) for part, ink in spans]
    base = style.base or base_of("".join(part for part, _ in cleaned), style.default_base)
    pieces = []
    for line in _split_lines(cleaned):
        guarded = [(protect(part, base), ink) for part, ink in line]
        pieces.append(_boxes(shaping.words(guarded, base)))
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


def _boxes(words: Sequence[Word]) -> tuple[_Box, ...]:
    """Pair each word with the space after it; spaces at the edges are dropped."""
    boxes: list[_Box] = []
    for word in words:
        width = sum(run.width for run in word)
        if not word[0].space:
            boxes.append(_Box(word, width, (), 0.0))
        elif boxes:
            gap = word if word[0].text != "\u200b" else ()
            boxes[-1] = replace(boxes[-1], gap=gap, gap_width=width if gap else 0.0)
    return tuple(boxes)


def _natural(boxes: Sequence[_Box]) -> float:
    if not boxes:
        return 0.0
    return sum(box.width + box.gap_width for box in boxes) - boxes[-1].gap_width


def _fit(boxes: Sequence[_Box], width: float) -> tuple[_Box, ...]:
    """Break by force the words that are wider than the line."""
    if all(box.width <= width for box in boxes):
        return tuple(boxes)
    fitted: list[_Box] = []
    for box in boxes:
        if box.width <= width:
            fitted.append(box)
            continue
        reserve = box.runs[0].ink.size * _FINAL_FORM_EM
        parts = _force(box.runs, max(width - reserve, width / 2))
        fitted += [_Box(part, sum(run.width for run in part), (), 0.0) for part in parts[:-1]]
        fitted.append(replace(box, runs=parts[-1], width=sum(run.width for run in parts[-1])))
    return tuple(fitted)


def _force(word: Word, width: float) -> list[Word]:
    """Cut a word between clusters into parts that fit (a part that is one too wide cluster stays so)."""
    parts: list[list[Run]] = [[]]
    used = 0.0
    for run in word:
        held, advance = "", 0.0
        glyphs = run.shaped.glyphs if run.level % 2 == 0 else run.shaped.glyphs[::-1]
        for text, step in _clusters(glyphs, run.ink.size):
            if used + advance + step > width and (held or parts[-1]):
                if held:
                    parts[-1].append(shaping.run(held, run.face, run.ink, run.level))
                parts.append([])
                used, held, advance = 0.0, "", 0.0
            held += text
            advance += step
        if held:
            parts[-1].append(shaping.run(held, run.face, run.ink, run.level))
            used += advance
    return [tuple(part) for part in parts if part] or [word]


def _clusters(glyphs: Sequence[shaping.Glyph], size: float) -> list[tuple[str, float]]:
    """Return (text, width in points) of each cluster of glyphs given in logical order."""
    found: list[tuple[str, float]] = []
    pending = 0.0
    for glyph in glyphs:
        step = glyph.advance * size / 1000
        if glyph.text:
            found.append((glyph.text, step + pending))
            pending = 0.0
        elif found:
            found[-1] = (found[-1][0], found[-1][1] + step)
        else:
            pending += step
    return found


def _breaks(boxes: Sequence[_Box], width: float, first: float) -> list[tuple[int, int]]:
    """Choose line ends that share the slack evenly (dynamic programming over words, after Knuth and Plass)."""
    count = len(boxes)
    if not count:
        return [(0, 0)]
    best, came = [_INFINITE] * (count + 1), [0] * (count + 1)
    best[0] = 0.0
    for start in range(count):
        room = width - (first if start == 0 else 0.0)
        used = 0.0
        for end in range(start, count):
            used += boxes[end].width + (boxes[end - 1].gap_width if end > start else 0.0)
            over = used > room + 0.01
            if over and end > start:
                break
            cost = best[start] + _cost(room - used, end - start, last=end == count - 1, over=over)
            if cost < best[end + 1]:
                best[end + 1], came[end + 1] = cost, start
    cuts, end = [], count
    while end:
        cuts.append((came[end], end))
        end = came[end]
    return cuts[::-1]


def _cost(slack: float, gaps: int, *, last: bool, over: bool) -> float:
    if over:
        return _OVERFULL
    return _LINE_COST if last else (slack / max(1, gaps)) ** 2 + _LINE_COST


def _align(boxes: Sequence[_Box], room: float, lead: float, paragraph: Prepared, *, last: bool) -> Line:
    """Place one line: stretch, order (L2), offset from the left edge of the paragraph."""
    style = paragraph.style
    logical: list[Run] = []
    gaps = 0
    for number, box in enumerate(boxes):
        logical += box.runs
        if number < len(boxes) - 1 and box.gap:
            logical += box.gap
            gaps += 1
    natural = _natural(boxes)
    slack = room - natural
    stretch = 0.0
    if style.align == "justify" and gaps and not last and 0 < slack / gaps <= _WIDEST_GAP_EM * style.ink.size:
        stretch = slack / gaps
    free = slack - stretch * gaps
    rtl = paragraph.base == "rtl"
    if style.align == "center":
        x = free / 2
    elif (style.align == "end") == rtl:
        x = 0.0
    else:
        x = free
    if not rtl:
        x += style.indent + lead
    ordered = tuple(logical[index] for index in visual_order([run.level for run in logical]))
    return Line(ordered, x, stretch)
