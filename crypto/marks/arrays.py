"""Kinds of arrays: pictures as they come, and what is computed of them."""

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""Height x width of gray, or height x width x 3 of RGB."""

Field = NDArray[np.float32]
"""A value for each pixel."""
