"""Several who lay their copies over one another: who of them is named, and whether anybody else is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.marks.reading import HiddenMarks
from bench.marks.trials import issued
from crypto.marks.tint import Profile
from tests.leaks import pages
from tests.leaks.pages import Kind
from tests.leaks.sheets import MM_PER_INCH, Picture, Sheet

_DPI: Final = 200
_PATCH_MM: Final = 20.0
_LONG: Final = 5  # pages
_FIRST: Final = 500  # the colluders' places in the list of issued copies


@dataclass(frozen=True, slots=True)
class Mixed:
    """One strategy of so many colluders on so many pages: how many of them were named, and how many innocents."""

    colluders: int
    pages: int
    strategy: str
    named: int
    innocents: int

    @property
    def held(self) -> bool:
        """Two are both named, of more one at least; an innocent never."""
        return self.innocents == 0 and self.named >= (2 if self.colluders == 2 else 1)


def average(copies: Sequence[Picture], _: np.random.Generator) -> Picture:
    """Return the mean of the copies at each place."""
    return np.asarray(np.rint(np.mean(copies, axis=0)), dtype=np.uint8)


def lighter(copies: Sequence[Picture], _: np.random.Generator) -> Picture:
    """Return the lightest of the copies at each place: what all of them print."""
    return np.asarray(np.max(copies, axis=0), dtype=np.uint8)


def darker(copies: Sequence[Picture], _: np.random.Generator) -> Picture:
    """Return the darkest of the copies at each place: what any of them prints."""
    return np.asarray(np.min(copies, axis=0), dtype=np.uint8)


def majority(copies: Sequence[Picture], _: np.random.Generator) -> Picture:
    """Return what most copies show at each place."""
    return np.asarray(np.median(copies, axis=0), dtype=np.uint8)


def minority(copies: Sequence[Picture], _: np.random.Generator) -> Picture:
    """Return at each place what differs most from what most copies show."""
    stack = np.stack(copies).astype(np.int16)
    off = np.abs(stack - np.median(stack, axis=0)).sum(axis=3, keepdims=True)
    return np.asarray(np.take_along_axis(stack, off.argmax(axis=0)[None], axis=0)[0], dtype=np.uint8)


def mosaic(copies: Sequence[Picture], rng: np.random.Generator) -> Picture:
    """Return patches of 2 x 2 cm, each of another copy."""
    side = round(_PATCH_MM / MM_PER_INCH * _DPI)
    mixed = copies[0].copy()
    for top in range(0, mixed.shape[0], side):
        for left in range(0, mixed.shape[1], side):
            patch = np.s_[top : top + side, left : left + side]
            mixed[patch] = copies[int(rng.integers(len(copies)))][patch]
    return mixed


Strategy = Callable[[Sequence[Picture], np.random.Generator], Picture]
_OF_TWO: Final[tuple[Strategy, ...]] = (average, lighter, darker, mosaic)
_OF_FIVE: Final[tuple[Strategy, ...]] = (average, majority, minority, mosaic)


def tried() -> list[Mixed]:
    """Return what came of two with a letter of one page, and of five with one of five pages."""
    short, long = pages.letter(0).pdf, pages.long_letter(0, _LONG).pdf
    two = [_mixed(short, 2, 1, strategy) for strategy in _OF_TWO]
    return two + [_mixed(long, 5, _LONG, strategy) for strategy in _OF_FIVE]


def _mixed(pdf: bytes, colluders: int, page_count: int, strategy: Strategy) -> Mixed:
    marks, numbers = HiddenMarks(Profile.STANDARD), issued(Kind.LETTER, 0)
    guilty = set(numbers[_FIRST : _FIRST + colluders])
    copies = [marks.mark(pdf, number) for number in sorted(guilty)]
    rng = np.random.default_rng(colluders)
    leaked = [strategy([Sheet(copy, page).picture(_DPI) for copy in copies], rng) for page in range(page_count)]
    named = set(marks.named(leaked, pdf, numbers))
    return Mixed(colluders, page_count, strategy.__name__, len(named & guilty), len(named - guilty))
