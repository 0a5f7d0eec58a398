"""The room of the paper seal on the sheet: its symbol, or an empty dashed box while there is none."""

from typing import Final

from crypto.barcodes import qr_matrix
from edms.letters.rendition.sheet import Sheet, mm
from edms.letters.rendition.wording import WORDS

QUIET_MODULES: Final = 4
_GREY: Final = (0.55, 0.58, 0.58)


def matrix_of(text: str) -> list[list[bool]]:
    """Return the rows of the QR symbol of a seal's text, True dark, without its quiet zone."""
    return qr_matrix(text)


def side(seal_mm: float) -> float:
    """Return the side of the room in points, quiet zone included; 0 for a sheet without a seal."""
    return seal_mm * mm


def draw(sheet: Sheet, x: float, top: float, side_points: float) -> None:
    """Draw the seal of `sheet` in a square with the left edge `x` and the top `top`; nothing without a side."""
    if side_points <= 0:
        return
    if sheet.seal_matrix is None:
        sheet.saveState()
        sheet.setStrokeColorRGB(*_GREY)
        sheet.setLineWidth(0.6)
        sheet.setDash(3, 2)
        sheet.rect(x, top - side_points, side_points, side_points, stroke=1, fill=0)
        sheet.restoreState()
        return
    words = WORDS["en" if sheet.language == "en" else "ar"]
    with sheet.figure(words.seal, (x, top - side_points, x + side_points, top)):
        _symbol(sheet, sheet.seal_matrix, x, top, side_points)


def _symbol(sheet: Sheet, matrix: list[list[bool]], x: float, top: float, side_points: float) -> None:
    module = side_points / (len(matrix) + 2 * QUIET_MODULES)
    sheet.setFillColorRGB(0, 0, 0)
    for row, modules in enumerate(matrix):
        y = top - (row + 1 + QUIET_MODULES) * module
        start = 0
        while start < len(modules):
            end = start
            while end < len(modules) and modules[end] == modules[start]:
                end += 1
            if modules[start]:
                left = x + (start + QUIET_MODULES) * module
                sheet.rect(left, y, (end - start) * module, module, stroke=0, fill=1)
            start = end
