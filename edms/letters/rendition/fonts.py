"""The typefaces of the printed sheet, and which of them draws a character."""

import re
import threading
import unicodedata
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import fontpkg_amiri
import fontpkg_ibm_plex_sans_arabic
import fontpkg_noto_serif
import uharfbuzz as hb

Family = Literal["naskh", "latin"]

_AMIRI: Final = Path(fontpkg_amiri.ROOT) / "files"
_NOTO: Final = Path(fontpkg_noto_serif.ROOT) / "files"
_PLEX: Final = Path(fontpkg_ibm_plex_sans_arabic.ROOT) / "files"
_FILES: Final[Mapping[str, tuple[Path, str, Mapping[str, float]]]] = MappingProxyType(
    {
        "amiri": (_AMIRI / "Amiri-Regular.ttf", "Amiri-Regular", {}),
        "amiri-bold": (_AMIRI / "Amiri-Bold.ttf", "Amiri-Bold", {}),
        "serif": (_NOTO / "NotoSerif[wdth,wght].ttf", "NotoSerif-Regular", {"wght": 400.0, "wdth": 100.0}),
        "serif-bold": (_NOTO / "NotoSerif[wdth,wght].ttf", "NotoSerif-Bold", {"wght": 700.0, "wdth": 100.0}),
        "sans": (_PLEX / "IBMPlexSansArabic-Regular.ttf", "IBMPlexSansArabic", {}),
        "sans-bold": (_PLEX / "IBMPlexSansArabic-Bold.ttf", "IBMPlexSansArabic-Bold", {}),
    }
)
_STACKS: Final[Mapping[tuple[Family, bool], tuple[str, ...]]] = MappingProxyType(
    {
        ("naskh", False): ("amiri", "serif", "sans"),
        ("naskh", True): ("amiri-bold", "serif-bold", "sans-bold"),
        ("latin", False): ("serif", "amiri", "sans"),
        ("latin", True): ("serif-bold", "amiri-bold", "sans-bold"),
    }
)
REPLACEMENT: Final = "\ufffd"
"""Drawn, as a visible box, for a character that no typeface has."""

_INVISIBLE: Final = frozenset({"Cf", "Cc", "Zs", "Zl", "Zp"})
_CONTROLS: Final = frozenset({0xAD, 0x61C, 0xFEFF, *range(0x200B, 0x2010), *range(0x2060, 0x206A)})
_SELECTORS: Final = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
_LOADING: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Face:
    """One typeface, read only and shared by all threads; lengths in 1/1000 em."""

    key: str
    name: str
    font: hb.Font
    face: hb.Face
    axes: Mapping[str, float]
    scale: float
    coverage: frozenset[int]
    plain: re.Pattern[str]

    def covers(self, text: str) -> bool:
        """Tell whether the face draws all characters of a text; invisible controls need no glyph."""
        return self.plain.fullmatch(text) is not None

    def advance(self, glyph: int) -> int:
        """Return the advance width of a glyph in 1/1000 em."""
        return round(float(self.font.get_glyph_h_advance(glyph)) * self.scale)

    def has(self, char: str) -> bool:
        """Tell whether the face draws a character, or has nothing to draw for it."""
        return ord(char) in self.coverage or _needs_no_glyph(char) or self._has_parts(char)

    def _has_parts(self, char: str) -> bool:
        parts = unicodedata.normalize("NFD", char)
        return parts != char and all(ord(part) in self.coverage for part in parts)


def _needs_no_glyph(char: str) -> bool:
    code = ord(char)
    return unicodedata.category(char) in _INVISIBLE or any(first <= code <= last for first, last in _SELECTORS)


def undrawable(text: str) -> tuple[str, ...]:
    """Return the characters of a text, each once, that no typeface has: they are printed as boxes."""
    faces = stack("naskh", bold=False)
    return tuple(dict.fromkeys(char for char in text if not any(face.has(char) for face in faces)))


@cache
def _load(key: str) -> Face:
    path, name, axes = _FILES[key]
    face = hb.Face(hb.Blob.from_file_path(str(path)))
    font = hb.Font(face)
    if axes:
        font.set_variations(dict(axes))
    coverage = frozenset(face.unicodes)
    return Face(key, name, font, face, axes, 1000 / face.upem, coverage, _only(coverage | _CONTROLS))


def _only(codes: Set[int]) -> re.Pattern[str]:
    """Return a pattern of texts made of these characters alone."""
    ordered = sorted(codes)
    starts = [code for code in ordered if code - 1 not in codes]
    ends = [code for code in ordered if code + 1 not in codes]
    ranges = (f"\\U{first:08x}-\\U{last:08x}" for first, last in zip(starts, ends, strict=True))
    return re.compile(f"[{''.join(ranges)}]*")


def face(key: str) -> Face:
    """Return a typeface by its key ("amiri", "serif", "sans", each also "-bold"); loaded once."""
    with _LOADING:
        return _load(key)


@cache
def stack(family: Family, bold: bool) -> tuple[Face, ...]:
    """Return the typefaces to try, best first."""
    return tuple(face(key) for key in _STACKS[family, bold])
