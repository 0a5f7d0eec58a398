"""The parser's processes seen from the gateway: the nursery that forks them, and a child's connection."""

import os
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Final
from uuid import UUID

from edms.core.errors import Unavailable
from mailgw import maillog
from mailgw.parser_values import WALL_TIMES, Answer, Question, dump, load

ANSWER_SECONDS: Final = 120
TOO_SLOW: Final = "message.too-slow"
UNREADABLE: Final = "message.unreadable"
MAX_ANSWER: Final = 8 << 20
_PIECE: Final = 1 << 18
_START_SECONDS: Final = 60.0
_HOME: Final = str(Path(__file__).resolve().parents[1])


class ChildFailed(Exception):
    """A child gave no answer that can be used; ``code`` is the problem of the message."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Nursery:
    """The process that forks the children, and its orders."""

    def __init__(self, module: str, stamp_roots: Sequence[bytes]) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._numbers = count(1)
        self._ready = threading.Lock()
        self._is_ready = False
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own module, roots of our own settings
                [sys.executable, "-P", "-m", module, *(b64encode(each).decode() for each in stamp_roots)],
                stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", close_fds=True,
                env={"PYTHONPATH": _HOME, "LANG": "C.UTF-8", "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip

    def wait(self) -> None:
        """Wait until it has loaded what it needs."""
        with self._ready:
            if not self._is_ready:
                self._orders.settimeout(_START_SECONDS)
                try:
                    self._is_ready = self._orders.recv(16) == b"ready"
                except OSError:
                    self._is_ready = False
        if not self._is_ready:
            raise Unavailable("mail.parser-not-started")

    def fork(self) -> "Child":
        """Order a child; raises Unavailable when the nursery is gone."""
        self.wait()
        child = self.fork_ahead()
        if child is None:
            raise Unavailable("mail.parser-not-started")
        return child

    def fork_ahead(self) -> "Child | None":
        """Order a child without waiting for it; None when the nursery is gone."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        number = next(self._numbers)
        with theirs:
            try:
                socket.send_fds(self._orders, [b"F %d" % number], [theirs.fileno()])
            except OSError:
                ours.close()
                return None
        return Child(number, ours)

    def kill(self, number: int) -> None:
        """Order a child's end, whatever it is doing."""
        try:
            self._orders.send(b"K %d" % number)
        except OSError:
            maillog.event("parser.nursery-lost")

    def lives(self) -> bool:
        """Tell whether it still runs."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it and its children."""
        self._orders.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Child:
    """One child's connection; each step of an exchange has its time.

    ``source`` is the installation whose messages it has read, and for which alone it may read again.
    """

    def __init__(self, number: int, connection: socket.socket) -> None:
        self.number = number
        self.connection = connection
        self.source: UUID | None = None
        self._deadline = 0.0
        self._late = float("inf")
        self._ahead = bytearray()

    def ask(self, question: Question, chunks: Iterable[bytes]) -> Answer:
        """Send a question with its message and return the answer's values; raises ChildFailed."""
        self._allow(ANSWER_SECONDS)
        head = dump(question)
        start = len(head).to_bytes(4) + head
        for chunk in chunks:
            self._send(start + chunk if start else chunk)
            start = b""
        if start:
            self._send(start)
        self._allow(WALL_TIMES * question.seconds + 1)
        self._late = time.monotonic() + question.seconds
        size = int.from_bytes(self.octets(4))
        if size > MAX_ANSWER:
            raise ChildFailed(UNREADABLE)
        try:
            answer = load(Answer, self.octets(size))
        except ValueError:
            raise ChildFailed(UNREADABLE) from None
        self._allow(ANSWER_SECONDS)
        return answer

    def octets(self, size: int) -> bytes:
        """Return the next octets of the answer."""
        while len(self._ahead) < size:
            self._ahead += self._receive()
        found = bytes(memoryview(self._ahead)[:size])
        del self._ahead[:size]
        return found

    def piecewise(self, size: int) -> Iterator[bytes]:
        """Yield the next ``size`` octets of the answer as they come."""
        while size:
            if not self._ahead:
                self._ahead += self._receive()
            found = self.octets(min(size, len(self._ahead)))
            size -= len(found)
            yield found

    def _allow(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def _send(self, octets: bytes) -> None:
        self._bounded()
        try:
            self.connection.sendall(octets)
        except TimeoutError:
            raise ChildFailed(TOO_SLOW) from None
        except OSError:
            raise self._died() from None

    def _receive(self) -> bytes:
        self._bounded()
        try:
            found = self.connection.recv(_PIECE)
        except TimeoutError:
            raise ChildFailed(TOO_SLOW) from None
        except OSError:
            found = b""
        if not found:
            raise self._died()
        return found

    def _bounded(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ChildFailed(TOO_SLOW)
        self.connection.settimeout(left)

    def _died(self) -> ChildFailed:
        """Return why: a child that ended when it may have used up its time was ended by its own timer."""
        return ChildFailed(TOO_SLOW if time.monotonic() >= self._late else UNREADABLE)
