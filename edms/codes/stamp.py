"""Making an issued copy: its code on every page, as Code 128-C along the margin and in digits, and hidden."""

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import pikepdf
from PIL import Image as Pictures
from reportlab.lib.units import mm

from crypto.barcodes import code128_modules
from crypto.codes import format_code
from crypto.errors import CannotMark
from crypto.marks.marking import HiddenMark, MarkablePdf

_MODULE: Final = 0.33 * mm
_HEIGHT: Final = 6 * mm
_EDGE: Final = 4 * mm
_FOOT: Final = 32 * mm
_LONGEST: Final = 160 * mm
_UNREADABLE: Final = (  # what pikepdf, Pillow and OpenCV say of damaged and of hostile files
    pikepdf.PikepdfError, ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError,
    Pictures.DecompressionBombError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CopyMark:
    """What a page of a copy shows: the copy's 14 digits, the body's 8, the person's 10; and what it hides."""

    copy_code: str
    entity_code: str
    employee_code: str
    hidden: HiddenMark


def marked_pdf(pdf: bytes, mark: CopyMark) -> bytes:
    """Return an issued copy of ``pdf``: every page marked, the original's signature field taken off.

    The copy is another document than the signed original, which is never changed. Same input, same bytes. Raises
    CannotMark when the file is no PDF that can be marked (encrypted, damaged).
    """
    try:
        return _marked(pdf, mark)
    except _UNREADABLE as error:
        raise CannotMark("marks.unreadable") from error


def _marked(pdf: bytes, mark: CopyMark) -> bytes:
    original = _markable(pdf)
    with original.opened() as document:
        original.hide(document, mark.hidden)
        if "/AcroForm" in document.Root:
            del document.Root.AcroForm
        form = _visible(document, mark)
        for page in document.pages:
            for annotation in list(page.get("/Annots", [])):
                if annotation.get("/FT") == "/Sig":
                    page.Annots.remove(annotation)
            name = page.add_resource(form, pikepdf.Name.XObject, pikepdf.Name("/DiwanCopy"))
            left, low = (float(value) for value in page.cropbox[:2])
            page.contents_add(
                f"/Artifact BMC q 0 1 -1 0 {left + _EDGE:.2f} {low + _FOOT:.2f} cm {name} Do Q EMC".encode()
            )
        document.docinfo["/Subject"] = pikepdf.String(f"copy {format_code(mark.copy_code)}")
        out = BytesIO()
        document.save(out, deterministic_id=True)
    return out.getvalue()


@lru_cache(maxsize=16)
def _markable(pdf: bytes) -> MarkablePdf:
    return MarkablePdf(pdf)


def _visible(document: pikepdf.Pdf, mark: CopyMark) -> Any:
    """Return the form that shows the codes from left to right; pages turn it along their margin."""
    modules = code128_modules(mark.copy_code)
    bars, place = ["0 g"], 0
    while place < len(modules):
        run = len(modules[place:]) - len(modules[place:].lstrip(modules[place]))
        if modules[place] == "1":
            bars.append(f"{place * _MODULE:.3f} {-_HEIGHT:.3f} {run * _MODULE:.3f} {_HEIGHT:.3f} re")
        place += run
    text = "   ".join(format_code(code) for code in (mark.copy_code, mark.entity_code, mark.employee_code))
    left = len(modules) * _MODULE + 4 * mm
    words = f"BT /F1 8 Tf {left:.2f} {-_HEIGHT + 2 * mm:.2f} Td ({text}) Tj ET"
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica,
        Encoding=pikepdf.Name.WinAnsiEncoding,
    )  # fmt: skip
    return document.make_stream(
        "\n".join([*bars, "f", words]).encode(),
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Form,
        BBox=[0, round(-_HEIGHT, 2), round(_LONGEST, 2), 0],
        Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font)),
    )
