"""A page under a pale tint of random cells, for the tests of the simulator: no mark that could be read."""

from io import BytesIO
from typing import Final

import numpy as np
import pikepdf
from reportlab.pdfgen.canvas import Canvas

from tests.leaks.sheets import MM_PER_INCH, POINTS_PER_INCH

PALE: Final = (254, 254, 239)
_PITCH: Final = 1.2 / MM_PER_INCH * POINTS_PER_INCH
_SIDE: Final = 0.72 / MM_PER_INCH * POINTS_PER_INCH


def part(pdf: bytes, box: tuple[float, float, float, float]) -> bytes:
    """Return the PDF with its first page cut to a rectangle (left, top, right, bottom in millimetres)."""
    with pikepdf.open(BytesIO(pdf)) as document:
        page = document.pages[0]
        height = float(page.mediabox[3])
        left, top, right, bottom = (side / MM_PER_INCH * POINTS_PER_INCH for side in box)
        page.mediabox = page.cropbox = pikepdf.Array([left, height - bottom, right, height - top])
        out = BytesIO()
        document.save(out, deterministic_id=True)
    return out.getvalue()


def tinted(pdf: bytes, seed: int = 0) -> bytes:
    """Return the PDF with half of all cells of 1.2 mm pale yellow on its first page."""
    rng = np.random.default_rng(seed)
    with pikepdf.open(BytesIO(pdf)) as document:
        page = document.pages[0]
        left, bottom, right, top = (float(side) for side in page.cropbox)
        width, height = right - left, top - bottom
        overlay = BytesIO()
        canvas = Canvas(overlay, pagesize=(width, height))
        canvas.setFillColorRGB(*(level / 255 for level in PALE))
        for row in range(int(height / _PITCH)):
            for column in range(int(width / _PITCH)):
                if rng.integers(2):
                    canvas.rect(column * _PITCH, row * _PITCH, _SIDE, _SIDE, stroke=0, fill=1)
        canvas.save()
        with pikepdf.open(BytesIO(overlay.getvalue())) as cells:
            page.add_underlay(cells.pages[0], pikepdf.Rectangle(left, bottom, right, top))
        out = BytesIO()
        document.save(out, deterministic_id=True)
    return out.getvalue()
