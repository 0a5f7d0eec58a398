"""A child of a look-up as its parent sees it: forked from a nursery, limited, killed when it is late, never trusted."""

import atexit
import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self

from edms.core.errors import Unavailable
from edms.core.nursery import KeptNursery, NurseryLost
from edms.verification.leak_rules import ReadingLimits

_LONGEST_LINE: Final = 8 << 20
_GRACE: Final = 10.0

Kind = Literal["pictures", "originals", "marks"]

_nursery = KeptNursery("edms.verification.leak_nursery")
atexit.register(_nursery.end)


@contextlib.contextmanager
def distrusting() -> Iterator[None]:
    """Turn what goes wrong with a child's words into Unavailable ``leaks.reader-failed``: they may be anything."""
    try:
        yield
    except (LookupError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise broken() from error


class Child:
    """A child process with limits, killed when it takes longer than it may; what it says is not trusted."""

    def __init__(self, kind: Kind, limits: ReadingLimits) -> None:
        self._kind, self._limits = kind, limits

    def __enter__(self) -> Self:
        """Start it; raises Unavailable ``leaks.reader-failed``."""
        try:
            self._nursery = _nursery.born()
            self._number, self._connection = self._nursery.fork()
        except NurseryLost:
            raise broken() from None
        self._out = self._connection.makefile("rb")
        self._timer = threading.Timer(self._limits.seconds + _GRACE, self._kill)
        self._timer.daemon = True
        self._timer.start()
        self._writer: threading.Thread | None = None
        limits = {"memory": self._limits.memory_mb << 20, "seconds": self._limits.seconds}
        self.send({"child": self._kind, **limits})
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End it, whatever it is doing."""
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

    def send(self, told: dict[str, Any], blocks: Sequence[bytes] = ()) -> None:
        """Write a line and what follows it, beside the reading, since the child answers while it is told."""
        if self._writer is not None:
            self._writer.join()

        def write() -> None:
            with contextlib.suppress(OSError):  # the child has ended: whoever reads its answers sees it
                self._connection.sendall(json.dumps(told).encode() + b"\n")
                for block in blocks:
                    self._connection.sendall(block)

        self._writer = threading.Thread(target=write, daemon=True)
        self._writer.start()

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what the child says until it ends; to be taken within ``distrusting``."""
        while line := self._readline():
            told = json.loads(line)
            if not isinstance(told, dict):
                raise broken()
            yield told

    def octets(self, size: int) -> bytes:
        """Read the octets that follow a line."""
        try:
            read = self._out.read(size)
        except ConnectionError:
            read = b""
        if len(read) != size:
            raise broken()
        return read

    def _readline(self) -> bytes:
        try:
            return self._out.readline(_LONGEST_LINE)
        except ConnectionError:  # it was ended while it spoke
            return b""


def whole(value: object, below: int) -> int:
    """Return what a child said as a number of 0 or more and less than ``below``, or raise as ``broken``."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < below:
        raise broken()
    return value


def broken() -> Unavailable:
    """Return what a look-up raises when a child gave up, or said what it never says."""
    return Unavailable("leaks.reader-failed")
