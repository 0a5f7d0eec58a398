"""Breaks words into lines by total fit, and cuts the words that are wider than a line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from edms.letters.rendition import shaping
from edms.letters.rendition.shaping import Run, Word

_INFINITE: Final = 1e18
_OVERFULL: Final = 1e9
_TOLERANCE: Final = 0.01
_LINE_COST: Final = 1.0
_FINAL_FORM_EM: Final = 0.9  # a letter cut from the next may take a wider, final form
_PARTS_AFTER: Final = tuple("/?&=;,._-:@\\\u2010\u2013")
_LATEST_PART: Final = 0.55


@dataclass(frozen=True, slots=True)
class Box:
    """An unbreakable word and the space that follows it."""

    runs: Word
    width: float
    gap: Word
    gap_width: float


class _Piece(NamedTuple):
    """What is never cut: a cluster of glyphs, the text it stands for, its width in points, its run."""

    text: str
    width: float
    run: Run


def boxes_of(words: Sequence[Word]) -> tuple[Box, ...]:
    """Pair each word with the space after it; spaces at the edges are dropped."""
    boxes: list[Box] = []
    held: Word = ()
    width = 0.0
    for word in words:
        if not word[0].space:
            if held:
                boxes.append(Box(held, width, (), 0.0))
            held, width = word, sum([run.width for run in word])
        elif held:
            gap = word if word[0].text != "\u200b" else ()
            boxes.append(Box(held, width, gap, sum([run.width for run in gap])))
            held = ()
    if held:
        boxes.append(Box(held, width, (), 0.0))
    return tuple(boxes)


def natural_width(boxes: Sequence[Box]) -> float:
    """Return the width in points of the words on one line, without the space after the last."""
    if not boxes:
        return 0.0
    return sum(box.width + box.gap_width for box in boxes) - boxes[-1].gap_width


def fit(boxes: Sequence[Box], width: float) -> tuple[Box, ...]:
    """Cut the words that are wider than the line: a URL after one of its signs, any other word where it is full."""
    if all(box.width <= width for box in boxes):
        return tuple(boxes)
    fitted: list[Box] = []
    for box in boxes:
        if box.width <= width:
            fitted.append(box)
            continue
        reserve = box.runs[0].ink.size * _FINAL_FORM_EM
        *parts, last = [_joined(part) for part in _cut(box.runs, max(width - reserve, width / 2))]
        fitted += [Box(part, sum(run.width for run in part), (), 0.0) for part in parts]
        fitted.append(replace(box, runs=last, width=sum(run.width for run in last)))
    return tuple(fitted)


def _cut(word: Word, width: float) -> list[list[_Piece]]:
    """Part the pieces of a word into lines no wider than `width` (one too wide piece stays so)."""
    parts: list[list[_Piece]] = []
    line: list[_Piece] = []
    used = 0.0
    for piece in _pieces(word):
        if line and used + piece.width > width:
            end = _after_sign(line)
            parts.append(line[:end])
            line = line[end:]
            used = sum(held.width for held in line)
        line.append(piece)
        used += piece.width
    return [*parts, line]


def _after_sign(line: Sequence[_Piece]) -> int:
    """Return the number of pieces up to the last sign after which an address may be parted, in the last part of it."""
    for place in range(len(line) - 1, int(len(line) * _LATEST_PART), -1):
        if line[place].text[-1:] in _PARTS_AFTER and line[place - 1].text[-1:] not in _PARTS_AFTER:
            return place + 1
    return len(line)


def _joined(pieces: Sequence[_Piece]) -> Word:
    """Shape the pieces of one line again, those of one run together."""
    return tuple(
        shaping.run("".join(piece.text for piece in group), run.face, run.ink, run.level)
        for run, group in ((held[0].run, held) for held in _by_run(pieces))
    )


def _by_run(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    groups: list[list[_Piece]] = []
    for piece in pieces:
        if groups and groups[-1][0].run is piece.run:
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _pieces(word: Word) -> list[_Piece]:
    """Return the clusters of a word in reading order; a run without glyphs is one piece without width."""
    found: list[_Piece] = []
    for run in word:
        glyphs = run.shaped.glyphs if run.level % 2 == 0 else run.shaped.glyphs[::-1]
        if not glyphs:
            found.append(_Piece(run.text, 0.0, run))
        pending = 0.0
        for glyph in glyphs:
            pending += glyph.advance * run.ink.size / 1000
            if glyph.text:
                found.append(_Piece(glyph.text, pending, run))
                pending = 0.0
        if pending and found:
            found[-1] = found[-1]._replace(width=found[-1].width + pending)
    return found


def line_ends(boxes: Sequence[Box], width: float, first: float) -> list[tuple[int, int]]:
    """Choose line ends that share the slack evenly (dynamic programming over words, after Knuth and Plass)."""
    count = len(boxes)
    if not count:
        return [(0, 0)]
    best, came = [_INFINITE] * (count + 1), [0] * (count + 1)
    best[0] = 0.0
    widths = [box.width for box in boxes]
    steps = [box.width + box.gap_width for box in boxes]
    for start in range(count):
        room = width - (first if start == 0 else 0.0)
        used, so_far = 0.0, best[start]
        for end in range(start, count):
            slack = room - used - widths[end]
            if slack < -_TOLERANCE and end > start:
                break
            cost = so_far + _cost(slack, end - start, last=end == count - 1)
            if cost < best[end + 1]:
                best[end + 1], came[end + 1] = cost, start
            used += steps[end]
    cuts, end = [], count
    while end:
        cuts.append((came[end], end))
        end = came[end]
    return cuts[::-1]


def _cost(slack: float, gaps: int, *, last: bool) -> float:
    if slack < -_TOLERANCE:
        return _OVERFULL
    return _LINE_COST if last else (slack / max(1, gaps)) ** 2 + _LINE_COST
