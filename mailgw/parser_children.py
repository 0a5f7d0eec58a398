"""A child that parses mail, seen from the gateway: its connection."""

import socket
import time
from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

from mailgw.parser_values import WALL_TIMES, Answer, Question, dump, load

ANSWER_SECONDS: Final = 120
TOO_SLOW: Final = "message.too-slow"
UNREADABLE: Final = "message.unreadable"
MAX_ANSWER: Final = 8 << 20
_PIECE: Final = 1 << 18


class ChildFailed(Exception):
    """A child gave no answer that can be used; ``code`` is the problem of the message."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


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
