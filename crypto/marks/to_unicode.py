"""What the codes of a font in a PDF stand for: its ToUnicode map (ISO 32000-2 §9.10.3)."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pikepdf

_BLOCK: Final = re.compile(rb"begin(bfchar|bfrange)(.*?)end\1", re.DOTALL)
_TOKEN: Final = re.compile(rb"<([0-9A-Fa-f\s]*)>|(\[)|(\])")
_MOST_CODES: Final = 65_536


class FontCodes:
    """How a font's strings are cut into codes, and the characters that each code stands for."""

    def __init__(self, font: Any) -> None:
        self.width = 2 if font.get("/Subtype") == "/Type0" else 1
        stream = font.get("/ToUnicode")
        self._texts: Mapping[int, str] = {}
        if isinstance(stream, pikepdf.Stream):
            self._texts = dict(_mapped(bytes(stream.read_bytes())))

    def codes(self, string: bytes) -> Iterator[tuple[bytes, str]]:
        """Yield each code with its text, in base letters rather than presentation forms; "" where none is known."""
        for start in range(0, len(string), self.width):
            code = string[start : start + self.width]
            yield code, self._texts.get(int.from_bytes(code, "big"), "")


def _mapped(cmap: bytes) -> Iterator[tuple[int, str]]:
    for kind, block in _BLOCK.findall(cmap):
        tokens = list(_TOKEN.finditer(block))
        if kind == b"bfchar":
            for code, text in zip(tokens[::2], tokens[1::2], strict=False):
                yield _number(code), _text(_hex(text))
        else:
            yield from _ranges(tokens)


def _ranges(tokens: list[re.Match[bytes]]) -> Iterator[tuple[int, str]]:
    place = 0
    while place + 2 < len(tokens):
        first, last = _number(tokens[place]), _number(tokens[place + 1])
        codes = range(first, min(last, first + _MOST_CODES) + 1)
        place += 2
        if tokens[place][2]:
            place += 1
            for code in codes:
                if place >= len(tokens) or tokens[place][3]:
                    break
                yield code, _text(_hex(tokens[place]))
                place += 1
            place += 1
        else:
            start = _hex(tokens[place])
            place += 1
            for code in codes:
                low = int.from_bytes(start[-2:], "big") + code - first
                yield code, _text(start[:-2] + (low & 0xFFFF).to_bytes(2, "big"))


def _hex(token: re.Match[bytes]) -> bytes:
    digits = b"".join((token[1] or b"").split())
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())


def _number(token: re.Match[bytes]) -> int:
    return int.from_bytes(_hex(token), "big")


def _text(utf16: bytes) -> str:
    return unicodedata.normalize("NFKC", utf16.decode("utf-16-be", "ignore"))
