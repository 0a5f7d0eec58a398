"""What all devices have in common: blur, noise, tone, JPEG, and warps that keep account of where things went."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.leaks.sheets import Picture

Floats = NDArray[np.float32]

ANTIALIAS = 0.42
"""Sigma of the blur before taking fewer pixels, in pixels of the result: a lens and a sensor of full fill factor."""


def blurred(picture: Picture, sigma: float) -> Picture:
    """Return the picture under a Gaussian of ``sigma`` pixels; none under 0.05."""
    return picture if sigma < 0.05 else np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), dtype=np.uint8)


def sharpened(picture: Picture, sigma: float, amount: float) -> Picture:
    """Return an unsharp mask of the picture, as scanners and phones put on everything."""
    return np.asarray(cv2.addWeighted(picture, 1 + amount, blurred(picture, sigma), -amount, 0), dtype=np.uint8)


def curve(picture: Picture, at: Sequence[float], becomes: Sequence[float]) -> Picture:
    """Return the picture under a tone curve through these points (0 to 255)."""
    table = np.interp(np.arange(256), at, becomes).round().clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table), dtype=np.uint8)


def grey(picture: Picture) -> Picture:
    """Return the luma (Rec. 601)."""
    return picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def jpeg(picture: Picture, quality: int) -> Picture:
    """Return the picture after JPEG with colours at half resolution (4:2:0)."""
    bgr = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    written, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert written
    read = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert read is not None
    return np.asarray(read if picture.ndim == 2 else cv2.cvtColor(read, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def resized(picture: Picture, width: int, height: int) -> Picture:
    """Return the picture in another size: by area when smaller, by cubic when larger."""
    way = cv2.INTER_AREA if width * height < picture.shape[0] * picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), dtype=np.uint8)


def noisy(picture: Picture, sigma: float, rng: np.random.Generator) -> Picture:
    """Return the picture with Gaussian noise of ``sigma`` levels in each channel."""
    noise = rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(sigma)
    return lit(picture.astype(np.float32) + noise)


def lit(values: Floats) -> Picture:
    """Return floats as levels of 0 to 255."""
    return np.asarray(np.rint(values).clip(0, 255), dtype=np.uint8)


def soft_field(shape: tuple[int, int], knots: int, rng: np.random.Generator) -> Floats:
    """Return a smooth random field of about unit deviation with ``knots`` bumps along its longer side."""
    height, width = shape
    step = max(height, width) / knots
    small = rng.standard_normal((round(height / step) + 3, round(width / step) + 3), dtype=np.float32)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def warped(
    picture: Picture, matrix: NDArray[np.float64], size: tuple[int, int], paper: int | Sequence[int] = 255
) -> Picture:
    """Return the picture under a homography of pixel corners, ``size`` (width, height), blurred where it shrinks."""
    scale = np.sqrt(abs(np.linalg.det(matrix[:2, :2] / matrix[2, 2])))
    source = blurred(picture, ANTIALIAS / scale if scale < 1 else 0.0)
    colour = [paper] * 4 if isinstance(paper, int) else list(paper)
    to_centres = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])
    centred = to_centres @ matrix @ np.linalg.inv(to_centres)
    return np.asarray(
        cv2.warpPerspective(source, centred, size, flags=cv2.INTER_CUBIC if scale >= 1 else cv2.INTER_LINEAR,
                            borderMode=cv2.BORDER_CONSTANT, borderValue=colour),
        dtype=np.uint8,
    )  # fmt: skip


def remapped(picture: Picture, xs: Floats, ys: Floats, paper: Sequence[int] = (255, 255, 255)) -> Picture:
    """Return the picture read at (xs, ys) in pixel corners, one place for each pixel of the result."""
    half, mode = np.float32(0.5), cv2.BORDER_CONSTANT
    found = cv2.remap(picture, xs - half, ys - half, cv2.INTER_LINEAR, borderMode=mode, borderValue=list(paper))
    return np.asarray(found, dtype=np.uint8)


def turned(degrees: float, size: tuple[int, int], scale: tuple[float, float] = (1.0, 1.0)) -> NDArray[np.float64]:
    """Return the homography that scales and turns a picture of ``size`` (width, height) about its middle."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    middle = np.array([[1, 0, -size[0] / 2], [0, 1, -size[1] / 2], [0, 0, 1.0]])
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]]) @ np.diag([*scale, 1.0])
    back = np.array([[1, 0, size[0] / 2], [0, 1, size[1] / 2], [0, 0, 1.0]])
    return np.asarray(back @ turn @ middle, dtype=np.float64)
