"""Kinds of arrays: pictures as they come, and what is computed of them."""

import numpy as np
from numpy.typing import NDArray

from crypto.marks.keys import MarkKey

Image = NDArray[np.uint8]
"""Height x width of gray, or height x width x 3 of RGB."""

Field = NDArray[np.float32]
"""A value for each pixel."""


def drawn_numbers(key: MarkKey, purpose: bytes, count: int) -> NDArray[np.uint64]:
    """Return ``count`` pseudo-random numbers of 64 bits that a key draws for one purpose."""
    return np.frombuffer(key.stream(purpose, 8 * count), np.uint64)
