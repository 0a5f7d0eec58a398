"""Draws the tint: pale yellow cells on a lattice of 1.2 mm over whole pages, one form in the file for all of them."""

import math
from enum import Enum
from typing import Any, Final

import numpy as np
import pikepdf
from numpy.typing import NDArray

from crypto.marks.payload import TILE

PITCH_MM: Final = 1.2
CELL_MM: Final = 0.72
_POINTS: Final = 72 / 25.4
_PITCH: Final = PITCH_MM * _POINTS
_SIDE: Final = CELL_MM / PITCH_MM


class Profile(Enum):
    """How pale the cells are (RGB, multiplied over the page): what is printed loses most of it on the way."""

    SCREEN = (254, 254, 243)
    STANDARD = (254, 254, 239)
    PRINT = (253, 253, 231)


def tint_form(document: pikepdf.Pdf, tile: NDArray[np.bool_], profile: Profile) -> tuple[Any, Any]:
    """Return the form of one tile and the graphics state that multiplies it over a page, both new in a document."""
    rows = [f"{value / 255:.3f}" for value in profile.value]
    lines = [f"{_PITCH:.4f} 0 0 {-_PITCH:.4f} 0 0 cm", f"{' '.join(rows)} rg"]
    low = (1 - _SIDE) / 2
    lines.append(f"1 0 0 1 {low:.2f} {low:.2f} cm")
    lines += [f"{column} {row} {_SIDE:.1f} {_SIDE:.1f} re" for row, column in np.argwhere(tile)]
    size = TILE * _PITCH
    form = document.make_stream(
        "\n".join([*lines, "f"]).encode(),
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Form,
        BBox=[0, round(-size, 3), round(size, 3), 0],
        Resources=pikepdf.Dictionary(),
    )
    state = document.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.ExtGState, BM=pikepdf.Name.Multiply))
    return form, state


def tint_operators(box: tuple[float, float, float, float], form: str, state: str) -> str:
    """Return the operators that lay the tile over a page from its upper left corner; ``box`` is its crop box, points.

    Each tile is drawn by itself and not as a pattern, whose steps viewers round to pixels.
    """
    left, low, right, top = box
    size = TILE * _PITCH
    across, down = math.ceil((right - left) / size), math.ceil((top - low) / size)
    step, back = f"1 0 0 1 {size:.3f} 0 cm", f"1 0 0 1 {-across * size:.3f} {-size:.3f} cm"
    row = " ".join([f"{form} Do {step}"] * across)
    rows = f" {back} ".join([row] * down)
    return f"q {state} gs 1 0 0 1 {left:.3f} {top:.3f} cm {rows} Q"
