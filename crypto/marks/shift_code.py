"""The shifts of one copy: for each run of letters one step across and one step up or down, drawn by a secret key.

Across, both directions are equally likely. Up and down they are biased, by a secret chance of each run that all copies
of the page share, so that copies laid over one another still give away who held them (Tardos, STOC 2003; Skoric et al.,
IEEE Trans. IT 54(8), 2008). What a copy's steps are is independent of every other copy's, and of the image of a leak.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crypto.marks.arrays import drawn_numbers
from crypto.marks.keys import MarkKey

STEP_MM: Final = 0.085
_CUT: Final = 0.12  # no chance is below this one or above its complement
_LEVELS: Final = 256

Steps = NDArray[np.int8]
Chances = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShiftCode:
    """The code of one page of one document: ``key`` is the document's (``MarkKey.of_document``), ``page`` from 0."""

    key: MarkKey
    page: int
    runs: int

    def chances(self) -> Chances:
        """Return for each run how likely it moves up, as multiples of 1/256."""
        uniform = (drawn_numbers(self.key, self._purpose(b"chance"), self.runs) >> np.uint64(11)) / 2.0**53
        low, high = np.arcsin(np.sqrt(_CUT)), np.arcsin(np.sqrt(1 - _CUT))
        return np.asarray(np.rint(np.sin(low + uniform * (high - low)) ** 2 * _LEVELS) / _LEVELS, np.float64)

    def steps(self, numbers: Sequence[int]) -> Steps:
        """Return the steps of copies, len(numbers) x runs x 2 (right, up) of -1 and +1."""
        size = self.runs + (self.runs + 7) // 8
        streams = b"".join(self.key.stream(self._purpose(b"steps", number), size) for number in numbers)
        drawn = np.frombuffer(streams, np.uint8).reshape(len(numbers), size)
        steps = np.empty((len(numbers), self.runs, 2), np.int8)
        steps[:, :, 0] = np.unpackbits(drawn[:, self.runs :], axis=1)[:, : self.runs]
        steps[:, :, 1] = drawn[:, : self.runs] < self.chances() * _LEVELS
        return steps * np.int8(2) - np.int8(1)

    def _purpose(self, what: bytes, number: int = 0) -> bytes:
        return b"|".join([what, self.page.to_bytes(4, "big"), number.to_bytes(5, "big")])
