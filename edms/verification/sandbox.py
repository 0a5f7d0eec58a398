"""Runs the examiners of files in child processes of little memory and time, nowhere to write: files are hostile."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from edms.core.errors import Invalid, Unavailable

PATIENCE: Final = 30.0
WAITING: Final = 20.0
AT_ONCE: Final = 2
_HOME: Final = str(Path(__file__).resolve().parents[2])
_children = threading.BoundedSemaphore(AT_ONCE)

Kind = Literal["sealed", "unsigned", "broken"]


@dataclass(frozen=True, slots=True)
class Findings:
    """What the examiner says of a PDF; ``root`` is a place in the roots given, ``claims`` the signature's reason.

    ``serial`` is the body's code, ``certificate`` the serial number of the seal's certificate in hexadecimal.
    ``original_size`` is how many bytes were sealed; behind them stands evidence, where there is any. ``level`` is that
    of PAdES, ``stamped_at`` the time that a trusted authority proves.

    ``symbols`` are the digits of Code 128 on the first page, looked for in unsigned files only.
    """

    kind: Kind
    genuine: bool = False
    reasons: tuple[str, ...] = ()
    serial: str = ""
    certificate: str = ""
    root: int | None = None
    signed_at: datetime | None = None
    stamped_at: datetime | None = None
    level: str = ""
    original_size: int = 0
    claims: str = ""
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageRead:
    """What was read on a page: texts of seals, digits of Code 128, and the words that a PDF gives."""

    seals: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class PaperRead:
    """What was read on a paper, and its first page as a small JPEG in base64."""

    pages: tuple[PageRead, ...]
    picture: str = ""


def judge_pdf(
    data: bytes, roots: Sequence[bytes], *, stamp_roots: Sequence[bytes] = (), crls: Sequence[bytes] = ()
) -> Findings:
    """Judge a PDF's seal against root certificates (DER), in the child.

    ``stamp_roots`` are trusted for time-stamps alone; ``crls`` are the lists of revoked certificates known here.

    Raises Invalid ``verification.not-a-pdf``, and ``verification.unreadable`` when the child crashed, ran out of
    memory or took longer than 30 s; Unavailable ``verification.busy``.
    """
    given = {"roots": roots, "stamp_roots": stamp_roots, "crls": crls}
    request = {name: [base64.b64encode(each).decode() for each in listed] for name, listed in given.items()}
    lines = _run("examiner", request, data)
    if not lines:
        raise Invalid("verification.unreadable")
    seal = lines[0]
    if seal["kind"] == "not-a-pdf":
        raise Invalid("verification.not-a-pdf")
    if seal["kind"] != "sealed":
        return Findings(seal["kind"], symbols=tuple(symbol for line in lines[1:] for symbol in line["symbols"]))
    for moment in ("signed_at", "stamped_at"):
        seal[moment] = datetime.fromisoformat(seal[moment]) if seal[moment] else None
    return Findings(**seal | {"reasons": tuple(seal["reasons"])})


def read_symbols(data: bytes) -> tuple[str, ...]:
    """Return the digits of every Code 128 in a PDF or a picture, in the child; each once, in the order found.

    Raises Invalid ``verification.unreadable`` for what is neither, and Unavailable ``verification.busy``.
    """
    lines = _run("symbols", {}, data)
    if not lines:
        raise Invalid("verification.unreadable")
    return tuple(dict.fromkeys(symbol for line in lines for symbol in line["symbols"]))


def read_paper(data: bytes) -> PaperRead:
    """Read seals, codes and words of a picture or a PDF, in the child.

    Raises Invalid ``verification.unreadable`` for what is neither, and Unavailable ``verification.busy``.
    """
    lines = _run("paper_reader", {}, data)
    pages = [line for line in lines if "seals" in line]
    if not pages:
        raise Invalid("verification.unreadable")
    return PaperRead(
        tuple(PageRead(tuple(line["seals"]), tuple(line["codes"]), line["words"]) for line in pages),
        next((line["picture"] for line in lines if "picture" in line), ""),
    )


def _run(child_module: str, request: dict[str, Any], data: bytes) -> list[dict[str, Any]]:
    """Return the lines that the child wrote, however it ended."""
    if not _children.acquire(timeout=WAITING):
        raise Unavailable("verification.busy", retry_after=30)
    try:
        child = subprocess.Popen(  # noqa: S603  # our own module, no argument from outside
            [sys.executable, "-P", "-m", f"edms.verification.{child_module}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", close_fds=True,
            env={"PYTHONPATH": _HOME, "LANG": "C.UTF-8", "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        with child:
            try:
                out, _ = child.communicate(json.dumps(request).encode() + b"\n" + data, timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
                out, _ = child.communicate()
    finally:
        _children.release()
    return [json.loads(line) for line in out.splitlines() if line.endswith(b"}")]
