"""Pictures of PDF pages by pdfium, which is not thread-safe: one call at a time."""

import threading
from io import BytesIO
from typing import Final

import numpy as np
import pypdfium2 as pdfium
from PIL import Image

from edms.core.errors import Invalid, NotFound

_PDFIUM: Final = threading.Lock()
_TEXT_COLOURS: Final = 32
_PICTURE_COLOURS: Final = 256
_PALE_COLOURS: Final = 4
_PALE_STEP: Final = 8
_WHITISH: Final = 250
_MOST_IN_TEXT: Final = 4096
_WIDEST: Final = 4000


def page_count(pdf: bytes) -> int:
    """Return the number of pages; raises Invalid (`letters.not-a-pdf`)."""
    with _PDFIUM:
        document = _open(pdf)
        try:
            return len(document)
        finally:
            document.close()


def page_png(pdf: bytes, page: int, width_px: int) -> bytes:
    """Return a PNG of one page (counted from 1), `width_px` wide, in few colours where the page is text.

    Raises Invalid (`letters.not-a-pdf`) and NotFound (`letters.no-such-page`).
    """
    return _encode(_render(pdf, page, max(1, min(width_px, _WIDEST))))


def _render(pdf: bytes, page: int, width_px: int) -> Image.Image:
    with _PDFIUM:
        document = _open(pdf)
        try:
            if not 1 <= page <= len(document):
                raise NotFound("letters.no-such-page", page=page)
            opened = document[page - 1]
            bitmap = opened.render(scale=width_px / opened.get_width())
            image: Image.Image = bitmap.to_pil().convert("RGB")
            bitmap.close()
            opened.close()
            return image
        finally:
            document.close()


def _encode(image: Image.Image) -> bytes:
    """Write a small PNG: few colours for a page of text, more for a page of pictures; of white and its tints four.

    The hidden tint of a copy is a matter of a few levels of blue, which no chooser of colours would keep.
    """
    sample = image.resize((max(1, image.width // 3), max(1, image.height // 3)), Image.Resampling.NEAREST)
    if sample.getcolors(_MOST_IN_TEXT) is None:
        small = image.quantize(_PICTURE_COLOURS - _PALE_COLOURS, method=Image.Quantize.FASTOCTREE)
    else:
        small = image.quantize(_TEXT_COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette = (small.getpalette() or [])[: 3 * (_PICTURE_COLOURS - _PALE_COLOURS)]
    pixels, places = np.asarray(image), np.array(small)
    bands = pixels.reshape(-1, 3).T
    pale = np.flatnonzero((bands[:2].min(axis=0) >= _WHITISH) & (bands[2] > 255 - _PALE_COLOURS * _PALE_STEP))
    colours = pixels.reshape(-1, 3)[pale]
    levels = (255 - colours[:, 2]) // _PALE_STEP
    first = len(palette) // 3
    places.reshape(-1)[pale] = levels + first
    seen = np.maximum(np.bincount(levels, minlength=_PALE_COLOURS), 1)
    means = [np.bincount(levels, colours[:, band], _PALE_COLOURS) / seen for band in range(3)]
    palette += [round(value) for value in np.stack(means, 1).ravel()]
    exact = Image.fromarray(places, "P")
    exact.putpalette(palette)
    out = BytesIO()
    exact.save(out, "PNG")
    return out.getvalue()


def _open(pdf: bytes) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(pdf)
    except pdfium.PdfiumError as error:
        raise Invalid("letters.not-a-pdf") from error
