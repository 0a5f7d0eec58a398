"""The sheet of paper: a reportlab canvas with nothing global, deterministic, that draws set lines, rules and bars."""

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import Any, Final

from reportlab.lib.units import mm
from reportlab.pdfbase.pdfdoc import PDFDictionary, PDFInfo
from reportlab.pdfgen.canvas import Canvas

from edms.letters.rendition import fonts
from edms.letters.rendition.directions import clean
from edms.letters.rendition.embedding import EmbeddedFace
from edms.letters.rendition.paragraph import Line
from edms.letters.rendition.shaping import Colour, Run

_ASCENT: Final = 0.72
_UNDATED: Final = date(2000, 1, 1)

__all__ = ["Sheet", "mm"]


class _Info(PDFInfo):
    """Document information whose dates come from the letter, not from a clock."""

    producer = "Diwan"
    creator = "Diwan"

    def __init__(self, title: str, author: str, subject: str, day: date) -> None:
        super().__init__()
        self.title, self.author, self.subject = (clean(text).replace("\n", " ") for text in (title, author, subject))
        self._stamp = f"D:{day:%Y%m%d}000000+00'00'" if day.year >= 1000 else "D:20000101000000+00'00'"
        self._dateFormatter = self._date

    def _date(self, *_parts: int) -> str:
        return self._stamp


class Sheet(Canvas):
    """A document being drawn; lengths in points, y upwards from the foot of the page."""

    _doc: Any  # reportlab's document and operator list are part of its subclassing interface but not of its stubs
    _code: list[str]

    def __init__(
        self,
        size: tuple[float, float],
        *,
        title: str,
        author: str,
        subject: str = "",
        day: date | None = None,
        language: str = "ar",
    ) -> None:
        self._faces: dict[str, EmbeddedFace] = {}
        self.seal_matrix: list[list[bool]] | None = None
        super().__init__(BytesIO(), pagesize=size, pageCompression=1, invariant=1, pdfVersion=(1, 7), lang=language)
        self._doc.info = _Info(title, author, subject, day or _UNDATED)

    def _make_preamble(self) -> None:
        """Begin pages without reportlab's initial font, which would not be embedded."""
        self._preamble = "1 0 0 1 0 0 cm"

    def pdf(self) -> bytes:
        """Finish the document and return its bytes."""
        resources: PDFDictionary = self._doc.idToObject["BasicFonts"]
        for embedded in self._faces.values():
            resources.dict[embedded.resource] = embedded.add_to(self._doc)
        return bytes(self.getpdfdata())  # type: ignore[no-untyped-call]

    def text(self, line: Line, x: float, y: float) -> None:
        """Draw a set line with its left edge at `x` and its baseline at `y`."""
        if not line.runs:
            return
        out = [f"BT 1 0 0 1 {x + line.x:.3f} {y:.3f} Tm"]
        array = _Array(out)
        colour: Colour | None = None
        current: tuple[str, float] | None = None
        left = x + line.x
        underlined: list[tuple[float, float, Run]] = []
        for run in line.runs:
            if run.ink.colour != colour:
                array.end()
                colour = run.ink.colour
                out.append("{:.3f} {:.3f} {:.3f} rg".format(*colour))
            if (run.face, run.ink.size) != current:
                array.end()
                current = (run.face, run.ink.size)
                out.append(f"/{self._embedded(run.face).resource} {run.ink.size:.2f} Tf")
            stretch = line.stretch if run.space else 0.0
            self._glyphs(run, array, stretch)
            right = left + run.width + stretch
            if run.ink.underline:
                underlined.append((left, right, run))
            left = right
        array.level(0.0)
        array.end()
        out.append("ET")
        for start, end, run in underlined:
            size = run.ink.size
            out.append(
                "{:.3f} {:.3f} {:.3f} RG".format(*run.ink.colour)
                + f" {size * 0.05:.2f} w {start:.2f} {y - size * 0.2:.2f} m {end:.2f} {y - size * 0.2:.2f} l S"
            )
        self._code.append(" ".join(out))

    def block(self, lines: Sequence[Line], leading: float, x: float, top: float) -> float:
        """Draw lines under one another from `top`; return the y under the last."""
        for number, line in enumerate(lines):
            self.text(line, x, top - number * leading - leading * _ASCENT)
        return top - len(lines) * leading

    def rule(self, x1: float, y1: float, x2: float, y2: float, *, width: float, colour: Colour) -> None:
        """Draw a straight line."""
        self.setStrokeColorRGB(*colour)
        self.setLineWidth(width)
        self.line(x1, y1, x2, y2)

    def _glyphs(self, run: Run, array: "_Array", stretch: float) -> None:
        """Show the glyphs of a run; the stretch of a space goes to its first glyph."""
        embedded = self._embedded(run.face)
        size = run.ink.size
        extra = stretch * 1000 / size
        for glyph in run.shaped.glyphs:
            array.level(glyph.dy * size / 1000)
            array.move(-glyph.dx)
            array.show(embedded.code(glyph.gid, glyph.text))
            array.move(glyph.width + glyph.dx - glyph.advance - extra)
            extra = 0.0

    def _embedded(self, key: str) -> EmbeddedFace:
        found = self._faces.get(key)
        if found is None:
            found = self._faces[key] = EmbeddedFace(fonts.face(key), f"E{len(self._faces) + 1}")
        return found


class _Array:
    """Collects a TJ array: codes and movements (1/1000 em, positive to the left), and the text rise."""

    def __init__(self, out: list[str]) -> None:
        self._out = out
        self._parts: list[str] = []
        self._codes: list[str] = []
        self._move = 0.0
        self._rise = 0.0

    def show(self, code: int) -> None:
        """Show one glyph."""
        if abs(self._move) >= 0.05:
            self._close()
            self._parts.append(f"{self._move:.1f}")
        self._move = 0.0
        self._codes.append(f"{code:04X}")

    def move(self, amount: float) -> None:
        """Move before the next glyph."""
        self._move += amount

    def level(self, rise: float) -> None:
        """Raise the baseline for the next glyphs."""
        if abs(rise - self._rise) > 0.01:
            self.end()
            self._rise = rise
            self._out.append(f"{rise:.2f} Ts")

    def end(self) -> None:
        """Write what was collected."""
        if abs(self._move) >= 0.05:
            self._close()
            self._parts.append(f"{self._move:.1f}")
        self._move = 0.0
        self._close()
        if self._parts:
            self._out.append(f"[{' '.join(self._parts)}] TJ")
            self._parts = []

    def _close(self) -> None:
        if self._codes:
            self._parts.append(f"<{''.join(self._codes)}>")
            self._codes = []
