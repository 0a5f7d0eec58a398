"""Pages of originals as references for reading leaks."""

from dataclasses import dataclass
from io import BytesIO
from typing import Final

import cv2
import numpy as np
import pikepdf
import pypdfium2

from crypto.marks.arrays import Image
from crypto.marks.marking import markable_page
from crypto.marks.reference import DPI, Labels, Reference
from crypto.marks.runs import labelled
from crypto.marks.scans import ScannedPage, picture_size

_WHITE: Final = 0xFFFFFF
_FINE: Final = 3  # a renderer sets glyphs on whole pixels: the page is drawn finer and made smaller


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """A page as it is compared: in gray at DPI, with the number of the run whose ink each pixel is, -1 for nobody's."""

    image: Image
    labels: Labels
    count: int

    def reference(self) -> Reference:
        """Return what images are compared with."""
        return Reference(self.image, self.labels, self.count)


def reference_page(pdf: bytes, page: int) -> Reference:
    """Return the reference of a page (from 0) of an unmarked PDF."""
    return drawn_page(pdf, page).reference()


def drawn_page(pdf: bytes, page: int) -> DrawnPage:
    """Draw a page (from 0) of an unmarked PDF for comparison."""
    fine = rendered_gray(pdf, page, DPI * _FINE)
    height, width = fine.shape[0] // _FINE, fine.shape[1] // _FINE
    image = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
    with pikepdf.open(BytesIO(pdf)) as document:
        opened = document.pages[page]
        runs = markable_page(opened, page)
        if isinstance(runs, ScannedPage):
            return DrawnPage(image, _labels_of_scan(opened, runs, (height, width)), runs.count)
        if not runs.count:
            return DrawnPage(image, np.full((height, width), -1, np.int32), 0)
        count, content = labelled(opened)
        opened.Contents = document.make_stream(content)
        drawn = BytesIO()
        document.save(drawn)
    return DrawnPage(image, _labels(drawn.getvalue(), page, (height, width)), count)


def rendered_gray(pdf: bytes, page: int, dpi: float) -> Image:
    """Return a page in gray, height x width."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        bitmap = document[page].render(scale=dpi / 72, grayscale=True)
        return np.ascontiguousarray(bitmap.to_numpy().reshape(bitmap.height, bitmap.width))
    finally:
        document.close()


def _labels(pdf: bytes, page: int, shape: tuple[int, int]) -> Labels:
    document = pypdfium2.PdfDocument(pdf)
    try:
        bitmap = document[page].render(scale=DPI / 72, no_smoothtext=True, rev_byteorder=True)
        colours = bitmap.to_numpy()[:, :, :3].astype(np.int32)
    finally:
        document.close()
    numbers = (colours[:, :, 0] << 16 | colours[:, :, 1] << 8 | colours[:, :, 2]) - 1
    return _fitted(np.where(numbers == _WHITE - 1, -1, numbers), shape, (0, 0))


def _labels_of_scan(page: pikepdf.Page, scan: ScannedPage, shape: tuple[int, int]) -> Labels:
    left, low, right, top = scan.place
    box = [float(value) for value in page.cropbox]
    size = max(1, round((right - left) / 72 * DPI)), max(1, round((top - low) / 72 * DPI))
    labels = cv2.resize(scan.labels(picture_size(page, scan)), size, interpolation=cv2.INTER_NEAREST)
    return _fitted(labels, shape, (round((box[3] - top) / 72 * DPI), round((left - box[0]) / 72 * DPI)))


def _fitted(labels: Labels, shape: tuple[int, int], corner: tuple[int, int]) -> Labels:
    """Return labels laid with their upper left corner at a place (down, across) of a page of some size."""
    whole = np.full(shape, -1, np.int32)
    down, across = corner
    top, left = max(0, down), max(0, across)
    piece = labels[top - down : shape[0] - down, left - across : shape[1] - across]
    whole[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
    return whole


def page_count(pdf: bytes) -> int:
    """Return how many pages a PDF has."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return len(document)
    finally:
        document.close()
