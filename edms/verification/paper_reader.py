"""Child process that reads a paper: seals (QR) and codes (Code 128) of a photo, a scan or a PDF, and a PDF's words.

Its answer has a line for each page, then one for the seals that only two damaged symbols gave together, then a small
picture of the first page, for the person who compares it with what was signed.
"""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pypdfium2
from PIL import Image, ImageFilter, ImageOps

from crypto.barcodes import read_barcodes
from crypto.damaged_qr import Grid, decoded, grids
from crypto.paper_seal import PREFIX
from edms.verification.symbols import MOST_PIXELS, confined_request, tell

MOST_PAGES: Final = 12
MOST_WORDS: Final = 40_000
_SHARP, _LARGEST, _SMALL = 300 / 72, 6000, 3000
_SHOWN: Final = 900
_MOSTLY: Final = 0.5
_PDF: Final = b"%PDF-"


@dataclass(slots=True)
class PageSymbols:
    """What was read on one page; ``grids`` are kept while no seal could be read."""

    seals: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)


def main() -> None:
    """Answer one request: the file is a picture or a PDF."""
    _, data = confined_request()
    pdf = pypdfium2.PdfDocument(data) if _PDF in data[:1024] else None
    left_over: list[Grid] = []
    sealed = False
    first: Image.Image | None = None
    for image, words in _pages_of_pdf(pdf) if pdf is not None else _picture(data):
        read = read_page(image, look_closely=not sealed)
        sealed = sealed or bool(read.seals)
        left_over += read.grids
        tell({"seals": read.seals, "codes": read.codes, "words": words})
        first = first or image
    if not sealed and left_over:
        tell({"seals": _seals(decoded(left_over)), "codes": [], "words": ""})
    if first is not None:
        tell({"picture": _shown(first)})


def _picture(data: bytes) -> Iterator[tuple[Image.Image, str]]:
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS * 4
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (_LARGEST, _LARGEST))
        image.thumbnail((_LARGEST, _LARGEST))
        yield ImageOps.exif_transpose(image).convert("RGB"), ""


def _pages_of_pdf(document: pypdfium2.PdfDocument) -> Iterator[tuple[Image.Image, str]]:
    """Yield the first page, the last, and then those between: the seal stands on the first and on the last."""
    count = len(document)
    order = dict.fromkeys([0, count - 1, *range(1, count - 1)])
    room = MOST_WORDS
    for number in list(order)[:MOST_PAGES] if count else []:
        page = document[number]
        most = (MOST_PIXELS / max(page.get_width() * page.get_height(), 1.0)) ** 0.5
        words = "" if _is_scan(page) else page.get_textpage().get_text_bounded()[:room]
        room -= len(words)
        yield page.render(scale=min(_SHARP, most)).to_pil().convert("RGB"), words
        page.close()


def _is_scan(page: pypdfium2.PdfPage) -> bool:
    """Say whether a picture covers most of the page: then its words are a guess that a machine made of it."""
    whole = page.get_width() * page.get_height()
    for found in page.get_objects(filter=(pypdfium2.raw.FPDF_PAGEOBJ_IMAGE,), max_depth=3):
        left, bottom, right, top = found.get_bounds()
        if (right - left) * (top - bottom) > _MOSTLY * whole:
            return True
    return False


def read_page(image: Image.Image, *, look_closely: bool = True) -> PageSymbols:
    """Read a page as it is, larger and sharpened, and where no seal is found by the grids of damaged symbols."""
    read = PageSymbols()
    grey = image.convert("L")
    tries = [grey]
    if max(grey.size) <= _SMALL:
        tries.append(grey.resize((grey.width * 2, grey.height * 2), Image.Resampling.BICUBIC))
    tries.append(tries[-1].filter(ImageFilter.UnsharpMask(3, 150, 0)))
    for number, tried in enumerate(tries):
        if number == len(tries) - 1 and read.seals:
            break
        found = read_barcodes(tried)
        read.seals += [seal for seal in _seals(text for _, text in found) if seal not in read.seals]
        read.codes += [text for kind, text in found if kind == "Code128" and text.isdigit() and text not in read.codes]
    if look_closely and not read.seals:
        read.grids = grids(image)
        read.seals = _seals(decoded(read.grids))
    return read


def _seals(texts: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text.startswith(PREFIX)))


def _shown(image: Image.Image) -> str:
    """Return a small JPEG of a page in base64."""
    image.thumbnail((_SHOWN, _SHOWN * 2))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70)
    return base64.b64encode(out.getvalue()).decode()


if __name__ == "__main__":
    main()
