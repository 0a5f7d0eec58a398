"""The scanner for leaks finds what was planted, in every form, and nothing where nothing is."""

import base64
import bz2
import gzip
import io
import lzma
import os
import quopri
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.security.scanner import Scanner

ARABIC, LATIN = "زمطقرلوش", "Qzvexorilk"
TEXT = f"نص طويل قبل الكلمة {ARABIC} ثم {LATIN} وبعدها".encode() * 3


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", data)
    return out.getvalue()


PLANTED: dict[str, Callable[[bytes], bytes]] = {
    "utf-8": lambda data: data,
    "utf-16-le": lambda data: data.decode().encode("utf-16-le"),
    "utf-16-be": lambda data: data.decode().encode("utf-16-be"),
    "utf-32": lambda data: data.decode().encode("utf-32-le"),
    "base64": base64.b64encode,
    "base64 one later": lambda data: base64.b64encode(b"x" + data),
    "base64 two later": lambda data: base64.b64encode(b"xy" + data),
    "base64 in lines": base64.encodebytes,
    "base64 of utf-16": lambda data: base64.encodebytes(data.decode().encode("utf-16-le")),
    "quoted-printable": quopri.encodestring,
    "percent": lambda data: quote(data.decode()).encode(),
    "percent small": lambda data: quote(data.decode()).lower().encode(),
    "hex": lambda data: data.hex().encode(),
    "json": lambda data: ascii(data.decode()).encode(),
    "zlib": zlib.compress,
    "zlib fast": lambda data: zlib.compress(data, 1),
    "gzip": gzip.compress,
    "zip": zipped,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "gzip in a zip": lambda data: zipped(gzip.compress(data)),
    "zlib cut off": lambda data: zlib.compress(data + os.urandom(2_000), 9)[:-400],
}


@pytest.mark.parametrize("form", PLANTED)
def test_a_planted_word_is_found(form: str, tmp_path: Path) -> None:
    data = PLANTED[form](TEXT)
    (tmp_path / "planted").write_bytes(os.urandom(5_000) + data + os.urandom(5_000))
    found = "\n".join(Scanner([ARABIC, LATIN]).folder(tmp_path))
    assert ARABIC in found
    assert LATIN.lower() in found.lower()


def test_a_word_in_a_file_name_is_found(tmp_path: Path) -> None:
    (tmp_path / f"{ARABIC}.pdf").touch()
    assert len(Scanner([ARABIC]).folder(tmp_path)) == 1


def test_a_word_in_a_database_and_in_its_journal_is_found(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "planted.sqlite3", isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("CREATE TABLE letters (subject TEXT)")
        file.execute("INSERT INTO letters VALUES (?)", [ARABIC])
        found = Scanner([ARABIC]).folder(tmp_path)
    assert any("planted.sqlite3-wal" in line for line in found)


def test_nothing_is_found_in_random_bytes_and_in_other_words(tmp_path: Path) -> None:
    (tmp_path / "random").write_bytes(os.urandom(3 << 20))
    (tmp_path / "other").write_text("وزارة الصحة " * 1_000, "utf-8")
    assert Scanner([ARABIC, LATIN]).folder(tmp_path) == []
