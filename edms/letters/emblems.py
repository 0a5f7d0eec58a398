"""Reading an emblem that somebody uploaded: checked, drawn once, and kept as a small PNG without anything foreign."""

import struct
import zlib
from functools import lru_cache
from io import BytesIO
from typing import Final, NoReturn

from PIL import Image, PngImagePlugin

from edms.core.errors import Invalid, Problem
from edms.letters import emblem_drawing, emblem_svg

LARGEST: Final = 512 * 1024
SIDE: Final = 591
"""Pixels of 25 mm at 600 dots per inch: the longer side of an emblem as it is kept."""

_LEAST: Final = 200
_MOST_PIXELS: Final = 4000 * 4000
_NARROWEST: Final = 4
_COLOURS: Final = 256
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_DAMAGED: Final = (OSError, ValueError, SyntaxError, EOFError, zlib.error, struct.error, Image.DecompressionBombError)


@lru_cache(8)
def read_emblem(sent: bytes) -> bytes:
    """Return an uploaded SVG or PNG as a PNG of at most 591 pixels a side, 256 colours, without any metadata.

    The last few are remembered, since a form sends the same file again and again while it is filled in.

    Raises Invalid ``letters.bad-letterhead`` with a problem at ``emblem``: ``letters.emblem-large`` (over 512 KB),
    ``letters.emblem-format``, ``letters.emblem-damaged``, ``letters.emblem-unsafe`` (scripts, addresses, entities,
    parts an emblem does not need), ``letters.emblem-size`` (too few or too many pixels, too narrow).
    """
    if len(sent) > LARGEST:
        _refuse("letters.emblem-large", limit=LARGEST // 1024)
    if sent.startswith(_SIGNATURE):
        picture = _read_png(sent)
    elif emblem_svg.looks_like_svg(sent):
        picture = _read_svg(sent)
    else:
        _refuse("letters.emblem-format")
    return _written(picture)


def _read_png(sent: bytes) -> Image.Image:
    """Decode a PNG whose declared size is within bounds."""
    try:
        with PngImagePlugin.PngImageFile(BytesIO(sent)) as opened:
            _require_size(opened.size, least=_LEAST)
            return opened.convert("RGBA")
    except _DAMAGED:
        _refuse("letters.emblem-damaged")


def _read_svg(sent: bytes) -> Image.Image:
    """Check an SVG and draw it at 600 dots per inch."""
    try:
        cleaned = emblem_svg.checked(sent)
    except emblem_svg.UnsafeSvg as error:
        _refuse("letters.emblem-unsafe", found=error.found)
    except ValueError:
        _refuse("letters.emblem-damaged")
    drawn = emblem_drawing.draw(cleaned, SIDE)
    if drawn is None:
        _refuse("letters.emblem-damaged")
    with Image.open(BytesIO(drawn)) as opened:
        picture = opened.convert("RGBA")
    if picture.getbbox() is None:
        _refuse("letters.emblem-damaged")
    _require_size(picture.size, least=1)
    return picture


def _written(picture: Image.Image) -> bytes:
    """Return a picture as PNG: no empty margin, no more pixels and colours than paper shows."""
    picture = picture.crop(picture.getbbox())
    _require_size(picture.size, least=1)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    if picture.getcolors(_COLOURS) is None:
        picture = picture.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    out = BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _require_size(size: tuple[int, int], *, least: int) -> None:
    wide, high = size
    narrow = max(wide, high) > _NARROWEST * min(wide, high)
    if narrow or max(wide, high) < least or wide * high > _MOST_PIXELS:
        _refuse("letters.emblem-size", least=least)


def _refuse(code: str, **params: object) -> NoReturn:
    raise Invalid("letters.bad-letterhead", (Problem("emblem", code, **params),))
