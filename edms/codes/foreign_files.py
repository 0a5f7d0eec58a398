"""Marks and draws files that others made (attachments, letters from elsewhere) in children of little memory and time.

What parses them (pikepdf, pdfium, Pillow, OpenCV) is large, and they may be hostile: the web process only passes them
on.
"""

import atexit
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from crypto.errors import CannotMark
from edms.codes.marking_child import told
from edms.codes.stamp import CopyMark
from edms.core.errors import Invalid, NotFound, Unavailable
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
_LONGEST_LINE: Final = 200
_LONGEST_NUMBER: Final = 12

_nursery = KeptNursery("edms.codes.marking_child")
_children = threading.BoundedSemaphore(_AT_ONCE)
atexit.register(_nursery.end)


class _Failed(Exception):
    """The child said why, or nothing (an empty code) as it died or took too long."""


def marked_apart(pdf: bytes, mark: CopyMark) -> bytes:
    """Return what ``marked_pdf`` returns, made in a child process; the same bytes.

    Raises CannotMark when the file is no PDF that can be marked, or costs more memory or time than a file may;
    Unavailable ``codes.busy``.
    """
    try:
        return _made(pdf, {"mark": told(mark)}, most=_GROWTH * len(pdf) + _SPARE)
    except _Failed as error:
        raise CannotMark("marks.unreadable") from error


def page_count_apart(pdf: bytes) -> int:
    """Return what ``page_count`` returns; raises what it does, also for a file that costs too much, and Unavailable."""
    try:
        return int(_made(pdf, {}, most=_LONGEST_NUMBER))
    except (_Failed, ValueError) as error:
        raise Invalid("letters.not-a-pdf") from error


def page_png_apart(pdf: bytes, page: int, width_px: int) -> bytes:
    """Return what ``page_png`` returns; raises what it does, also for a page that costs too much, and Unavailable."""
    try:
        return _made(pdf, {"page": page, "width": width_px}, most=_SPARE)
    except _Failed as error:
        if str(error) == "letters.no-such-page":
            raise NotFound("letters.no-such-page", page=page) from error
        raise Invalid("letters.not-a-pdf") from error


def _made(pdf: bytes, wanted: dict[str, Any], *, most: int) -> bytes:
    """Return what a child made of a file, at most so many octets."""
    limits = {"memory": MEMORY + _MEMORY_TIMES * len(pdf), "seconds": SECONDS}
    deadline = time.monotonic() + 3 * SECONDS
    with _child() as connection:
        try:
            connection.settimeout(3 * SECONDS)
            connection.sendall(json.dumps({"do": wanted, "size": len(pdf), **limits}).encode() + b"\n")
            connection.sendall(pdf)
            answer = json.loads(_line(connection, deadline))
            size = answer.get("size") if isinstance(answer, dict) else None
            if not isinstance(size, int) or not 0 < size <= most:
                raise _Failed(answer.get("failed", "") if isinstance(answer, dict) else "")
            return _read(connection, size, deadline)
        except (OSError, ValueError) as error:  # it died, took too long, or says nothing of ours
            raise _Failed from error


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


def _line(connection: socket.socket, deadline: float) -> bytes:
    """Read a short line, octet by octet, as what follows it is for ``_read``."""
    line = bytearray()
    while not line.endswith(b"\n"):
        if len(line) > _LONGEST_LINE:
            raise ConnectionResetError
        line += _read(connection, 1, deadline)
    return bytes(line)


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
