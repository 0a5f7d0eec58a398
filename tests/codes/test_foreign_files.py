"""Files that others made are marked in a child: the same bytes, and whatever a file does, only its own copy suffers."""

import base64
import json
import os
import signal
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pikepdf
import pytest

from crypto.codes import copy_code, new_copy_number
from crypto.digests import sha256
from crypto.errors import CannotMark
from crypto.marks.keys import MarkKey
from crypto.marks.marking import HiddenMark
from crypto.marks.tint import Profile
from edms.codes import foreign_files, marking_child
from edms.codes.foreign_files import marked_apart, page_count_apart, page_png_apart
from edms.codes.page_images import page_count, page_png
from edms.codes.stamp import CopyMark, marked_pdf
from edms.core.errors import Invalid, NotFound
from edms.letters.rendition.letter import render_letter
from tests.leaks import pages
from tests.letters.rendition.samples import LETTER
from tests.shared_data import FOLDER

KEY = MarkKey("2026-11", b"k" * 32)


def mark(pdf: bytes) -> CopyMark:
    code = copy_code(new_copy_number())
    return CopyMark(code, "10023496", "1" * 10, HiddenMark.of(int(code[:-2]), KEY, sha256(pdf), Profile.SCREEN))


def endless() -> bytes:
    """Return a small PDF whose page has a hundred million octets of content."""
    out = BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.pages[0].Contents = document.make_stream(b"0 0 m 9 9 l S\n" * 7_000_000)
        document.save(out, compress_streams=True, recompress_flate=True)
    return out.getvalue()


def test_a_copy_made_apart_is_the_same_bytes() -> None:
    for pdf in (render_letter(LETTER), pages.foreign(2).pdf, pages.scan(0).pdf, pages.scan(1).pdf):
        wanted = mark(pdf)
        assert marked_apart(pdf, wanted) == marked_pdf(pdf, wanted)


def test_a_child_is_told_no_key_of_a_month_and_marks_no_other_document() -> None:
    pdf, other = pages.foreign(2).pdf, pages.foreign(1).pdf
    said = json.dumps(marking_child.told(mark(pdf)))
    assert base64.b64encode(KEY.secret).decode() not in said
    assert KEY.secret.hex() not in said
    with pytest.raises(AssertionError):
        marked_pdf(other, mark(pdf))
    with pytest.raises(CannotMark):
        marked_apart(other, mark(pdf))


def test_a_page_drawn_apart_is_the_same_picture() -> None:
    pdf = pages.foreign(2).pdf
    assert page_count_apart(pdf) == page_count(pdf)
    for width in (64, 794):
        assert page_png_apart(pdf, 1, width) == page_png(pdf, 1, width)
    with pytest.raises(NotFound, match=r"letters\.no-such-page"):
        page_png_apart(pdf, page_count(pdf) + 1, 64)
    for broken in (b"", b"%PDF-1.7 and nothing else", pdf[:2000]):
        with pytest.raises(Invalid, match=r"letters\.not-a-pdf"):
            page_count_apart(broken)
        with pytest.raises(Invalid, match=r"letters\.not-a-pdf"):
            page_png_apart(broken, 1, 64)


def test_a_page_as_long_as_a_road_is_refused_and_nothing_else_suffers() -> None:
    out = BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page(page_size=(3, 14_400))
        document.save(out)
    with pytest.raises(Invalid, match=r"letters\.not-a-pdf"):
        page_png_apart(out.getvalue(), 1, 4000)
    assert page_png_apart(pages.foreign(2).pdf, 1, 64).startswith(b"\x89PNG")


def test_a_file_that_costs_too_much_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    costly = endless()
    monkeypatch.setattr(foreign_files, "SECONDS", 1)
    begun = time.monotonic()
    with pytest.raises(CannotMark):
        marked_apart(costly, mark(costly))
    assert time.monotonic() - begun < 30
    monkeypatch.setattr(foreign_files, "SECONDS", 30)
    monkeypatch.setattr(foreign_files, "MEMORY", 400 << 20)
    with pytest.raises(CannotMark):
        marked_apart(costly, mark(costly))


def test_more_files_than_children_wait_for_one_another() -> None:
    pdf = pages.foreign(2).pdf
    with ThreadPoolExecutor(6) as pool:
        copies = list(pool.map(lambda _: marked_apart(pdf, mark(pdf)), range(12)))
    assert len(set(copies)) == 12


def test_a_lost_nursery_is_replaced() -> None:
    pdf = pages.foreign(2).pdf
    marked_apart(pdf, mark(pdf))
    nursery = foreign_files._nursery.started
    assert nursery is not None
    os.kill(nursery.pid, signal.SIGKILL)
    nursery._process.wait()
    assert marked_apart(pdf, mark(pdf)).startswith(b"%PDF")


def test_damaged_and_hostile_files_are_marked_or_refused_and_nothing_else() -> None:
    outcomes = {"marked": 0, "refused": 0}
    with tarfile.open(next((FOLDER / "pdf-conformance").glob("*.tar.xz"))) as archive:
        for place, member in enumerate(archive):
            if not member.name.endswith(".pdf") or member.size > 100_000 or place % 4:
                continue
            file = archive.extractfile(member)
            assert file is not None
            try:
                pdf = file.read()
                assert marked_apart(pdf, mark(pdf)).startswith(b"%PDF")
                outcomes["marked"] += 1
            except CannotMark:
                outcomes["refused"] += 1
    assert min(outcomes.values()) > 5
