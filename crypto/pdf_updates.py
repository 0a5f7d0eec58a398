"""Incremental updates of a sealed file: writing ours, and accounting for every byte of one (ISO 32000-2 §7.5.6)."""

import io
import re
from typing import Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import Reference, read_object
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import (
    CatalogModificationRule,
    DSSCompareRule,
    FormUpdatingRule,
    ModificationLevel,
    SigFieldCreationRule,
    SigFieldModificationRule,
    StandardDiffPolicy,
    XrefStreamRule,
)

EVIDENCE_ONLY: Final = StandardDiffPolicy(
    global_rules=[
        CatalogModificationRule(ignored_keys={"/AcroForm", "/DSS"}),  # type: ignore[no-untyped-call]
        DSSCompareRule().as_qualified(ModificationLevel.LTA_UPDATES),
        XrefStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
    ],
    form_rule=FormUpdatingRule(
        field_rules=[SigFieldCreationRule(), SigFieldModificationRule()],  # type: ignore[no-untyped-call]
        ignored_acroform_keys={"/Fields"},
    ),
    ignore_orphaned_objects=False,
    ignore_identical_objects=False,
)
"""What may be added to a sealed file: a security store and time-stamps, and no object beside."""

_HEAD: Final = re.compile(rb"(\d{1,10}) 0 obj\n")
_TABLE: Final = re.compile(rb"xref\n((?:\d{1,10} \d{1,10}\n(?:\d{10} \d{5} [nf] ?\n)+)+)trailer\n")
_END: Final = re.compile(rb"\s*startxref\n(\d{1,12})\n%%EOF\n")
_CLOSE: Final = re.compile(rb"\nendobj\n")


class UpdateWriter(IncrementalPdfFileWriter):
    """Appends an update that leaves the document's metadata as they are."""

    def __init__(self, pdf: bytes) -> None:
        super().__init__(io.BytesIO(pdf), strict=False)

    def _update_meta(self) -> None:
        """Write no new producer and no new date: what a letter says of itself was said when it was rendered."""


def is_accounted(pdf: bytes, start: int, reader: PdfFileReader) -> bool:
    """Say that ``pdf[start:]`` is updates such as ours write them: listed objects, their table, and not a byte more.

    An object that no table lists, a comment, or bytes between two objects are shown by a lenient reader and seen by no
    comparison of documents.
    """
    at = start
    while at < len(pdf):
        end = _one_update(pdf, at, reader)
        if end is None:
            return False
        at = end
    return at == len(pdf)


def _one_update(pdf: bytes, at: int, reader: PdfFileReader) -> int | None:
    """Return where the update that begins at ``at`` ends; None when it is not made of listed objects alone."""
    found: dict[int, int] = {}
    while head := _HEAD.match(pdf, at):
        number = int(head[1])
        after, is_table = _object_end(pdf, head.end(), number, reader)
        if after is None or number in found:
            return None
        found[number] = at
        if is_table:
            return _closed(pdf, after, at, found, _listed_by_stream(reader, at))
        at = after
    table = _TABLE.match(pdf, at)
    if table is None:
        return None
    stream = io.BytesIO(pdf)
    stream.seek(table.end())
    read_object(stream, generic.TrailerReference(reader))  # type: ignore[no-untyped-call]
    if b"%" in pdf[table.end() : stream.tell()]:
        return None
    return _closed(pdf, stream.tell(), at, found, _listed(table[1]))


def _object_end(pdf: bytes, at: int, number: int, reader: PdfFileReader) -> tuple[int | None, bool]:
    """Return where an object ends, with its closing word, and whether it is a table in a stream."""
    stream = io.BytesIO(pdf)
    stream.seek(at)
    value = read_object(stream, Reference(number, 0, reader))
    end = stream.tell()
    text = pdf[at:end]
    is_table = False
    if isinstance(value, generic.StreamObject):
        data = value.encoded_data
        opening = text.find(b"stream\n")
        if text[opening + 7 :].removesuffix(b"\nendstream") != data:
            return None, False
        text = text[:opening]
        is_table = value.get("/Type") == "/XRef"
    close = _CLOSE.match(pdf, end)
    if close is None or b"%" in text:
        return None, False
    return close.end(), is_table


def _closed(pdf: bytes, at: int, table_at: int, found: dict[int, int], listed: dict[int, int] | None) -> int | None:
    end = _END.match(pdf, at)
    if end is None or int(end[1]) != table_at or listed != found:
        return None
    return end.end()


def _listed(table: bytes) -> dict[int, int] | None:
    """Return the objects in use that a table lists, with their places; None when it frees or renews one."""
    found: dict[int, int] = {}
    lines = iter(table.split(b"\n"))
    for line in lines:
        if not line:
            continue
        first, count = map(int, line.split())
        for number in range(first, first + count):
            place, generation, kind = next(lines).split()
            if kind == b"f" and (number, int(place), generation) == (0, 0, b"65535"):
                continue
            if kind != b"n" or int(generation) or number in found:
                return None
            found[number] = int(place)
    return found


def _listed_by_stream(reader: PdfFileReader, at: int) -> dict[int, int] | None:
    """Return the same of a table in a stream, which lists itself; None when objects stand in other streams."""
    revision = next(
        number
        for number in range(reader.xrefs.total_revisions)
        if reader.xrefs.get_startxref_for_revision(number) == at
    )
    found: dict[int, int] = {}
    for reference in reader.xrefs.explicit_refs_in_revision(revision):
        place = reader.xrefs.get_historical_ref(reference, revision)
        if not isinstance(place, int) or reference.generation:
            return None
        found[reference.idnum] = place
    return found
