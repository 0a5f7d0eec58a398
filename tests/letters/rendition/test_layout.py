"""Where things stand on the pages: what is kept together, what is repeated, where the seal stands."""

import io
import re
from dataclasses import replace

import pytest
import zxingcpp
from PIL import Image

from edms.codes.page_images import page_count, page_png
from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.values import Block, HeadingBlock, ListBlock, ParagraphBlock, PrintedLetter, TableBlock
from tests.letters.rendition.samples import LETTER, page_texts

SEAL = "AT1:" + "SEAL0123456789" * 16
SENTENCE = "نص الفقرة الطويل الذي يملأ السطر ثم يمتد إلى سطر ثان وثالث لكي نرى أين تقع النهاية. "
PLAIN = replace(LETTER, references=(), attachments=(), copies=(), body=(), seal_mm=37.0)


def sealed(letter: PrintedLetter) -> bytes:
    return render_letter(letter, seal=lambda _pages: SEAL)


def squeezed(pdf: bytes) -> list[str]:
    return [re.sub(r"\s+", "", text) for text in page_texts(pdf)]


def seals(pdf: bytes) -> list[int]:
    """Return how often the seal's symbol is read on each page at 150 dpi."""
    found = []
    for page in range(1, page_count(pdf) + 1):
        image = Image.open(io.BytesIO(page_png(pdf, page, 1240))).convert("L")
        read = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormats((zxingcpp.BarcodeFormat.QRCode,)))
        found.append(sum(code.text == SEAL for code in read))
    return found


def test_the_seal_is_told_the_number_of_pages() -> None:
    told: list[int] = []

    def seal(pages: int) -> str:
        told.append(pages)
        return SEAL

    letter = replace(PLAIN, body=tuple(ParagraphBlock(SENTENCE * 6) for _ in range(12)))
    pages = page_count(render_letter(letter, seal=seal))
    assert pages > 1
    assert told == [pages]


def test_the_seal_is_read_twice_on_a_letter_of_one_page() -> None:
    assert seals(sealed(PLAIN)) == [2]


@pytest.mark.parametrize(
    "letter",
    [
        replace(PLAIN, body=tuple(ParagraphBlock(SENTENCE * 6) for _ in range(14))),
        replace(LETTER, seal_mm=37.0, copies=tuple((f"الجهة {number}", "") for number in range(60))),
        replace(PLAIN, addressees=tuple(f"الجهة رقم {number}" for number in range(200))),
        replace(PLAIN, addressees=tuple(f"الجهة رقم {number}" for number in range(80))),
    ],
    ids=["long", "copies", "circular", "full-list"],
)
def test_the_seal_stands_on_the_first_page_and_on_the_last(letter: PrintedLetter) -> None:
    found = seals(sealed(letter))
    assert len(found) > 1
    assert found == [1, *[0] * (len(found) - 2), 1]


def test_a_letter_without_a_seal_has_no_symbol_and_no_room_for_it() -> None:
    assert seals(render_letter(replace(PLAIN, seal_mm=0.0), seal=lambda _: SEAL)) == [0]


def test_a_draft_keeps_the_room_of_the_seal() -> None:
    for count in (3, 9, 20):
        letter = replace(PLAIN, body=tuple(ParagraphBlock(SENTENCE * 3) for _ in range(count)))
        assert page_count(render_letter(letter)) == page_count(sealed(letter))


@pytest.mark.parametrize("seal_mm", [0.0, 44.0])
def test_the_signature_never_stands_alone(seal_mm: float) -> None:
    for count in range(1, 48):
        body = tuple(ParagraphBlock(f"سطر رقم {number}.", "start") for number in range(count))
        pages = squeezed(render_letter(replace(PLAIN, body=body, seal_mm=seal_mm)))
        signed = next(page for page in pages if "الهاشمي" in page)
        assert signed.count("سطررقم") >= min(count, 2)


def test_a_short_list_of_copies_stays_with_the_signature() -> None:
    copies = (("مكتب السيد الوزير", ""), ("قسم الحسابات", ""))
    for count in range(1, 40):
        body = tuple(ParagraphBlock(f"سطر رقم {number}.", "start") for number in range(count))
        for page in squeezed(render_letter(replace(PLAIN, body=body, copies=copies))):
            assert ("الهاشمي" in page) == ("قسمالحسابات" in page)


def test_a_heading_stays_with_its_text() -> None:
    for count in range(8, 30):
        lines = tuple(ParagraphBlock(f"سطر رقم {number}.", "start") for number in range(count))
        body: tuple[Block, ...] = (
            *lines,
            HeadingBlock("عنوان الباب"),
            ParagraphBlock("أول النص بعد العنوان. " + SENTENCE * 3),
        )
        for page in squeezed(render_letter(replace(PLAIN, body=body, seal_mm=0.0))):
            assert ("عنوانالباب" in page) == ("أولالنصبعدالعنوان" in page)


def test_a_sentence_that_ends_in_a_colon_stays_with_its_list() -> None:
    for count in range(8, 30):
        lines = tuple(ParagraphBlock(f"سطر رقم {number}.", "start") for number in range(count))
        body: tuple[Block, ...] = (
            *lines,
            ParagraphBlock("نرجو ما يأتي:", "start"),
            ListBlock(True, ("أولى المواد", "ثانية المواد")),
        )
        for page in squeezed(render_letter(replace(PLAIN, body=body, seal_mm=0.0))):
            assert ("نرجومايأتي" in page) <= ("أولىالمواد" in page)


def test_no_paragraph_leaves_one_line_behind() -> None:
    for count in range(14, 30):
        lines = tuple(ParagraphBlock(f"سطر رقم {number}.", "start") for number in range(count))
        marked = "\n".join(f"علامة{number}" for number in range(6))
        pages = squeezed(render_letter(replace(PLAIN, body=(*lines, ParagraphBlock(marked)), seal_mm=0.0)))
        held = [page.count("علامة") for page in pages if "علامة" in page]
        assert sum(held) == 6
        assert min(held) >= 2


def test_a_table_of_sixty_rows_repeats_its_head_and_keeps_its_rows() -> None:
    rows = tuple((str(number), f"بداية{number}\nوسط\nنهاية{number}") for number in range(1, 61))
    letter = replace(PLAIN, body=(TableBlock(("التسلسل", "التفاصيل"), rows),), digits="latn")
    pages = squeezed(render_letter(letter))
    holding = [page for page in pages if "بداية" in page]
    assert len(holding) >= 4
    for page in holding:
        assert page.count("التفاصيل") == 1
        assert page.count("بداية") == page.count("نهاية") == page.count("وسط")
    assert sum(page.count("وسط") for page in pages) == 60


def test_a_row_that_fits_a_page_is_not_cut() -> None:
    tall = "\n".join(f"سطر{number}" for number in range(36))
    rows = (*((str(number), "قصير") for number in range(10)), ("طويل", tall), ("آخر", "قصير"))
    pages = squeezed(render_letter(replace(PLAIN, body=(TableBlock(("ت", "النص"), rows),), digits="latn")))
    assert [page.count("سطر") for page in pages if "سطر" in page] == [36]


def test_a_row_taller_than_a_page_is_parted_without_loss() -> None:
    tall = "\n".join(f"سطر{number}" for number in range(150))
    rows = (("١", "قصير"), ("٢", tall), ("٣", "قصير"))
    pages = squeezed(render_letter(replace(PLAIN, body=(TableBlock(("التسلسل", "النص"), rows),), digits="latn")))
    holding = [page for page in pages if "سطر" in page]
    assert len(holding) >= 4
    assert all("التسلسل" in page for page in holding)
    assert sum(page.count("سطر") for page in pages) == 150


def test_a_table_head_as_tall_as_a_page_is_not_repeated() -> None:
    head = "\n".join(f"رأس{number}" for number in range(30))
    rows = tuple((f"خلية{number}",) for number in range(80))
    pages = squeezed(render_letter(replace(PLAIN, body=(TableBlock((head,), rows),), digits="latn")))
    assert sum(page.count("رأس") for page in pages) == 30
    assert sum(page.count("خلية") for page in pages) == 80


def test_thirty_copies_are_all_printed_in_order() -> None:
    copies = tuple((f"الجهة رقم {number}", "للتفضل بالاطلاع") for number in range(100, 130))
    pages = squeezed(render_letter(replace(PLAIN, copies=copies, digits="latn")))
    found = [int(number) for page in pages for number in re.findall(r"رقم(\d{3})", page)]
    assert found == list(range(100, 130))


def test_a_deputy_signs_for_the_post() -> None:
    (page,) = squeezed(render_letter(replace(PLAIN, on_behalf_of="مدير القسم")))
    assert page.index("عنمديرالقسم") < page.index("الهاشمي")


def test_the_day_of_signing_uses_the_names_of_months_of_the_letter() -> None:
    levant, gulf = (
        squeezed(render_letter(replace(PLAIN, date=None, months=months)))[0] for months in ("levant", "gulf")
    )
    assert "تشرينالثاني" in levant
    assert "نوفمبر" in gulf
