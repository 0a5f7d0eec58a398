"""Puts the hidden marks of one copy on the pages of a PDF; the same copy of the same file is the same bytes."""

from dataclasses import dataclass
from io import BytesIO
from typing import Final

import pikepdf

from crypto.digests import sha256
from crypto.marks.keys import MarkKey
from crypto.marks.payload import TintCode
from crypto.marks.runs import PageRuns, page_runs
from crypto.marks.shift_code import STEP_MM, ShiftCode
from crypto.marks.tint import Profile, tint_form, tint_operators

VERSION: Final = 1
"""Which rules a copy was marked by; a reader must know them all."""

_POINTS: Final = 72 / 25.4


@dataclass(frozen=True, slots=True)
class HiddenMark:
    """What is hidden in a copy: its number (below 10**11), under which key, how pale."""

    number: int
    key: MarkKey
    profile: Profile


class MarkablePdf:
    """An original that copies are made of: read once, marked often. The original itself is never changed."""

    def __init__(self, pdf: bytes) -> None:
        self.pdf = pdf
        self.digest = sha256(pdf)
        with pikepdf.open(BytesIO(pdf)) as document:
            self.pages: tuple[PageRuns, ...] = tuple(page_runs(page) for page in document.pages)

    def hide(self, document: pikepdf.Pdf, mark: HiddenMark) -> None:
        """Mark the pages of a document that was opened from ``pdf`` and not changed since."""
        form, state = tint_form(document, TintCode(mark.key).tile(mark.number), mark.profile)
        for place, (page, runs) in enumerate(zip(document.pages, self.pages, strict=True)):
            if runs.count:
                steps = ShiftCode(mark.key, self.digest, place, runs.count).steps([mark.number])[0]
                page.Contents = document.make_stream(runs.moved(steps * (STEP_MM * _POINTS)))
            tint = str(page.add_resource(form, pikepdf.Name.XObject, prefix="Tint"))
            multiplied = str(page.add_resource(state, pikepdf.Name.ExtGState, prefix="Tint"))
            left, low, right, top = (float(value) for value in page.cropbox)
            page.contents_add(b"q\n", prepend=True)  # whatever the page does to its graphics state ends here
            page.contents_add(("\nQ " + tint_operators((left, low, right, top), tint, multiplied)).encode())
