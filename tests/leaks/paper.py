"""Printers, flatbed scanners and copiers.

The printer is a 600 dpi laser with a clustered-dot screen: the page becomes dots, exposure and toner round them, single
dots come out weak or not at all, paper scatters light under them, the drum leaves bands, the feed a slight skew.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.leaks import optics
from tests.leaks.sheets import MM_PER_INCH, Leak, Map, Picture, Points, Sheet, by_matrix, even, then

ENGINE_DPI: Final = 600
PAPER: Final = (247, 246, 243)
_SPOT_SIGMA: Final = 0.62  # of the laser's spot, in engine pixels (26 um)
_HALF_DENSITY: Final = 0.36  # exposure at which toner comes to half density: a single dot lies near it, so lines gain
_SLOPE: Final = 0.085
_GRAIN: Final = 0.05  # of the exposure, from pixel to pixel
_MOTTLE: Final = 0.02  # and over millimetres
_BANDS: Final = 0.025  # along the feed
_SCATTER_SIGMA: Final = 0.9  # of light in the paper (38 um): the optical dot gain
_FIBRES: Final = 1.1  # levels
_SOLID: Final = 250  # ink from here is drawn without a screen, with hard edges
_CUT_BELOW: Final = 10  # levels of tint (4 %) that a driver with "clean background" leaves out
_SCREENS: Final = {"c": (5, 2), "m": (2, 5), "y": (5, 0), "k": (4, 4)}  # lattice of the dots, in engine pixels
_TONERS: Final = {"c": (8, 142, 204), "m": (205, 28, 112), "y": (250, 226, 30), "k": (28, 27, 29)}
_CELLS: Final = 8  # a screen repeats after so many lattices, and its dots grow in turns within them


@dataclass(frozen=True, slots=True)
class Print:
    """A printed sheet at 600 dpi, grey when printed in black alone, and where the page's millimetres lie on it."""

    picture: Picture
    place: Map


def printed(sheet: Sheet, rng: np.random.Generator, *, colour: bool, cut: bool = False) -> Print:
    """Return the page printed; ``cut`` is a driver that leaves out light tints."""
    picture = sheet.picture(ENGINE_DPI)
    if cut:
        light = cv2.threshold(optics.grey(picture), 255 - _CUT_BELOW, 255, cv2.THRESH_BINARY)[1]
        picture = np.asarray(cv2.max(picture, cv2.merge([light] * 3)), dtype=np.uint8)
    return _laid_down(picture, even(ENGINE_DPI), rng, colour=colour)


def copied(original: Print, rng: np.random.Generator) -> Print:
    """Return a copy by a copier in text mode: read at 600 dpi, background out, edges raised, printed in black."""
    read = _read(original, rng, ENGINE_DPI, skew=0.3)
    tones = optics.sharpened(optics.grey(read.picture), 2.0, 0.9)
    return _laid_down(optics.curve(tones, (0, 60, 200, 255), (0, 0, 255, 255)), read.place, rng, colour=False)


def scanned(
    original: Print,
    rng: np.random.Generator,
    *,
    dpi: int,
    quality: int,
    colour: bool,
    white: int = 249,
    skew: float = 0.8,
    noise: float = 1.4,
) -> Leak:
    """Return a scan of a print; ``white`` is the level that bare paper gets (over 255: the background is taken out)."""
    read = _read(original, rng, dpi, skew)
    picture = read.picture if colour else optics.grey(read.picture)
    picture = optics.sharpened(picture, 0.9, 0.45)
    lamp = 1 - 0.02 * np.linspace(-1, 1, picture.shape[1], dtype=np.float32) ** 2
    shaded = picture.astype(np.float32) * (lamp[None, :, None] if picture.ndim == 3 else lamp)
    picture = optics.noisy(optics.lit(shaded), noise, rng)
    picture = optics.curve(picture, (0, 24, min(PAPER), 255), (0, 12, white, white + 9))
    return Leak(optics.jpeg(picture, quality), read.place)


def scanned_in_two(original: Print, rng: np.random.Generator, *, dpi: int, level: int = 150) -> Leak:
    """Return a scan in black and white alone, as fax machines and archives make it."""
    read = _read(original, rng, dpi, 0.8)
    picture = optics.noisy(optics.sharpened(optics.grey(read.picture), 1.0, 0.5), 2.5, rng)
    return Leak(np.where(picture < level, 0, 255).astype(np.uint8), read.place)


def _laid_down(picture: Picture, place: Map, rng: np.random.Generator, *, colour: bool) -> Print:
    """Print a picture of the engine's resolution."""
    height, width = picture.shape[:2]
    fibres = optics.lit(np.float32(max(PAPER)) + np.float32(_FIBRES) * _grain((height, width), 3, rng))
    layers = [fibres] * 3 if colour else [fibres]
    inks = _separated(picture) if colour else {"k": np.asarray(255 - optics.grey(picture), dtype=np.uint8)}
    for name, ink in inks.items():
        toner = _toner(ink, name, rng)
        lights = _TONERS[name] if colour else (_TONERS[name][1],)
        layers = [_through(layer, toner, light) for layer, light in zip(layers, lights, strict=True)]
    sheet = np.asarray(cv2.merge(layers) if colour else layers[0], dtype=np.uint8)
    shrink = (float(rng.normal(0.998, 0.001)), float(rng.normal(0.999, 0.001)))
    turn = optics.turned(float(rng.uniform(-0.25, 0.25)), (width, height), shrink)
    return Print(optics.warped(sheet, turn, (width, height), max(PAPER)), then(place, by_matrix(turn)))


def _separated(picture: Picture) -> dict[str, Picture]:
    """Return the inks of a colour page: dark neutral tones in black, the rest in colours."""
    colours = [np.asarray(255 - plane, dtype=np.uint8) for plane in cv2.split(picture)]
    common = np.minimum(np.minimum(colours[0], colours[1]), colours[2])
    black = optics.curve(common, (0, 64, 255), (0, 0, 255))
    planes = {
        name: np.asarray(cv2.subtract(ink, black), dtype=np.uint8) for name, ink in zip("cmy", colours, strict=True)
    }
    return {**planes, "k": black}


def _toner(ink: Picture, name: str, rng: np.random.Generator) -> Picture:
    """Return how much toner lies where, 0 to 255, with the scatter of light in the paper."""
    height, width = ink.shape
    if not ink.any():
        return ink
    screen = _screen(name)
    rows, columns = -(-height // len(screen)), -(-width // len(screen))
    screened = cv2.compare(ink, np.tile(screen, (rows, columns))[:height, :width], cv2.CMP_GT)
    near_solid = cv2.dilate(cv2.threshold(ink, _SOLID - 1, 255, cv2.THRESH_BINARY)[1], np.ones((3, 3), np.uint8))
    hard = cv2.threshold(ink, 127, 255, cv2.THRESH_BINARY)[1]
    dots = np.where(near_solid > 0, hard, screened).astype(np.uint8)
    exposure = optics.blurred(dots, _SPOT_SIGMA).astype(np.float32) / np.float32(255)
    uneven = np.float32(_GRAIN) * _grain((height, width), 1, rng)
    uneven += np.float32(_MOTTLE) * optics.soft_field((height, width), 120, rng)
    uneven += 1 + np.float32(_BANDS) * _bands(height, rng)[:, None]
    exposure *= uneven
    laid = np.interp(np.arange(256) / 170, *_development()).astype(np.float32)
    toner = cv2.LUT(optics.lit(exposure * 170), optics.lit(laid * 255))
    return optics.blurred(np.asarray(toner, dtype=np.uint8), _SCATTER_SIGMA)


@cache
def _development() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exposure (0 to 1.5) to density: the S of a discharged drum, 0 where nothing was exposed."""
    exposure = np.linspace(0, 1.5, 600)
    density = 1 / (1 + np.exp(-(exposure - _HALF_DENSITY) / _SLOPE))
    return exposure, (density - density[0]) / (density[-1] - density[0])


def _bands(height: int, rng: np.random.Generator) -> optics.Floats:
    """Return the unevenness along the feed: gears of 1.1 mm, a drum of 75 mm."""
    y = np.arange(height, dtype=np.float32) / ENGINE_DPI * MM_PER_INCH
    phases = rng.uniform(0, 2 * np.pi, 2)
    waves = np.sin(2 * np.pi * y / 1.1 + phases[0]) + np.sin(2 * np.pi * y / 75 + phases[1])
    return np.asarray(waves / 2, dtype=np.float32)


def _grain(shape: tuple[int, int], size: int, rng: np.random.Generator) -> optics.Floats:
    """Return noise of unit deviation with grains of ``size`` pixels."""
    small = rng.standard_normal((-(-shape[0] // size), -(-shape[1] // size)), dtype=np.float32)
    if size == 1:
        return small
    return np.asarray(cv2.resize(small, shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _through(layer: Picture, toner: Picture, light: int) -> Picture:
    """Return one channel of the paper under toner that lets ``light`` of 255 pass."""
    passing = optics.lit(255 - np.arange(256, dtype=np.float32) * (1 - light / 255))
    return np.asarray(cv2.multiply(layer, cv2.LUT(toner, passing), scale=1 / 255), dtype=np.uint8)


@cache
def _screen(name: str) -> NDArray[np.uint8]:
    """Return the thresholds of a clustered-dot screen: a dot grows from its middle, dots of one group take turns."""
    a, b = _SCREENS[name]
    area = a * a + b * b
    side = area // int(np.gcd(a, b)) * (1 if area > 25 else 2)
    side *= max(1, -(-32 // side))
    y, x = np.mgrid[0:side, 0:side]
    u, v = (a * x + b * y) / area, (a * y - b * x) / area
    height = np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v) + 0.02 * np.cos(2 * np.pi * (u + 2 * v) + 0.7)
    cells = (np.rint(u).astype(int) * 3 + np.rint(v).astype(int) * 5) % _CELLS
    order = np.lexsort((cells.ravel(), -np.round(height.ravel(), 4)))
    ranks = np.empty(side * side, dtype=np.int64)
    ranks[order] = np.arange(side * side)
    return np.asarray((ranks.reshape(side, side) * 255 // (side * side)).clip(0, 254), dtype=np.uint8)


def _read(original: Print, rng: np.random.Generator, dpi: int, skew: float) -> Print:
    """Return a print as the sensor bar of a scanner sees it, a little askew, its steps a little uneven."""
    height, width = original.picture.shape[:2]
    scale = dpi / ENGINE_DPI
    size = (round(width * scale), round(height * scale))
    turn = optics.turned(float(rng.uniform(-skew, skew)), size) @ np.diag([scale, scale, 1.0])
    turn[:2, 2] += rng.normal(0, 0.4, 2) / MM_PER_INCH * dpi
    length, depth = 45 / MM_PER_INCH * dpi, 0.02 / MM_PER_INCH * dpi
    phase = float(rng.uniform(0, 2 * np.pi))

    def uneven(points: Points) -> Points:
        steps = depth * np.sin(2 * np.pi * points[:, 1] / length + phase)
        return np.stack([points[:, 0], points[:, 1] - steps], axis=1)

    ys = np.arange(size[1]) + 0.5
    ys = ys + depth * np.sin(2 * np.pi * ys / length + phase)
    back = np.linalg.inv(turn)
    xs = np.arange(size[0]) + 0.5
    source_x = (back[0, 0] * xs[None, :] + back[0, 1] * ys[:, None] + back[0, 2]).astype(np.float32)
    source_y = (back[1, 0] * xs[None, :] + back[1, 1] * ys[:, None] + back[1, 2]).astype(np.float32)
    source = optics.blurred(original.picture, max(0.7, optics.ANTIALIAS / scale))
    picture = optics.remapped(source, source_x, source_y, (248, 248, 248))
    return Print(picture, then(then(original.place, by_matrix(turn)), uneven))
