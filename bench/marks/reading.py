"""What the bench asks of hidden marks, and the marks of ``crypto.marks`` behind it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Final, Protocol

import pikepdf

from crypto.marks.identifying import Suspect, blind_chance, identify
from crypto.marks.keys import KEY_BYTES, MarkKey
from crypto.marks.marking import HiddenMark, MarkablePdf
from crypto.marks.payload import TintCode
from crypto.marks.scoring import FALSE_NAMES
from crypto.marks.tint import Profile
from crypto.marks.tint_reading import HASTY, TintReadings, read_tint
from tests.leaks.sheets import Picture


@dataclass(frozen=True, slots=True)
class Answer:
    """Who was named, without and with the original at hand, and by what.

    ``blind`` is the number that the tint alone gave, ``named`` all numbers named at the bound; ``deviations`` and
    ``layers`` are of the surest; ``read`` counts the runs of letters that were measured, ``matches`` the features that
    laid the image over the page, ``pilots`` how far the tint's pilots stood out; ``pairs`` the innocents scored.
    """

    blind: int | None
    named: tuple[int, ...]
    layers: str
    deviations: float
    read: int
    matches: int
    pilots: float
    pairs: int
    tint_seconds: float
    seconds: float


class Marks(Protocol):
    """Marks copies of a PDF and reads them back."""

    def mark(self, pdf: bytes, number: int) -> bytes:
        """Return a copy of a PDF that carries a number below 10**11."""
        ...

    def read(self, picture: Picture, pdf: bytes, numbers: Sequence[int], *, alone: bool = False) -> Answer:
        """Say whose copy a picture shows, given the unmarked PDF and the numbers of all its issued copies.

        ``alone`` asks what a patient reader of the tint says without the PDF, too, beside what is timed.
        """
        ...


class HiddenMarks:
    """The tint and the shifts of ``crypto.marks``, under a key of the bench."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.key: Final = MarkKey("2026-01", b"bench of hidden marks".ljust(KEY_BYTES, b"."))
        self._codes: Final = [TintCode(self.key)]

    def mark(self, pdf: bytes, number: int) -> bytes:
        """Return the issued copy."""
        out = BytesIO()
        with pikepdf.open(BytesIO(pdf)) as document:
            markable = _markable(pdf)
            markable.hide(document, HiddenMark.of(number, self.key, markable.digest, self.profile))
            document.save(out, object_stream_mode=pikepdf.ObjectStreamMode.preserve, deterministic_id=True)
        return out.getvalue()

    def named(self, pictures: Sequence[Picture], pdf: bytes, numbers: Sequence[int]) -> tuple[int, ...]:
        """Return the copies that several pictures of one document speak for together."""
        tints = [read_tint(picture, self._codes) for picture in pictures]
        found = identify(pictures, tints, self._codes, [Suspect.of(pdf, {self.key: numbers})])
        return tuple(each.number for each in found.named)

    def read(self, picture: Picture, pdf: bytes, numbers: Sequence[int], *, alone: bool = False) -> Answer:
        """Read the tint without the original, then both layers with it, as a trace does."""
        started = time.perf_counter()
        tint = read_tint(picture, self._codes, seconds=HASTY)
        tinted = time.perf_counter()
        found = identify([picture], [tint], self._codes, [Suspect.of(pdf, {self.key: numbers})])
        if not found.named and found.sightings[0] is None:
            tint = read_tint(picture, self._codes)
            found = identify([picture], [tint], self._codes, [Suspect.of(pdf, {self.key: numbers})])
        seconds = time.perf_counter() - started
        if alone and not tint.named:
            tint = read_tint(picture, self._codes)
        blind, laid = _sure(tint, numbers), _sure(found.tints[0], numbers)
        named = {each.number for each in found.named} | {each for each in (blind, laid) if each is not None}
        sighting = found.sightings[0]
        best = found.named[0] if found.named else None
        return Answer(
            blind=blind,
            named=tuple(sorted(named)),
            layers="+".join(best.layers) if best else "tint" if named else "",
            deviations=round(best.deviations, 2) if best else 0.0,
            read=sighting.reading.read if sighting else 0,
            matches=sighting.reading.matches if sighting else 0,
            pilots=round(max((each.pilots for each in tint.readings), default=0.0), 2),
            pairs=(len(numbers) - 1) * (1 + len(tint.readings)),
            tint_seconds=round(tinted - started, 3),
            seconds=round(seconds, 3),
        )


def _sure(tint: TintReadings, numbers: Sequence[int]) -> int | None:
    """Return the issued copy that a tint names beyond doubt."""
    number = tint.named.number if tint.named else None
    return number if number in set(numbers) and blind_chance(tint.tags, len(numbers)) <= FALSE_NAMES else None


@lru_cache(maxsize=4)
def _markable(pdf: bytes) -> MarkablePdf:
    return MarkablePdf(pdf)
