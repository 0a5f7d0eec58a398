"""Pages to leak: letters of official Arabic texts, pages without a text layer, foreign PDFs; all follow a seed."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from io import BytesIO
from typing import Final

import numpy as np
import pikepdf
from PIL import Image

from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.values import Letterhead, ParagraphBlock, PrintedLetter, TableBlock
from tests.leaks import paper
from tests.leaks.sheets import Picture, Sheet
from tests.shared_data import FOLDER, missing, official_texts

_SCANNED_PAGE: Final = "craneset_ocr-data/sample/segment_244871_page_00003.png"
_SCANNED_PAGE_DPI: Final = 600
_SCAN_DPI: Final = 300
_FOREIGN: Final = (
    "004-pdflatex-4-pages/pdflatex-4-pages.pdf",
    "026-latex-multicolumn/multicolumn.pdf",
    "011-google-doc-document/google-doc-document.pdf",
    "021-pdfa/crazyones-pdfa.pdf",
    "002-trivial-libre-office-writer/002-trivial-libre-office-writer.pdf",
)


class Kind(StrEnum):
    """Where a page comes from; marks are laid on each in another way."""

    LETTER = "letter"
    SCAN = "scan"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Original:
    """A document whose first page leaks."""

    name: str
    kind: Kind
    pdf: bytes


def originals(kind: Kind, count: int) -> Iterator[Original]:
    """Yield the first ``count`` originals of a kind; there are fewer foreign ones."""
    makers = {Kind.LETTER: letter, Kind.SCAN: scan, Kind.FOREIGN: foreign}
    for seed in range(min(count, len(_FOREIGN)) if kind is Kind.FOREIGN else count):
        yield makers[kind](seed)


def letter(seed: int) -> Original:
    """Return a letter of one full page, about every third with a table."""
    return Original(f"letter{seed}", Kind.LETTER, render_letter(written(seed)))


def written(seed: int) -> PrintedLetter:
    """Return what ``letter`` prints."""
    paragraphs = _paragraphs()
    rng = np.random.default_rng([seed, 1])
    first = int(rng.integers(0, len(paragraphs) - 12))
    body = [ParagraphBlock(text) for text in paragraphs[first : first + (4 if seed % 3 == 2 else 6)]]
    rows = tuple((str(row), f"البند {row}", f"{row * 250},000") for row in range(1, 6))
    table = [TableBlock(("ت", "الفقرة", "الكلفة"), rows)]
    return PrintedLetter(
        letterhead=Letterhead(
            ("جمهورية العراق", "وزارة التخطيط", "دائرة تقنية المعلومات"), ("Republic of Iraq", "Ministry of Planning")
        ),
        number=f"ت/٤/{1000 + seed}",
        date=date(2025, 1, 5) + timedelta(days=int(rng.integers(0, 700))),
        sensitivity="محدود",
        precedence="عاجل",
        kind_title="",
        addressees=("وزارة المالية – دائرة الموازنة العامة",),
        subject=paragraphs[first][:60].rsplit(" ", 1)[0],
        body=(*body, *(table if seed % 3 == 2 else []), ParagraphBlock("مع التقدير.", "center")),
        signer_name="د. سلمان عبد الحميد",
        signer_post="المدير العام",
        signed_on=date(2026, 1, 1),
        document_code="100234260001234571",
    )


def long_letter(seed: int, page_count: int) -> Original:
    """Return a letter of at least so many full pages."""
    paragraphs = _paragraphs()
    first = int(np.random.default_rng([seed, 3]).integers(0, len(paragraphs) - 9 * page_count))
    body = tuple(ParagraphBlock(text) for text in paragraphs[first : first + 9 * page_count])
    return Original(f"long{seed}", Kind.LETTER, render_letter(replace(written(seed), body=body)))


def scan(seed: int) -> Original:
    """Return a page without a text layer: one of the data folder, then letters printed and scanned at 300 dpi."""
    if seed == 0:
        return Original("scan0", Kind.SCAN, picture_pdf(_scanned_page(), _SCAN_DPI, two_valued=True))
    rng = np.random.default_rng([seed, 2])
    sheet = paper.printed(Sheet(letter(100 + seed).pdf), rng, colour=False)
    if seed % 2:
        leak = paper.scanned(sheet, rng, dpi=_SCAN_DPI, quality=85, colour=False)
        return Original(f"scan{seed}", Kind.SCAN, picture_pdf(leak.picture, _SCAN_DPI, two_valued=False))
    leak = paper.scanned_in_two(sheet, rng, dpi=_SCAN_DPI)
    return Original(f"scan{seed}", Kind.SCAN, picture_pdf(leak.picture, _SCAN_DPI, two_valued=True))


def foreign(seed: int) -> Original:
    """Return a born-digital PDF that others made."""
    name = _FOREIGN[seed]
    return Original(f"foreign{seed}", Kind.FOREIGN, _member("pdf-conformance", f"py-pdf_sample-files/{name}"))


def picture_pdf(picture: Picture, dpi: int, *, two_valued: bool) -> bytes:
    """Return a PDF of one picture that fills its page: CCITT G4 where it has two values, else JPEG."""
    image = Image.fromarray(picture)
    out = BytesIO()
    (image.convert("1", dither=Image.Dither.NONE) if two_valued else image).save(
        out, "PDF", resolution=dpi, **({} if two_valued else {"quality": 90})
    )
    return _settled(out.getvalue())


def _settled(pdf: bytes) -> bytes:
    """Return the PDF without the date on which it was written."""
    out = BytesIO()
    with pikepdf.open(BytesIO(pdf)) as document:
        if "/Info" in document.trailer:
            del document.trailer["/Info"]
        document.save(out, deterministic_id=True)
    return out.getvalue()


def _scanned_page() -> Picture:
    page = Image.open(BytesIO(_member("ar-ocr", _SCANNED_PAGE))).convert("L")
    small = page.resize(
        (round(page.width * _SCAN_DPI / _SCANNED_PAGE_DPI), round(page.height * _SCAN_DPI / _SCANNED_PAGE_DPI)),
        Image.Resampling.BOX,
    )
    return np.where(np.asarray(small) < 128, 0, 255).astype(np.uint8)


@cache
def _paragraphs() -> tuple[str, ...]:
    return tuple(part for text in official_texts(150) for part in text.split("\n") if 260 < len(part) < 420)


@cache
def _member(folder: str, name: str) -> bytes:
    archive = next((FOLDER / folder).glob("*.tar.xz"), None)
    if archive is None:
        missing(f"no archive in {FOLDER / folder}")
    with tarfile.open(archive, "r|xz") as files:
        found = next((member for member in files if member.name.removeprefix("./") == name), None)
        data = None if found is None else files.extractfile(found)
        if data is None:
            missing(f"{name} is not in {archive}")
        return data.read()
