"""Directions of text by the Unicode Bidirectional Algorithm (UAX #9): levels from ICU, line reordering (L2) here."""

import ctypes
import importlib.util
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, Literal

Base = Literal["rtl", "ltr"]

_NEWEST_ICU: Final = 120
_OLDEST_ICU: Final = 50
_BRACKET_MARK: Final = re.compile(  # a bracket and a combining mark after it
    r"[()\[\]{}\u0f3a-\u0f3d\u169b\u169c\u2045\u2046\u207d-\u208e\u2308-\u2e5c\u3008-\u301b\ufe59-\uff63]"
    r"[\u200b-\u200f\u2060-\u206f]*[\u0300-\u036f\u0483-\u0489\u0591-\u06ed\u08ca-\u08ff\u20d0-\u20f0]"
)
# A second paragraph of the other direction: where all is of one direction ICU reports one level and not Unicode's.
_OTHER_PARAGRAPH: Final[dict[Base, str]] = {"rtl": "\u2029a", "ltr": "\u2029\u05d0"}
_RTL_LETTER: Final = re.compile(
    r"[\u05d0-\u05f2\u0620-\u064a\u066e-\u06d3\u06d5\u06ee\u06ef\u06fa-\u08c7\ufb1d-\ufdfb\ufe70-\ufefc"
    r"\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_CODE: Final = re.compile(r"[0-9@_=\\/]|\w\.\w")


class BidiUnavailable(RuntimeError):
    """The ICU library of the icu4py wheel could not be loaded."""


def levels(text: str, base: Base) -> list[int]:
    """Return the embedding level of each character of one paragraph (odd: right to left), UAX #9 X1 to L1.

    `text` holds no paragraph separator, embedding or override (`directions.clean` drops them; isolates may stay); one
    level per code point. Raises BidiUnavailable.
    """
    if not text:
        return []
    found = _levels(text + _OTHER_PARAGRAPH[base], 1 if base == "rtl" else 0)[: len(text)]
    return _marks_after_brackets(text, found) if _BRACKET_MARK.search(text) else found


def _levels(text: str, base_level: int) -> list[int]:
    units = text.encode("utf-16-le", "replace")
    count = len(units) // 2
    by_unit = _icu().levels(units, count, base_level)
    if count == len(text):
        return list(by_unit)
    found, position = [], 0
    for char in text:
        found.append(by_unit[position])
        position += 2 if ord(char) > 0xFFFF else 1
    return found


def _marks_after_brackets(text: str, found: list[int]) -> list[int]:
    """Give the marks that follow a bracket the level of the bracket (N0, last paragraph), which ICU omits."""
    bracket = -1
    for index, char in enumerate(text):
        kind = unicodedata.bidirectional(char)
        if kind == "NSM" and bracket >= 0:
            found[index] = found[bracket]
        elif kind != "BN":
            bracket = index if kind == "ON" and unicodedata.mirrored(char) else -1
    return found


def visual_order(run_levels: Sequence[int]) -> list[int]:
    """Return the indices of the runs of one line from left to right (UAX #9 L2)."""
    order = list(range(len(run_levels)))
    odd = [level for level in run_levels if level % 2]
    if not odd:
        return order
    for level in range(max(run_levels), min(odd) - 1, -1):
        start = 0
        while start < len(order):
            end = start
            while end < len(order) and run_levels[order[end]] >= level:
                end += 1
            order[start:end] = order[start:end][::-1]
            start = max(end, start + 1)
    return order


def base_of(text: str, default: Base = "rtl") -> Base:
    """Return the base direction of a paragraph by its letters; addresses, codes and numbers weigh nothing.

    An Arabic sentence that opens with a Latin word stays right to left, which first-strong (P2) would miss; a line of
    an English letter that quotes an Arabic name stays left to right.
    """
    latin = arabic = 0
    for word in text.split():
        if _RTL_LETTER.search(word):
            arabic += sum(map(str.isalpha, word))
        elif not _CODE.search(word):
            latin += sum(map(str.isalpha, word))
    if not arabic and not latin:
        return "ltr" if any(char.isalpha() for char in text) else default
    weight = 3 if default == "rtl" else 1
    return "rtl" if arabic * weight >= latin else "ltr"


class _Icu:
    """ICU's UBiDi through ctypes: one object per call, so that threads share nothing."""

    def __init__(self, library: ctypes.CDLL) -> None:
        suffix = _suffix(library)
        self._open = library[f"ubidi_open{suffix}"]
        self._open.restype = ctypes.c_void_p
        self._open.argtypes = []
        self._close = library[f"ubidi_close{suffix}"]
        self._close.restype = None
        self._close.argtypes = [ctypes.c_void_p]
        self._set = library[f"ubidi_setPara{suffix}"]
        self._set.restype = None
        self._set.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_int32,
            ctypes.c_uint8,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_int),
        ]
        self._get = library[f"ubidi_getLevels{suffix}"]
        self._get.restype = ctypes.c_void_p
        self._get.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]

    def levels(self, units: bytes, count: int, base_level: int) -> bytes:
        """Return one level per UTF-16 code unit."""
        error = ctypes.c_int(0)
        handle = self._open()
        try:
            self._set(handle, units, count, base_level, None, ctypes.byref(error))
            address = self._get(handle, ctypes.byref(error))
            if error.value > 0 or not address:
                raise BidiUnavailable(f"ubidi failed with ICU error {error.value}")
            return ctypes.string_at(address, count)
        finally:
            self._close(handle)


@cache
def _icu() -> _Icu:
    """Load libicudata, then libicuuc, from the icu4py wheel."""
    spec = importlib.util.find_spec("icu4py")
    if spec is None or spec.origin is None:
        raise BidiUnavailable("the icu4py package is not installed")
    package = Path(spec.origin).parent
    folders = (package.parent / "icu4py.libs", package / ".dylibs", package)
    data = _first(folders, ("libicudata*", "icudt*"))
    unicode_library = _first(folders, ("libicuuc*", "icuuc*"))
    ctypes.CDLL(str(data), mode=ctypes.RTLD_GLOBAL)
    return _Icu(ctypes.CDLL(str(unicode_library)))


def _first(folders: Sequence[Path], patterns: Sequence[str]) -> Path:
    """Return the first file that matches; raises BidiUnavailable."""
    for folder in folders:
        for pattern in patterns:
            for path in sorted(folder.glob(pattern)):
                return path
    raise BidiUnavailable(f"icu4py carries no {patterns[0]}")


def _suffix(library: ctypes.CDLL) -> str:
    """Return the version suffix of ICU's exported names ("_78"), found by asking."""
    for suffix in ("", *(f"_{version}" for version in range(_NEWEST_ICU, _OLDEST_ICU, -1))):
        if hasattr(library, f"ubidi_open{suffix}"):
            return suffix
    raise BidiUnavailable("libicuuc exports no ubidi_open")
