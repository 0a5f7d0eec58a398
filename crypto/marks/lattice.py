"""Finds the tint's lattice in an image that may be turned, scaled, tilted and bent, and measures its cells.

Lengths are pixels, frequencies cycles per pixel. A cell is darker or yellower than the paper where it is tinted; the
measured fields are positive there.
"""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from crypto.marks.arrays import Field, Image
from crypto.marks.lattice_grid import Grid, Vector, blocks, fitted, refined, spectrum, window

_PITCHES: Final = (2.7, 20.0)
_COMFORTABLE_PITCH: Final = 9.0
_WORKING_PITCH: Final = 7.0
_INK: Final = 0.86
_SPECK: Final = 6
_LEAST_SIDE: Final = 60
_MOST_CELLS: Final = 400
_LEAST_CELLS: Final = 60


@dataclass(frozen=True, slots=True)
class Measured:
    """What of an image can carry the tint: fields (lightness, yellowness), and 1 where the paper is bare."""

    fields: tuple[Field, ...]
    bare: Field


@dataclass(frozen=True, slots=True)
class Candidate:
    """A lattice that an image may hold: its first axis as a frequency (the other is at a right angle), its strength."""

    strength: float
    axis: Vector
    field: int

    @property
    def pitch(self) -> float:
        """The distance of neighbouring cells."""
        return 1 / math.hypot(*self.axis)


@dataclass(frozen=True, slots=True)
class Cells:
    """The measured cells of a stretch of lattice: rows x columns of values and of how much of each was seen.

    ``row`` and ``column`` are the lattice coordinates of the first.
    """

    values: Field
    seen: Field
    row: int
    column: int


def measured(image: Image) -> Measured:
    """Take the ink and the uneven light out of an image (gray, or RGB)."""
    if image.ndim == 2:
        light, colour = image.astype(np.float32), None
    else:
        planes = image.astype(np.float32)
        light = planes @ np.array([0.299, 0.587, 0.114], np.float32)
        colour = 0.5 * (planes[:, :, 0] + planes[:, :, 1]) - planes[:, :, 2]
    paper = _paper_level(cv2.GaussianBlur(light, (0, 0), 1.0))
    light = light / paper
    ink = (cv2.GaussianBlur(light, (0, 0), 0.8) < _INK).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    text = stats[:, cv2.CC_STAT_AREA] >= _SPECK
    text[0] = False
    bare = (cv2.dilate(text[labels].astype(np.uint8), np.ones((5, 5), np.uint8)) == 0).astype(np.float32)
    fields = [(1 - light) * 255]
    if colour is not None:
        few = colour[::4, ::4]
        if float(np.abs(few - np.median(few)).mean()) > 0.3:
            fields.append(colour / paper * 255)
    return Measured(tuple(fields), bare)


def candidates(found: Measured, most: int = 6) -> list[Candidate]:
    """Return the likeliest lattices, strongest first."""
    listed = [
        Candidate(strength, axis, number)
        for number, field in enumerate(found.fields)
        for strength, axis in _peaks(_flattened(field, found.bare, 41), most)
    ]
    listed.sort(key=lambda each: -each.strength)
    kept: list[Candidate] = []
    for each in listed:
        if all(math.dist(each.axis, other.axis) > 0.012 for other in kept):
            kept.append(each)
    return kept[:most]


def cells(found: Measured, candidate: Candidate, largest: tuple[int, int] = (1700, 1500)) -> list[Cells]:
    """Measure the cells of a candidate's lattice, once in each field; empty where it is no lattice."""
    pitch, axis = candidate.pitch, candidate.axis
    fields, bare = found.fields, found.bare
    if pitch > _COMFORTABLE_PITCH:
        scale = _WORKING_PITCH / pitch
        size = max(8, round(bare.shape[1] * scale)), max(8, round(bare.shape[0] * scale))
        small = cv2.resize(bare, size, interpolation=cv2.INTER_AREA)
        shrunk = (cv2.resize(field * bare, size, interpolation=cv2.INTER_AREA) for field in fields)
        fields = tuple(np.asarray(each / np.maximum(small, 0.05), np.float32) for each in shrunk)
        bare = np.where(small > 0.5, small, 0).astype(np.float32)
        pitch, axis = pitch * scale, (axis[0] / scale, axis[1] / scale)
    if bare.shape[0] > largest[0] or bare.shape[1] > largest[1]:  # the middle holds the tile often enough
        fields, bare = tuple(_middle(field, largest) for field in fields), _middle(bare, largest)
    flat = [_flattened(field, bare, 5 * pitch) for field in fields]
    guide = flat[candidate.field]
    across, down = refined(guide, fitted(guide, axis)).coordinates(*guide.shape)
    return [each for each in (_cells(field, bare, across, down) for field in flat) if each is not None]


def known_cells(found: Measured, grid: Grid) -> list[Cells]:
    """Measure the cells of a lattice that is known but for what bent paper moves it, once in each field."""
    flat = [_flattened(field, found.bare, 5 * grid.pitch) for field in found.fields]
    lying = [refined(field, grid).coordinates(*field.shape) for field in flat]
    measured = [_cells(field, found.bare, *where) for field, where in zip(flat, lying, strict=True)]
    return [each for each in measured if each is not None]


def large_enough(image: Image) -> bool:
    """Say whether an image can hold a lattice at all."""
    height, width = image.shape[:2]
    return bool(max(height, width) >= _LEAST_SIDE and min(height, width) >= _LEAST_SIDE // 2)


def _paper_level(light: Field) -> Field:
    """Return how light the paper is at each place: the lightest of a coarse neighbourhood, smoothed."""
    height, width = light.shape
    small = cv2.resize(light, (max(2, width // 8), max(2, height // 8)), interpolation=cv2.INTER_AREA)
    reach = min(max(3, int(min(small.shape) * 0.12) | 1), 15)
    small = cv2.GaussianBlur(cv2.dilate(small, np.ones((reach, reach), np.uint8)), (0, 0), reach / 2)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR) + 1e-3, np.float32)


def _flattened(field: Field, bare: Field, window: float) -> Field:
    """Return a field without what changes slowly, on bare paper only, in units of its own spread, clipped to 4."""
    side = int(window) | 1
    level = cv2.blur(field * bare, (side, side)) / np.maximum(cv2.blur(bare, (side, side)), 0.02)
    flat = (field - level) * bare
    seen = np.abs(flat[bare > 0])
    if seen.size < 100:
        return np.asarray(flat, np.float32)
    spread = float(1.4826 * np.median(seen[:: max(1, seen.size // 200_000)])) + 0.05
    return np.asarray(np.clip(flat / spread, -4, 4), np.float32)


def _middle(field: Field, largest: tuple[int, int]) -> Field:
    height, width = min(field.shape[0], largest[0]), min(field.shape[1], largest[1])
    top, left = (field.shape[0] - height) // 2, (field.shape[1] - width) // 2
    return np.ascontiguousarray(field[top : top + height, left : left + width])


def _peaks(field: Field, most: int) -> list[tuple[float, Vector]]:
    """Return pairs of equally strong waves at a right angle, by the averaged spectrum of blocks of the field."""
    side = min(512, max(field.shape))
    size = cv2.getOptimalDFTSize(side)
    size += size % 2
    taper = window(side)
    places = blocks(field.shape, side)
    if len(places) > 12:
        places = places[:: len(places) // 12 + 1]
    total = np.zeros((size, size), np.float32)
    for top, left in places:
        piece = field[top : top + side, left : left + side]
        power = spectrum(piece * taper[: piece.shape[0], : piece.shape[1]], size)
        total += power / (np.median(power[:: max(1, size // 64)]) + 1e-9)
    power = np.fft.fftshift(total)
    level = cv2.blur(np.minimum(power, np.percentile(power, 99.5)), (41, 41)) + 1e-6
    power = cv2.dilate(power / level, np.ones((3, 3), np.uint8))
    turned = np.roll(np.rot90(power), (1, 0), axis=(0, 1))
    strength = np.sqrt(np.maximum(power * turned, 0))
    middle = size // 2
    down, across = np.mgrid[0:size, 0:size] - middle
    far = np.hypot(down, across) / size
    strength[(far < 1 / _PITCHES[1]) | (far > 1 / _PITCHES[0]) | ~((across > 0) & (down >= 0))] = 0
    found = []
    for _ in range(most):
        row, column = divmod(int(strength.argmax()), size)
        if strength[row, column] <= 0:
            break
        found.append((float(strength[row, column]), ((column - middle) / size, (row - middle) / size)))
        strength[max(0, row - 4) : row + 5, max(0, column - 4) : column + 5] = 0
    return found


def _cells(field: Field, bare: Field, across: Field, down: Field) -> Cells | None:
    """Average the field over each cell (a Gaussian around its middle), where enough of it is bare paper."""
    columns, rows = np.rint(across).astype(np.int32), np.rint(down).astype(np.int32)
    first_row, first_column = int(rows.min()), int(columns.min())
    height, width = int(rows.max()) - first_row + 1, int(columns.max()) - first_column + 1
    if height > _MOST_CELLS or width > _MOST_CELLS:
        return None
    near = np.exp(((across - columns) ** 2 + (down - rows) ** 2) * np.float32(-1 / (2 * 0.24**2)))
    place = ((rows - first_row) * width + (columns - first_column)).ravel()
    weight = (near * bare).ravel()
    count = height * width
    sums = np.bincount(place, weight * field.ravel(), count)
    seen = np.bincount(place, weight, count)
    whole = np.bincount(place, near.ravel(), count)
    usual = np.median(whole[whole > 0])
    part = np.where(whole > 0.6 * usual, seen / np.maximum(whole, 1e-6), 0)
    values = (sums / np.maximum(seen, 1e-6)).reshape(height, width).astype(np.float32)
    part = np.where(part > 0.35, part, 0).reshape(height, width).astype(np.float32)
    if np.count_nonzero(part) < _LEAST_CELLS:
        return None
    return Cells(values, part, first_row, first_column)
