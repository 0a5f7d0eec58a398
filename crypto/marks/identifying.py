"""Whose copy images show: compares them with the originals that they may show, and names beyond doubt or not at all."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, Self

from crypto.digests import sha256
from crypto.marks.arrays import Image
from crypto.marks.keys import MarkKey
from crypto.marks.originals import page_count, reference_page
from crypto.marks.payload import TAG_BITS, TintCode
from crypto.marks.reference import PIXELS_A_MM, Reference
from crypto.marks.scoring import Score, Tally
from crypto.marks.shift_code import ShiftCode
from crypto.marks.shift_reading import ShiftReading, read_shifts
from crypto.marks.tint_reading import TintReadings, read_laid_tint

_COPY_NUMBERS: Final = 10**11
_SURELY_THIS_PAGE: Final = 60
_HYPOTHESES: Final = 2
_KEPT_REFERENCES: Final = 8


@dataclass(frozen=True, slots=True)
class Suspect:
    """An original that images may show, and the numbers of its issued copies by the key they were marked with.

    ``digest`` is its SHA-256; ``reference`` gives a page of it (from 0), or None where it cannot be drawn. An original
    that is gone has no pages: then the tint alone can name its copies.
    """

    digest: bytes
    pages: int
    reference: Callable[[int], Reference | None]
    copies: Mapping[MarkKey, Sequence[int]]

    @classmethod
    def of(cls, pdf: bytes, copies: Mapping[MarkKey, Sequence[int]]) -> Self:
        """Return the suspect of a trusted PDF, whose pages are drawn here; raises BadPdf."""
        return cls(sha256(pdf), page_count(pdf), partial(_cached_reference, pdf), copies)

    def code(self, key: MarkKey, page: int, runs: int) -> ShiftCode:
        """Return the code of a page whose copies were marked with a key."""
        return ShiftCode(key.of_document(self.digest), page, runs)


@dataclass(frozen=True, slots=True)
class Sighting:
    """An image laid over a page: the place of the suspect in the list, the page from 0, what was measured."""

    suspect: int
    page: int
    reading: ShiftReading


@dataclass(frozen=True, slots=True)
class Identified:
    """The copies that the images speak for beyond doubt, and for each image the page that it shows, if one does.

    ``tints`` are those that were given, read anew where a page said where to look. ``finished`` says that nothing was
    left out for lack of time.
    """

    named: tuple[Score, ...]
    sightings: tuple[Sighting | None, ...]
    tints: tuple[TintReadings, ...]
    finished: bool


def blind_chance(tags: int, issued: int) -> float:
    """Return the chance that some issued copy's number comes with a right tag by accident."""
    return min(1.0, tags * 2.0**-TAG_BITS * issued / _COPY_NUMBERS)


def identify(
    images: Sequence[Image],
    tints: Sequence[TintReadings],
    codes: Sequence[TintCode],
    suspects: Sequence[Suspect],
    *,
    seconds: float = 10.0,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Identified:
    """Compare images (gray or RGB) and what the tint of each said (read with ``codes``) with suspected originals.

    ``progress`` is told of pages done and to do.
    """
    ends = time.monotonic() + seconds
    sightings, finished = _sightings(images, suspects, ends, progress)
    tints = [
        _read_anew(image, tint, codes, suspects, sighting)
        for image, tint, sighting in zip(images, tints, sightings, strict=True)
    ]
    tally = Tally()
    places = {code.key: place for place, code in enumerate(codes)}
    for number, suspect in enumerate(suspects):
        seen = [each for each in sightings if each is not None and each.suspect == number]
        for key, numbers in suspect.copies.items():
            readings = [
                (codes[each.code], each)
                for tint in tints
                for each in [each for each in tint.readings if each.code == places.get(key)][:_HYPOTHESES]
            ]
            shifts = [(suspect.code(key, each.page, len(each.reading.offsets)), each.reading.offsets) for each in seen]
            for shift in shifts:
                tally.compare(numbers, [shift], readings)
            if len(shifts) > 1:
                tally.compare(numbers, shifts, [])
            if not shifts:
                tally.compare(numbers, [], readings)
    return Identified(tuple(tally.named()), tuple(sightings), tuple(tints), finished)


def _read_anew(
    image: Image, tint: TintReadings, codes: Sequence[TintCode], suspects: Sequence[Suspect], sighting: Sighting | None
) -> TintReadings:
    """Return a tint that names nobody as the page has it on which the image lies; what was sought before comes last."""
    if tint.named is not None or sighting is None:
        return tint
    reference = suspects[sighting.suspect].reference(sighting.page)
    if reference is None:
        return tint
    height, width = reference.image.shape
    corners = sighting.reading.corners / PIXELS_A_MM
    laid = read_laid_tint(image, corners, (width / PIXELS_A_MM, height / PIXELS_A_MM), codes)
    return TintReadings((*laid.readings, *tint.readings), laid.tags + tint.tags)


def _sightings(
    images: Sequence[Image], suspects: Sequence[Suspect], ends: float, progress: Callable[[int, int], None]
) -> tuple[list[Sighting | None], bool]:
    pages = [(place, page) for place, suspect in enumerate(suspects) for page in range(suspect.pages)]
    best: list[Sighting | None] = [None] * len(images)
    for done, (place, page) in enumerate(pages):
        progress(done, len(pages))
        if all(each is not None and each.reading.matches >= _SURELY_THIS_PAGE for each in best):
            return best, True
        if time.monotonic() > ends:
            return best, False
        reference = suspects[place].reference(page)
        if reference is None:
            continue
        for number, image in enumerate(images):
            held = best[number]
            if held is not None and held.reading.matches >= _SURELY_THIS_PAGE:
                continue
            reading = read_shifts(reference, image)
            if reading is not None and (held is None or reading.matches > held.reading.matches):
                best[number] = Sighting(place, page, reading)
    return best, True


@lru_cache(maxsize=_KEPT_REFERENCES)
def _cached_reference(pdf: bytes, page: int) -> Reference:
    return reference_page(pdf, page)
