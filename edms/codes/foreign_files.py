"""Marks copies of files that others made (attachments, letters from elsewhere) in children of little memory and time.

What parses them (pikepdf, Pillow, OpenCV) is large, and they may be hostile: the web process only passes them on.
"""

import atexit
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from crypto.errors import CannotMark
from edms.codes.marking_child import LENGTH, told
from edms.codes.stamp import CopyMark
from edms.core.errors import Unavailable
from edms.core.nursery import KeptNursery, NurseryLost

SECONDS: Final = 30
"""Of processor time that a copy may cost; the worst case by the clock is three times that."""
MEMORY: Final = 3 << 29
_MEMORY_TIMES: Final = 8
_GROWTH: Final = 4
_SPARE: Final = 16 << 20
_AT_ONCE: Final = 2
_WAITING: Final = 20.0
_PIECE: Final = 1 << 20


_nursery = KeptNursery("edms.codes.marking_child")
_children = threading.BoundedSemaphore(_AT_ONCE)
atexit.register(_nursery.end)


def marked_apart(pdf: bytes, mark: CopyMark) -> bytes:
    """Return what ``marked_pdf`` returns, made in a child process; the same bytes.

    Raises CannotMark when the file is no PDF that can be marked, or costs more memory or time than a file may;
    Unavailable ``codes.busy``.
    """
    request = {
        "size": len(pdf), "mark": told(mark), "memory": MEMORY + _MEMORY_TIMES * len(pdf), "seconds": SECONDS,
    }  # fmt: skip
    deadline = time.monotonic() + 3 * SECONDS
    with _child() as connection:
        try:
            connection.settimeout(3 * SECONDS)
            connection.sendall(json.dumps(request).encode() + b"\n")
            connection.sendall(pdf)
            size = int.from_bytes(_read(connection, LENGTH, deadline))
            if not 0 < size <= _GROWTH * len(pdf) + _SPARE:
                raise CannotMark("marks.unreadable")
            return _read(connection, size, deadline)
        except OSError as error:  # it died or took too long
            raise CannotMark("marks.unreadable") from error


@contextmanager
def _child() -> Iterator[socket.socket]:
    """Give the connection of a child that is ended afterwards, whatever it is doing; raises Unavailable."""
    if not _children.acquire(timeout=_WAITING):
        raise Unavailable("codes.busy", retry_after=30)
    try:
        nursery = _nursery.born()
        number, connection = nursery.fork()
        try:
            with connection:
                yield connection
        finally:
            nursery.kill(number)
    except NurseryLost:
        raise Unavailable("codes.busy", retry_after=30) from None
    finally:
        _children.release()


def _read(connection: socket.socket, size: int, deadline: float) -> bytes:
    """Read so many octets; raises OSError when the child ends before or the deadline passes."""
    found = bytearray()
    while len(found) < size:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        piece = connection.recv(min(_PIECE, size - len(found)))
        if not piece:
            raise ConnectionResetError
        found += piece
    return bytes(found)
