"""Runs the two children of a look-up: one opens hostile files, the other knows the keys of the hidden marks."""

import atexit
import base64
import binascii
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Literal, Self, cast

from crypto.marks.keys import MarkKey
from edms.core.errors import Unavailable
from edms.core.nursery import KeptNursery, NurseryLost
from edms.verification.leak_rules import MOST_CODES, MOST_PIXELS, Layer, ReadingLimits

_LONGEST_LINE: Final = 8 << 20
_GRACE: Final = 10.0

Progress = Callable[[str, int, int], None]

_nursery = KeptNursery("edms.verification.leak_nursery")
atexit.register(_nursery.end)


@dataclass(frozen=True, slots=True)
class Picture:
    """A page of a file (both from 0) as RGB, height x width x 3 octets, and the codes that can be seen on it.

    ``hints`` are digits that the file itself names, in its properties or its text.
    """

    file: int
    page: int
    height: int
    width: int
    pixels: bytes = field(repr=False)
    codes: tuple[str, ...] = ()
    seals: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


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
    """What comparing with the originals gave; ``finished`` says that nothing was left out for lack of time."""

    named: tuple[NamedCopy, ...]
    shown: Mapping[int, Shown]
    evidence: tuple[EvidencePage, ...]
    finished: bool


@contextlib.contextmanager
def _distrusting() -> Iterator[None]:
    """Turn what goes wrong with a child's words into Unavailable ``leaks.reader-failed``: they may be anything."""
    try:
        yield
    except (LookupError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise _broken() from error


def open_files(files: Sequence[bytes], *, limits: ReadingLimits, progress: Progress) -> Opened:
    """Turn files into pictures in the child that knows no secret; what it does not get to read has its trouble told."""
    pictures: list[Picture] = []
    troubles: dict[int, str] = {}
    with _Child("pictures", limits) as child, _distrusting():
        child.send({"sizes": [len(one) for one in files]}, files)
        done = False
        for told in child.lines():
            if "done" in told:
                done = True
                break
            file = _whole(told.get("file"), len(files))
            progress("open", file, len(files))
            if "trouble" in told:
                troubles[file] = _known_trouble(told["trouble"])
                continue
            height, width = (_whole(side, 1 << 16) for side in told["pixels"])
            if height * width > MOST_PIXELS * 2:
                raise _broken()
            pixels = child.octets(height * width * 3)
            codes, seals, hints = (_texts(told.get(name)) for name in ("codes", "seals", "hints"))
            pictures.append(Picture(file, _whole(told["page"], 1 << 20), height, width, pixels, codes, seals, hints))
    if not done:
        reached = max((one.file for one in pictures), default=-1)
        troubles |= {file: "leaks.unreadable" for file in range(reached + 1, len(files)) if file not in troubles}
    return Opened(tuple(pictures), troubles)


class MarkReader:
    """The child that reads the hidden marks of pictures; one look-up each, in the order read, compare."""

    def __init__(self, *, limits: ReadingLimits, progress: Progress) -> None:
        self._progress = progress
        self._pictures: Sequence[Picture] = ()
        self._child = _Child("marks", limits)

    def __enter__(self) -> Self:
        """Start the child."""
        self._child.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the child."""
        self._child.__exit__(kind, error, trace)

    @_distrusting()
    def read(self, pictures: Sequence[Picture], known: Sequence[MarkKey], *, hastily: bool) -> list[BlindRead]:
        """Return what the tint of each picture says by the known keys; ``hastily`` gives up early where none is seen.

        Raises Unavailable ``leaks.reader-failed`` when the child gave up.
        """
        self._pictures = pictures
        keys = [[key.id, base64.b64encode(key.secret).decode()] for key in known]
        sizes = [[one.height, one.width] for one in self._pictures]
        told = {"keys": keys, "pictures": sizes, "hastily": hastily}
        self._child.send(told, [one.pixels for one in self._pictures])
        found: dict[int, BlindRead] = {}
        for line in self._child.lines():
            if "read" in line:
                return [found[place] for place in range(len(self._pictures))]
            if "progress" in line:
                self._tell(line["progress"])
            elif "picture" in line:
                numbers = tuple((str(key), _whole(number, 1 << 40)) for key, number in line["numbers"][:8])
                found[_whole(line["picture"], len(self._pictures))] = BlindRead(
                    numbers, bool(line["tint"]), _webp(line["preview"])
                )
        raise _broken()

    @_distrusting()
    def compare(self, suspects: Sequence[SuspectFile], issued: int) -> Compared:
        """Compare with originals; ``issued`` is no fewer than all copies there are. Unavailable as for ``read``."""
        told = [{"size": len(one.pdf), "copies": {key: list(some) for key, some in one.copies.items()}}
                for one in suspects]  # fmt: skip
        self._child.send({"suspects": told, "issued": issued}, [one.pdf for one in suspects])
        numbers = {number for one in suspects for some in one.copies.values() for number in some}
        named: list[NamedCopy] = []
        shown: dict[int, Shown] = {}
        evidence: list[EvidencePage] = []
        for line in self._child.lines():
            if "done" in line:
                return Compared(tuple(named), shown, tuple(evidence), bool(line["finished"]))
            if "progress" in line:
                self._tell(line["progress"])
            elif "named" in line:
                named.append(self._named(line["named"], numbers))
            elif "shown" in line:
                shown[_whole(line["shown"], len(self._pictures))] = Shown(
                    _whole(line["suspect"], len(suspects)), _whole(line["page"], 1 << 20),
                    _whole(line["runs"], 1 << 24), float(line["pixels_a_mm"]), float(line["skew"]),
                )  # fmt: skip
            elif "evidence" in line:
                number, place = line["evidence"]
                read, agreed = (_whole(count, 1 << 24) for count in line["runs"])
                evidence.append(
                    EvidencePage(int(number), _whole(place, len(self._pictures)), read, agreed, _webp(line["drawn"]))
                )
        raise _broken()

    def _named(self, told: list[Any], numbers: set[int]) -> NamedCopy:
        number, _key, chance, layers, pictures = told
        if number not in numbers:
            raise _broken()
        kinds = cast("tuple[Layer, ...]", tuple(one for one in ("tint", "shift") if one in layers))
        places = tuple(_whole(place, len(self._pictures)) for place in pictures)
        return NamedCopy(int(number), float(chance), kinds, places)

    def _tell(self, told: list[Any]) -> None:
        phase, done, of = told
        self._progress(str(phase), _whole(done, 1 << 24), _whole(of, 1 << 24))


class _Child:
    """A child process with limits, killed when it takes longer than it may; what it says is not trusted."""

    def __init__(self, kind: Literal["pictures", "marks"], limits: ReadingLimits) -> None:
        self._kind, self._limits = kind, limits

    def __enter__(self) -> Self:
        try:
            self._nursery = _nursery.born()
            self._number, self._connection = self._nursery.fork()
        except NurseryLost:
            raise _broken() from None
        self._out = self._connection.makefile("rb")
        self._timer = threading.Timer(self._limits.seconds + _GRACE, self._kill)
        self._timer.daemon = True
        self._timer.start()
        self._writer: threading.Thread | None = None
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._kill()
        if self._writer is not None:
            self._writer.join()
        self._out.close()
        self._connection.close()

    def _kill(self) -> None:
        """End the child, and whatever waits for it to write or to read."""
        with contextlib.suppress(NurseryLost):  # its children end with it
            self._nursery.kill(self._number)
        with contextlib.suppress(OSError):  # the child has gone before
            self._connection.shutdown(socket.SHUT_RDWR)

    def send(self, told: dict[str, Any], blocks: Sequence[bytes]) -> None:
        """Write a line and what follows it, beside the reading, since the child answers while it is told."""
        if self._writer is not None:
            self._writer.join()
        limits = {"memory": self._limits.memory_mb << 20, "seconds": self._limits.seconds}
        head = {"child": self._kind, **limits, **told}

        def write() -> None:
            with contextlib.suppress(OSError):  # the child has ended: whoever reads its answers sees it
                self._connection.sendall(json.dumps(head).encode() + b"\n")
                for block in blocks:
                    self._connection.sendall(block)

        self._writer = threading.Thread(target=write, daemon=True)
        self._writer.start()

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what the child says until it ends; to be taken within ``_distrusting``."""
        while line := self._readline():
            told = json.loads(line)
            if not isinstance(told, dict):
                raise _broken()
            yield told

    def octets(self, size: int) -> bytes:
        """Read the octets that follow a line."""
        try:
            read = self._out.read(size)
        except ConnectionError:
            read = b""
        if len(read) != size:
            raise _broken()
        return read

    def _readline(self) -> bytes:
        try:
            return self._out.readline(_LONGEST_LINE)
        except ConnectionError:  # it was ended while it spoke
            return b""


def _whole(value: object, below: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < below:
        raise _broken()
    return value


def _texts(values: object) -> tuple[str, ...]:
    found = values if isinstance(values, list) else []
    return tuple(str(one) for one in found[:MOST_CODES])


def _webp(text: object) -> bytes:
    try:
        found = base64.b64decode(str(text), validate=True)
    except binascii.Error as error:
        raise _broken() from error
    if found[:4] != b"RIFF" or found[8:12] != b"WEBP":
        raise _broken()
    return found


def _known_trouble(code: object) -> str:
    known = ("leaks.heic", "leaks.too-many-pixels", "leaks.too-many-pages", "leaks.too-much-at-once")
    return str(code) if code in known else "leaks.unreadable"


def _broken() -> Unavailable:
    return Unavailable("leaks.reader-failed")
