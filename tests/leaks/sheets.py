"""What is leaked and what comes back: a page of a PDF, a picture, and where on it each millimetre lies."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""(h, w, 3) RGB or (h, w) grey, 0 black to 255 white."""
Points = NDArray[np.float64]
"""(n, 2): x to the right, y down, in millimetres of the page or pixels of a picture, from the upper left corner."""
Map = Callable[[Points], Points]

MM_PER_INCH = 25.4
POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of a PDF (counted from 0) that is rendered once at each resolution."""

    pdf: bytes
    page: int = 0
    _pictures: dict[tuple[float, bool], Picture] = field(default_factory=dict, repr=False, compare=False)

    def picture(self, dpi: float, *, sub_pixels: bool = False) -> Picture:
        """Return the page as RGB, never to be written to; ``sub_pixels`` smooths text for the stripes of an LCD."""
        key = (dpi, sub_pixels)
        if key not in self._pictures:
            made = self._render(dpi, sub_pixels=sub_pixels)
            made.setflags(write=False)
            self._pictures[key] = made
        return self._pictures[key]

    def size_mm(self) -> tuple[float, float]:
        """Return width and height in millimetres."""
        document = pdfium.PdfDocument(self.pdf)
        try:
            width, height = document[self.page].get_size()
            return width * MM_PER_INCH / POINTS_PER_INCH, height * MM_PER_INCH / POINTS_PER_INCH
        finally:
            document.close()

    def _render(self, dpi: float, *, sub_pixels: bool) -> Picture:
        mode: Literal["lcd"] | None = "lcd" if sub_pixels else None
        document = pdfium.PdfDocument(self.pdf)
        try:
            page = document[self.page]
            bitmap = page.render(scale=dpi / POINTS_PER_INCH, optimize_mode=mode, rev_byteorder=True)
            return np.array(bitmap.to_numpy()[:, :, :3], dtype=np.uint8)
        finally:
            document.close()


@dataclass(frozen=True, slots=True)
class Leak:
    """What a channel gave: a picture, and ``place`` from millimetres of the page to pixels of the picture."""

    picture: Picture
    place: Map

    def cut(self, box: tuple[float, float, float, float]) -> Picture:
        """Return the part that shows a rectangle of the page (left, top, right, bottom in mm)."""
        left, top, right, bottom = box
        share = np.linspace(0.0, 1.0, 9)
        xs, ys = left + (right - left) * share, top + (bottom - top) * share
        edges = [(xs, np.full(9, top)), (xs, np.full(9, bottom)), (np.full(9, left), ys), (np.full(9, right), ys)]
        found = self.place(np.concatenate([np.stack(edge, axis=1) for edge in edges]))
        height, width = self.picture.shape[:2]
        x0, y0 = np.clip(np.floor(found.min(axis=0)).astype(int), 0, [width - 1, height - 1])
        x1, y1 = np.clip(np.ceil(found.max(axis=0)).astype(int), [x0 + 1, y0 + 1], [width, height])
        return self.picture[y0:y1, x0:x1].copy()


def even(dpi_x: float, dpi_y: float | None = None) -> Map:
    """Return the map of a picture that shows the whole page straight, with so many pixels an inch."""
    scale = np.array([dpi_x, dpi_x if dpi_y is None else dpi_y]) / MM_PER_INCH
    return lambda points: points * scale


def by_matrix(matrix: NDArray[np.float64]) -> Map:
    """Return the map of a 3 x 3 homography."""

    def place(points: Points) -> Points:
        found = np.c_[points, np.ones(len(points))] @ matrix.T
        return np.asarray(found[:, :2] / found[:, 2:], dtype=np.float64)

    return place


def then(first: Map, second: Map) -> Map:
    """Return ``second`` after ``first``."""
    return lambda points: second(first(points))
