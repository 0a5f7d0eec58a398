"""The unmarked page that a leak is compared with: its picture, its features, and the ink of each run on it."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from crypto.marks.arrays import Field, Image

DPI: Final = 200
PIXELS_A_MM: Final = DPI / 25.4
_MOST_FEATURES: Final = 4000
_SHRUNK: Final = 0.6
RUN_MARGIN: Final = 3

Labels = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Run:
    """A run of letters: its box (left, top, right, bottom; pixels), the page there, and what of it is its own ink."""

    number: int
    box: tuple[int, int, int, int]
    ink: Field
    own: Field


class Reference:
    """A page at 200 dpi; ``labels`` says whose ink a pixel is: a run's number, -1 nobody's."""

    def __init__(self, image: Image, labels: Labels, count: int) -> None:
        self.image = image
        self.count = count
        sift = cv2.SIFT_create(_MOST_FEATURES, contrastThreshold=0.06)
        small = cv2.resize(image, None, fx=_SHRUNK, fy=_SHRUNK, interpolation=cv2.INTER_AREA)
        found, self.descriptors = sift.detectAndCompute(cv2.GaussianBlur(small, (0, 0), 0.8), None)
        self.points = np.array([each.pt for each in found], np.float32).reshape(-1, 2) / _SHRUNK
        self.runs = _runs(cv2.GaussianBlur(image, (0, 0), 1.0).astype(np.float32), labels)

    @property
    def empty(self) -> bool:
        """Say that nothing on the page can be compared."""
        return self.descriptors is None or len(self.points) < 12 or not self.runs


def _runs(ink: Field, labels: Labels) -> list[Run]:
    height, width = labels.shape
    inked = labels >= 0
    rows, columns = np.nonzero(inked)
    if not len(rows):
        return []
    numbers = labels[rows, columns]
    order = np.argsort(numbers, kind="stable")
    rows, columns, numbers = rows[order], columns[order], numbers[order]
    starts = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
    runs = []
    rim, near = np.ones((5, 5), np.uint8), np.ones((3, 3), np.uint8)
    for start, end in zip(starts, [*starts[1:], len(numbers)], strict=True):
        top, bottom = int(rows[start:end].min()) - RUN_MARGIN, int(rows[start:end].max()) + RUN_MARGIN + 1
        left, right = int(columns[start:end].min()) - RUN_MARGIN, int(columns[start:end].max()) + RUN_MARGIN + 1
        if end - start < 4 or left < 0 or top < 0 or right > width or bottom > height:
            continue
        if right - left > 60 * PIXELS_A_MM or bottom - top > 20 * PIXELS_A_MM:
            continue
        number = int(numbers[start])
        piece = labels[top:bottom, left:right]
        mine, others = piece == number, (piece >= 0) & (piece != number)
        own = cv2.dilate(mine.astype(np.uint8), rim)
        own[(cv2.dilate(others.astype(np.uint8), near) > 0) & ~mine] = 0
        runs.append(Run(number, (left, top, right, bottom), ink[top:bottom, left:right], own.astype(np.float32)))
    return runs
