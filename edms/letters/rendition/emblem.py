"""The emblem in the middle of a letterhead: the body's own picture, or a neutral star drawn by us."""

import zlib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from math import cos, radians, sin
from typing import Final

from PIL import Image
from reportlab.pdfbase.pdfdoc import PDFStream

from edms.letters.rendition.objects import stream
from edms.letters.rendition.shaping import Colour
from edms.letters.rendition.sheet import Sheet

_REMEMBERED: Final = 64
_POINTS: Final = 8
_COLOURS: Final = 256


def draw_emblem(sheet: Sheet, png: bytes, place: tuple[float, float], side: float, colour: Colour) -> None:
    """Draw an emblem in a square of `side` points around the middle `place`, in its own proportions."""
    x, y = place
    if not png:
        draw_star(sheet, x, y, side / 2, colour)
        return
    picture = _picture(png)
    scale = side / max(picture.width, picture.height) / 2
    wide, high = picture.width * scale, picture.height * scale
    sheet.picture(picture.name, _image(picture), (x - wide, y - high, x + wide, y + high))


def draw_star(sheet: Sheet, x: float, y: float, radius: float, colour: Colour) -> None:
    """Draw an eight-pointed star in rings, which belongs to no state."""
    sheet.saveState()
    sheet.translate(x, y)
    sheet.setStrokeColorRGB(*colour)
    sheet.setFillColorRGB(*colour)
    sheet.setLineJoin(1)
    for ring, width in ((0.98, 1.1), (0.92, 0.4), (0.43, 0.7)):
        sheet.setLineWidth(width)
        sheet.circle(0, 0, radius * ring)
    for _ in range(2):
        for share, width in ((0.615, 0.95), (0.555, 0.4)):
            side = radius * share
            sheet.setLineWidth(width)
            sheet.rect(-side, -side, 2 * side, 2 * side, stroke=1, fill=0)
        sheet.rotate(45)
    sheet.setLineWidth(0.6)
    _rosette(sheet, radius * 0.38)
    sheet.circle(0, 0, radius * 0.075, stroke=0, fill=1)
    sheet.restoreState()


def _rosette(sheet: Sheet, length: float) -> None:
    """Draw eight petals around the origin."""
    petals = sheet.beginPath()
    for number in range(_POINTS):
        turn = radians(number * 360 / _POINTS)
        tip = (length * cos(turn), length * sin(turn))
        left, right = ((0.55 * length * cos(turn + way), 0.55 * length * sin(turn + way)) for way in (0.42, -0.42))
        petals.moveTo(0, 0)
        petals.curveTo(*left, *left, *tip)
        petals.curveTo(*right, *right, 0, 0)
    sheet.drawPath(petals, stroke=1, fill=0)


@dataclass(frozen=True, slots=True)
class _Picture:
    """An emblem on white paper, ready for a PDF: its pixels as numbers of colours (Flate-coded), and the colours."""

    name: str
    width: int
    height: int
    pixels: bytes
    colours: str


@lru_cache(_REMEMBERED)
def _picture(png: bytes) -> _Picture:
    with Image.open(BytesIO(png)) as opened:
        drawn = opened.convert("RGBA")
    paper = Image.new("RGBA", drawn.size, "white")
    flat = Image.alpha_composite(paper, drawn).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    table = bytes(flat.getpalette() or b"")
    space = f"[/Indexed /DeviceRGB {len(table) // 3 - 1} <{table.hex()}>]"
    return _Picture(f"emblem-{sha256(png).hexdigest()[:16]}", *flat.size, zlib.compress(flat.tobytes(), 9), space)


def _image(picture: _Picture) -> PDFStream:
    """Return an image XObject (ISO 32000-1 §8.9.5)."""
    return stream(
        picture.pixels, packed=False, Type="/XObject", Subtype="/Image", Width=picture.width, Height=picture.height,
        BitsPerComponent=8, ColorSpace=picture.colours, Filter="/FlateDecode",
    )  # fmt: skip
