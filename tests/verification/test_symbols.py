"""The codes of a copy are read from its own file whatever their digits."""

import io

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from crypto.digests import sha256
from crypto.marks.keys import MarkKey
from crypto.marks.marking import HiddenMark
from crypto.marks.tint import Profile
from edms.codes.stamp import CopyMark, marked_pdf
from edms.verification.symbols import symbols

#: Read wrongly when a page was looked at in one size only, where a bar is no whole number of pixels wide.
HARD = ("05000806360848", "04497869073609", "06224639076585", "08515028072612", "05335915070938", "01855482075043")

KEY = MarkKey("2026-11", b"k" * 32)


@pytest.mark.parametrize("code", HARD)
def test_a_copy_code_of_any_digits_is_read_from_the_page(code: str) -> None:
    page = io.BytesIO()
    canvas = Canvas(page, pagesize=A4)
    canvas.showPage()
    canvas.save()
    hidden = HiddenMark.of(48_291_736_502, KEY, sha256(page.getvalue()), Profile.STANDARD)
    copy = marked_pdf(page.getvalue(), CopyMark(code, "10023496", "0482176331", hidden))
    assert list(symbols(copy)) == [[code]]
