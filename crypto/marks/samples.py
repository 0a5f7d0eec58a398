"""A small PDF with every kind of page, for processes that may load nothing once they have begun to read files."""

from io import BytesIO
from typing import Final

import pikepdf
from PIL import Image

_SIDE: Final = 72.0
_PIXELS: Final = 200


def sample_pdf() -> bytes:
    """Return a PDF with properties: a page of text, one that is a JPEG, one that is a picture in black and white."""
    with pikepdf.new() as document:
        page = document.add_blank_page(page_size=(_SIDE, _SIDE))
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
        page.Contents = document.make_stream(b"BT /F 9 Tf 5 30 Td (sample) Tj ET")
        picture = BytesIO()
        Image.new("L", (_PIXELS, _PIXELS), "white").save(picture, "JPEG")
        _add_picture(document, picture.getvalue(), "/DeviceGray", 8, "/DCTDecode")
        _add_picture(document, bytes(_PIXELS * _PIXELS // 8), "/DeviceGray", 1, None)
        with document.open_metadata() as metadata:
            metadata["dc:title"] = "sample"
        out = BytesIO()
        document.save(out)
    return out.getvalue()


def _add_picture(document: pikepdf.Pdf, data: bytes, space: str, bits: int, coding: str | None) -> None:
    picture = document.make_stream(
        data, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=_PIXELS, Height=_PIXELS,
        ColorSpace=pikepdf.Name(space), BitsPerComponent=bits,
    )  # fmt: skip
    if coding:
        picture.Filter = pikepdf.Name(coding)
    page = document.add_blank_page(page_size=(_SIDE, _SIDE))
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(P=picture))
    page.Contents = document.make_stream(f"q {_SIDE} 0 0 {_SIDE} 0 0 cm /P Do Q".encode())
