"""Puts the hidden marks of one copy on the pages of a PDF; the same copy of the same file is the same bytes."""

from dataclasses import dataclass
from io import BytesIO
from typing import Final, Self

import numpy as np
import pikepdf

from crypto.digests import sha256
from crypto.errors import CannotMark
from crypto.marks.keys import MarkKey
from crypto.marks.payload import TILE, TintCode
from crypto.marks.runs import NOTHING, PageRuns, page_runs
from crypto.marks.scans import ScannedPage, scanned_page
from crypto.marks.shift_code import ShiftCode
from crypto.marks.tint import Profile, tint_form, tint_operators

_HARDLY_TEXT: Final = 15  # runs; a scan may carry a stamp or a heading in real text
_MOVED_PAGES: Final = 300
_MOVED_SCANS: Final = 60


@dataclass(frozen=True, slots=True)
class HiddenMark:
    """What is hidden in a copy of one document: its number (below 10**11), the tile of its tint, how pale that is.

    ``document`` is the SHA-256 of the unmarked file, ``key`` that document's. Whoever marks files that others made may
    be taken over by one: no key of a month is in here, with which marks of other documents could be made.
    """

    number: int
    document: bytes
    key: MarkKey
    tile: bytes
    profile: Profile

    @classmethod
    def of(cls, number: int, key: MarkKey, document: bytes, profile: Profile) -> Self:
        """Return what the month's ``key`` hides in a copy."""
        tile = np.packbits(TintCode(key).tile(number)).tobytes()
        return cls(number, document, key.of_document(document), tile, profile)


def markable_page(page: pikepdf.Page, place: int) -> PageRuns | ScannedPage:
    """Return what of a page can be moved: its text, or where it is a picture of text the ink in that.

    ``place`` counts from 0: far behind in a long file nothing is moved, so that a copy is made in seconds; those pages
    carry the tint alone.
    """
    if place >= _MOVED_PAGES:
        return NOTHING
    runs = page_runs(page)
    if runs.count < _HARDLY_TEXT and place < _MOVED_SCANS:
        return scanned_page(page) or runs
    return runs


class MarkablePdf:
    """An original that copies are made of: read once, marked often. The original itself is never changed."""

    def __init__(self, pdf: bytes) -> None:
        """Read a PDF; raises CannotMark ``marks.unreadable``."""
        self._pdf = pdf
        self.digest = sha256(pdf)
        with self.opened() as document:
            self.pages = tuple(markable_page(page, place) for place, page in enumerate(document.pages))
        if not self.pages:
            raise CannotMark("marks.unreadable")

    def opened(self) -> pikepdf.Pdf:
        """Return the document, to be marked and closed."""
        try:
            return pikepdf.open(BytesIO(self._pdf))
        except (pikepdf.PdfError, pikepdf.PasswordError) as error:
            raise CannotMark("marks.unreadable") from error

    def hide(self, document: pikepdf.Pdf, mark: HiddenMark) -> None:
        """Mark the pages of a document that was ``opened`` and not changed since; the mark must be of this document."""
        if mark.document != self.digest:
            raise AssertionError("a mark of another document")
        tile = np.unpackbits(np.frombuffer(mark.tile, np.uint8)).reshape(TILE, TILE) > 0
        form, state = tint_form(document, tile, mark.profile)
        for place, (page, runs) in enumerate(zip(document.pages, self.pages, strict=True)):
            if runs.count:
                runs.hide(document, page, ShiftCode(mark.key, place, runs.count).steps([mark.number])[0])
            tint = str(page.add_resource(form, pikepdf.Name.XObject, pikepdf.Name("/DiwanTint")))
            multiplied = str(page.add_resource(state, pikepdf.Name.ExtGState, pikepdf.Name("/DiwanMultiply")))
            left, low, right, top = (float(value) for value in page.cropbox)
            drawn = tint_operators((left, low, right, top), tint, multiplied)
            page.contents_add(b"q\n", prepend=True)  # whatever the page does to its graphics state ends here
            page.contents_add(f"\nQ /Artifact BMC {drawn} EMC\n".encode())
