"""Phones: a photo of paper on a desk or of a screen, with the phone's own processing, and what messengers do to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.leaks import optics
from tests.leaks.paper import PAPER, Print
from tests.leaks.sheets import MM_PER_INCH, Leak, Map, Picture, Points, Sheet, even, then

SENSOR: Final = (3000, 4000)  # width and height of an upright photo of 12 megapixels
_DESK: Final = (88, 74, 62)
_BEZEL: Final = (14, 14, 16)
_GAMMA: Final = 2.2
_TONES: Final = ((0, 45, 200, 255), (0, 34, 212, 255))  # the contrast that phones add
_STEP: Final = 16  # pixels between the knots of a map
_SCREEN_DPI: Final = 110.0
_STRIPES: Final = 3  # pixels that draw one pixel of a screen


@dataclass(frozen=True, slots=True)
class Shot:
    """How a phone is held and what it sees: degrees, millimetres, share of the frame that the page fills.

    ``curl`` is how high the page's middle stands above the desk in millimetres; ``light`` the level of white;
    ``uneven`` how much the light falls off over the page (0 to 1); ``grain`` scales the sensor's noise; ``blur`` is
    in pixels.
    """

    tilt: float = 4.0
    turn: float = 2.0
    fill: float = 0.9
    curl: float = 0.0
    light: float = 215.0
    uneven: float = 0.12
    grain: float = 1.0
    blur: float = 0.8
    warmth: float = 0.05
    quality: int = 88


def photographed(original: Print, rng: np.random.Generator, shot: Shot) -> Leak:
    """Return a photo of a printed sheet."""
    picture = original.picture
    if picture.ndim == 2:
        tint = [np.clip(np.arange(256) * level / max(PAPER), 0, 255).astype(np.uint8) for level in PAPER]
        picture = np.asarray(cv2.merge([cv2.LUT(picture, table) for table in tint]), dtype=np.uint8)
    seen, place = _seen(_linear(picture), rng, shot, _DESK)
    return Leak(_developed(seen, rng, shot, 1.0), then(original.place, place))


def photographed_screen(sheet: Sheet, rng: np.random.Generator, shot: Shot) -> Leak:
    """Return a photo of the page on a screen: stripes of red, green and blue meet the sensor's grid (moire)."""
    mask = _stripes()
    rows, columns = (side * _STRIPES for side in sheet.picture(_SCREEN_DPI).shape[:2])
    large = np.repeat(np.repeat(_linear(sheet.picture(_SCREEN_DPI)), _STRIPES, axis=0), _STRIPES, axis=1)
    glowing = (large * np.tile(mask, (rows // _STRIPES, columns // _STRIPES, 1))).astype(np.uint16)
    seen, place = _seen(glowing, rng, shot, _BEZEL)
    return Leak(_developed(seen, rng, shot, 1 / float(mask.mean())), then(even(_SCREEN_DPI * _STRIPES), place))


def by_messenger(leak: Leak, longest: int, quality: int) -> Leak:
    """Return the picture as a messenger passes it on: fewer pixels, slightly sharpened, JPEG again."""
    height, width = leak.picture.shape[:2]
    scale = min(1.0, longest / max(height, width))
    size = (round(width * scale), round(height * scale))
    picture = optics.sharpened(optics.resized(leak.picture, *size), 0.8, 0.2)
    factors = np.array([size[0] / width, size[1] / height])
    return Leak(optics.jpeg(picture, quality), then(leak.place, lambda points: points * factors))


def _stripes() -> optics.Floats:
    """Return the light of each place of one pixel of a screen: three stripes, a dark row under them, (3, 3, 3)."""
    mask = np.full((_STRIPES, _STRIPES, 3), 0.04, dtype=np.float32)
    for channel in range(3):
        mask[:, channel, channel] = 1.0
    mask[-1] *= 0.5
    return mask


def _linear(picture: Picture) -> NDArray[np.uint16]:
    """Return light of 0 to 65535, in which lenses and sensors add; a picture's levels are its power 1/2.2."""
    table = np.rint((np.arange(256) / 255) ** _GAMMA * 65535).astype(np.uint16)
    return np.asarray(cv2.LUT(picture, table), dtype=np.uint16)


def _seen(
    light: NDArray[np.uint16], rng: np.random.Generator, shot: Shot, ground: Sequence[int]
) -> tuple[optics.Floats, Map]:
    """Return what falls on the sensor (1 = white), and the map from the picture's pixels to the sensor's."""
    height, width = light.shape[:2]
    project = _projection(width, height, rng, shot)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    flat, _ = cv2.findHomography(corners, project(corners))
    back = np.linalg.inv(np.asarray(flat, dtype=np.float64))
    columns, rows = SENSOR[0] // _STEP + 2, SENSOR[1] // _STEP + 2
    grid = (
        np.stack(np.meshgrid(np.arange(columns) * _STEP, np.arange(rows) * _STEP), axis=-1)
        .reshape(-1, 2)
        .astype(np.float64)
    )
    source = _apply(back, grid)
    for _ in range(6):
        source = source + _apply(back, grid) - _apply(back, project(source))
    xs, ys = (_between(source[:, axis].reshape(rows, columns)) for axis in (0, 1))
    scale = np.sqrt(abs(np.linalg.det(np.asarray(flat)[:2, :2])))
    sharp = cv2.GaussianBlur(light, (0, 0), optics.ANTIALIAS / scale) if scale < 1 else light
    around = [float((level / 255) ** _GAMMA * 65535) for level in ground]
    half = np.float32(0.5)
    found = cv2.remap(sharp, xs - half, ys - half, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=around)
    return np.asarray(found, dtype=np.float32) / np.float32(65535), project


def _between(knots: NDArray[np.float64]) -> optics.Floats:
    """Return the map at the centre of every pixel of the sensor."""
    width, height = SENSOR
    xs = ((np.arange(width) + 0.5) / _STEP).astype(np.float32)
    ys = ((np.arange(height) + 0.5) / _STEP).astype(np.float32)
    grid_x, grid_y = np.meshgrid(xs, ys)
    return np.asarray(cv2.remap(knots.astype(np.float32), grid_x, grid_y, cv2.INTER_LINEAR), dtype=np.float32)


def _apply(matrix: NDArray[np.float64], points: Points) -> Points:
    found = np.c_[points, np.ones(len(points))] @ matrix.T
    return np.asarray(found[:, :2] / found[:, 2:], dtype=np.float64)


def _projection(width: int, height: int, rng: np.random.Generator, shot: Shot) -> Map:
    """Return the camera: a pinhole in front of a sheet that bends along a gentle bow and lies a little turned."""
    angles = np.deg2rad(
        [shot.tilt * rng.uniform(0.7, 1.0), shot.tilt * rng.uniform(-0.8, 0.8), shot.turn * rng.uniform(-1, 1)]
    )
    rotation, _ = cv2.Rodrigues(np.array([angles[0], 0, 0.0]))
    rotation = np.asarray(rotation) @ np.asarray(cv2.Rodrigues(np.array([0, angles[1], 0.0]))[0])
    rotation = rotation @ np.asarray(cv2.Rodrigues(np.array([0, 0, angles[2]]))[0])
    distance, focal = 1.35 * height, 0.8 * SENSOR[1]
    lean = float(rng.uniform(0.35, 0.65))
    bow = shot.curl / 297 * height

    def camera(points: Points) -> Points:
        across = points[:, 0] / width
        lifted = -bow * np.sin(np.pi * np.clip(across, 0.0, 1.0) ** (np.log(0.5) / np.log(lean))) if bow else 0 * across
        solid = np.stack([points[:, 0] - width / 2, points[:, 1] - height / 2, lifted], axis=1) @ rotation.T
        return np.asarray(focal * solid[:, :2] / (solid[:, 2:] + distance), dtype=np.float64)

    edge = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    framed = camera(edge)
    low, high = framed.min(axis=0), framed.max(axis=0)
    zoom = shot.fill * min(SENSOR[0] / (high[0] - low[0]), SENSOR[1] / (high[1] - low[1]))
    middle = np.array(SENSOR) / 2 + rng.normal(0, 12, 2)
    return lambda points: (camera(points) - (low + high) / 2) * zoom + middle


def _developed(seen: optics.Floats, rng: np.random.Generator, shot: Shot, gain: float) -> Picture:
    """Return the phone's JPEG: uneven light, lens, colour filter, noise, demosaicing, denoising, sharpening, tone."""
    width, height = SENSOR
    linear = np.asarray(cv2.GaussianBlur(seen, (0, 0), shot.blur), dtype=np.float32)
    linear *= _light(rng, shot)[:, :, None]
    white = np.array([1 + shot.warmth, 1.0, 1 - 1.6 * shot.warmth], dtype=np.float32)
    linear *= white * np.float32(gain * (shot.light / 255) ** _GAMMA)
    raw = np.empty((height, width), dtype=np.float32)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        raw[row::2, column::2] = linear[row::2, column::2, channel]
    sigma = np.sqrt(raw * np.float32(1.6e-4) + np.float32(6e-6)) * np.float32(shot.grain)
    raw += sigma * rng.standard_normal(raw.shape, dtype=np.float32)
    mosaic = np.asarray(np.rint(raw.clip(0, 1) * 65535), dtype=np.uint16)
    colour = np.asarray(cv2.cvtColor(mosaic, cv2.COLOR_BayerBG2RGB_EA), dtype=np.float32) / np.float32(65535)
    shown = optics.curve(optics.lit(np.float32(255) * np.power(colour, np.float32(1 / _GAMMA))), *_TONES)
    return optics.jpeg(optics.sharpened(_denoised(shown), 1.1, 0.6), shot.quality)


def _light(rng: np.random.Generator, shot: Shot) -> optics.Floats:
    """Return the light on the sensor: a lamp at one side, the lens's dark corners, the soft shadow of a hand."""
    x, y = np.meshgrid(
        np.linspace(-1, 1, SENSOR[0] // 8, dtype=np.float32), np.linspace(-1, 1, SENSOR[1] // 8, dtype=np.float32)
    )
    angle = rng.uniform(0, 2 * np.pi)
    slope = 1 - np.float32(shot.uneven) * (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)) + 1) / 2
    corners = 1 - np.float32(0.10) * (x * x + y * y) / 2
    side = x * np.float32(np.sin(angle)) - y * np.float32(np.cos(angle)) - np.float32(rng.uniform(0.2, 0.7))
    shadow = 1 - np.float32(shot.uneven) * 1 / (1 + np.exp(-side * 9))
    return np.asarray(cv2.resize(slope * corners * shadow, SENSOR, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _denoised(picture: Picture) -> Picture:
    """Return the picture as a phone cleans it: lightly in brightness, strongly in colour."""
    luma, red, blue = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb))
    quiet = cv2.merge(
        [cv2.bilateralFilter(luma, 5, 9, 1.2), cv2.GaussianBlur(red, (0, 0), 1.6), cv2.GaussianBlur(blue, (0, 0), 1.6)]
    )
    return np.asarray(cv2.cvtColor(quiet, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def millimetres_to_pixels(leak: Leak, width_mm: float, height_mm: float) -> float:
    """Return how many pixels of the leak show one millimetre of the page, at its middle."""
    middle = np.array([[width_mm / 2, height_mm / 2], [width_mm / 2 + MM_PER_INCH, height_mm / 2]])
    found = leak.place(middle)
    return float(np.hypot(*(found[1] - found[0]))) / MM_PER_INCH
