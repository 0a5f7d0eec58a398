"""Draws why a copy was named: the unmarked page, which runs of letters lie as in that copy, and what the image shows.

A run agrees when what was measured points the way that the copy's steps do (the sign of their product), which an
innocent copy's runs do half the time. Agreeing runs are green; others are red and struck through, so that the two are
told apart without colours too; runs that were not read stay gray.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from crypto.marks.arrays import Image
from crypto.marks.reference import Reference
from crypto.marks.shift_code import Steps
from crypto.marks.shift_reading import ShiftReading

_GREEN: Final = (0, 128, 60)
_RED: Final = (190, 20, 30)
_BLUE: Final = (11, 74, 143)
_PALE: Final = 0.35
_FILL: Final = 0.28
_LINE: Final = 4
_QUALITY: Final = 82


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many runs of a page were read, and how many of these lie as in a copy."""

    read: int
    agreed: int


def agreement(reading: ShiftReading, steps: Steps) -> Agreement:
    """Compare what was measured (runs x 2, in steps) with the steps of one copy (runs x 2)."""
    read, agreed = _compared(reading, steps)
    return Agreement(int(read.sum()), int(agreed.sum()))


def overlay(reference: Reference, reading: ShiftReading, steps: Steps) -> Image:
    """Return the page at 200 dpi in RGB with its runs coloured and the outline of the image upon it."""
    ink = 255 - reference.image.astype(np.float32)
    drawn = np.repeat((255 - ink * (1 - _PALE))[:, :, None], 3, axis=2)
    read, agreed = _compared(reading, steps)
    for run in reference.runs:
        if not read[run.number]:
            continue
        left, top, right, bottom = run.box
        colour = np.array(_GREEN if agreed[run.number] else _RED, np.float32)
        piece = drawn[top:bottom, left:right]
        dark = ink[top:bottom, left:right, None] / 255
        piece[:] = (1 - dark) * (piece * (1 - _FILL) + colour * _FILL) + dark * colour
    image: Image = np.ascontiguousarray(np.clip(drawn, 0, 255).astype(np.uint8))
    for run in reference.runs:
        if read[run.number] and not agreed[run.number]:
            left, top, right, bottom = run.box
            cv2.line(image, (left, bottom), (right, top), _RED, 1, cv2.LINE_AA)
    outline = np.rint(reading.corners).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(image, [outline], True, _BLUE, _LINE, cv2.LINE_AA)
    return image


def as_webp(image: Image, *, longest: int | None = None) -> bytes:
    """Return an image in gray or RGB as WebP, made smaller until its longer side has at most ``longest`` pixels."""
    height, width = image.shape[:2]
    shrunk = min(1.0, (longest or max(height, width)) / max(height, width))
    if shrunk < 1:
        size = max(1, round(width * shrunk)), max(1, round(height * shrunk))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    colours = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(".webp", colours, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    if not done:
        raise RuntimeError("the picture could not be encoded")
    return bytes(encoded.tobytes())


def _compared(reading: ShiftReading, steps: Steps) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    read = np.abs(reading.offsets).sum(axis=1) > 0
    agreed = (reading.offsets * steps).sum(axis=1) > 0
    return read, np.asarray(read & agreed)
