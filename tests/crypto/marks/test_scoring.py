"""Who is named from measured shifts: one leaker, several who mix their copies, and never anybody innocent."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from crypto.marks.keys import MarkKey
from crypto.marks.scoring import _RATES, FALSE_NAMES, Tally, _exponents, _Measured, _surprise, _weights
from crypto.marks.shift_code import ShiftCode
from crypto.marks.shift_reading import Offsets

KEY = MarkKey("2026-11", b"k" * 32)
NUMBERS = [int(number) for number in np.random.default_rng(11).integers(0, 10**11, 4_000)]
NOISE = 0.5  # of the step


def code(page: int = 0, runs: int = 900) -> ShiftCode:
    return ShiftCode(KEY.of_document(bytes(32)), page, runs)


def measured(steps: NDArray[np.float64], seed: int = 0) -> Offsets:
    noise = np.random.default_rng(seed).normal(0, NOISE, steps.shape)
    return np.clip(steps + noise, -1.5, 1.5).astype(np.float32)


def mixed(strategy: str, copies: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return what several copies, copies x runs x 2, become when they are laid over one another; ties by lot."""
    total = copies.sum(axis=0).astype(np.float64)
    rng = np.random.default_rng(5)
    more = np.sign(np.where(total == 0, rng.choice([-1.0, 1.0], total.shape), total))
    taken = rng.integers(0, len(copies), copies.shape[1])
    ways: dict[str, NDArray[np.float64]] = {
        "average": total / len(copies),
        "majority": more,
        "minority": np.where(np.abs(total) == len(copies), more, -more),
        "mosaic": copies[taken, np.arange(copies.shape[1])].astype(np.float64),
    }
    return ways[strategy]


def named(pages: list[tuple[ShiftCode, Offsets]]) -> set[int]:
    tally = Tally()
    tally.compare(NUMBERS, pages, [])
    return {each.number for each in tally.named()}


@pytest.mark.parametrize(("colluders", "pages"), [(2, 1), (5, 5)])
@pytest.mark.parametrize("strategy", ["average", "majority", "minority", "mosaic"])
def test_those_who_mix_their_copies_are_named_and_nobody_else(strategy: str, colluders: int, pages: int) -> None:
    guilty = NUMBERS[:colluders]
    seen = [(code(page), measured(mixed(strategy, code(page).steps(guilty)), page)) for page in range(pages)]
    found = named(seen)
    assert found <= set(guilty)
    assert found == set(guilty) if colluders == 2 else found


def test_scores_of_the_innocent_keep_to_the_bound() -> None:
    """No more than exp(-t**2 / 2) of the innocent copies score above t, whatever was measured."""
    above, copies = dict.fromkeys((3.0, 3.5, 4.0), 0), 0
    for page in range(60):
        rng = np.random.default_rng(page)
        offsets = np.where(rng.random((300, 2)) < 0.3, 0, rng.standard_t(2, (300, 2)).clip(-1.5, 1.5))
        tally = Tally()
        tally.compare(NUMBERS[page * 20 : page * 20 + 600], [(code(page, 300), offsets.astype(np.float32))], [])
        copies += 3 * 600
        for limit in above:
            above[limit] += sum(score.deviations > limit for score in tally.scores())
    for limit, count in above.items():
        assert count <= copies * math.exp(-limit * limit / 2)


def test_the_chance_of_a_score_is_never_less_than_counting_all_copies_gives() -> None:
    """Of a page of eight runs there are 2**16 copies: how likely each score is can be counted."""
    page = code(runs=8)
    offsets = np.random.default_rng(3).uniform(-1.5, 1.5, (8, 2)).astype(np.float32)
    outcomes = 1 - 2 * ((np.arange(2**16)[:, None] >> np.arange(16)) & 1)
    chances = np.r_[np.full(8, 0.5), page.chances()]
    likely = np.where(outcomes > 0, chances, 1 - chances).prod(axis=1)
    weights = np.r_[offsets[:, 0], offsets[:, 1] * _weights(page.chances())[0]]
    sums = (outcomes - (2 * chances - 1)) @ weights
    found = _Measured.of([(page, offsets)])
    for at in np.argsort(-sums)[: 2**12 : 17]:
        true = float(likely[sums >= sums[at] - 1e-9].sum())
        score = float(sums[at]) / found.sizes[0]
        surprise = _surprise(score, found.alone)
        assert true <= math.exp(-surprise) * (1 + 1e-9)
        assert surprise >= score**2 / 2 - 1e-3, "the normal bound is no better"


def test_a_score_is_bounded_as_tightly_as_steps_allow() -> None:
    """All of 54 even steps right is 2**-54, where the normal bound allows e**-27."""
    exponents = _exponents(np.full(54, 54**-0.5), 0.5, _RATES)
    assert _surprise(54**0.5, exponents) == pytest.approx(54 * math.log(2), rel=1e-2)


def test_nothing_below_the_bound_is_named() -> None:
    steps = code(runs=18).steps(NUMBERS[:1])[0].astype(np.float64)
    tally = Tally()
    tally.compare(NUMBERS, [(code(runs=18), measured(steps))], [])
    best = tally.scores()[0]
    assert best.number == NUMBERS[0]
    assert best.chance > FALSE_NAMES
    assert tally.named() == []


def test_every_comparison_counts_against_a_name() -> None:
    steps = code(runs=300).steps(NUMBERS[:1])[0].astype(np.float64)
    chances = []
    for times in (1, 1000):
        tally = Tally()
        for _ in range(times):
            tally.compare(NUMBERS[:10], [(code(runs=300), measured(steps))], [])
        chances.append(tally.scores()[0].chance)
    assert chances[1] == pytest.approx(1000 * chances[0])
