"""The printed letter: what stands on the page, for any text, in any thread."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pikepdf
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edms.codes.page_images import page_count, page_png
from edms.letters.rendition import foot
from edms.letters.rendition.letter import language, render_letter
from edms.letters.rendition.values import ListBlock, ParagraphBlock, TableBlock
from tests.letters.rendition.samples import CODE, ENGLISH, LETTER, page_texts
from tests.shared_data import official_texts

A4_INCHES = 8.27


def text_of(pdf: bytes) -> str:
    """Return the words of all pages, without the spaces and line ends that extraction puts inside Arabic words.

    Extraction permutes the parts of mixed words («e-Archive» gives «Archive-e»); `page_glyphs` shows the true order.
    """
    return re.sub(r"\s+", "", "".join(page_texts(pdf)))


def test_a_plain_letter_takes_one_page() -> None:
    assert page_count(render_letter(LETTER)) == 1


@pytest.mark.parametrize(
    "word",
    [
        "العدد",
        "الموافق",
        "وزارة",
        "درجة",
        "عاجل",
        "Archive",
        "27001:2022",
        "120",
        "7.5%",
        "نسخةمنه",
        "المديرالعام",
        "K7QX-29MD-4HTB-88PQ",
        "https://verify.modp.example",
        "100234.26.00012345.71",
        "RepublicofIraq",
    ],
)
def test_the_words_of_the_letter_are_found_in_its_text(word: str) -> None:
    assert word in text_of(render_letter(LETTER))


def test_the_segments_of_the_number_stand_from_right_to_left() -> None:
    document = page_glyphs(render_letter(LETTER))
    line = next(line for line in document if "١٢٨٧" in line and "ت" in line and "٤" in line)
    assert line.index("١٢٨٧") < line.index("٤") < line.index("ت")


def page_glyphs(pdf: bytes) -> list[str]:
    """Return each drawn line of the first page as the letters of its glyphs from left to right."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        page = document.pages[0]
        maps = {name: _codes(font) for name, font in page.Resources.Font.items()}
        lines, font = [], ""
        for step in pikepdf.parse_content_stream(page):
            match str(step.operator):
                case "BT":
                    lines.append("")
                case "Tf":
                    font = str(step.operands[0])
                case "TJ":
                    shown = b"".join(bytes(part) for part in step.operands[0] if isinstance(part, pikepdf.String))
                    codes = [shown[i : i + 2] for i in range(0, len(shown), 2)]
                    lines[-1] += "".join(maps[font].get(code, "") for code in codes)
        return lines


def _codes(font: pikepdf.Object) -> dict[bytes, str]:
    rows = re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]+)>\n", font.ToUnicode.read_bytes() + b"\n")
    return {bytes.fromhex(code.decode()): bytes.fromhex(text.decode()).decode("utf-16-be") for code, text in rows}


def test_the_barcode_is_read_from_the_page_at_150_dpi() -> None:
    width = round(A4_INCHES * 150)
    image = Image.open(io.BytesIO(page_png(render_letter(LETTER), 1, width))).convert("L")
    found = zxingcpp.read_barcodes(image)
    assert [(code.text, code.format) for code in found] == [(CODE, zxingcpp.BarcodeFormat.Code128)]


def test_the_bars_keep_the_least_sizes() -> None:
    millimetre = 72 / 25.4
    assert 0.33 * millimetre <= foot.MODULE
    assert 9 * millimetre <= foot.BAR_HEIGHT


def test_the_same_letter_gives_the_same_bytes() -> None:
    assert render_letter(LETTER) == render_letter(LETTER)


def test_eight_threads_give_the_bytes_of_one() -> None:
    letters = [
        LETTER,
        ENGLISH,
        replace(LETTER, number="ت/٤/١٢٨٨"),
        replace(LETTER, watermark="مسودّة"),
        *(replace(LETTER, subject=f"كتاب رقم {number} عن Project {number}") for number in range(12)),
    ]
    alone = [render_letter(letter) for letter in letters]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(render_letter, letters * 3))
    assert together == alone * 3


def test_every_font_is_embedded_as_a_subset() -> None:
    with pikepdf.open(io.BytesIO(render_letter(LETTER))) as document:
        fonts = list(document.pages[0].Resources.Font.values())
        assert fonts
        for font in fonts:
            assert re.fullmatch(r"/[A-Z]{6}\+\w+-\w+", str(font.BaseFont))
            assert "/FontFile2" in font.DescendantFonts[0].FontDescriptor


def test_the_information_comes_from_the_letter_and_no_clock() -> None:
    with pikepdf.open(io.BytesIO(render_letter(LETTER))) as document:
        assert str(document.docinfo["/CreationDate"]).startswith("D:20251120")
        assert str(document.docinfo["/Title"]) == "ت/٤/١٢٨٧"
        assert str(document.docinfo["/Author"]) == "قسم الأرشفة الإلكترونية"
        assert str(document.Root.Lang) == "ar"


def test_a_letter_in_latin_letters_is_set_in_english() -> None:
    found = text_of(render_letter(ENGLISH))
    assert language(ENGLISH) == "en"
    for word in ("No.:T/4/1287", "Date:20November2025", "Copyto:", "Page1of1", "WithreferencetoyourletterM/4567"):
        assert word in found


def test_a_draft_has_a_watermark_and_no_code() -> None:
    draft = replace(LETTER, number="", date=None, signed_on=None, document_code="", watermark="مسودّة")
    found = text_of(render_letter(draft))
    assert "100234" not in found
    assert "العدد" in found


def test_the_sensitivity_stands_on_every_page_of_a_secret_letter() -> None:
    body = tuple(ParagraphBlock("نص الفقرة الطويلة. " * 60) for _ in range(8))
    pdf = render_letter(replace(LETTER, sensitivity="سري للغاية", body=body))
    texts = page_texts(pdf)
    assert len(texts) > 1
    assert all(text.replace("\n", " ").count("سري") >= 2 for text in texts)


def test_a_circular_to_859_bodies_names_them_in_an_attached_list() -> None:
    names = tuple(f"الجهة رقم {number}" for number in range(1, 860))
    pdf = render_letter(replace(LETTER, kind_title="إعمام", addressees=names))
    texts = page_texts(pdf)
    squeezed = [re.sub(r"\s+", "", text) for text in texts]
    assert "الجهاتكافةحسبالقائمةالمرفقة" in squeezed[0]
    assert "859" not in squeezed[0]
    listed = {int(number) for text in texts[1:] for number in re.findall(r"رقم\s*(\d+)", text)}
    assert listed == set(range(1, 860))


def test_twelve_addressees_are_all_named_on_the_letter() -> None:
    names = tuple(f"الجهة رقم {number}" for number in range(101, 113))
    squeezed = text_of(render_letter(replace(LETTER, addressees=names)))
    assert all(str(number) in squeezed for number in range(101, 113))


def test_a_table_over_several_pages_repeats_its_head() -> None:
    rows = tuple((str(number), f"المادة رقم {number}") for number in range(1, 120))
    texts = page_texts(render_letter(replace(LETTER, body=(TableBlock(("التسلسل", "التفاصيل"), rows),))))
    full = [text for text in texts if "المادة" in text]
    assert len(full) >= 3
    assert all("التفاصيل" in text for text in full)


def test_every_page_has_its_number_and_the_code() -> None:
    body = tuple(ParagraphBlock("نص الفقرة. " * 80) for _ in range(12))
    texts = page_texts(render_letter(replace(LETTER, body=body, digits="latn")))
    for number, text in enumerate(texts, 1):
        squeezed = re.sub(r"\s+", "", text)
        assert f"صفحة{number}من{len(texts)}" in squeezed
        assert "100234.26.00012345.71" in squeezed


def test_the_signature_is_never_parted_from_its_post() -> None:
    for count in range(1, 26):
        body = tuple(ParagraphBlock(f"سطر رقم {number}.", "start") for number in range(count))
        for text in page_texts(render_letter(replace(LETTER, body=body))):
            assert ("الهاشمي" in text) == ("المدير العام" in text)


def test_a_very_long_letter_is_printed_whole() -> None:
    words = [f"كلمة{number}" for number in range(20_000)]
    pdf = render_letter(replace(LETTER, body=(ParagraphBlock(" ".join(words)),)))
    found = text_of(pdf)
    assert page_count(pdf) > 20
    assert "19999" in found
    assert "10000" in found


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n\n",
        "\x00\x01\x7f",
        "👍🏽 漢字 ﷽",
        "\ud800",
        "\u2067\u2066",
        "\u0301\u0651",
        "\ufeff\u200b\u200d",
        "ش" * 700,
        "W" * 700,
        "\u00a0" * 500,
        "أ\u0651\u064b" * 300,
        "ـ" * 900,
        "a\u202eb",
        "سطر\nسطر\r\nسطر\u2028سطر",
    ],
)
def test_no_text_stops_the_printing(text: str) -> None:
    letter = replace(
        LETTER,
        number=text,
        subject=text,
        addressees=(text,),
        kind_title=text,
        references=(text,),
        attachments=(text, text),
        signer_name=text,
        copies=((text, text),),
        sensitivity=text,
        precedence=text,
        body=(ParagraphBlock(text), ListBlock(False, (text,)), TableBlock((text,), ((text, text), ()))),
        watermark=text[:50],
        verify_url=text,
        verification_code=text,
    )
    assert render_letter(letter).startswith(b"%PDF")


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(["justify", "start", "center", "end"]))
def test_any_unicode_is_printed(first: str, second: str, align: str) -> None:
    body = (ParagraphBlock(first, align), TableBlock((second,), ((first,),)))  # type: ignore[arg-type]
    assert render_letter(replace(LETTER, subject=second, body=body)).startswith(b"%PDF")


def test_an_empty_letter_is_still_a_page() -> None:
    empty = replace(
        LETTER,
        number="",
        date=None,
        sensitivity="",
        precedence="",
        addressees=(),
        subject="",
        body=(),
        references=(),
        attachments=(),
        signer_name="",
        signer_post="",
        signed_on=None,
        copies=(),
        document_code="",
        verification_code="",
        verify_url="",
        letterhead=replace(LETTER.letterhead, lines_ar=(), lines_en=()),
    )
    assert page_count(render_letter(empty)) == 1


def test_a_character_without_a_glyph_shows_a_box() -> None:
    blank = page_png(render_letter(replace(LETTER, body=(ParagraphBlock("أ"),))), 1, 800)
    boxed = page_png(render_letter(replace(LETTER, body=(ParagraphBlock("أ漢"),))), 1, 800)
    assert blank != boxed


def test_a_date_before_the_hijri_tables_prints_the_gregorian_alone() -> None:
    found = text_of(render_letter(replace(LETTER, date=date(1920, 1, 5))))
    assert "الموافق" not in found
    assert "التاريخ" in found


def test_real_official_texts_are_printed() -> None:
    for text in official_texts(25):
        body = tuple(ParagraphBlock(part) for part in text.split("\n") if part.strip())
        pdf = render_letter(replace(LETTER, body=body, subject=text[:80].replace("\n", " ")))
        assert page_count(pdf) >= 1
