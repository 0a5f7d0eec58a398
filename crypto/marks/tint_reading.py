"""Reads the tint of an image by lattice, pilots, code and tag: sought in any image, or where its page must have it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from crypto.marks import lattice
from crypto.marks.arrays import Field, Image, laid_over
from crypto.marks.lattice import Cells
from crypto.marks.lattice_grid import Grid
from crypto.marks.payload import CELLS, TILE, Soft, TintCode
from crypto.marks.tint import PITCH_MM

HASTY: Final = 0.8
"""Seconds after which it is better to compare with an original that is at hand: its page says where the tint lies."""
PATIENT: Final = 5.0

_PILOTS_STAND_OUT: Final = 4.3
_PILOTS_ARE_THERE: Final = 3.0
_PIXELS_A_CELL: Final = 7
_HYPOTHESES: Final = 4
_BLIND: Final = 5.0
_LARGE: Final = 1900
_SMALL: Final = 1000
_WINDOW: Final = 800
_ASIDE: Final = tuple((down, across) for down in (-1, 0, 1) for across in (-1, 0, 1))


@dataclass(frozen=True, slots=True)
class TintReading:
    """One hypothesis about where the tile lies: ``soft`` are the 384 values of the data cells.

    ``code`` is the place of the key among those tried, ``pilots`` how far the pilots stand out (standard deviations),
    ``number`` the copy whose number and tag were read, if they were.
    """

    soft: Soft
    code: int
    pilots: float
    number: int | None


@dataclass(frozen=True, slots=True)
class TintReadings:
    """The best hypotheses of an image, best first; ``tags`` is how many tags were compared on the way."""

    readings: tuple[TintReading, ...]
    tags: int

    @property
    def named(self) -> TintReading | None:
        """The hypothesis whose tag was right, if there is one."""
        return next((each for each in self.readings if each.number is not None), None)


def read_tint(image: Image, codes: Sequence[TintCode], *, seconds: float = PATIENT) -> TintReadings:
    """Look for the tint of any of the keys in a gray or RGB image; stops at the first copy named, or after ``seconds``.

    Looks for the tags of all keys; a wrong one passes once in 2**24 comparisons.
    """
    ends = time.monotonic() + seconds
    found: list[TintReading] = []
    tags = 0
    for piece in _pieces(image):
        if not lattice.large_enough(piece):
            continue
        measured = lattice.measured(piece)
        for candidate in lattice.candidates(measured):
            read = _read(lattice.cells(measured, candidate), codes)
            tags += len(read)
            found += read
            if any(each.number is not None for each in read):
                return TintReadings(_best(found), tags)
            if time.monotonic() > ends:
                return TintReadings(_best(found), tags)
    return TintReadings(_best(found), tags)


def read_laid_tint(
    image: Image, corners: NDArray[np.float32], page: tuple[float, float], codes: Sequence[TintCode]
) -> TintReadings:
    """Read the tint of an image whose outline on its page is known: where each cell lies is known, nothing is sought.

    ``corners`` are the image's, 4 x 2 in millimetres from the page's upper left corner, where the first tile begins;
    ``page`` is its width and height. Bent paper may lie a cell off its place.
    """
    laid, start = _laid(image, corners / PITCH_MM, page[0] / PITCH_MM, page[1] / PITCH_MM)
    if not lattice.large_enough(laid):
        return TintReadings((), 0)
    height, width = laid.shape[:2]
    middle, reach = np.array([width / 2, height / 2]), max(height, width) / 2
    slope = reach / _PIXELS_A_CELL
    first = start + (middle + 0.5) / _PIXELS_A_CELL - 0.5  # whole in the middle of a cell
    grid = Grid(np.array([first, [slope, 0.0], [0.0, slope]]), 1, middle, reach, _PIXELS_A_CELL)
    folded = [each for each in map(_folded, lattice.known_cells(lattice.measured(laid), grid)) if each is not None]
    if not folded:
        return TintReadings((), 0)
    tile = _sum(folded)[0]
    read = []
    for place, code in enumerate(codes):
        fits = _pilots_fit(tile, code)
        at = max(((0, down, across) for down, across in _ASIDE), key=lambda where: fits[where])
        if fits[at] < _PILOTS_ARE_THERE:  # a page that is shown turned has its tiles elsewhere
            turn, cell = divmod(int(fits.argmax()), CELLS)
            at = turn, *divmod(cell, TILE)
            if fits[at] < _PILOTS_STAND_OUT:
                continue
        soft = _soft(folded, code, *at)
        read.append(TintReading(soft, place, float(fits[at]), _copy(soft, code)))
    return TintReadings(_best(read), len(read))


def _laid(image: Image, corners: Field, width: float, height: float) -> tuple[Image, NDArray[np.float64]]:
    """Return what of a page an image shows, 7 pixels a cell, and where that begins; all lengths are cells."""
    least = np.clip(np.floor(corners.min(axis=0)), 0, [width, height])
    most = np.clip(np.ceil(corners.max(axis=0)), 0, [width, height])
    across, down = (int(side) for side in (most - least) * _PIXELS_A_CELL)
    if min(across, down) < 1:
        return np.zeros((0, 0), np.uint8), least
    edge = np.array([[0, 0], [image.shape[1], 0], [image.shape[1], image.shape[0]], [0, image.shape[0]]], np.float32)
    place = cv2.getPerspectiveTransform(((corners - least) * _PIXELS_A_CELL).astype(np.float32), edge)
    return laid_over(image, place, (across, down), cv2.INTER_LINEAR, outside=0)[0], least


def _best(found: Sequence[TintReading]) -> tuple[TintReading, ...]:
    ordered = sorted(found, key=lambda each: (each.number is None, -each.pilots))
    return tuple(ordered[:_HYPOTHESES])


def _pieces(image: Image) -> Iterator[Image]:
    """Yield the image, or of a large one first windows, where perspective and moire are small, then more of it."""
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest <= _SMALL:
        yield image
        return
    yield from _windows(image, _WINDOW, [(0.5, 0.5), (0.3, 0.35), (0.7, 0.65)])
    if longest <= _LARGE:
        yield image
    else:
        half = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        yield from _windows(half, _LARGE // 2, [(0.5, 0.5), (0.3, 0.35), (0.7, 0.65)])
        yield from _windows(image, 1500, [(0.5, 0.5), (0.3, 0.35), (0.3, 0.65), (0.7, 0.35), (0.7, 0.65)])
    yield from _windows(image, _WINDOW, [(0.25, 0.3), (0.25, 0.7), (0.75, 0.3), (0.75, 0.7), (0.5, 0.2), (0.5, 0.8)])


def _windows(image: Image, side: int, spots: Sequence[tuple[float, float]]) -> Iterator[Image]:
    height, width = image.shape[:2]
    seen = set()
    for down, across in spots:
        top, left = int(max(0, height - side) * down), int(max(0, width - side) * across)
        if (top, left) not in seen:
            seen.add((top, left))
            yield np.ascontiguousarray(image[top : top + side, left : left + side])


def _read(measured: Sequence[Cells], codes: Sequence[TintCode]) -> list[TintReading]:
    """Return the hypotheses of one lattice whose pilots stand out, with what their data cells say."""
    folded = [each for each in map(_folded, measured) if each is not None]
    if not folded:
        return []
    sums = [*folded, *([_sum(folded)] if len(folded) > 1 else [])]
    places: dict[tuple[int, int, int, int], float] = {}
    for number, code in enumerate(codes):
        for tile, _ in sums:
            for value, turn, down, across in _placed(tile, code):
                key = number, turn, down, across
                places[key] = max(places.get(key, 0.0), value)
    best = sorted(places.items(), key=lambda item: -item[1])[:5]
    best = [(place, value) for place, value in best if value >= _PILOTS_STAND_OUT]
    if not best:
        return []
    softs = [_soft(folded, codes[number], turn, down, across) for (number, turn, down, across), _ in best]
    return [
        TintReading(soft, place[0], pilots, _copy(soft, codes[place[0]]))
        for (place, pilots), soft in zip(best, softs, strict=True)
    ]


def _copy(soft: Soft, code: TintCode) -> int | None:
    """Return the copy whose number and tag soft values say clearly."""
    (copy,) = code.decode(soft[None])
    return copy if copy is not None and correlation(soft, code.codewords([copy]))[0] > _BLIND else None


def correlation(soft: Soft, codewords: Soft) -> Field:
    """Return how well each code word fits soft values, in standard deviations of a random one."""
    return np.asarray(codewords @ soft / (np.linalg.norm(soft) + 1e-9), np.float32)


def _folded(cells: Cells) -> tuple[Field, Field] | None:
    """Lay all tiles over one another; returns the sums of values and of squared weights, 24 x 24."""
    level = cv2.blur(cells.values * cells.seen, (9, 9)) / np.maximum(cv2.blur(cells.seen, (9, 9)), 1e-3)
    values = (cells.values - level) * (cells.seen > 0)
    spread = 1.4826 * np.median(np.abs(values[cells.seen > 0])) + 1e-6
    values = np.clip(values / spread, -2.5, 2.5) * cells.seen
    rows = (np.arange(values.shape[0]) + cells.row) % TILE
    columns = (np.arange(values.shape[1]) + cells.column) % TILE
    tile, weight = np.zeros((TILE, TILE), np.float32), np.zeros((TILE, TILE), np.float32)
    np.add.at(tile, (rows[:, None], columns[None, :]), values)
    np.add.at(weight, (rows[:, None], columns[None, :]), cells.seen**2)
    return tile, weight


def _sum(folded: Sequence[tuple[Field, Field]]) -> tuple[Field, Field]:
    return np.sum([tile for tile, _ in folded], axis=0), np.sum([weight for _, weight in folded], axis=0)


def _placed(tile: Field, code: TintCode, most: int = 3) -> list[tuple[float, int, int, int]]:
    """Return where the pilots fit best among 4 turns and 576 shifts: how well, turn, down, across."""
    found = []
    for turn, fits in enumerate(_pilots_fit(tile, code)):
        value = fits.ravel()
        found += [(float(value[at]), turn, *divmod(int(at), TILE)) for at in np.argsort(-value)[:most]]
    return sorted(found, reverse=True)[:most]


def _pilots_fit(tile: Field, code: TintCode) -> Field:
    """Return how far the pilots stand out for 4 turns and 24 x 24 shifts of the tile (standard deviations)."""
    pilots, sites = np.conj(np.fft.fft2(code.pilots)), np.conj(np.fft.fft2(np.abs(code.pilots)))
    turned = np.stack([np.rot90(tile, turn) for turn in range(4)])
    fit, noise = np.fft.ifft2(np.fft.fft2(turned) * pilots).real, np.fft.ifft2(np.fft.fft2(turned**2) * sites).real
    return np.asarray(fit / np.sqrt(np.maximum(noise, 1e-6)), np.float32)


def _soft(folded: Sequence[tuple[Field, Field]], code: TintCode, turn: int, down: int, across: int) -> Soft:
    """Return the data cells of a placed tile, each field weighted by how clearly its pilots are read."""
    total = np.zeros(TILE * TILE, np.float32)
    pilots = code.pilots.ravel()
    for tile, weight in folded:
        values = np.roll(np.rot90(tile, turn), (-down, -across), (0, 1)).ravel()
        weights = np.roll(np.rot90(weight, turn), (-down, -across), (0, 1)).ravel()
        sites = code.pilot_cells
        slope = float(values @ pilots) / max(float(weights[sites].sum()), 1e-6)
        noise = float((values[sites] ** 2).sum()) / max(float(weights[sites].sum()), 1e-6) + 1e-6
        total += max(slope, 0.0) / noise * values
    return total[code.data_cells]
