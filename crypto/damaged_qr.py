"""Reads QR symbols that were written over: finds their grids by the patterns every symbol has, and joins two copies.

Ink only darkens: where a module is light on one copy, it is light. So two copies of a symbol, each too damaged to be
read, are read as one. What is found here is still decoded, with its error correction, by the usual reader.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import cos, radians, sin
from typing import Final

import zxingcpp
from PIL import Image, ImageChops, ImageFilter
from segno import consts

Point = tuple[float, float]
Place = tuple[float, float, float]
Corners = tuple[Point, Point, Point, Point]

VERSIONS: Final = range(7, 23)
_SIDE: Final = 440
_MARGIN: Final = 0.16
_CELLS: Final = (100, 56, 30, 16)
_DENSE: Final = (75, 100, 50)
_SOLID: Final = 215
_PLACES: Final = 10
_GAP: Final = 7
_GOOD: Final = 0.42
_PIECE: Final = 6
_TRIED: Final = 3
_MOVES: Final = ((0, 1, 2, 3), (0, 1), (1, 2), (2, 3), (3, 0), (0,), (1,), (2,), (3,))


@dataclass(frozen=True, slots=True)
class Grid:
    """A symbol found in a picture: ``modules`` a side, and how light each is, row by row from 0 (dark) to 1."""

    modules: int
    light: tuple[float, ...]
    score: float


def grids(image: Image.Image, *, most: int = 4) -> list[Grid]:
    """Return the grids of the symbols of versions 7 to 22 in a picture, the clearest first."""
    dark = darkness(image)
    found: list[tuple[Place, Grid]] = []
    tried: list[Place] = []
    for place in _places(dark):
        if len(tried) == _PLACES or len(found) == most:
            break
        if any(_near(place, done, 0.08) for done in tried) or any(_near(place, done, 0.4) for done, _ in found):
            continue
        tried.append(place)
        grid = _fit(dark, place)
        if grid is not None:
            found.append((place, grid))
    return sorted((grid for _, grid in found), key=lambda grid: -grid.score)


def darkness(image: Image.Image) -> Image.Image:
    """Return how much darker each point is than the paper around it, coloured ink left out, stretched to 0…255."""
    if image.mode not in {"L", "RGB"}:
        image = image.convert("RGB")
    if image.mode == "RGB":  # blue or red ink is light in one of the channels, print in none
        red, green, blue = image.split()
        image = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    step = max(8, max(image.size) // 60)
    small = image.resize((max(1, image.width // step), max(1, image.height // step)), Image.Resampling.BOX)
    paper = small.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.BoxBlur(2)).resize(image.size)
    dark = ImageChops.subtract(paper, image)
    counts, seen = dark.histogram(), 0
    most = 255
    while most > 60 and seen < image.width * image.height // 200:
        seen += counts[most]
        most -= 1
    return dark.point([min(255, value * 255 // most) for value in range(256)])


def decoded(found: Sequence[Grid]) -> Iterator[str]:
    """Yield what the grids say: each by itself, then those of one size joined two and two."""
    for grid in found:
        yield from _read(grid.modules, grid.light)
    for one, other in combinations(found, 2):
        if one.modules == other.modules:
            yield from _read(one.modules, tuple(map(max, one.light, other.light)))
            yield from _read(one.modules, tuple((a + b) / 2 for a, b in zip(one.light, other.light, strict=True)))


def _read(modules: int, light: Sequence[float]) -> Iterator[str]:
    for threshold in (0.5, 0.4, 0.6):
        image = Image.new("L", (modules, modules))
        image.putdata([255 if value > threshold else 0 for value in light])
        for kind, _, cells in _patterns((modules - 17) // 4):
            for x, y in cells:
                image.putpixel((x, y), 255 if kind > 0 else 0)
        framed = Image.new("L", (modules + 8, modules + 8), 255)
        framed.paste(image, (4, 4))
        framed = framed.resize((framed.width * _PIECE, framed.height * _PIECE), Image.Resampling.NEAREST)
        read = zxingcpp.read_barcodes(
            framed, formats=zxingcpp.BarcodeFormats((zxingcpp.BarcodeFormat.QRCode,)), is_pure=True,
            text_mode=zxingcpp.TextMode.Plain,
        )  # fmt: skip
        yield from (symbol.text for symbol in read)


@cache
def _patterns(version: int) -> tuple[tuple[int, int, tuple[tuple[int, int], ...]], ...]:
    """Return the modules that every symbol of a version has: (1 light or -1 dark, weight, their places)."""
    size = version * 4 + 17
    dark: set[tuple[int, int]] = set()
    light: set[tuple[int, int]] = set()
    for left, top in ((0, 0), (size - 7, 0), (0, size - 7)):
        for x in range(-1, 8):
            for y in range(-1, 8):
                ring = max(abs(x - 3), abs(y - 3))
                if 0 <= left + x < size and 0 <= top + y < size:
                    (dark if ring in (0, 1, 3) else light).add((left + x, top + y))
    for place in range(8, size - 8):
        (light if place % 2 else dark).update({(place, 6), (6, place)})
    for x, y in _alignments(version):
        for i in range(-2, 3):
            for j in range(-2, 3):
                (light if max(abs(i), abs(j)) == 1 else dark).add((x + i, y + j))
    return ((1, len(light), tuple(sorted(light))), (-1, len(dark), tuple(sorted(dark))))


def _alignments(version: int) -> Iterator[tuple[int, int]]:
    places = consts.ALIGNMENT_POS[version - 2]
    first, last = places[0], places[-1]
    for x in places:
        for y in places:
            if (x, y) not in {(first, first), (first, last), (last, first)}:
                yield x, y


@cache
def _template(version: int) -> tuple[tuple[float, float, float], ...]:
    """Return (u, v, weight) of the patterns' modules in the unit square; a perfect fit weighs 255."""
    size = version * 4 + 17
    return tuple(
        ((x + 0.5) / size, (y + 0.5) / size, -sign / count)
        for sign, count, cells in _patterns(version)
        for x, y in cells
    )


class _Field:
    """A piece of a picture around a symbol, as darkness by place."""

    def __init__(self, image: Image.Image) -> None:
        self.width, self.height = image.size
        self.values = image.tobytes()

    def sample(self, corners: Corners, points: Sequence[tuple[float, float, float]]) -> float:
        """Return the weighted sum of the darkness at places of the unit square laid on four corners."""
        a, b, c, d, e, f, g, h = _projection(corners)
        values, width = self.values, self.width
        total = 0.0
        for u, v, weight in points:
            z = g * u + h * v + 1
            total += weight * values[int((d * u + e * v + f) / z) * width + int((a * u + b * v + c) / z)]
        return total

    def holds(self, corners: Corners) -> bool:
        """Say whether the whole square lies inside the piece."""
        return all(0 <= x < self.width - 1 and 0 <= y < self.height - 1 for x, y in corners)


def _projection(corners: Corners) -> tuple[float, ...]:
    """Return the coefficients of the projection of the unit square on four corners (Heckbert 1989 §2.2.3)."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    dx1, dx2, sx = x1 - x2, x3 - x2, x0 - x1 + x2 - x3
    dy1, dy2, sy = y1 - y2, y3 - y2, y0 - y1 + y2 - y3
    scale = dx1 * dy2 - dx2 * dy1 or 1.0
    g, h = (sx * dy2 - dx2 * sy) / scale, (dx1 * sy - sx * dy1) / scale
    return x1 - x0 + g * x1, x3 - x0 + h * x3, x0, y1 - y0 + g * y1, y3 - y0 + h * y3, y0, g, h


def _fit(dark: Image.Image, place: Place) -> Grid | None:
    """Return the grid of the symbol around ``place`` (middle and side in points of the picture)."""
    x, y, side = place
    reach = side * (0.5 + _MARGIN) * 1.1
    box = (int(x - reach), int(y - reach), int(x + reach), int(y + reach))
    scale = _SIDE / side
    size = (max(1, round((box[2] - box[0]) * scale)), max(1, round((box[3] - box[1]) * scale)))
    piece = dark.crop(box).resize(size, Image.Resampling.BICUBIC)
    rough = _square(piece)
    if rough is None:
        return None
    field = _Field(piece.filter(ImageFilter.GaussianBlur(1.2)))
    if not field.holds(rough):
        return None
    a, b, c, d = rough
    turns: tuple[Corners, ...] = ((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c))
    weighed = sorted(((field.sample(turn, _template(v)), v, turn) for v in VERSIONS for turn in turns), reverse=True)
    fits = [(*_refined(field, turn, _template(version)), version) for _, version, turn in weighed[:_TRIED]]
    score, corners, version = max(fits)
    return _grid(field, corners, version, score) if score >= _GOOD * 255 else None


def _refined(field: _Field, corners: Corners, template: Sequence[tuple[float, float, float]]) -> tuple[float, Corners]:
    """Move the corners, together and one by one, to where the patterns fit best."""
    best = field.sample(corners, template)
    for step in (6.0, 3.0, 1.5, 0.75, 0.4):
        for _ in range(3):
            before = best
            for moved in _MOVES:
                for dx, dy in ((step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)):
                    tried = _moved(corners, moved, dx, dy)
                    score = field.sample(tried, template) if field.holds(tried) else 0.0
                    if score > best:
                        best, corners = score, tried
            if best <= before:
                break
    return best, corners


def _moved(corners: Corners, moved: Sequence[int], dx: float, dy: float) -> Corners:
    a, b, c, d = ((x + dx, y + dy) if n in moved else (x, y) for n, (x, y) in enumerate(corners))
    return a, b, c, d


def _grid(field: _Field, corners: Corners, version: int, score: float) -> Grid:
    """Read every module, on the scale between the patterns' dark and light modules."""
    size = version * 4 + 17
    ends = []
    for _, _, cells in _patterns(version):
        values = sorted(field.sample(corners, [((x + 0.5) / size, (y + 0.5) / size, 1.0)]) for x, y in cells)
        ends.append(values[len(values) // 2])
    low, high = ends
    reach = max(high - low, 1.0)
    light = tuple(
        min(1.0, max(0.0, (high - field.sample(corners, [((x + 0.5) / size, (y + 0.5) / size, 1.0)])) / reach))
        for y in range(size)
        for x in range(size)
    )
    return Grid(size, light, score)


def _places(dark: Image.Image) -> list[Place]:
    """Return (x, y, side) in points of the picture of what may be symbols: evenly half-dark squares."""
    found: list[Place] = []
    for cells in _CELLS:
        step = dark.width / cells
        size = (cells, max(1, round(dark.height / step)))
        if size[1] > 4 * cells:
            continue
        small = dark.resize(size, Image.Resampling.BOX)
        for least in _DENSE:
            dense = small.point([255 if least <= value <= _SOLID else 0 for value in range(256)])
            for left, top, right, bottom, count in _islands(dense):
                width, height = right - left + 1, bottom - top + 1
                side = max(width, height)
                if 7 <= side <= 40 and min(width, height) >= 0.7 * side and count >= 0.6 * width * height:
                    found.append(((left + right + 1) / 2 * step, (top + bottom + 1) / 2 * step, side * step))
    return found


def _near(one: Place, other: Place, share: float) -> bool:
    """Say whether two places have their middles within a share of the side, and sides within the same share."""
    reach = share * max(one[2], other[2])
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= reach


def _islands(mask: Image.Image) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield left, top, right, bottom and count of the connected white areas of a small mask."""
    width = mask.width
    left_over = {n for n, value in enumerate(mask.tobytes()) if value}
    while left_over:
        reached = _island(left_over, next(iter(left_over)), width)
        xs, ys = [n % width for n in reached], [n // width for n in reached]
        yield min(xs), min(ys), max(xs), max(ys), len(reached)


def _island(cells: set[int], start: int, width: int) -> list[int]:
    """Take what is connected with ``start`` out of the cells and return it."""
    cells.discard(start)
    reached = [start]
    for n in reached:
        for near in (n - 1, n + 1, n - width, n + width):
            if near in cells and abs(near % width - n % width) <= 1:
                cells.discard(near)
                reached.append(near)
    return reached


def _square(piece: Image.Image) -> Corners | None:
    """Return the corners of the smallest rectangle around the dense area in the middle of a piece."""
    step = 3
    small = piece.filter(ImageFilter.BoxBlur(12)).resize((piece.width // step, piece.height // step))
    width, height = small.size
    values = small.tobytes()
    cells = {n for n, value in enumerate(values) if value > 55}
    start = width * (height // 2) + width // 2
    if start not in cells:
        return None
    inside = set(_island(cells, start, width))
    edge = [(n % width, n // width) for n in inside if {n - 1, n + 1, n - width, n + width} - inside]
    best, turn = 1e9, 0
    for degrees in range(-45, 45):
        c, s = cos(radians(degrees)), sin(radians(degrees))
        us, vs = [x * c + y * s for x, y in edge], [y * c - x * s for x, y in edge]
        area = (max(us) - min(us)) * (max(vs) - min(vs))
        if area < best:
            best, turn = area, degrees
    return _upright(piece, turn)


def _upright(piece: Image.Image, degrees: float) -> Corners:
    """Return the corners of the dense area that stands upright when the piece is turned by ``degrees``."""
    turned = piece.rotate(degrees, resample=Image.Resampling.BICUBIC)
    width, height = turned.size
    ends = []
    for size, box in (((width, 1), (0, height // 3, width, height * 2 // 3)),
                      ((1, height), (width // 3, 0, width * 2 // 3, height))):  # fmt: skip
        profile = turned.crop(box).resize(size, Image.Resampling.BOX).tobytes()
        half = sorted(profile)[len(profile) // 2] / 2
        middle = len(profile) // 2
        first = next((n for n in range(middle, 0, -1) if max(profile[max(0, n - _GAP) : n]) < half), 0)
        last = next((n for n in range(middle, len(profile)) if max(profile[n : n + _GAP]) < half), len(profile))
        ends.append((first - middle, last - middle))
    (left, right), (top, bottom) = ends
    c, s = cos(radians(degrees)), sin(radians(degrees))
    x, y = width / 2, height / 2
    square = [(x + u * c - v * s, y + u * s + v * c)
              for u, v in ((left, top), (right, top), (right, bottom), (left, bottom))]  # fmt: skip
    return square[0], square[1], square[2], square[3]
