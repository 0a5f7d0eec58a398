"""Putting a copy's code on every page: Code 128-C along the margin, the body's and the person's codes beside it."""

import io
from dataclasses import dataclass

import pikepdf
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from crypto.barcodes import code128_modules
from crypto.codes import format_code

_MODULE = 0.33 * mm
_HEIGHT = 6 * mm
_EDGE = 4 * mm
_FOOT = 32 * mm


@dataclass(frozen=True, slots=True)
class CopyMark:
    """What a page of a copy shows: the copy's 14 digits, the body's 8, the person's 10."""

    copy_code: str
    entity_code: str
    employee_code: str


def stamp_pdf(pdf: bytes, mark: CopyMark) -> bytes:
    """Return an issued copy of ``pdf``: every page marked, the original's signature field taken off.

    The copy is another document than the signed original, which is never changed. Same input, same bytes.
    """
    with pikepdf.open(io.BytesIO(pdf)) as document:
        if "/AcroForm" in document.Root:
            del document.Root.AcroForm
        overlays: dict[tuple[float, float], bytes] = {}
        for page in document.pages:
            for annotation in list(page.get("/Annots", [])):
                if annotation.get("/FT") == "/Sig":
                    page.Annots.remove(annotation)
            box = page.mediabox
            size = float(box[2] - box[0]), float(box[3] - box[1])
            if size not in overlays:
                overlays[size] = _overlay(size, mark)
            with pikepdf.open(io.BytesIO(overlays[size])) as sheet:
                form = document.copy_foreign(sheet.pages[0].as_form_xobject())
            name = page.add_resource(form, pikepdf.Name.XObject, pikepdf.Name("/DiwanCopy"))
            page.contents_add(b"q\n", prepend=True)  # whatever the page does to its graphics state ends here
            page.contents_add(f"\nQ q {name} Do Q\n".encode())
        document.docinfo["/Subject"] = pikepdf.String(f"copy {format_code(mark.copy_code)}")
        out = io.BytesIO()
        document.save(out, deterministic_id=True)
    return out.getvalue()


def _overlay(size: tuple[float, float], mark: CopyMark) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size, invariant=1)
    canvas.translate(_EDGE, _FOOT)
    canvas.rotate(90)
    modules = code128_modules(mark.copy_code)
    place = 0
    while place < len(modules):
        run = len(modules[place:]) - len(modules[place:].lstrip(modules[place]))
        if modules[place] == "1":
            canvas.rect(place * _MODULE, -_HEIGHT, run * _MODULE, _HEIGHT, stroke=0, fill=1)
        place += run
    canvas.setFont("Helvetica", 8)
    text = "   ".join(format_code(code) for code in (mark.copy_code, mark.entity_code, mark.employee_code))
    canvas.drawString(len(modules) * _MODULE + 4 * mm, -_HEIGHT + 2 * mm, text)
    canvas.showPage()
    canvas.save()
    return out.getvalue()
