"""Small real files for the demonstration's letters: PDF, CSV, PNG and a word-processor document, made in code."""

import csv
import io
import zipfile
from collections.abc import Callable
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

Attachment = tuple[str, str, bytes]  # file name, media type, content

_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_WORD}.main+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
_NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def amounts_csv(n: int, subject: str) -> Attachment:
    """Return a CSV with a byte-order mark, as spreadsheets need to read Arabic: a list of amounts in dinars."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(["ت", "البيان", "المبلغ (دينار)", "تاريخ الصرف"])
    for row in range(1, 9):
        writer.writerow([row, f"{subject[:60]} / الفقرة {row}", 125_000 * (n % 17 + row), f"2026-{row:02}-15"])
    return "كشف المبالغ ٢٠٢٦.csv", "text/csv", sheet.getvalue().encode("utf-8-sig")


def annex_pdf(n: int, subject: str) -> Attachment:
    """Return a one-page A4 PDF: a technical annex of measurements (Latin and digits only)."""
    page = io.BytesIO()
    canvas = Canvas(page, pagesize=A4, invariant=1)
    canvas.setTitle(f"Annex {n}")
    canvas.setSubject(subject)
    canvas.setFont("Helvetica-Bold", 14)
    canvas.drawString(72, 770, f"Annex {n} - Bill of quantities")
    canvas.setFont("Helvetica", 10)
    for row in range(12):
        canvas.drawString(72, 730 - 22 * row, f"Item {row + 1:02}")
        canvas.drawRightString(360, 730 - 22 * row, f"{(n * 37 + row * 113) % 900 + 100} m2")
        canvas.drawRightString(500, 730 - 22 * row, f"{(n * 7919 + row * 104729) % 90_000_000:,} IQD")
        canvas.line(72, 724 - 22 * row, 500, 724 - 22 * row)
    canvas.showPage()
    canvas.save()
    return f"الملحق الفني رقم {n}.pdf", "application/pdf", page.getvalue()


def chart_png(n: int, subject: str) -> Attachment:
    """Return a PNG of 480 × 270 pixels: a bar chart whose heights follow ``n`` and the length of ``subject``."""
    picture = Image.new("RGB", (480, 270), "white")
    pen = ImageDraw.Draw(picture)
    pen.line([(30, 15), (30, 245), (465, 245)], fill="black", width=2)
    for bar in range(8):
        height = 20 + (n * 31 + bar * 53 + len(subject) * 7) % 200
        pen.rectangle([50 + bar * 52, 244 - height, 84 + bar * 52, 244], fill=(0x0B, 0x5D, 0x3B))
    saved = io.BytesIO()
    picture.save(saved, format="PNG")
    return "المخطط البياني.png", "image/png", saved.getvalue()


def note_docx(n: int, subject: str) -> Attachment:
    """Return an Office Open XML document with right-to-left paragraphs (ECMA-376 parts, fixed zip dates)."""
    lines = (f"مذكرة توضيحية رقم {n}", subject, "نرافق في أدناه الإيضاحات المطلوبة، للتفضل بالاطلاع مع التقدير.")
    body = "".join(
        f"<w:p><w:pPr><w:bidi/></w:pPr><w:r><w:rPr><w:rtl/></w:rPr><w:t>{escape(line)}</w:t></w:r></w:p>"
        for line in lines
    )
    document = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<w:document xmlns:w="{_NAMESPACE}"><w:body>{body}</w:body></w:document>'
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in (
            ("[Content_Types].xml", _CONTENT_TYPES),
            ("_rels/.rels", _RELATIONS),
            ("word/document.xml", document),
        ):
            entry = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
            archive.writestr(entry, text.encode(), compress_type=zipfile.ZIP_DEFLATED)
    return "مذكرة توضيحية.docx", _WORD, packed.getvalue()


MAKERS: tuple[Callable[[int, str], Attachment], ...] = (amounts_csv, annex_pdf, chart_png, note_docx)
