"""The witness: a file on another disk that every checkpoint is added to, and that is never begun anew by itself."""

import os
import re
from pathlib import Path
from typing import Final

from crypto.checkpoints import KeyChain, TreeHead, opened
from crypto.errors import SignatureInvalid
from edms.core.errors import Conflict, Unavailable
from edms.core.folders import sync_folder

_TAIL: Final = 1 << 16  # octets: the last note, with the signatures of sixteen witnesses
_SIGNATURE: Final = re.compile(rb"\n\xe2\x80\x94 [^\n]+(?=\n)")


def last_head(path: Path, origin: str, public_der: bytes | KeyChain) -> TreeHead:
    """Return what the last whole checkpoint of a witness file states.

    One that a crash cut off at the end does not count. Raises Unavailable ``audit.no-witness`` when the file cannot be
    read, Conflict ``audit.bad-witness`` when what stands at its end is not the log's own.
    """
    tail = _tail(path)
    note, cut_off = _parts(tail)
    start = f"{origin}\n".encode()
    try:
        head = opened(note[(b"\n" + note).rfind(b"\n" + start) :].decode(), public_der)
    except (SignatureInvalid, UnicodeDecodeError) as error:
        raise Conflict("audit.bad-witness", file=str(path)) from error
    if head.origin != origin or cut_off[: len(start)] != start[: len(cut_off)]:
        raise Conflict("audit.bad-witness", file=str(path))
    return head


def append(path: Path, note: str) -> None:
    """Add a checkpoint at the end, safe on the disk; a piece of one that a crash left there is overwritten by it.

    Raises Unavailable ``audit.no-witness`` when the file is missing or cannot be written.
    """
    cut_off = len(_parts(_tail(path))[1])
    try:
        with path.open("r+b") as file:
            file.seek(-cut_off, os.SEEK_END)
            file.truncate()
            file.write(note.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable("audit.no-witness", file=str(path)) from error


def begin(path: Path, note: str) -> None:
    """Begin a witness file with a checkpoint; Conflict ``audit.witness-exists``, Unavailable ``audit.no-witness``."""
    try:
        with path.open("xb") as file:
            file.write(note.encode())
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except FileExistsError as error:
        raise Conflict("audit.witness-exists", file=str(path)) from error
    except OSError as error:
        raise Unavailable("audit.no-witness", file=str(path)) from error


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return file.read()
    except OSError as error:
        raise Unavailable("audit.no-witness", file=str(path)) from error


def _parts(tail: bytes) -> tuple[bytes, bytes]:
    """Return the whole notes, and what follows the last one's signatures."""
    end = max((found.end() + 1 for found in _SIGNATURE.finditer(tail)), default=0)
    return tail[:end], tail[end:]
