"""Child process that reads the hidden marks of bare pixels and compares them with originals; it never sees a file.

First comes a line of JSON (``keys``: id and secret in base64; ``pictures``: height and width; ``hastily``;
``seconds``) and the pixels of all pictures. It answers a line for each picture: the copies whose number and tag were
read. Then comes a line with the ``suspects`` (SHA-256 of the PDF, its pages, copy numbers by key) and ``issued`` (no
fewer than all copies that exist). Pages it asks for (``draw``: suspect, page) come as ``leak_drawing`` says. It answers
what it names beyond doubt, with the evidence; nothing else about any copy leaves it.

The bound: a look-up names an innocent copy with a chance of at most FALSE_NAMES. A number that is read blind is right
by accident with ``blind_chance``; comparing adds what ``identify`` states. Both are added up for every copy named.
"""

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

import numpy as np

from crypto.marks.arrays import Image
from crypto.marks.evidence import agreement, as_webp, overlay
from crypto.marks.identifying import Identified, Sighting, Suspect, blind_chance, identify
from crypto.marks.keys import MarkKey
from crypto.marks.payload import TintCode
from crypto.marks.reference import PIXELS_A_MM, Reference
from crypto.marks.scoring import FALSE_NAMES, Tally
from crypto.marks.shift_code import ShiftCode
from crypto.marks.tint_reading import HASTY, PATIENT, TintReadings, read_tint
from edms.verification.leak_rules import MOST_PIXELS
from edms.verification.leak_wire import Wire

_SHARE_OF_TINT: Final = 0.4
_TELL_EVERY: Final = 0.3
_PREVIEW: Final = 1100
_OVERLAY: Final = 1500
_EVIDENCE_OF: Final = 6
_KEPT_PAGES: Final = 8


@dataclass(frozen=True, slots=True)
class Named:
    """A copy that is named: the chance of an innocent one, the layers, and the pictures that speak for it alone."""

    number: int
    key: str
    chance: float
    layers: tuple[str, ...]
    pictures: tuple[int, ...]


class Reader:
    """The pictures of one look-up, what their tint says, and when to stop."""

    def __init__(self, wire: Wire, codes: Sequence[TintCode], pictures: Sequence[Image], seconds: float) -> None:
        self._tell = wire.tell
        self.codes, self.pictures = codes, pictures
        self._begun, self._seconds = time.monotonic(), seconds
        self.tints: list[TintReadings] = []

    def read_blind(self, *, hastily: bool) -> None:
        """Read the tint of every picture and tell the numbers whose tag is right, which need not be issued."""
        budget = min(HASTY if hastily else PATIENT, self._seconds * _SHARE_OF_TINT / max(len(self.pictures), 1))
        for place, picture in enumerate(self.pictures):
            self._tell({"progress": ["tint", place, len(self.pictures)]})
            read = read_tint(picture, self.codes, seconds=budget)
            self.tints.append(read)
            numbers = [[self.codes[one.code].key.id, one.number] for one in read.readings if one.number is not None]
            preview = base64.b64encode(as_webp(picture, longest=_PREVIEW)).decode()
            self._tell({"picture": place, "numbers": numbers, "tint": bool(read.readings), "preview": preview})

    def compare(self, suspects: Sequence[Suspect], issued: int) -> None:
        """Compare all pictures with the originals and tell who is named, by what, and what each picture shows."""
        left = max(1.0, self._seconds - (time.monotonic() - self._begun))
        said = [0.0]

        def progress(done: int, of: int) -> None:
            if time.monotonic() - said[0] > _TELL_EVERY:
                said[0] = time.monotonic()
                self._tell({"progress": ["pages", done, of]})

        found = identify(self.pictures, self.tints, self.codes, suspects, seconds=left, progress=progress)
        self.tints = list(found.tints)
        named = self._named(found, suspects, issued)
        for one in named:
            self._tell({"named": [one.number, one.key, one.chance, list(one.layers), list(one.pictures)]})
        for place, sighting in enumerate(found.sightings):
            if sighting is not None:
                self._tell({"shown": place, **_place(sighting, self.pictures[place])})
        for one in named[:_EVIDENCE_OF]:
            self._tell_evidence(one, found, suspects)
        self._tell({"done": True, "finished": found.finished})

    def _named(self, found: Identified, suspects: Sequence[Suspect], issued: int) -> list[Named]:
        by_accident = blind_chance(sum(tint.tags for tint in self.tints), issued)
        keys = {number: key.id for suspect in suspects for key, numbers in suspect.copies.items() for number in numbers}
        sure = frozenset(score.number for score in found.named)
        alone = [self._alone(place, found.sightings[place], suspects, sure) for place in range(len(self.pictures))]
        named = {
            score.number: Named(
                score.number, keys[score.number], score.chance + by_accident, tuple(score.layers),
                tuple(place for place, numbers in enumerate(alone) if score.number in numbers),
            )
            for score in found.named if score.chance + by_accident <= FALSE_NAMES
        }  # fmt: skip
        for place, tint in enumerate(self.tints):
            read = tint.named
            if read is None or read.number not in keys or by_accident > FALSE_NAMES:
                continue
            if keys[read.number] != self.codes[read.code].key.id:
                continue
            known = named.get(read.number)
            if known is None:
                named[read.number] = Named(read.number, keys[read.number], by_accident, ("tint",), (place,))
            else:
                layers = tuple(dict.fromkeys(("tint", *known.layers)))
                pictures = tuple(sorted({*known.pictures, place}))
                named[read.number] = Named(known.number, known.key, known.chance, layers, pictures)
        return sorted(named.values(), key=lambda one: one.chance)

    def _alone(
        self, place: int, sighting: Sighting | None, suspects: Sequence[Suspect], named: frozenset[int]
    ) -> frozenset[int]:
        """Return those of the copies named by all pictures that this one speaks for by itself, under the same bound."""
        tally = Tally()
        compared, all_copies = 0, 0
        for number, suspect in enumerate(suspects):
            for key, numbers in suspect.copies.items():
                tints = [
                    (self.codes[one.code], one)
                    for one in self.tints[place].readings[:2] if self.codes[one.code].key == key
                ]  # fmt: skip
                shifts = []
                if sighting is not None and sighting.suspect == number:
                    shifts = [(_code(suspect, key, sighting), sighting.reading.offsets)]
                some = [each for each in numbers if each in named]
                compared, all_copies = compared + len(some), all_copies + len(numbers)
                tally.compare(some, shifts, tints)
        times = all_copies / max(compared, 1)
        return frozenset(score.number for score in tally.named() if score.chance * times <= FALSE_NAMES)

    def _tell_evidence(self, one: Named, found: Identified, suspects: Sequence[Suspect]) -> None:
        """Tell for each picture that shows a page of the copy how many runs agree, with the page drawn."""
        for place, sighting in enumerate(found.sightings):
            if sighting is None or not sighting.reading.read:
                continue
            suspect = suspects[sighting.suspect]
            key = next((key for key, numbers in suspect.copies.items() if one.number in numbers), None)
            if key is None:
                continue
            steps = _code(suspect, key, sighting).steps([one.number])[0]
            counted = agreement(sighting.reading, steps)
            reference = suspect.reference(sighting.page)
            if reference is None:
                continue
            drawn = overlay(reference, sighting.reading, steps)
            picture = base64.b64encode(as_webp(drawn, longest=_OVERLAY)).decode()
            self._tell({"evidence": [one.number, place], "runs": [counted.read, counted.agreed], "drawn": picture})


class _Pages:
    """Pages of originals, which another process draws; the last few are kept."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.reference = lru_cache(_KEPT_PAGES)(self._ask)

    def _ask(self, suspect: int, page: int) -> Reference | None:
        """Ask for a page; None for one that cannot be drawn, or whose ink belongs to runs that it does not have."""
        self._wire.tell({"draw": [suspect, page]})
        told = self._wire.hear()
        if "pixels" not in told:
            return None
        height, width = told["pixels"]
        image = np.frombuffer(self._wire.octets(height * width), np.uint8).reshape(height, width)
        labels = np.frombuffer(self._wire.octets(height * width * 4), "<i4").reshape(height, width)
        sound = labels.min(initial=-1) >= -1 and labels.max(initial=-1) < told["runs"]
        return Reference(image, labels, told["runs"]) if sound else None


def answer(wire: Wire) -> None:
    """Answer one look-up in its two steps."""
    asked = wire.hear()
    codes = [TintCode(MarkKey(name, base64.b64decode(secret))) for name, secret in asked["keys"]]
    pictures = [_picture(wire.octets(height * width * 3), height, width) for height, width in asked["pictures"]]
    reader = Reader(wire, codes, pictures, asked["seconds"])
    reader.read_blind(hastily=asked["hastily"])
    wire.tell({"read": True})
    then = wire.hear()
    if not then:
        return
    keys, pages = {code.key.id: code.key for code in codes}, _Pages(wire)
    suspects = [
        Suspect(bytes.fromhex(one["digest"]), one["pages"], partial(pages.reference, place),
                {keys[name]: numbers for name, numbers in one["copies"].items() if name in keys})
        for place, one in enumerate(then["suspects"])
    ]  # fmt: skip
    reader.compare(suspects, then["issued"])


def _picture(octets: bytes, height: int, width: int) -> Image:
    if height * width > MOST_PIXELS * 2 or len(octets) != height * width * 3:
        raise ValueError("a picture is not what was announced")
    return np.frombuffer(octets, np.uint8).reshape(height, width, 3)


def _code(suspect: Suspect, key: MarkKey, sighting: Sighting) -> ShiftCode:
    return suspect.code(key, sighting.page, len(sighting.reading.offsets))


def _place(sighting: Sighting, picture: Image) -> dict[str, Any]:
    """Return which page a picture shows and how well: runs read, its pixels a millimetre, its skew (1 is none)."""
    corners = sighting.reading.corners.astype(np.float64)
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    width = max((sides[0] + sides[2]) / 2, 1e-6) / PIXELS_A_MM
    skew = max(max(sides[at], sides[at + 2]) / max(min(sides[at], sides[at + 2]), 1e-6) for at in (0, 1))
    return {
        "suspect": sighting.suspect, "page": sighting.page, "runs": sighting.reading.read,
        "pixels_a_mm": round(float(picture.shape[1] / width), 2), "skew": round(float(min(skew, 99.0)), 2),
    }  # fmt: skip


def warm_up() -> None:
    """Load what the libraries load on first use, by reading small pages of their own."""
    as_webp(np.zeros((32, 32, 3), np.uint8))
    noise = np.random.default_rng(1).integers(0, 255, (400, 400, 3), np.uint8)
    read_tint(noise, [TintCode(MarkKey("", bytes(32)))], seconds=0.01)
