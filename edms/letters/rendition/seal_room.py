"""The room of the paper seal on the sheet: its symbol, or an empty dashed box while there is none."""

from itertools import groupby
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
        symbol(sheet, sheet.seal_matrix, x, top, side_points)


def symbol(sheet: Sheet, matrix: list[list[bool]], x: float, top: float, side_points: float) -> None:
    """Draw the modules as one path in units of a module, so that no viewer shows seams between rows."""
    module = side_points / (len(matrix) + 2 * QUIET_MODULES)
    left, upper = x + QUIET_MODULES * module, top - QUIET_MODULES * module
    path = [f"q 0 0 0 rg {module:.5f} 0 0 {-module:.5f} {left:.3f} {upper:.3f} cm"]
    for row, modules in enumerate(matrix):
        place = 0
        for dark, run in groupby(modules):
            length = sum(1 for _ in run)
            if dark:
                path.append(f"{place} {row} {length} 1 re")
            place += length
    sheet.draw(" ".join([*path, "f Q"]))
