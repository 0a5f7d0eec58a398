"""Looks for words in files in every form that a leak could take: encodings, transfer encodings, compressed streams."""

import base64
import bz2
import lzma
import quopri
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

_DEEP = 3
_LARGEST = 16 << 20
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_GZIP, _XZ, _BZIP2, _ZIP = b"\x1f\x8b\x08", b"\xfd7zXZ\x00", re.compile(rb"BZh[1-9]1AY&SY"), b"PK\x03\x04"
_ZSTD = b"\x28\xb5\x2f\xfd"


def forms(word: str) -> dict[str, bytes]:
    """Return the byte strings under which ``word`` may stand, by the name of the form."""
    plain = {name: word.encode(name) for name in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")}
    found = dict(plain)
    for name, kept in plain.items():
        for shift in range(3):
            found[f"{name} base64+{shift}"] = _inner_base64(kept, shift)
        found[f"{name} hex"] = kept.hex().encode()
        found[f"{name} HEX"] = kept.hex().upper().encode()
    found["quoted-printable"] = quopri.encodestring(plain["utf-8"]).strip().replace(b"=\n", b"")
    found["percent"] = quote(word, safe="").encode()
    found["percent small"] = re.sub(rb"%..", lambda each: each[0].lower(), found["percent"])
    found["json escapes"] = b"".join(b"\\u%04x" % ord(letter) for letter in word)
    found["character references"] = b"".join(b"&#%d;" % ord(letter) for letter in word)
    if word.isascii():
        found["capitals"], found["small letters"] = word.upper().encode(), word.lower().encode()
    return {name: form for name, form in found.items() if len(form) >= 6}


def _inner_base64(data: bytes, shift: int) -> bytes:
    """Return what is surely seen of ``data`` in the base64 of a longer text in which it begins ``shift`` bytes late."""
    padded = base64.b64encode(bytes(shift) + data)
    first = -(-shift * 8 // 6)
    last = (shift + len(data)) * 8 // 6
    return padded[first:last]


class Scanner:
    """Searches for some words."""

    def __init__(self, words: Iterable[str]) -> None:
        self._forms = [(word, name, form) for word in words for name, form in forms(word).items()]

    def folder(self, folder: Path) -> list[str]:
        """Return what was found in a folder, one line for each find: file, word and form."""
        return [line for path in sorted(folder.rglob("*")) if path.is_file() for line in self.file(path)]

    def file(self, path: Path) -> list[str]:
        """Return what was found in a file and in its name."""
        named = [f"{path}: name: {word} as {name}" for word, name in self.search(str(path).encode())]
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # a program took it away meanwhile
            return named
        return named + [f"{path}: {word} as {name}" for word, name in self.search(data)]

    def search(self, data: bytes, deep: int = 0) -> list[tuple[str, str]]:
        """Return (word, form) of everything found in ``data``; a form names the streams that had to be opened."""
        joined = data.replace(b"\r\n", b"").replace(b"\n", b"").replace(b"=\r\n", b"")
        softly = re.sub(rb"=\r?\n", b"", data)
        found = [(w, n) for w, n, form in self._forms if form in data or form in joined or form in softly]
        if deep < _DEEP:
            for name, inner in streams(data):
                found += [(word, f"{form} in {name}") for word, form in self.search(inner, deep + 1)]
        return found


def streams(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield every compressed stream that can be opened at a signature inside ``data``."""
    view = memoryview(data)
    for match in _ZLIB.finditer(data):
        yield from _opened("zlib", zlib.decompressobj(), view[match.start() :])
    for at in _places(data, _GZIP):
        yield from _opened("gzip", zlib.decompressobj(31), view[at:])
    for at in _places(data, _ZIP):
        header = data[at : at + 30]
        if len(header) == 30 and int.from_bytes(header[8:10], "little") == 8:
            begin = at + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
            yield from _opened("zip", zlib.decompressobj(-15), view[begin:])
    for at in _places(data, _XZ):
        yield from _opened("xz", lzma.LZMADecompressor(), view[at:])
    for match in _BZIP2.finditer(data):
        yield from _opened("bzip2", bz2.BZ2Decompressor(), view[match.start() :])
    if _ZSTD in data:
        raise AssertionError("a zstd stream, which this scanner cannot open, where none is expected")


def _opened(name: str, opener: Any, data: memoryview) -> Iterator[tuple[str, bytes]]:
    inner = b""
    try:
        for at in range(0, min(len(data), _LARGEST), 256):  # a stream cut off or overwritten gives what came before
            inner += opener.decompress(data[at : at + 256])
            if opener.eof or len(inner) > _LARGEST:
                break
    except (zlib.error, lzma.LZMAError, OSError, EOFError):
        pass
    if len(inner) >= 6:
        yield name, inner


def _places(data: bytes, signature: bytes) -> Iterator[int]:
    at = data.find(signature)
    while at >= 0:
        yield at
        at = data.find(signature, at + 1)
