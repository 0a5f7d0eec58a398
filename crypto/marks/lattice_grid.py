"""Follows a lattice through an image: its coordinates as smooth functions of the place, by the phases of waves."""

import heapq
import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from crypto.marks.arrays import Field

Vector = tuple[float, float]
Place = tuple[int, int]


def blocks(size: tuple[int, ...], side: int) -> list[Place]:
    """Return the upper left corners of overlapping squares that cover an image."""

    def starts(length: int) -> list[int]:
        if length <= side:
            return [0]
        return [int(at) for at in np.linspace(0, length - side, math.ceil((length - side) / (side * 0.75)) + 1)]

    return [(top, left) for top in starts(size[0]) for left in starts(size[1])]


def window(side: int) -> Field:
    """Return the weights that let a block's waves fade at its edges (Hann)."""
    return np.outer(np.hanning(side), np.hanning(side)).astype(np.float32)


def spectrum(piece: Field, size: int) -> Field:
    """Return the power of each wave in a piece of at most size x size pixels."""
    padded = np.zeros((size, size), np.float32)
    padded[: piece.shape[0], : piece.shape[1]] = piece
    waves = cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT)
    return np.asarray(waves[:, :, 0] ** 2 + waves[:, :, 1] ** 2, np.float32)


@dataclass(frozen=True, slots=True)
class Grid:
    """Lattice coordinates as polynomials of the place in the image; the middle of a cell has whole ones."""

    coefficients: NDArray[np.float64]  # terms x 2
    degree: int
    centre: NDArray[np.float64]
    reach: float
    pitch: float

    def coordinates(self, height: int, width: int) -> tuple[Field, Field]:
        """Return the coordinates across and down of every pixel."""
        x = ((np.arange(width) - self.centre[0]) / self.reach).astype(np.float32)[None, :]
        y = ((np.arange(height) - self.centre[1]) / self.reach).astype(np.float32)[:, None]
        return self._value(0, x, y), self._value(1, x, y)

    def _value(self, axis: int, x: Field, y: Field) -> Field:
        c = self.coefficients[:, axis].astype(np.float32)
        value = c[0] + c[1] * x + c[2] * y
        if self.degree >= 2:
            value = value + x * (c[3] * x + c[4] * y) + c[5] * y * y
        if self.degree >= 3:
            value = value + x * x * (c[6] * x + c[7] * y) + y * y * (c[8] * x + c[9] * y)
        return np.asarray(value, np.float32)


@dataclass(frozen=True, slots=True)
class _Block:
    """The lattice as one block of the image shows it: its middle, the two waves there, their phases, its clearness."""

    x: float
    y: float
    waves: tuple[Vector, Vector]
    phases: NDArray[np.float64]
    clear: float


def _terms(x: NDArray[np.float64], y: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    terms = [np.ones_like(x), x, y]
    if degree >= 2:
        terms += [x * x, x * y, y * y]
    if degree >= 3:
        terms += [x**3, x * x * y, x * y * y, y**3]
    return np.stack(terms, -1)


def _solved(
    terms: NDArray[np.float64], wanted: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weighted least squares fit; few terms of about one size, so the normal equations do."""
    weighted = terms * weight[:, None]
    normal = terms.T @ weighted
    normal += np.eye(len(normal)) * (1e-9 * np.trace(normal) + 1e-12)
    return np.asarray(np.linalg.solve(normal, weighted.T @ wanted), np.float64)


def fitted(field: Field, axis: Vector) -> Grid:
    """Follow the lattice from the clearest block to its neighbours and fit its coordinates, robustly."""
    height, width = field.shape
    pitch = 1 / math.hypot(*axis)
    side = int(min(max(24 * pitch, 96, math.sqrt(height * width) / 9), 512, max(height, width)))
    size = cv2.getOptimalDFTSize(int(1.5 * side))
    taper = window(side)
    places = blocks(field.shape, side)
    reach = max(2, round(0.07 / pitch * size)) if len(places) > 1 else 3
    seen = {place: _block(field, place, side, size, taper, axis, reach) for place in places}
    first = max(seen, key=lambda place: seen[place].clear)
    known = _unwrapped(seen, first)
    points = np.array([(seen[place].x, seen[place].y) for place in known])
    wanted = np.array(list(known.values()))
    weights = np.minimum(np.array([seen[place].clear for place in known]), 200.0)
    centre, far = np.array([width / 2, height / 2]), max(height, width) / 2
    if len(known) < 3:
        block = seen[first]
        coefficients = np.array(
            [
                [
                    known[first][i] + wave[0] * (centre[0] - block.x) + wave[1] * (centre[1] - block.y)
                    for i, wave in enumerate(block.waves)
                ],
                [wave[0] * far for wave in block.waves],
                [wave[1] * far for wave in block.waves],
            ]
        )
        return Grid(coefficients, 1, centre, far, pitch)
    degree = 1 if len(known) < 9 else 2 if len(known) < 16 else 3
    x, y = ((points - centre) / far).T
    terms = _terms(x, y, degree)
    weight = weights.copy()
    for _ in range(6):
        coefficients = _solved(terms, wanted, weight)
        wrong = np.abs(wanted - terms @ coefficients).max(axis=1)
        weight = weights / (1 + (wrong / 0.06) ** 2) ** 2
    return Grid(coefficients, degree, centre, far, pitch)


def _block(field: Field, place: Place, side: int, size: int, taper: Field, axis: Vector, reach: int) -> _Block:
    top, left = place
    piece = field[top : top + side, left : left + side]
    piece = piece * taper[: piece.shape[0], : piece.shape[1]]
    power = spectrum(piece, size)
    x, y = left + piece.shape[1] / 2, top + piece.shape[0] / 2
    waves, phases, clear = [], [], math.inf
    for wave in (axis, (-axis[1], axis[0])):
        fx, fy, above = _sharpened(power, wave, size, reach)
        along = np.exp(-2j * np.pi * fx * (np.arange(left, left + piece.shape[1]) - x))
        upright = np.exp(-2j * np.pi * fy * (np.arange(top, top + piece.shape[0]) - y))
        waves.append((fx, fy))
        phases.append(-np.angle(upright @ piece @ along) / (2 * np.pi))
        clear = min(clear, above)
    return _Block(x, y, (waves[0], waves[1]), np.array(phases), clear)


def _sharpened(power: Field, wave: Vector, size: int, reach: int) -> tuple[float, float, float]:
    """Return the strongest wave near another one, to a part of a bin, and how far it stands out."""
    column, row = round(wave[0] * size), round(wave[1] * size)
    columns, rows = np.arange(column - reach, column + reach + 1), np.arange(row - reach, row + reach + 1)
    near = power[np.ix_(rows % size, columns % size)]
    at = divmod(int(near.argmax()), near.shape[1])
    peak, y, x = float(near[at]), int(rows[at[0]]), int(columns[at[1]])
    left, right = power[y % size, (x - 1) % size], power[y % size, (x + 1) % size]
    above, below = power[(y - 1) % size, x % size], power[(y + 1) % size, x % size]
    fx, fy = (x + _vertex(left, peak, right)) / size, (y + _vertex(above, peak, below)) / size
    return fx, fy, peak / (float(np.median(near)) + 1e-9)


def _vertex(before: float, peak: float, after: float) -> float:
    low, top, high = math.log(before + 1e-9), math.log(peak + 1e-9), math.log(after + 1e-9)
    bend = low - 2 * top + high
    return 0.0 if abs(bend) < 1e-9 else min(0.5, max(-0.5, 0.5 * (low - high) / bend))


def _unwrapped(seen: dict[Place, _Block], first: Place) -> dict[Place, NDArray[np.float64]]:
    """Return the lattice coordinates of blocks' middles, carried from block to clear neighbouring block."""
    tops, lefts = sorted({top for top, _ in seen}), sorted({left for _, left in seen})
    row_of, column_of = {top: i for i, top in enumerate(tops)}, {left: i for i, left in enumerate(lefts)}
    known = {first: -seen[first].phases}
    waiting: list[tuple[float, Place, Place]] = []

    def spread(place: Place) -> None:
        row, column = row_of[place[0]], column_of[place[1]]
        for top in tops[max(0, row - 1) : row + 2]:
            for left in lefts[max(0, column - 1) : column + 2]:
                if (top, left) in seen and (top, left) not in known and seen[top, left].clear >= 8:
                    heapq.heappush(waiting, (-seen[top, left].clear, (top, left), place))

    spread(first)
    while waiting:
        _, place, source = heapq.heappop(waiting)
        if place in known:
            continue
        here, there = seen[place], seen[source]
        steps = here.x - there.x, here.y - there.y
        value = np.empty(2)
        for i in (0, 1):
            mean = [(a + b) / 2 for a, b in zip(here.waves[i], there.waves[i], strict=True)]
            expected = known[source][i] + mean[0] * steps[0] + mean[1] * steps[1]
            value[i] = -here.phases[i] + round(expected + here.phases[i])
        known[place] = value
        spread(place)
    return known


def refined(field: Field, grid: Grid, rounds: int = 2) -> Grid:
    """Mend a grid by the phase that is left when the field is demodulated with it."""
    height, width = field.shape
    smooth = 6.0 * grid.pitch
    step = max(1, int(smooth / 3))
    size = max(2, width // step), max(2, height // step)
    independent = height * width / (9.0 * grid.pitch) ** 2
    degree = max(1 if independent < 12 else 2 if independent < 40 else 3, grid.degree)
    rows, columns = np.mgrid[0 : size[1], 0 : size[0]]
    x = ((columns + 0.5) * width / size[0] - grid.centre[0]) / grid.reach
    y = ((rows + 0.5) * height / size[1] - grid.centre[1]) / grid.reach
    terms = _terms(x.ravel(), y.ravel(), degree)
    for _ in range(rounds):
        coefficients = np.zeros((terms.shape[1], 2))
        coefficients[: len(grid.coefficients)] = grid.coefficients
        for axis, turns in enumerate(grid.coordinates(height, width)):
            angle = np.float32(2 * np.pi) * turns
            parts = []
            for wave in (np.cos(angle), np.sin(angle)):
                small = cv2.resize(field * wave, size, interpolation=cv2.INTER_AREA)
                parts.append(cv2.GaussianBlur(small, (0, 0), smooth / step).ravel())
            phase, power = np.arctan2(parts[1], parts[0]) / (2 * np.pi), parts[0] ** 2 + parts[1] ** 2
            weight = power
            for _ in range(3):
                change = _solved(terms, phase[:, None], weight)[:, 0]
                weight = power / (1 + ((phase - terms @ change) / 0.12) ** 2) ** 2
            coefficients[:, axis] -= change
        grid = replace(grid, coefficients=coefficients, degree=degree)
    return grid
