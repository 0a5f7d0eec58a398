"""The children of a look-up: one opens hostile files, some draw originals, one knows the keys of the hidden marks."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final, Self, cast

from crypto.digests import sha256
from crypto.marks.keys import MarkKey
from edms.core.errors import Unavailable
from edms.verification.leak_child import Child, broken, distrusting, whole
from edms.verification.leak_rules import LONGEST_LINE, MOST_CODES, MOST_LINES, MOST_PIXELS, Layer, ReadingLimits

_MOST_RUNS: Final = 1 << 16
_DRAWING_SECONDS: Final = 20

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Picture:
    """A page of a file (both from 0) as RGB, height x width x 3 octets, and the codes that can be seen on it.

    ``hints`` are digits that the file itself names, in its properties or its text; ``lines`` the words that were read.
    """

    file: int
    page: int
    height: int
    width: int
    pixels: bytes = field(repr=False)
    codes: tuple[str, ...] = ()
    seals: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    lines: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """The pictures of all files, and for files that cannot be read (wholly) why, by the place of the file."""

    pictures: tuple[Picture, ...]
    troubles: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class BlindRead:
    """What the tint of one picture said: numbers by key whose tag was right, whether a tint stands out, a preview."""

    numbers: tuple[tuple[str, int], ...]
    tint: bool
    preview: bytes


@dataclass(frozen=True, slots=True)
class SuspectFile:
    """An original and the numbers of its issued copies by the id of the key they were marked with."""

    pdf: bytes = field(repr=False)
    copies: Mapping[str, Sequence[int]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NamedCopy:
    """A copy that is named: its number, the chance of an innocent one, the layers, the pictures that speak alone."""

    number: int
    chance: float
    layers: tuple[Layer, ...]
    pictures: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a picture shows: which suspect, which page from 0, how many runs were read, how clearly, how askew."""

    suspect: int
    page: int
    runs: int
    pixels_a_mm: float
    skew: float


@dataclass(frozen=True, slots=True)
class EvidencePage:
    """A page drawn for a copy and a picture: ``agreed`` of ``read`` runs lie as in the copy; WebP."""

    number: int
    picture: int
    read: int
    agreed: int
    drawn: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """What comparing with the originals gave; ``finished`` says that nothing was left out for lack of time.

    ``lost`` are the suspects of which some page could not be drawn: it was not compared.
    """

    named: tuple[NamedCopy, ...]
    shown: Mapping[int, Shown]
    evidence: tuple[EvidencePage, ...]
    finished: bool
    lost: frozenset[int] = frozenset()


def open_files(
    files: Sequence[bytes], *, limits: ReadingLimits, progress: Progress, words: bool = False
) -> Opened:  # fmt: skip
    """Turn files into pictures in the child that knows no secret; what it does not get to read has its trouble told.

    ``words`` asks for the words of pictures on which nothing says which letter they show.
    """
    pictures: list[Picture] = []
    troubles: dict[int, str] = {}
    with Child("pictures", limits) as child, distrusting():
        child.send({"sizes": [len(one) for one in files], "words": words}, files)
        done = False
        for told in child.lines():
            if "done" in told:
                done = True
                break
            file = whole(told.get("file"), len(files))
            progress("open", file, len(files))
            if "trouble" in told:
                troubles[file] = _known_trouble(told["trouble"])
                continue
            height, width = (whole(side, 1 << 16) for side in told["pixels"])
            if height * width > MOST_PIXELS * 2:
                raise broken()
            pixels = child.octets(height * width * 3)
            codes, seals, hints = (_texts(told.get(name)) for name in ("codes", "seals", "hints"))
            lines = tuple(one[:LONGEST_LINE] for one in _texts(told.get("lines"), MOST_LINES))
            page = whole(told["page"], 1 << 20)
            pictures.append(Picture(file, page, height, width, pixels, codes, seals, hints, lines))
    if not done:
        reached = max((one.file for one in pictures), default=-1)
        troubles |= {file: "leaks.unreadable" for file in range(reached + 1, len(files)) if file not in troubles}
    return Opened(tuple(pictures), troubles)


class _Originals:
    """Originals, drawn by children that know no secret: one for each page, since others may have made the file."""

    def __init__(self, suspects: Sequence[SuspectFile], limits: ReadingLimits) -> None:
        self._files = [one.pdf for one in suspects]
        self._limits = replace(limits, seconds=min(limits.seconds, _DRAWING_SECONDS))
        self.lost: set[int] = set()
        self.pages = [self._count(place) if pdf else 0 for place, pdf in enumerate(self._files)]

    def draw(self, place: int, page: int) -> tuple[dict[str, Any], list[bytes]]:
        """Return a page in the words of ``leak_drawing``, nothing where it cannot be drawn; after a death none."""
        if place in self.lost:
            return {}, []
        try:
            with Child("originals", self._limits) as child, distrusting():
                told = self._asked(child, place, page)
                if "pixels" not in told:
                    return {}, []
                height, width = (whole(side, 1 << 16) for side in told["pixels"])
                runs = whole(told["runs"], _MOST_RUNS)
                if height * width > MOST_PIXELS:
                    raise broken()
                blocks = [child.octets(height * width), child.octets(height * width * 4)]
        except Unavailable:
            self.lost.add(place)
            return {}, []
        return {"pixels": [height, width], "runs": runs}, blocks

    def _count(self, place: int) -> int:
        try:
            with Child("originals", self._limits) as child, distrusting():
                return whole(self._asked(child, place, None)["pages"], 1 << 16)
        except Unavailable:
            self.lost.add(place)
            return 0

    def _asked(self, child: Child, place: int, page: int | None) -> dict[str, Any]:
        child.send({"size": len(self._files[place]), "page": page}, [self._files[place]])
        return next(child.lines(), {})


class MarkReader:
    """The child that reads the hidden marks of pictures; one look-up each, in the order read, compare."""

    def __init__(self, *, limits: ReadingLimits, progress: Progress) -> None:
        self._progress, self._limits = progress, limits
        self._pictures: Sequence[Picture] = ()
        self._child = Child("marks", limits)

    def __enter__(self) -> Self:
        """Start the child."""
        self._child.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the child."""
        self._child.__exit__(kind, error, trace)

    @distrusting()
    def read(self, pictures: Sequence[Picture], known: Sequence[MarkKey], *, hastily: bool) -> list[BlindRead]:
        """Return what the tint of each picture says by the known keys; ``hastily`` gives up early where none is seen.

        Raises Unavailable ``leaks.reader-failed`` when the child gave up.
        """
        self._pictures = pictures
        keys = [[key.id, base64.b64encode(key.secret).decode()] for key in known]
        sizes = [[one.height, one.width] for one in self._pictures]
        told = {"keys": keys, "pictures": sizes, "hastily": hastily, "seconds": self._limits.seconds}
        self._child.send(told, [one.pixels for one in self._pictures])
        found: dict[int, BlindRead] = {}
        for line in self._child.lines():
            if "read" in line:
                return [found[place] for place in range(len(self._pictures))]
            if "progress" in line:
                self._tell(line["progress"])
            elif "picture" in line:
                numbers = tuple((str(key), whole(number, 1 << 40)) for key, number in line["numbers"][:8])
                found[whole(line["picture"], len(self._pictures))] = BlindRead(
                    numbers, bool(line["tint"]), _webp(line["preview"])
                )
        raise broken()

    @distrusting()
    def compare(self, suspects: Sequence[SuspectFile], issued: int) -> Compared:
        """Compare with originals; ``issued`` is no fewer than all copies there are. Unavailable as for ``read``."""
        originals = _Originals(suspects, self._limits)
        told = [
            {
                "digest": sha256(one.pdf).hex(),
                "pages": pages,
                "copies": {key: list(some) for key, some in one.copies.items()},
            }
            for one, pages in zip(suspects, originals.pages, strict=True)
        ]
        self._child.send({"suspects": told, "issued": issued})
        numbers = {number for one in suspects for some in one.copies.values() for number in some}
        named: list[NamedCopy] = []
        shown: dict[int, Shown] = {}
        evidence: list[EvidencePage] = []
        for line in self._child.lines():
            if "done" in line:
                lost = frozenset(originals.lost)
                return Compared(tuple(named), shown, tuple(evidence), bool(line["finished"]), lost)
            if "progress" in line:
                self._tell(line["progress"])
            elif "draw" in line:
                place, page = line["draw"]
                place = whole(place, len(suspects))
                self._child.send(*originals.draw(place, whole(page, originals.pages[place])))
            elif "named" in line:
                named.append(self._named(line["named"], numbers))
            elif "shown" in line:
                shown[whole(line["shown"], len(self._pictures))] = Shown(
                    whole(line["suspect"], len(suspects)), whole(line["page"], 1 << 20),
                    whole(line["runs"], 1 << 24), float(line["pixels_a_mm"]), float(line["skew"]),
                )  # fmt: skip
            elif "evidence" in line:
                number, place = line["evidence"]
                read, agreed = (whole(count, 1 << 24) for count in line["runs"])
                evidence.append(
                    EvidencePage(int(number), whole(place, len(self._pictures)), read, agreed, _webp(line["drawn"]))
                )
        raise broken()

    def _named(self, told: list[Any], numbers: set[int]) -> NamedCopy:
        number, _key, chance, layers, pictures = told
        if number not in numbers:
            raise broken()
        kinds = cast("tuple[Layer, ...]", tuple(one for one in ("tint", "shift") if one in layers))
        places = tuple(whole(place, len(self._pictures)) for place in pictures)
        return NamedCopy(int(number), float(chance), kinds, places)

    def _tell(self, told: list[Any]) -> None:
        phase, done, of = told
        self._progress(str(phase), whole(done, 1 << 24), whole(of, 1 << 24))


def _texts(values: object, most: int = MOST_CODES) -> tuple[str, ...]:
    found = values if isinstance(values, list) else []
    return tuple(str(one) for one in found[:most])


def _webp(text: object) -> bytes:
    try:
        found = base64.b64decode(str(text), validate=True)
    except binascii.Error as error:
        raise broken() from error
    if found[:4] != b"RIFF" or found[8:12] != b"WEBP":
        raise broken()
    return found


def _known_trouble(code: object) -> str:
    known = ("leaks.heic", "leaks.too-many-pixels", "leaks.too-many-pages", "leaks.too-much-at-once")
    return str(code) if code in known else "leaks.unreadable"
