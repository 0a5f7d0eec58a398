"""Kinds of arrays: pictures as they come, and what is computed of them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from crypto.marks.keys import MarkKey

Image = NDArray[np.uint8]
"""Height x width of gray, or height x width x 3 of RGB."""

Field = NDArray[np.float32]
"""A value for each pixel."""

Homography = NDArray[np.float64]
"""3 x 3, from the pixels of one picture to those of another."""


def drawn_numbers(key: MarkKey, purpose: bytes, count: int) -> NDArray[np.uint64]:
    """Return ``count`` pseudo-random numbers of 64 bits that a key draws for one purpose."""
    return np.frombuffer(key.stream(purpose, 8 * count), np.uint64)


def laid_over(image: Image, place: Homography, size: tuple[int, int], way: int, *, outside: int) -> tuple[Image, float]:
    """Lay an image over a page of ``size`` (width, height), and tell how many of its pixels one of the page's is wide.

    ``place`` leads from the page to the image, ``way`` is OpenCV's interpolation, ``outside`` the gray beside it.
    """
    scale = float(np.sqrt(abs(np.linalg.det((place / place[2, 2])[:2, :2]))))
    if scale > 1.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 * scale), np.uint8)
    border = (outside, outside, outside)
    laid = cv2.warpPerspective(image, place, size, flags=way | cv2.WARP_INVERSE_MAP, borderValue=border)
    return np.asarray(laid, np.uint8), scale
