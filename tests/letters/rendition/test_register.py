"""The printed register and the pictures of pages."""

import io
from dataclasses import replace
from datetime import date

import pytest
from PIL import Image

from crypto.barcodes import read_barcodes
from edms.codes.page_images import page_count, page_png
from edms.core.errors import Invalid, NotFound
from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.register import render_register
from edms.letters.rendition.values import RegisterPage
from tests.letters.rendition.samples import LETTER, page_texts

PAGE = RegisterPage(
    title="دفتر الوارد",
    entity_name="وزارة التخطيط الرقمي",
    period="يوم ٢٠ تشرين الثاني ٢٠٢٥",
    columns=("رقم القيد", "التاريخ", "رقم الكتاب", "الجهة", "الموضوع"),
    rows=tuple(
        (str(number), "٢٠ تشرين الثاني ٢٠٢٥", f"ت/٤/{number}", "وزارة المالية", "تمويل المشروع (e-Archive)")
        for number in range(1, 71)
    ),
    totals="مجموع القيود: ٧٠",
    printed_on=date(2025, 11, 20),
)


def test_the_register_repeats_its_head_and_numbers_its_pages() -> None:
    texts = page_texts(render_register(PAGE))
    assert len(texts) >= 2
    for text in texts:
        assert "الموضوع" in text
        assert "دفتر الوارد" in text
        assert "صفحة" in text
    assert "مجموع القيود" in texts[-1]


def test_the_register_lies_across_the_page() -> None:
    image = Image.open(io.BytesIO(page_png(render_register(PAGE), 1, 1000)))
    assert image.width == 1000
    assert image.height < image.width


def test_an_empty_register_is_one_page() -> None:
    assert page_count(render_register(replace(PAGE, rows=(), totals=""))) == 1


def test_the_same_register_gives_the_same_bytes() -> None:
    assert render_register(PAGE) == render_register(PAGE)


def test_the_picture_of_a_page_is_small() -> None:
    picture = page_png(render_letter(LETTER), 1, 1000)
    assert Image.open(io.BytesIO(picture)).width == 1000
    assert len(picture) <= 80_000


def test_a_page_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"letters\.no-such-page"):
        page_png(render_letter(LETTER), 2, 500)


@pytest.mark.parametrize("pdf", [b"", b"not a pdf", b"%PDF-1.7\n"])
def test_what_is_not_a_pdf_is_refused(pdf: bytes) -> None:
    with pytest.raises(Invalid, match=r"letters\.not-a-pdf"):
        page_count(pdf)


def test_the_checkpoint_of_the_log_is_read_back_from_the_paper() -> None:
    note = "diwan/01a224f6-8f17-7094-8ba4-7a29961cbef1\n1287\nRiaORWyRvCh5WHtJd/icUVF2+fN/iEA7El4FqnnNRgk=\n\n"
    note += "\N{EM DASH} diwan/01a224f6-8f17-7094-8ba4-7a29961cbef1 17kd" + "MEUCIQDh" * 11 + "\n"
    pdf = render_register(replace(PAGE, checkpoint=note, checkpoint_words="حال السجل"))
    last = Image.open(io.BytesIO(page_png(pdf, page_count(pdf), 1700)))
    assert ("QRCode", note) in read_barcodes(last)
    assert "حال السجل" in page_texts(pdf)[-1]
    assert not read_barcodes(Image.open(io.BytesIO(page_png(render_register(PAGE), 1, 1700))))
