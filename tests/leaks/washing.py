"""What people do to a file on purpose: bleach it, make it two-valued, turn and scale it, bend its letters at random."""

import numpy as np
from PIL import Image

from tests.leaks import optics
from tests.leaks.sheets import MM_PER_INCH, Leak, Picture, Points, Sheet, by_matrix, even, then

_BLEACH_FROM = 0.88


def bleached(picture: Picture) -> Picture:
    """Return the picture with everything lighter than 88 % made white, as the levels of any photo program do."""
    return optics.curve(picture, (0, 255 * _BLEACH_FROM, 255), (0, 255, 255))


def in_two(sheet: Sheet, dpi: int, *, dithered: bool) -> Leak:
    """Return the page as a file of black and white alone, by a threshold or by error diffusion (Floyd-Steinberg)."""
    luma = optics.grey(sheet.picture(dpi))
    if dithered:
        pattern = Image.fromarray(luma).convert("1", dither=Image.Dither.FLOYDSTEINBERG)
        return Leak(np.asarray(pattern.convert("L"), dtype=np.uint8), even(dpi))
    return Leak(np.where(luma < 128, 0, 255).astype(np.uint8), even(dpi))


def changed(
    sheet: Sheet, dpi: int, *, degrees: float = 0.0, scale: tuple[float, float] = (1.0, 1.0), quality: int = 90
) -> Leak:
    """Return the page turned about its middle and scaled, cut at the new size's edges."""
    picture = sheet.picture(dpi)
    height, width = picture.shape[:2]
    size = (round(width * scale[0]), round(height * scale[1]))
    moved = np.array([[1, 0, (size[0] - width) / 2], [0, 1, (size[1] - height) / 2], [0, 0, 1.0]])
    matrix = moved @ optics.turned(degrees, (width, height), scale)
    return Leak(optics.jpeg(optics.warped(picture, matrix, size), quality), then(even(dpi), by_matrix(matrix)))


def quarter_turned(sheet: Sheet, dpi: int, *, quality: int = 85) -> Leak:
    """Return the page lying on its side (clockwise), as scans and photos often arrive."""
    picture = sheet.picture(dpi)
    matrix = np.array([[0, -1, picture.shape[0]], [1, 0, 0], [0, 0, 1.0]])
    return Leak(optics.jpeg(np.rot90(picture, -1).copy(), quality), then(even(dpi), by_matrix(matrix)))


def washed(sheet: Sheet, rng: np.random.Generator, dpi: int, *, sigma_mm: float, knots_mm: float) -> Leak:
    """Return the page bleached and bent by a random field: what a leaker does who knows of both hidden layers."""
    picture = bleached(sheet.picture(dpi))
    height, width = picture.shape[:2]
    bumps = round(max(height, width) / (knots_mm / MM_PER_INCH * dpi))
    fields = [optics.soft_field((height, width), bumps, rng) for _ in range(2)]
    sigma = np.float32(sigma_mm / MM_PER_INCH * dpi)
    dx, dy = (sigma * field / field.std() for field in fields)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32) + np.float32(0.5)

    def bent(points: Points) -> Points:
        at_x = points[:, 0].astype(int).clip(0, width - 1)
        at_y = points[:, 1].astype(int).clip(0, height - 1)
        return np.asarray(points - np.stack([dx[at_y, at_x], dy[at_y, at_x]], axis=1), dtype=np.float64)

    return Leak(optics.jpeg(optics.remapped(picture, xs + dx, ys + dy), 90), then(even(dpi), bent))
