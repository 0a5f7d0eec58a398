"""What a rendered letter shows: its paragraphs, their lines in the order they were drawn, and the glyphs in the PDF."""

import io
import re
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from unittest.mock import patch

import pikepdf

from edms.letters.rendition.bidi import Base
from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.paragraph import Line, Prepared
from edms.letters.rendition.sheet import Sheet
from edms.letters.rendition.values import PrintedLetter

_BLOCK: Final = re.compile(rb"\bBT\b(.*?)\bET\b", re.DOTALL)
_STEP: Final = re.compile(rb"/(E\d+) [\d.]+ Tf|<([0-9A-F]+)>")
_KEPT: Final = frozenset({"fonts", "shaping", "bidi"})
_ROW: Final = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]+)>\n")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph as it was set, guarding marks included; `lines` are the places in `text` of its lines."""

    text: str
    base: Base
    lines: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A line on paper: number `number` of `paragraph`, its characters from left to right."""

    line: Line
    paragraph: Paragraph
    number: int

    @property
    def source(self) -> str:
        """The characters of the line in reading order."""
        start, end = self.paragraph.lines[self.number]
        return self.paragraph.text[start:end]


@dataclass(slots=True)
class Drawn:
    """A rendered letter: its PDF, and its lines in the order they were drawn."""

    pdf: bytes = b""
    lines: list[DrawnLine] = field(default_factory=list)

    @property
    def paragraphs(self) -> list[Paragraph]:
        """The paragraphs that were drawn, each once."""
        return list({id(line.paragraph): line.paragraph for line in self.lines}.values())


def draw(letter: PrintedLetter) -> Drawn:
    """Render a letter and keep what was drawn."""
    drawn = Drawn()
    with _recorded(drawn):
        drawn.pdf = render_letter(letter)
    return drawn


def shown(text: str) -> str:
    """Return text without what has no ink or place of its own: controls and combining marks; NBSP is a space."""
    kept = (char for char in text if unicodedata.category(char) not in {"Cf", "Mn", "Me", "Cc"})
    return "".join(kept).replace("\u00a0", " ")


def inked(text: str) -> str:
    """Return the letters, marks and signs of a text without spaces and invisible controls."""
    return "".join(char for char in text if not char.isspace() and unicodedata.category(char) not in {"Cf", "Cc"})


def from_left(line: Line) -> str:
    """Return the characters of a line as they stand from left to right."""
    found = []
    for run in line.runs:
        for glyph in run.shaped.glyphs:
            text = shown(glyph.text)
            found.append(text[::-1] if run.level % 2 else text)
    return "".join(found)


def glyph_lines(pdf: bytes) -> list[str]:
    """Return what each text object of the PDF shows, glyph by glyph from left to right, by its ToUnicode."""
    found = []
    with pikepdf.open(io.BytesIO(pdf)) as document:
        for page in document.pages:
            maps = {name[1:].encode(): _codes(font) for name, font in page.Resources.Font.items()}
            page.contents_coalesce()
            for block in _BLOCK.findall(page.Contents.read_bytes()):
                found.append(_texts(block, maps))
    return found


def _texts(block: bytes, maps: dict[bytes, dict[bytes, str]]) -> str:
    codes: dict[bytes, str] = {}
    texts = []
    for name, shown_codes in _STEP.findall(block):
        if name:
            codes = maps[name]
        texts += [codes[shown_codes[place : place + 4]] for place in range(0, len(shown_codes), 4)]
    return "".join(texts)


def _codes(font: pikepdf.Object) -> dict[bytes, str]:
    rows = _ROW.findall(font.ToUnicode.read_bytes() + b"\n")
    return {code: bytes.fromhex(text.decode()).decode("utf-16-be").replace("\u2060", "") for code, text in rows}


@contextmanager
def _recorded(drawn: Drawn) -> Iterator[None]:
    _forget_set_lines()
    known: dict[int, tuple[Line, Paragraph, int]] = {}
    set_lines, text = Prepared.lines, Sheet.text

    def lines(self: Prepared, width: float) -> tuple[Line, ...]:
        found = set_lines(self, width)
        rest = list(found)
        for piece in self.pieces:
            whole = "".join(run.text for box in piece for run in (*box.runs, *box.gap))
            places, taken = _places(whole, rest)
            paragraph = Paragraph(whole, self.base, tuple(places))
            for number in range(taken):
                known[id(rest[number])] = (rest[number], paragraph, number)
            del rest[:taken]
        assert not rest or not self.pieces
        return found

    def drawn_text(self: Sheet, line: Line, x: float, y: float) -> None:
        if line.runs:
            _, paragraph, number = known[id(line)]
            drawn.lines.append(DrawnLine(line, paragraph, number))
        text(self, line, x, y)

    with patch.object(Prepared, "lines", lines), patch.object(Sheet, "text", drawn_text):
        yield


def _forget_set_lines() -> None:
    """Empty the caches that keep lines from one letter to the next, so that all are set while they are recorded."""
    for name, module in sys.modules.items():
        if name.startswith("edms.letters.rendition.") and name.rsplit(".", 1)[1] not in _KEPT:
            for value in vars(module).values():
                if callable(getattr(value, "cache_clear", None)):
                    value.cache_clear()


def _places(text: str, lines: list[Line]) -> tuple[list[tuple[int, int]], int]:
    """Return the places in `text` of the first lines, and how many lines it took."""
    places: list[tuple[int, int]] = []
    start = 0
    for line in lines:
        if places and start >= len(text):
            break
        end = start + sum(len(run.text) for run in line.runs)
        places.append((start, end))
        start = end + 1 if text[end : end + 1] == " " else end
        if not text:
            break
    assert start >= len(text), text
    return places, len(places)
