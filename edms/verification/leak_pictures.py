"""Child process that turns hostile files (photos, scans, screenshots, PDF) into bare pixels, and reads visible codes.

It is given no secret: the marks are read by another process, which never sees a file. It hears a line of JSON
(``sizes`` of the files in octets, whether ``words`` are wanted) and the files one after the other. It tells for each
page of each file a line of JSON, followed where it has ``pixels`` by height x width x 3 octets of RGB; for a file that
cannot be read, a line with ``trouble``.
"""

import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pypdfium2
from PIL import Image, ImageOps, ImageSequence

from crypto.barcodes import read_barcodes
from crypto.marks.arrays import Image as Pixels
from crypto.paper_seal import PREFIX
from edms.verification import leak_words
from edms.verification.leak_rules import MOST_PAGES, MOST_PIXELS, MOST_PIXELS_TOGETHER
from edms.verification.leak_wire import Wire
from edms.verification.leak_words import read_lines

_PDF: Final = b"%PDF-"
_DPI, _DPI_OF_MANY, _MANY = 200, 150, 6
_FORMATS: Final = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "GIF")
_MANY_PAGES: Final = frozenset({"TIFF"})
_BOMB: Final = 120_000_000
_LONGEST_SIDE: Final = 4200
_SMALL: Final = 3000
_BARS_DPI: Final = 300
_LONGEST_HINT: Final = 20_000
_DIGITS: Final = re.compile(r"[0-9\u0660-\u0669][0-9\u0660-\u0669.\- ]{12,26}[0-9\u0660-\u0669]")
_HEIF: Final = re.compile(rb"^....ftyp(hei[cfmsx]|hev[cmsx]|mif1|msf1)", re.DOTALL)


class _Unreadable(Exception):
    """A file that cannot be shown; the code says why."""


def answer(wire: Wire) -> None:
    """Tell what the files show."""
    room: int = MOST_PIXELS_TOGETHER
    asked = wire.hear()
    for number, size in enumerate(asked["sizes"]):
        data = wire.octets(size)
        try:
            for read in _pages(data):
                named = bool(read.codes or read.seals or read.hints)  # what stands there says which letter it is
                lines = read_lines(read.image) if asked["words"] and not named else []
                room = _tell_page(wire, number, read, lines, room)
        except _Unreadable as error:
            wire.tell({"file": number, "trouble": error.args[0]})
        except Exception:  # a hostile file makes its decoder raise anything
            wire.tell({"file": number, "trouble": "leaks.unreadable"})
    wire.tell({"done": True})


@dataclass(frozen=True, slots=True)
class Page:
    """A page (from 0) as a picture, with the digits of its bars, the texts of its seals, and what its file claims."""

    number: int
    image: Image.Image
    codes: list[str]
    seals: list[str]
    hints: list[str]


def read_codes(image: Image.Image) -> tuple[list[str], list[str]]:
    """Return the digits of every Code 128 in a picture and the texts of paper seals, each once.

    The picture is tried as it is and half as large again: another size samples the bars elsewhere.
    """
    gray = image.convert("L")
    tries = [gray]
    if max(gray.size) <= _SMALL:
        tries.append(gray.resize((gray.width * 3 // 2, gray.height * 3 // 2), Image.Resampling.BICUBIC))
    found = [one for tried in tries for one in read_barcodes(tried)]
    codes = [text for kind, text in found if kind == "Code128" and text.isascii() and text.isdigit()]
    seals = [text for _, text in found if text.startswith(PREFIX)]
    return list(dict.fromkeys(codes)), list(dict.fromkeys(seals))


def _pages(data: bytes) -> Iterator[Page]:
    if _PDF in data[:1024]:
        yield from _pages_of_pdf(data)
        return
    if _HEIF.match(data[:16]) and ".heic" not in Image.registered_extensions():
        raise _Unreadable("leaks.heic")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _BOMB:
                raise _Unreadable("leaks.too-many-pixels")
            frames = ImageSequence.Iterator(image) if image.format in _MANY_PAGES else iter([image])
            for number, frame in enumerate(frames):
                if number >= MOST_PAGES:
                    raise _Unreadable("leaks.too-many-pages")
                upright = _upright(frame)
                yield Page(number, upright, *read_codes(upright), [])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _Unreadable("leaks.too-many-pixels") from error


def _upright(frame: Image.Image) -> Image.Image:
    """Return a picture in RGB as it is meant to be seen: turned by its EXIF, on white, its gray of 16 bits made 8."""
    frame.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
    image = ImageOps.exif_transpose(frame)
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float32)
        image = Image.fromarray(np.asarray(values * (255 / max(float(values.max()), 1.0)), np.uint8))
    if image.mode in {"LA", "PA", "RGBA"} or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", with_alpha.size, "white"), with_alpha)
    return image.convert("RGB")


def _pages_of_pdf(data: bytes) -> Iterator[Page]:
    document = pypdfium2.PdfDocument(data)
    count = len(document)
    hints = _digits_in(document.get_metadata_value("Subject"))
    for number in range(min(count, MOST_PAGES)):
        page = document[number]
        most = (MOST_PIXELS / max(page.get_width() * page.get_height(), 1.0)) ** 0.5
        words = _digits_in(page.get_textpage().get_text_bounded()[:_LONGEST_HINT])
        scale = (_DPI if count <= _MANY else _DPI_OF_MANY) / 72
        image = page.render(scale=min(scale, most)).to_pil().convert("RGB")
        codes, seals = read_codes(page.render(scale=min(_BARS_DPI / 72, most), grayscale=True).to_pil())
        yield Page(number, image, codes, seals, list(dict.fromkeys([*hints, *words])))
        page.close()
    if count > MOST_PAGES:
        raise _Unreadable("leaks.too-many-pages")


def _digits_in(text: str) -> list[str]:
    return list(dict.fromkeys(_DIGITS.findall(text[:_LONGEST_HINT])))[:50]


def _pixels(image: Image.Image) -> Pixels:
    """Return a picture as numbers, height x width x 3, made smaller where it is larger than is of use."""
    shrunk = min(1.0, _LONGEST_SIDE / max(image.size), (MOST_PIXELS / (image.width * image.height)) ** 0.5)
    if shrunk < 1:
        size = max(1, int(image.width * shrunk)), max(1, int(image.height * shrunk))
        image = image.resize(size, Image.Resampling.BOX if shrunk < 0.5 else Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(image, np.uint8))


def _tell_page(wire: Wire, file: int, read: Page, lines: list[str], room: int) -> int:
    """Tell a page and return how many pixels there is room for after it."""
    pixels = _pixels(read.image)
    height, width = pixels.shape[:2]
    if height * width > room:
        raise _Unreadable("leaks.too-much-at-once")
    told = {"codes": read.codes, "seals": read.seals, "hints": read.hints, "lines": lines}
    wire.tell({"file": file, "page": read.number, "pixels": [height, width], **told}, pixels.data)
    return room - int(height * width)


def warm_up() -> None:
    """Load what the libraries load on first use, and let pictures that would fill the memory be refused."""
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = _BOMB
    sample = Image.new("RGB", (64, 64), "white")
    for kind in ("JPEG", "MPO", "PNG", "TIFF", "WEBP"):
        out = io.BytesIO()
        sample.save(out, kind)
        Image.open(io.BytesIO(out.getvalue())).convert("RGB")
    read_barcodes(sample.convert("L"))
    leak_words.warm_up()
    empty = pypdfium2.PdfDocument.new()
    empty.new_page(72, 72).render(scale=1).to_pil()
    empty.close()
