"""Hostile files: whatever they do, the answer is findings or one clear refusal, and it comes in time."""

import contextlib
import tarfile
import time

import pytest

from edms.core.errors import Invalid
from edms.verification import sandbox
from edms.verification.sandbox import judge_pdf, read_symbols
from tests.shared_data import FOLDER, missing

_ARCHIVE = FOLDER / "pdf-conformance" / "qpdf+pdf20+pypdf+verapdfA.tar.xz"
_CRASHES = "xref-compressed-in-compressed.pdf"


def conformance_files(every: int, limit: int) -> dict[str, bytes]:
    if not _ARCHIVE.is_file():
        missing(f"the PDF files are not at {_ARCHIVE}")
    found: dict[str, bytes] = {}
    with tarfile.open(_ARCHIVE, "r|xz") as archive:
        for number, member in enumerate(archive):
            wanted = member.name.endswith(_CRASHES) or (number % every == 0 and len(found) < limit)
            stream = archive.extractfile(member) if wanted and member.isfile() else None
            if stream is not None:
                found[member.name] = stream.read()
    return found


def test_no_file_of_the_conformance_suites_breaks_the_desk() -> None:
    files = conformance_files(every=150, limit=7)
    assert any(name.endswith(_CRASHES) for name in files)
    for data in files.values():
        for examine in (lambda d: judge_pdf(d, []), read_symbols):
            with contextlib.suppress(Invalid):  # any other exception fails the test
                examine(data)


def test_a_child_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "PATIENCE", 0.01)
    with pytest.raises(Invalid) as caught:
        judge_pdf(b"%PDF-1.7\n", [])
    assert caught.value.code == "verification.unreadable"


def test_a_picture_too_large_for_memory_is_refused() -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = zlib.compress(b"\0" * 10_000_000, 9)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    started = time.monotonic()
    with pytest.raises(Invalid):
        read_symbols(bomb + chunk(b"IDAT", row) + chunk(b"IEND", b""))
    assert time.monotonic() - started < 20
