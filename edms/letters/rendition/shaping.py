"""Turns text into positioned glyphs with HarfBuzz: words split by level, typeface and style."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

import uharfbuzz as hb

from edms.letters.rendition import fonts
from edms.letters.rendition.bidi import Base, levels

_FEATURES: Final = {"kern": True, "liga": True}
_REMEMBERED_WORDS: Final = 12_000
_LONGEST_REMEMBERED: Final = 40
_WORDS: Final = re.compile("[^ \u200b]+| +|\u200b+")
_SPACES: Final = " \u200b"
_TATWEEL: Final = "\u0640"
_INHERITS: Final = frozenset({"Mn", "Me", "Cf"})

Colour = tuple[float, float, float]


class Glyph(NamedTuple):
    """One glyph; `text` is what it stands for ("" for the later glyphs of a cluster); lengths in 1/1000 em."""

    gid: int
    text: str
    width: int
    advance: float
    dx: float
    dy: float


class Shaped(NamedTuple):
    """Glyphs from left to right, and their total advance in 1/1000 em."""

    glyphs: tuple[Glyph, ...]
    advance: float


@dataclass(frozen=True, slots=True)
class Ink:
    """How a span of text looks: family, size in points, weight, colour (RGB 0 to 1), underline."""

    size: float = 13.0
    bold: bool = False
    colour: Colour = (0.09, 0.09, 0.1)
    family: fonts.Family = "naskh"
    underline: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Glyphs of one level, typeface and style; `width` in points."""

    face: str
    ink: Ink
    level: int
    text: str
    shaped: Shaped
    width: float
    space: bool = False


Word = tuple[Run, ...]


def words(spans: Sequence[tuple[str, Ink]], base: Base) -> list[Word]:
    """Split one line of spans (no newline) into words and the spaces between them, shaped, in logical order.

    A space is a word whose runs carry `space`; U+200B parts words without width; U+00A0 never parts.
    """
    text = "".join(part for part, _ in spans)
    ends = _changes(text, spans, bytes(levels(text, base)))
    return [_word(found.start(), found.end(), text, ends) for found in _WORDS.finditer(text)]


class _Stretch(NamedTuple):
    """A part of a line in one level, typeface and style, up to the place `end`."""

    end: int
    level: int
    face: str
    ink: Ink


def _changes(text: str, spans: Sequence[tuple[str, Ink]], found_levels: bytes) -> list[_Stretch]:
    """Part a line where its level, typeface or style changes."""
    ends: list[_Stretch] = []
    start = 0
    for part, ink in spans:
        faces = _faces(part, ink)
        stop = start + len(part)
        place = start
        while place < stop:
            level = found_levels[place]
            end = _same(found_levels, place, stop)
            if isinstance(faces, str):
                ends.append(_Stretch(end, level, faces, ink))
            else:
                held = faces[place - start]
                end = next((at for at in range(place + 1, end) if faces[at - start] != held), end)
                ends.append(_Stretch(end, level, held, ink))
            place = end
        start = stop
    return ends


def _same(values: bytes, start: int, stop: int) -> int:
    """Return the end of the equal values from `start` on."""
    return stop - len(values[start:stop].lstrip(values[start : start + 1]))


def _word(start: int, stop: int, text: str, ends: list[_Stretch]) -> Word:
    """Shape a word, or a space, and drop the stretches of the line that it ends."""
    space = text[start] in _SPACES
    runs = []
    while start < stop:
        held = ends[0]
        end = min(stop, held.end)
        runs.append(run(text[start:end], held.face, held.ink, held.level, space=space))
        start = end
        if start >= held.end:
            ends.pop(0)
    return tuple(runs)


def stretched(whole: Run, index: int, tatweels: int) -> Run:
    """Return a run drawn with so many tatweels before the character at `index`; its text stays as it was."""
    shaped = _shape(whole.face, whole.text, whole.level % 2 == 1, (index, tatweels))
    return replace(whole, shaped=shaped, width=shaped.advance * whole.ink.size / 1000)


def has_kashida(face: str) -> bool:
    """Tell whether words in this typeface may be stretched."""
    return face.startswith("amiri")


def run(text: str, face: str, ink: Ink, level: int, *, space: bool = False) -> Run:
    """Shape one piece of text of a single level, typeface and style."""
    shaped = shape(face, text, level % 2 == 1)
    return Run(face, ink, level, text, shaped, shaped.advance * ink.size / 1000, space)


def shape(face: str, text: str, rtl: bool) -> Shaped:
    """Shape a piece of text; short ones are remembered (a bounded number)."""
    return _remembered(face, text, rtl) if len(text) <= _LONGEST_REMEMBERED else _shape(face, text, rtl)


def _shape(key: str, text: str, rtl: bool, stretch: tuple[int, int] = (0, 0)) -> Shaped:
    """Shape a text, with `stretch` = (place, number) tatweels that are no part of what the glyphs stand for."""
    face = fonts.face(key)
    place, tatweels = stretch
    drawn = text if tatweels == 0 else text[:place] + _TATWEEL * tatweels + text[place:]
    buffer = _buffer(face, drawn, rtl)
    infos, positions = buffer.glyph_infos, buffer.glyph_positions
    if not infos:
        return Shaped((), 0.0)
    starts = sorted({info.cluster for info in infos})
    pieces = zip(starts, [0, *starts[1:]], [*starts[1:], len(drawn)], strict=True)
    texts = {cluster: _source(text, stretch, start, end) for cluster, start, end in pieces}
    owners: dict[int, int] = {}
    for number, info in enumerate(infos):
        best = owners.get(info.cluster)
        if best is None or positions[number].x_advance > positions[best].x_advance:
            owners[info.cluster] = number
    scale = face.scale
    glyphs = tuple(
        Glyph(
            info.codepoint,
            texts[info.cluster] if owners[info.cluster] == number else "",
            face.advance(info.codepoint),
            position.x_advance * scale,
            position.x_offset * scale,
            position.y_offset * scale,
        )
        for number, (info, position) in enumerate(zip(infos, positions, strict=True))
    )
    return Shaped(glyphs, sum(glyph.advance for glyph in glyphs))


def _buffer(face: fonts.Face, text: str, rtl: bool) -> hb.Buffer:
    buffer = hb.Buffer()
    buffer.cluster_level = hb.BufferClusterLevel.MONOTONE_CHARACTERS
    if not face.covers(text):
        text = "".join(char if face.has(char) else fonts.REPLACEMENT for char in text)
    buffer.add_str(text)
    buffer.flags = hb.BufferFlags.REMOVE_DEFAULT_IGNORABLES
    buffer.direction = "rtl" if rtl else "ltr"
    arabic = any("\u0600" <= char <= "\u08ff" or char >= "\ufb50" for char in text)
    buffer.script, buffer.language = ("Arab", "ar") if arabic else ("Latn", "en")
    hb.shape(face.font, buffer, _FEATURES)
    return buffer


def _source(text: str, stretch: tuple[int, int], start: int, end: int) -> str:
    """Return the part of the text that the places `start` to `end` of the stretched text stand for."""
    place, tatweels = stretch

    def real(position: int) -> int:
        return position if position <= place else max(place, position - tatweels)

    return text[real(start) : real(end)]


_remembered = lru_cache(_REMEMBERED_WORDS)(_shape)


def _faces(text: str, ink: Ink) -> str | list[str]:
    """Choose a typeface for each character, or one for all; marks and invisible controls stay with the one before."""
    stack = fonts.stack(ink.family, ink.bold)
    if stack[0].covers(text):
        return stack[0].key
    chosen: list[str] = []
    for char in text:
        if chosen and unicodedata.category(char) in _INHERITS and fonts.face(chosen[-1]).has(char):
            chosen.append(chosen[-1])
        else:
            code = ord(char)
            chosen.append(next((face.key for face in stack if code in face.coverage), "") or _last_resort(stack, char))
    return chosen


def _last_resort(stack: Sequence[fonts.Face], char: str) -> str:
    """Return the face that draws a character from its parts, else one that has the box for what no face has."""
    boxed = next(face for face in stack if ord(fonts.REPLACEMENT) in face.coverage)
    return next((face.key for face in stack if face.has(char)), boxed.key)
