"""The typefaces of the printed sheet, and which of them draws a character."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import fontpkg_amiri
import fontpkg_noto_serif
import uharfbuzz as hb

Family = Literal["naskh", "latin"]

_AMIRI: Final = Path(fontpkg_amiri.ROOT) / "files"
_NOTO: Final = Path(fontpkg_noto_serif.ROOT) / "files"
_FILES: Final[Mapping[str, tuple[Path, str, Mapping[str, float]]]] = MappingProxyType(
    {
        "amiri": (_AMIRI / "Amiri-Regular.ttf", "Amiri-Regular", {}),
        "amiri-bold": (_AMIRI / "Amiri-Bold.ttf", "Amiri-Bold", {}),
        "serif": (_NOTO / "NotoSerif[wdth,wght].ttf", "NotoSerif-Regular", {"wght": 400.0, "wdth": 100.0}),
        "serif-bold": (_NOTO / "NotoSerif[wdth,wght].ttf", "NotoSerif-Bold", {"wght": 700.0, "wdth": 100.0}),
    }
)
_STACKS: Final[Mapping[tuple[Family, bool], tuple[str, ...]]] = MappingProxyType(
    {
        ("naskh", False): ("amiri", "serif"),
        ("naskh", True): ("amiri-bold", "serif-bold"),
        ("latin", False): ("serif", "amiri"),
        ("latin", True): ("serif-bold", "amiri-bold"),
    }
)
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

    def advance(self, glyph: int) -> int:
        """Return the advance width of a glyph in 1/1000 em."""
        return round(float(self.font.get_glyph_h_advance(glyph)) * self.scale)


@cache
def _load(key: str) -> Face:
    path, name, axes = _FILES[key]
    face = hb.Face(hb.Blob.from_file_path(str(path)))
    font = hb.Font(face)
    if axes:
        font.set_variations(dict(axes))
    return Face(key, name, font, face, axes, 1000 / face.upem, frozenset(face.unicodes))


def face(key: str) -> Face:
    """Return a typeface by its key ("amiri", "amiri-bold", "serif", "serif-bold"); loaded once."""
    with _LOADING:
        return _load(key)


@cache
def stack(family: Family, bold: bool) -> tuple[Face, ...]:
    """Return the typefaces to try, best first."""
    return tuple(face(key) for key in _STACKS[family, bold])
