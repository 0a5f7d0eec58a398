"""Which copies an image speaks for, with a stated bound on naming an innocent one.

The steps of an innocent copy are drawn independently of the image, so for any image, any noise and any fault of the
measuring, the weighted sum of its steps exceeds t standard deviations with a chance of at most exp(-t**2 / 2):
Hoeffding (1963) for even steps, and for biased ones with the variance proxy of Kearns and Saul (UAI 1998, lemma 1).
The code words of the tint are those of a linear code; for them the bound is an approximation that simulation confirms.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from crypto.marks.payload import TintCode
from crypto.marks.shift_code import ShiftCode
from crypto.marks.shift_reading import Offsets
from crypto.marks.tint_reading import TintReading, correlation

FALSE_NAMES: Final = 1e-9
"""The greatest chance that an image makes any innocent copy be named."""

Layer = Literal["tint", "shift"]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Score:
    """What one copy scored best: its number, the layers that spoke, standard deviations, chance of an innocent one.

    ``chance`` counts all copies and all comparisons that were made for the image.
    """

    number: int
    layers: tuple[Layer, ...]
    deviations: float
    chance: float


class Tally:
    """Gathers the comparisons of one image: each adds to what an innocent copy could have been named by."""

    def __init__(self) -> None:
        self._best: dict[int, tuple[float, tuple[Layer, ...]]] = {}
        self._trials = 0

    def add(self, numbers: Sequence[int], scores: Scores, layers: tuple[Layer, ...]) -> None:
        """Count a comparison with some copies."""
        self._trials += len(numbers)
        for at in np.argsort(-scores)[:32]:
            value, number = float(scores[at]), numbers[at]
            if value > self._best.get(number, (0.0, layers))[0]:
                self._best[number] = value, layers

    def compare(
        self,
        numbers: Sequence[int],
        shifts: Sequence[tuple[ShiftCode, Offsets]],
        tints: Sequence[tuple[TintCode, TintReading]],
    ) -> None:
        """Compare copies with what was measured of pages' shifts and of the tint, each alone and together."""
        if not numbers:
            return
        tinted = [correlation(reading.soft, code.codewords(numbers)).astype(np.float64) for code, reading in tints]
        for scores in tinted:
            self.add(numbers, scores, ("tint",))
        if not shifts:
            return
        alone, joint, against = _shift_scores(numbers, shifts)
        for scores in (alone, joint, against):
            self.add(numbers, scores, ("shift",))
        for scores in tinted:
            self.add(numbers, (alone + scores) / math.sqrt(2), ("tint", "shift"))

    def named(self) -> list[Score]:
        """Return the copies that the image speaks for beyond doubt, the surest first."""
        return [each for each in self.scores() if each.chance <= FALSE_NAMES]

    def scores(self) -> list[Score]:
        """Return the highest scores, beyond doubt or not: for studies, never to be told to anybody."""
        return sorted(map(self._score, self._best), key=lambda each: -each.deviations)

    def _score(self, number: int) -> Score:
        value, layers = self._best[number]
        return Score(number, layers, value, min(1.0, self._trials * math.exp(-value * value / 2)))


def _shift_scores(numbers: Sequence[int], shifts: Sequence[tuple[ShiftCode, Offsets]]) -> tuple[Scores, Scores, Scores]:
    """Return the scores for one leaker, those that give away several who mixed their copies, and those against.

    Several who always take the place that fewest of them have end up away from their own even steps: that far no
    innocent copy is from them either.
    """
    sums = [np.zeros(len(numbers)) for _ in range(3)]
    variances = [0.0, 0.0, 0.0]
    for code, offsets in shifts:
        chances = code.chances()
        mean, spread = 2 * chances - 1, 4 * chances * (1 - chances)
        steps = code.steps(numbers)
        right = np.asarray(offsets[:, 0], np.float64)
        across = steps[:, :, 0].astype(np.float32) @ right.astype(np.float32)
        proxy = _variance_proxy(chances)
        for place, weight in enumerate((spread / proxy, 1 / np.sqrt(spread))):
            up = offsets[:, 1] * weight
            sums[place] += across + steps[:, :, 1].astype(np.float32) @ up.astype(np.float32) - float(up @ mean)
            variances[place] += float(right @ right + (up * up) @ proxy)
        sums[2] -= across
        variances[2] += float(right @ right)
    alone, joint, against = (
        total / math.sqrt(variance + 1e-12) for total, variance in zip(sums, variances, strict=True)
    )
    return alone, joint, against


def _variance_proxy(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sub-Gaussian variance of a step of -1 or +1 that is +1 with these chances (Kearns and Saul)."""
    odd = np.abs(chances - 0.5) > 1e-3
    safe = np.where(odd, chances, 0.25)
    return np.where(odd, 2 * (1 - 2 * safe) / np.log((1 - safe) / safe), 1.0)


def batches(numbers: Sequence[int], size: int = 4096) -> Iterator[Sequence[int]]:
    """Yield the copies in lots whose steps fit into memory."""
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
