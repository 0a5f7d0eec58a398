"""Writes a set line as operators of a content stream: glyphs by their codes, colours, underlines."""

from collections.abc import Callable, Sequence
from typing import Final

from edms.letters.rendition.embedding import EmbeddedFace
from edms.letters.rendition.paragraph import Line
from edms.letters.rendition.shaping import Colour, Glyph, Run

_LEAST_MOVE: Final = 0.05
_LEAST_RISE: Final = 0.01


def operators(line: Line, x: float, y: float, embedded: Callable[[str], EmbeddedFace]) -> str:
    """Return the operators that draw a line with its left edge at `x` and its baseline at `y`.

    `embedded` gives the font of a typeface. Nothing inside the line is marked content: poppler loses the text after a
    sequence within a sequence.
    """
    pen = _Pen(embedded, f"BT 1 0 0 1 {x + line.x:.3f} {y:.3f} Tm")
    left = x + line.x
    underlines: list[str] = []
    for run in line.runs:
        stretch = line.stretch if run.space else 0.0
        pen.write(run, stretch)
        right = left + run.width + stretch
        if run.ink.underline:
            underlines.append(_underline(run, left, right, y))
        left = right
    return " ".join([*pen.ended(), *underlines])


def _underline(run: Run, left: float, right: float, y: float) -> str:
    size, low = run.ink.size, y - run.ink.size * 0.2
    colour = "{:.3f} {:.3f} {:.3f} RG".format(*run.ink.colour)
    return f"{colour} {size * 0.05:.2f} w {left:.2f} {low:.2f} m {right:.2f} {low:.2f} l S"


class _Pen:
    """Writes the runs of one line, changing font and colour only where they change."""

    def __init__(self, embedded: Callable[[str], EmbeddedFace], start: str) -> None:
        self._embedded = embedded
        self._out = [start]
        self._array = _Array(self._out)
        self._colour: Colour | None = None
        self._font: tuple[str, float] | None = None

    def write(self, run: Run, stretch: float) -> None:
        """Show the glyphs of a run; the stretch of a space in points goes to its first glyph."""
        if run.ink.colour != self._colour:
            self._array.end()
            self._colour = run.ink.colour
            self._out.append("{:.3f} {:.3f} {:.3f} rg".format(*run.ink.colour))
        face, size = self._embedded(run.face), run.ink.size
        if (run.face, size) != self._font:
            self._array.end()
            self._font = (run.face, size)
            self._out.append(f"/{face.resource} {size:.2f} Tf")
        self._array.show(run.shaped.glyphs, face, size / 1000, stretch * 1000 / size)

    def ended(self) -> list[str]:
        """Close the text object and return all operators."""
        self._array.level(0.0)
        self._array.end()
        return [*self._out, "ET"]


class _Array:
    """Collects a TJ array: codes and movements (1/1000 em, positive to the left), and the text rise."""

    def __init__(self, out: list[str]) -> None:
        self._out = out
        self._parts: list[str] = []
        self._codes: list[str] = []
        self._move = 0.0
        self._rise = 0.0

    def show(self, glyphs: Sequence[Glyph], face: EmbeddedFace, scale: float, extra: float) -> None:
        """Show glyphs; `scale` is the size in points of 1/1000 em, `extra` a stretch after the first glyph."""
        code, codes, move = face.code, self._codes, self._move
        for gid, text, width, advance, dx, dy in glyphs:
            if dy or self._rise:
                self._move = move
                self.level(dy * scale)
                codes, move = self._codes, self._move
            move -= dx
            if not -_LEAST_MOVE < move < _LEAST_MOVE:
                self._close()
                codes = self._codes
                self._parts.append(f"{move:.1f}")
            codes.append(code(gid, text))
            move = width + dx - advance - extra
            extra = 0.0
        self._move = move

    def level(self, rise: float) -> None:
        """Raise the baseline for the next glyphs."""
        if abs(rise - self._rise) > _LEAST_RISE:
            self.end()
            self._rise = rise
            self._out.append(f"{rise:.2f} Ts")

    def end(self) -> None:
        """Write what was collected."""
        if abs(self._move) >= _LEAST_MOVE:
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
