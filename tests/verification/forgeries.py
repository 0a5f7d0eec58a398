"""Ways to tamper with a sealed letter, each as bytes that a forger would send in."""

import io
import random
import re
from collections.abc import Callable, Iterator
from functools import partial

import pikepdf
from asn1crypto import cms
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from reportlab.pdfgen.canvas import Canvas

PAGE_TEXT = b"BT /F1 24 Tf 100 700 Td (900 000 000) Tj ET"


def flipped(pdf: bytes, chance: random.Random) -> bytes:
    """Return the file with one bit changed anywhere but in the padding's own zeros (those are tried too)."""
    altered = bytearray(pdf)
    altered[chance.randrange(len(pdf))] ^= 1 << chance.randrange(8)
    return bytes(altered)


def updated(pdf: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    """Return the file with an incremental update, its table and trailer in order."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf), strict=False)
    change(writer)
    output = io.BytesIO()
    writer.write(output)  # type: ignore[no-untyped-call]
    return output.getvalue()


def page_of(writer: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    pages = writer.root["/Pages"]
    while "/Kids" in pages:
        pages = pages["/Kids"][0].get_object()
    found: generic.DictionaryObject = pages
    return found


def replace_text(writer: IncrementalPdfFileWriter) -> None:
    page = page_of(writer)
    page[pdf_name("/Contents")] = writer.add_object(generic.StreamObject(stream_data=PAGE_TEXT))
    writer.update_container(page)


def add_text(writer: IncrementalPdfFileWriter) -> None:
    page = page_of(writer)
    old = page.raw_get("/Contents")
    old = old if isinstance(old, generic.ArrayObject) else generic.ArrayObject([old])
    added = writer.add_object(generic.StreamObject(stream_data=PAGE_TEXT))
    page[pdf_name("/Contents")] = generic.ArrayObject([*old, added])
    writer.update_container(page)


def add_annotation(writer: IncrementalPdfFileWriter) -> None:
    page = page_of(writer)
    note = generic.DictionaryObject(  # type: ignore[no-untyped-call]
        {
            pdf_name("/Type"): pdf_name("/Annot"), pdf_name("/Subtype"): pdf_name("/FreeText"),
            pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (50, 600, 500, 800))),
            pdf_name("/Contents"): generic.TextStringObject("المبلغ تسعمائة مليون"),
        }
    )  # fmt: skip
    page[pdf_name("/Annots")] = generic.ArrayObject([*page.get("/Annots", ()), writer.add_object(note)])
    writer.update_container(page)


def add_page(writer: IncrementalPdfFileWriter) -> None:
    root = writer.root["/Pages"]
    page = generic.DictionaryObject(  # type: ignore[no-untyped-call]
        {
            pdf_name("/Type"): pdf_name("/Page"), pdf_name("/Parent"): writer.root.raw_get("/Pages"),
            pdf_name("/MediaBox"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 595, 842))),
            pdf_name("/Contents"): writer.add_object(generic.StreamObject(stream_data=PAGE_TEXT)),
        }
    )  # fmt: skip
    root["/Kids"].append(writer.add_object(page))
    root[pdf_name("/Count")] = generic.NumberObject(int(root["/Count"]) + 1)  # type: ignore[no-untyped-call]
    writer.update_container(root)
    writer.update_container(root["/Kids"])


def remove_page(writer: IncrementalPdfFileWriter) -> None:
    root = writer.root["/Pages"]
    root[pdf_name("/Kids")] = generic.ArrayObject()
    root[pdf_name("/Count")] = generic.NumberObject(0)  # type: ignore[no-untyped-call]
    writer.update_container(root)


def add_field(writer: IncrementalPdfFileWriter) -> None:
    form = writer.root["/AcroForm"]
    field = {pdf_name("/FT"): pdf_name("/Tx"), pdf_name("/T"): generic.TextStringObject("amount")}
    form["/Fields"].append(writer.add_object(generic.DictionaryObject(field)))  # type: ignore[no-untyped-call]
    writer.update_container(form)
    writer.update_container(form["/Fields"])


def change_title(writer: IncrementalPdfFileWriter) -> None:
    title = {pdf_name("/Title"): generic.TextStringObject("كتاب آخر")}
    writer.set_info(writer.add_object(generic.DictionaryObject(title)))  # type: ignore[no-untyped-call]


def change_metadata(writer: IncrementalPdfFileWriter) -> None:
    stream = generic.StreamObject({pdf_name("/Type"): pdf_name("/Metadata")}, stream_data=b"<x:xmpmeta/>")
    writer.root[pdf_name("/Metadata")] = writer.add_object(stream)
    writer.update_root()  # type: ignore[no-untyped-call]


def open_script(writer: IncrementalPdfFileWriter) -> None:
    action = {pdf_name("/S"): pdf_name("/JavaScript"), pdf_name("/JS"): generic.TextStringObject("app.alert(1)")}
    writer.root[pdf_name("/OpenAction")] = generic.DictionaryObject(action)  # type: ignore[no-untyped-call]
    writer.update_root()  # type: ignore[no-untyped-call]


def replace_embedded(writer: IncrementalPdfFileWriter) -> None:
    """Put another letter.xml under the same name."""
    names = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
    spec = next(names[at + 1] for at in range(0, len(names), 2) if str(names[at]) == "letter.xml").get_object()
    data = generic.StreamObject({pdf_name("/Type"): pdf_name("/EmbeddedFile")}, stream_data=b"<letter code='1'/>")
    spec["/EF"][pdf_name("/F")] = writer.add_object(data)
    writer.update_container(spec)
    writer.update_container(spec["/EF"])


UPDATES: dict[str, Callable[[IncrementalPdfFileWriter], None]] = {
    "text replaced": replace_text,
    "text added": add_text,
    "annotation": add_annotation,
    "page added": add_page,
    "page removed": remove_page,
    "form field": add_field,
    "title": change_title,
    "metadata": change_metadata,
    "script": open_script,
    "embedded file": replace_embedded,
}


def without_table(pdf: bytes) -> Iterator[bytes]:
    """Append objects that no table lists, which lenient readers show."""
    catalog = re.search(rb"/Root (\d+) 0 R", pdf)
    assert catalog is not None
    number = int(catalog[1])
    yield pdf + b"\n99 0 obj\n<< /Evil true >>\nendobj\n"
    yield pdf + b"\n%d 0 obj\n<< /Type /Catalog /Pages 98 0 R >>\nendobj\n%%%%EOF\n" % number
    yield pdf + b"\nxref\n0 0\ntrailer\n<< >>\nstartxref\n0\n%%EOF\n"
    yield pdf + b" "
    yield pdf + b"\n" * 70_000


def hole(pdf: bytes) -> tuple[int, int]:
    """Return where the string of the first signature begins (after ``<``) and ends."""
    start = pdf.index(b"/Contents <30") + len(b"/Contents <")
    return start, pdf.index(b">", start)


def message_of(pdf: bytes) -> cms.ContentInfo:
    start, end = hole(pdf)
    return cms.ContentInfo.load(bytes.fromhex(pdf[start:end].decode()))


def with_message(pdf: bytes, message: cms.ContentInfo | bytes) -> bytes:
    """Return the file with another signature in the same hole."""
    start, end = hole(pdf)
    der = message if isinstance(message, bytes) else message.dump()
    text = der.hex().encode()
    assert len(text) <= end - start
    return pdf[:start] + text.ljust(end - start, b"0") + pdf[end:]


def without_token(pdf: bytes) -> bytes:
    """Strip the time-stamp off a seal."""
    message = message_of(pdf)
    [signer] = message["content"]["signer_infos"]
    kept = ("version", "sid", "digest_algorithm", "signed_attrs", "signature_algorithm", "signature")
    message["content"]["signer_infos"] = [cms.SignerInfo({name: signer[name] for name in kept})]
    return with_message(pdf, message)


def with_token(pdf: bytes, token: bytes) -> bytes:
    """Put another time-stamp into a seal."""
    message = message_of(pdf)
    attribute = cms.CMSAttribute({"type": "signature_time_stamp_token", "values": [cms.ContentInfo.load(token)]})
    message["content"]["signer_infos"][0]["unsigned_attrs"] = [attribute]
    return with_message(pdf, message)


def signature_value(pdf: bytes) -> bytes:
    found: bytes = message_of(pdf)["content"]["signer_infos"][0]["signature"].native
    return found


def wrapped(pdf: bytes) -> Iterator[bytes]:
    """Play with the signed ranges: content moved behind the signature, into the hole, or out of the ranges."""
    found = re.search(rb"/ByteRange \[ ?(\d+) (\d+) (\d+) (\d+) ?\]( *)", pdf)
    assert found is not None
    _, first, second, last = (int(found[at]) for at in range(1, 5))
    width = len(found[0])
    evil = b"\n1 0 obj\n<< /Type /Catalog /Pages 98 0 R >>\nendobj\n"

    def ranges(*numbers: int) -> bytes:
        text = b"/ByteRange [ %d %d %d %d ]" % numbers
        return text.ljust(width)

    head, tail = pdf[: found.start()], pdf[found.end() :]
    moved = head + ranges(0, first, second + len(evil), last) + tail
    yield moved[:second] + evil + moved[second:]  # a wider hole with content behind the string
    yield head + ranges(0, first, second, last - 10) + tail  # the end of the file left out
    yield head + ranges(0, first - 10, second, last) + tail
    yield head + ranges(1, first - 1, second, last) + tail
    yield head + ranges(0, first, first, last + second - first) + tail  # no hole at all
    yield head + ranges(0, 0, 0, 0) + tail
    yield pdf[:first] + b"<" + b"00" * 16 + b">" + pdf[first:]
    yield pdf.replace(b"/ByteRange", b"/ByteRang2", 1)


def unsigned(pdf: bytes) -> bytes:
    """Save the letter anew without its signature."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as document:
        del document.Root.AcroForm
        for page in document.pages:
            if "/Annots" in page:
                del page["/Annots"]
        document.save(out)
    return out.getvalue()


def saved_anew(pdf: bytes) -> bytes:
    """Save the letter anew with its signature, as a well-meaning program does."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as document:
        document.save(out, linearize=True)
    return out.getvalue()


def shadow(attack: str) -> tuple[bytes, Callable[[bytes], bytes]]:
    """Return a file made for a shadow attack and what is done to it after it was sealed (Mainka et al., NDSS 2021).

    ``hide`` takes a cover off the true text, ``replace`` exchanges a form field's look, ``hide and replace`` points the
    table to another page that was sealed along, with an update that holds nothing but a table.
    """
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=0, invariant=True)
    canvas.drawString(100, 700, "100 dinars")
    canvas.showPage()
    canvas.save()
    with pikepdf.open(io.BytesIO(buffer.getvalue())) as document:
        true = document.make_indirect(document.pages[0].Contents)
        cover = document.make_stream(b"1 1 1 rg 90 690 200 30 re f")
        other = document.make_stream(PAGE_TEXT)
        document.pages[0].Contents = pikepdf.Array([true, cover])
        document.Root.Hidden = pikepdf.Array([other])
        out = io.BytesIO()
        document.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable)

    def hide(writer: IncrementalPdfFileWriter) -> None:
        page = page_of(writer)
        page[pdf_name("/Contents")] = generic.ArrayObject([page.raw_get("/Contents").raw_get(0)])
        writer.update_container(page)

    def replace(writer: IncrementalPdfFileWriter) -> None:
        page = page_of(writer)
        reference = page.raw_get("/Contents").raw_get(0).reference
        writer.objects[(reference.generation, reference.idnum)] = generic.StreamObject(stream_data=PAGE_TEXT)

    if attack == "hide and replace":
        return out.getvalue(), _switched
    return out.getvalue(), partial(updated, change=hide if attack == "hide" else replace)


def _switched(pdf: bytes) -> bytes:
    reader = PdfFileReader(io.BytesIO(pdf), strict=False)
    page = reader.root["/Pages"]["/Kids"][0].get_object()
    shown = page.raw_get("/Contents").raw_get(0).reference
    hidden = reader.root.raw_get("/Hidden").get_object().raw_get(0).reference
    place = reader.xrefs[hidden]
    last_table = int(pdf[pdf.rindex(b"startxref") + 9 :].split()[0])
    root = int(re.findall(rb"/Root (\d+) 0 R", pdf)[-1])
    size = max(map(int, re.findall(rb"/Size (\d+)", pdf)))
    table = b"xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Root %d 0 R /Size %d /Prev %d >>\nstartxref\n%d\n%%%%EOF\n"
    return pdf + table % (shown.idnum, place, root, size, last_table, len(pdf))


def weak(message: cms.ContentInfo) -> cms.ContentInfo:
    """Say that SHA-1 was used."""
    signer = message["content"]["signer_infos"][0]
    signer["digest_algorithm"] = {"algorithm": "sha1"}
    message["content"]["digest_algorithms"] = [{"algorithm": "sha1"}]
    return message
