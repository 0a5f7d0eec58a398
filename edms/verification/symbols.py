"""Child process that reads the Code 128 symbols of a hostile PDF or picture, and the limits that such a child has.

Standard input is one line of JSON and the file. Standard output is one line of JSON per step, written as soon as it
is known, so that a later step that crashes does not take the earlier ones with it.
"""

import io
import json
import resource
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pypdfium2
from PIL import Image

from crypto.barcodes import read_barcodes

MEMORY: Final = 1 << 30
SECONDS: Final = 20
MOST_PAGES: Final = 60
# A module of our symbols is 0.33 mm: 3.9 and 3 pixels. At 200 dpi, 2.6 pixels, one symbol in thirty is misread.
SHARPNESS: Final = (300 / 72, 231 / 72)
MOST_PIXELS: Final = 24_000_000
_PDF: Final = b"%PDF-"


def main() -> None:
    """Answer one request for the symbols of a file."""
    _, data = confined_request()
    tell_pages(symbols(data))


def confined_request() -> tuple[dict[str, Any], bytes]:
    """Limit this process (memory, processor time, no files written), then read its request and its file."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return json.loads(sys.stdin.buffer.readline()), sys.stdin.buffer.read()


def tell(value: dict[str, Any]) -> None:
    """Write one line of the answer."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def tell_pages(pages: Iterable[list[str]]) -> None:
    """Write a line for each page."""
    for found in pages:
        tell({"symbols": found})


def symbols(data: bytes) -> Iterator[list[str]]:
    """Yield the digits of every Code 128, page by page of a PDF, or those of a picture."""
    if _PDF in data[:1024]:
        yield from symbols_of_pdf(data, pages=MOST_PAGES)
        return
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS * 4
    with Image.open(io.BytesIO(data)) as image:
        image.thumbnail((6000, 6000))
        picture = image.convert("L")
    found = _digits(picture)
    if max(picture.size) <= 3000:  # another size samples the bars elsewhere: a scan at 200 dpi needs it
        found += _digits(picture.resize((picture.width * 3 // 2, picture.height * 3 // 2), Image.Resampling.BICUBIC))
    yield list(dict.fromkeys(found))


def symbols_of_pdf(data: bytes, *, pages: int) -> Iterator[list[str]]:
    """Yield the digits of every Code 128 on each of the first ``pages`` pages."""
    document = pypdfium2.PdfDocument(data)
    for number in range(min(len(document), pages)):
        page = document[number]
        most = (MOST_PIXELS / max(page.get_width() * page.get_height(), 1.0)) ** 0.5
        scales = dict.fromkeys(min(scale, most) for scale in SHARPNESS)
        found = [_digits(page.render(scale=scale, grayscale=True).to_pil()) for scale in scales]
        yield list(dict.fromkeys(digits for reading in found for digits in reading))
        page.close()


def _digits(image: Image.Image) -> list[str]:
    return [text for kind, text in read_barcodes(image) if kind == "Code128" and text.isdigit()]


if __name__ == "__main__":
    main()
