"""Pages of originals as references for reading leaks."""

from io import BytesIO
from typing import Final

import cv2
import numpy as np
import pikepdf
import pypdfium2

from crypto.marks.arrays import Image
from crypto.marks.reference import DPI, Labels, Reference
from crypto.marks.runs import labelled

_FINE: Final = 3  # a renderer sets glyphs on whole pixels: the page is drawn finer and made smaller


def reference_page(pdf: bytes, page: int) -> Reference:
    """Return the reference of a page (from 0) of an unmarked PDF."""
    with pikepdf.open(BytesIO(pdf)) as document:
        count, content = labelled(document.pages[page])
        document.pages[page].Contents = document.make_stream(content)
        drawn = BytesIO()
        document.save(drawn)
    fine = rendered_gray(pdf, page, DPI * _FINE)
    height, width = fine.shape[0] // _FINE, fine.shape[1] // _FINE
    image = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
    return Reference(image, _labels(drawn.getvalue(), page, (width, height)), count)


def rendered_gray(pdf: bytes, page: int, dpi: float) -> Image:
    """Return a page in gray, height x width."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        bitmap = document[page].render(scale=dpi / 72, grayscale=True)
        return np.ascontiguousarray(bitmap.to_numpy().reshape(bitmap.height, bitmap.width))
    finally:
        document.close()


def _labels(pdf: bytes, page: int, size: tuple[int, int]) -> Labels:
    document = pypdfium2.PdfDocument(pdf)
    try:
        bitmap = document[page].render(scale=DPI / 72, no_smoothtext=True, rev_byteorder=True)
        colours = bitmap.to_numpy()[:, :, :3].astype(np.int32)
    finally:
        document.close()
    numbers = (colours[:, :, 0] << 16 | colours[:, :, 1] << 8 | colours[:, :, 2]) - 1
    labels = np.full((size[1], size[0]), -1, np.int32)
    height, width = min(size[1], numbers.shape[0]), min(size[0], numbers.shape[1])
    labels[:height, :width] = np.where(numbers == 0xFFFFFF - 1, -1, numbers)[:height, :width]
    return labels


def page_count(pdf: bytes) -> int:
    """Return how many pages a PDF has."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return len(document)
    finally:
        document.close()
