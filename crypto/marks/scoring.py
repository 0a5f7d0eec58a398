"""Which copies an image speaks for, with a stated bound on naming an innocent one.

The steps of an innocent copy are drawn independently of the image, so for any image, any noise and any fault of the
measuring, the chance that the weighted sum of its steps reaches t is at most the least E exp(l * sum) / exp(l * t) over
l > 0 (Chernoff, 1952), and what one step adds to that is known exactly. Sums are told in units of the normal bound by
Hoeffding (1963), for biased steps by Kearns and Saul (UAI 1998, lemma 1), which is never smaller. The code words of the
tint are those of a linear code; for them the normal bound is an approximation that simulation confirms.
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

_LOT: Final = 4096
_MOST_NAMED: Final = 32
_OTHERS: Final = 0.25  # of the chance that the score of one leaker by the shifts may use, what every other one may
_RATES: Final[Scores] = np.geomspace(0.5, 64, 128)
_NORMAL: Final[Scores] = _RATES**2 / 2


@dataclass(frozen=True, slots=True)
class Score:
    """What one copy scored best: its number, the layers that spoke, standard deviations, chance of an innocent one.

    A normal value lies so many ``deviations`` off as rarely as an innocent copy scores so much. ``chance`` counts all
    copies and all comparisons that were made for the image.
    """

    number: int
    layers: tuple[Layer, ...]
    deviations: float
    chance: float


class Tally:
    """Gathers the comparisons of one image: each adds to what an innocent copy could have been named by."""

    def __init__(self) -> None:
        self._best: dict[int, tuple[float, tuple[Layer, ...]]] = {}
        self._trials = 0.0

    def compare(
        self,
        numbers: Sequence[int],
        shifts: Sequence[tuple[ShiftCode, Offsets]],
        tints: Sequence[tuple[TintCode, TintReading]],
    ) -> None:
        """Compare copies with what was measured of pages' shifts and of the tint, each alone and together."""
        measured = _Measured.of(shifts) if shifts else None
        for lot in _lots(numbers):
            tinted = [correlation(reading.soft, code.codewords(lot)).astype(np.float64) for code, reading in tints]
            for scores in tinted:
                self._add(lot, scores, ("tint",), _NORMAL)
            if measured is None:
                continue
            alone, joint, against = measured.scores(lot)
            self._add(lot, alone, ("shift",), measured.alone, share=1.0)
            for scores in (joint, against):
                self._add(lot, scores, ("shift",), measured.joint)
            for scores in tinted:
                self._add(lot, (alone + scores) / math.sqrt(2), ("tint", "shift"), measured.with_tint)

    def _add(
        self, numbers: Sequence[int], scores: Scores, layers: tuple[Layer, ...], exponents: Scores,
        *, share: float = _OTHERS,
    ) -> None:  # fmt: skip
        """Count a comparison, which may use a share of the allowed chance; ``exponents`` are of an innocent's score."""
        self._trials += len(numbers) * share
        for at in np.argsort(-scores)[:_MOST_NAMED]:
            value, number = _surprise(float(scores[at]), exponents) + math.log(share), numbers[at]
            if value > self._best.get(number, (0.0, layers))[0]:
                self._best[number] = value, layers

    def named(self) -> list[Score]:
        """Return the copies that the image speaks for beyond doubt, the surest first."""
        return [each for each in self.scores() if each.chance <= FALSE_NAMES]

    def scores(self) -> list[Score]:
        """Return the highest scores, beyond doubt or not: for studies, never to be told to anybody."""
        return sorted(map(self._score, self._best), key=lambda each: -each.deviations)

    def _score(self, number: int) -> Score:
        value, layers = self._best[number]
        return Score(number, layers, math.sqrt(2 * value), min(1.0, self._trials * math.exp(-value)))


def _surprise(score: float, exponents: Scores) -> float:
    """Return -log of a bound on the chance that an innocent copy has this score or more."""
    return max(0.0, float((_RATES * score - exponents).max()))


@dataclass(frozen=True, slots=True)
class _Measured:
    """Pages' shifts as they were measured, and the exponents of the scores that an innocent copy has by them.

    Three scores: for one leaker; that which gives away several who mixed their copies; and that against: several who
    always take the place that fewest of them have end up away from their own even steps, farther than an innocent copy
    can be.
    """

    shifts: Sequence[tuple[ShiftCode, Offsets]]
    sizes: tuple[float, float]
    alone: Scores
    joint: Scores
    with_tint: Scores

    @classmethod
    def of(cls, shifts: Sequence[tuple[ShiftCode, Offsets]]) -> "_Measured":
        """Measure the bounds."""
        chances = np.concatenate([code.chances() for code, _ in shifts])
        right = np.concatenate([np.asarray(offsets[:, 0], np.float64) for _, offsets in shifts])
        up = np.concatenate([np.asarray(offsets[:, 1], np.float64) for _, offsets in shifts])
        proxy = _variance_proxy(chances)
        alone, joint = (up * weight for weight in _weights(chances))
        sizes = [math.sqrt(float(right @ right + (part * part) @ proxy)) + 1e-12 for part in (alone, joint)]

        def exponents(part: Scores, size: float, rates: Scores) -> Scores:
            return _exponents(right / size, 0.5, rates) + _exponents(part / size, chances, rates)

        return cls(
            shifts, (sizes[0], sizes[1]), exponents(alone, sizes[0], _RATES), exponents(joint, sizes[1], _RATES),
            exponents(alone, sizes[0], _RATES / math.sqrt(2)) + _RATES**2 / 4,
        )  # fmt: skip

    def scores(self, numbers: Sequence[int]) -> tuple[Scores, Scores, Scores]:
        """Return the three scores of copies, in the deviations of the normal bound."""
        across = np.zeros(len(numbers))
        upwards = np.zeros((len(numbers), 2))
        for code, offsets in self.shifts:
            chances = code.chances()
            steps = code.steps(numbers)
            across += steps[:, :, 0].astype(np.float32) @ np.asarray(offsets[:, 0], np.float32)
            up = offsets[:, 1:] * np.stack(_weights(chances), axis=1)
            upwards += steps[:, :, 1].astype(np.float32) @ up.astype(np.float32) - (2 * chances - 1) @ up
        (alone, joint), (one, several) = upwards.T, self.sizes
        return (across + alone) / one, (across + joint) / several, (joint - across) / several


def _weights(chances: Scores) -> tuple[Scores, Scores]:
    """Return what a step up or down counts in the score for one leaker and in that for several."""
    spread = 4 * chances * (1 - chances)
    return spread / _variance_proxy(chances), 1 / np.sqrt(spread)


def _exponents(weights: Scores, chances: Scores | float, rates: Scores) -> Scores:
    """Return log E exp(rate * sum) for each rate, of weighted steps that are +1 with these chances, less their mean."""
    known = weights != 0
    parts, some = weights[known], np.broadcast_to(chances, weights.shape)[known]
    up, down, means = np.log(some), np.log1p(-some), 2 * some - 1
    sums = [np.logaddexp(up + rate * parts, down - rate * parts) - rate * parts * means for rate in rates]
    return np.array([each.sum() for each in sums])


def _variance_proxy(chances: Scores) -> Scores:
    """Return the sub-Gaussian variance of a step of -1 or +1 that is +1 with these chances (Kearns and Saul)."""
    odd = np.abs(chances - 0.5) > 1e-3
    safe = np.where(odd, chances, 0.25)
    return np.where(odd, 2 * (1 - 2 * safe) / np.log((1 - safe) / safe), 1.0)


def _lots(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield the copies in lots whose steps fit into memory."""
    for start in range(0, len(numbers), _LOT):
        yield numbers[start : start + _LOT]
