"""Parts of a page that leak: the page, halves, quarters, eighths, and 5 x 5 cm at seeded places."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import product
from typing import Final

import numpy as np

from crypto.marks.originals import reference_page
from crypto.marks.reference import PIXELS_A_MM, RUN_MARGIN
from tests.leaks.sheets import Sheet

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in millimetres."""

SQUARE_MM: Final = 50.0
ENOUGH_RUNS: Final = 30
"""Runs of letters under which a place is poor in text, and counted apart: even read without a fault 25 hardly name.

A run's two steps hold 1.83 bits (the biased one 0.83), so 25 hold 32 nats on average; to name one of 10,000 at 1e-9
takes 31 with the other comparisons that are made, and reading loses a tenth.
"""
_STEP_MM: Final = 5.0
_MARGIN_MM: Final = 8.0


class Size(StrEnum):
    """The sizes of the table, largest first."""

    PAGE = "page"
    HALF = "1/2"
    QUARTER = "1/4"
    EIGHTH = "1/8"
    SQUARE = "5x5 cm"


_GRIDS: Final = {Size.PAGE: (1, 1), Size.HALF: (1, 2), Size.QUARTER: (2, 2), Size.EIGHTH: (2, 4)}


@dataclass(frozen=True, slots=True)
class Fragment:
    """A rectangle of the page, and how many runs of joined letters lie whole inside it."""

    size: Size
    box: Box
    runs: int

    @property
    def poor(self) -> bool:
        """Whether it holds too little text to be counted with the others."""
        return self.runs < ENOUGH_RUNS


def fragment(sheet: Sheet, size: Size, seed: int, *, poor: bool = False) -> Fragment | None:
    """Return one place of a size, drawn by the seed among those with enough text or among the poor ones, or None.

    ``sheet`` is the page before it was marked. A poor place is never blank: it has a run or more. Runs are those that
    can be moved: bars of a barcode and bits of a QR symbol are ink, and no letters.
    """
    width, height = sheet.size_mm()
    runs = letter_runs(sheet.pdf, sheet.page)
    found = [Fragment(size, box, _within(runs, box)) for box in _boxes(size, width, height)]
    fit = [one for one in found if one.poor == poor and one.runs > 0]
    if not fit:
        return None
    rng = np.random.default_rng([seed, list(Size).index(size), int(poor)])
    return fit[int(rng.integers(len(fit)))]


@lru_cache(maxsize=4)
def letter_runs(pdf: bytes, page: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the boxes (n, 4) in millimetres of the runs of joined letters that marking moves."""
    boxes = np.array([run.box for run in reference_page(pdf, page).runs], np.float64).reshape(-1, 4)
    inked = boxes + RUN_MARGIN * np.array([1, 1, -1, -1])
    return np.asarray(inked / PIXELS_A_MM, np.float64)


def _within(runs: np.ndarray[tuple[int, ...], np.dtype[np.float64]], box: Box) -> int:
    left, top, right, bottom = box
    inside = (runs[:, 0] >= left) & (runs[:, 1] >= top) & (runs[:, 2] <= right) & (runs[:, 3] <= bottom)
    return int(inside.sum())


def _boxes(size: Size, width: float, height: float) -> list[Box]:
    if size is Size.SQUARE:
        lefts = np.arange(_MARGIN_MM, width - SQUARE_MM - _MARGIN_MM, _STEP_MM)
        tops = np.arange(_MARGIN_MM, height - SQUARE_MM - _MARGIN_MM, _STEP_MM)
        return [(float(x), float(y), float(x) + SQUARE_MM, float(y) + SQUARE_MM) for y, x in product(tops, lefts)]
    columns, rows = _GRIDS[size]
    wide, high = width / columns, height / rows
    return [(x * wide, y * high, (x + 1) * wide, (y + 1) * high) for y, x in product(range(rows), range(columns))]
