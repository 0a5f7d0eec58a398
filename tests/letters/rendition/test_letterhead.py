"""The letterhead, the facts, the seal's room and the contact line on the printed sheet."""

import io
import re
from dataclasses import replace

import pikepdf
import pytest
import zxingcpp
from PIL import Image, ImageDraw

from edms.codes.page_images import page_png
from edms.letters.rendition import head, labels
from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.letterhead import letterhead_height
from edms.letters.rendition.sheet import mm
from edms.letters.rendition.values import Letterhead, ParagraphBlock, PrintedLetter
from edms.letters.rendition.wording import GREEN, tint
from tests.letters.rendition.samples import ENGLISH, LETTER, page_texts

WIDTH = 1654
"""Pixels of A4 at 200 dots per inch."""
PIXELS = WIDTH / 210
SEAL = "AT1:" + "7B%A" * 120


def words_of(letter: PrintedLetter) -> str:
    return re.sub(r"\s+", "", "".join(page_texts(render_letter(letter))))


def page(letter: PrintedLetter, *, sealed: bool = True) -> Image.Image:
    pdf = render_letter(letter, seal=(lambda _pages: SEAL) if sealed else None)
    return Image.open(io.BytesIO(page_png(pdf, 1, WIDTH))).convert("RGB")


def pixels(left: float, top: float, right: float, foot: float) -> tuple[int, int, int, int]:
    """A box given in millimetres from the upper left corner."""
    return round(left * PIXELS), round(top * PIXELS), round(right * PIXELS), round(foot * PIXELS)


def colours(picture: Image.Image) -> list[tuple[int, int, int]]:
    return [shade for _, shade in picture.getcolors(1 << 20) or () if isinstance(shade, tuple) and len(shade) == 3]


def png(size: tuple[int, int] = (300, 300), colour: str = "#c00000") -> bytes:
    out = io.BytesIO()
    picture = Image.new("RGBA", size, (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((0, 0, size[0] - 1, size[1] - 1), fill=colour)
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("side", [30.0, 37.0, 44.0])
@pytest.mark.parametrize("letter", [LETTER, ENGLISH, replace(LETTER, sensitivity="", precedence="", hijri=False)])
def test_seal_stands_under_the_letterhead_at_the_end_side_clear_of_all_words(
    letter: PrintedLetter, side: float
) -> None:
    sealed, bare = (page(replace(letter, seal_mm=side), sealed=each) for each in (True, False))
    height = letterhead_height(letter.letterhead, 174 * mm) / mm
    top, left = 12 + height, 18.0 if letter is not ENGLISH else 210 - 18 - side
    room = pixels(left - 1, top, left + side + 1, top + side + 5)
    found = zxingcpp.read_barcodes(sealed.crop(room))
    assert [each.text for each in found] == [SEAL]
    inner = pixels(left + 1, top + 5, left + side - 1, top + side)
    assert bare.crop(inner).getcolors() == [((inner[2] - inner[0]) * (inner[3] - inner[1]), (255, 255, 255))]


def test_seal_takes_no_more_height_than_itself() -> None:
    plain, sealed = (head.first_height(replace(LETTER, seal_mm=side), "ar") for side in (0.0, 44.0))
    assert sealed - plain == pytest.approx(44 * mm - 57, abs=1)


def test_all_facts_stand_at_the_start_side_of_a_sheet_with_a_seal() -> None:
    assert [each.label for each in head.facts(LETTER, "ar").end] == ["درجة السرية: ", "درجة الاستعجال: "]
    found = head.facts(replace(LETTER, seal_mm=37.0), "ar")
    assert found.end == ()
    assert [each.label for each in found.start][-2:] == ["درجة السرية: ", "درجة الاستعجال: "]


def test_the_seal_says_how_it_is_used_and_an_empty_room_what_it_is_for() -> None:
    letter = replace(LETTER, seal_mm=37.0)
    sealed = re.sub(r"\s+", "", page_texts(render_letter(letter, seal=lambda _pages: SEAL))[0])
    assert "امسحالرمز" in sealed
    assert "مكانالختمالإلكتروني" in words_of(letter)


def test_hijri_date_may_be_left_out() -> None:
    assert [each.label for each in head.facts(LETTER, "ar").start] == ["العدد: ", "التاريخ: ", "الموافق: "]
    alone = head.facts(replace(LETTER, hijri=False), "ar").start
    assert [(each.label, each.text) for each in alone][1:] == [("التاريخ: ", "٢٠ تشرين الثاني ٢٠٢٥ م")]


def test_months_follow_the_letterhead() -> None:
    facts = head.facts(replace(LETTER, months="maghreb", digits="latn"), "ar").start
    assert facts[2].text == "20 نوفمبر 2025 م"
    assert head.facts(replace(LETTER, months="gulf"), "ar").start[2].text == "٢٠ نوفمبر ٢٠٢٥ م"


def test_arabic_number_reads_from_the_right_in_an_english_letter() -> None:
    assert head.written_number("ت/4/1287", "latn", "en") == "\u2067ت\u200f/\u200f4\u200f/\u200f1287\u2069"
    assert head.written_number("T/4/1287", "latn", "en") == "T/4/1287"


def test_long_names_are_broken_and_never_lost() -> None:
    long = "الهيئة العامة للإشراف على تنفيذ مشاريع الإعمار والإسكان والبلديات والأشغال العامة في المحافظات غير المنتظمة"
    english = "General Authority for the Supervision of Construction, Housing and Public Works Projects in Governorates"
    letterhead = Letterhead(("جمهورية العراق", long), ("Republic of Iraq", english))
    assert letterhead_height(letterhead, 174 * mm) > letterhead_height(LETTER.letterhead, 174 * mm) * 0.9
    found = words_of(replace(LETTER, letterhead=letterhead))
    for word in [*long.split(), *english.split()]:
        assert word in found


def test_names_and_rules_have_the_colour_of_the_body() -> None:
    assert tint("") == GREEN
    assert tint("#ff0000") == (1.0, 0.0, 0.0)
    picture = page(replace(LETTER, letterhead=replace(LETTER.letterhead, colour="#7a1f2b")), sealed=False)
    assert any(abs(r - 0x7A) < 12 and abs(g - 0x1F) < 12 and abs(b - 0x2B) < 12 for r, g, b in colours(picture))


def test_emblem_stands_in_the_middle_and_is_kept_once() -> None:
    letter = replace(LETTER, letterhead=replace(LETTER.letterhead, emblem=png()))
    ((red, green, _),) = colours(page(letter, sealed=False).crop(pixels(104, 23, 106, 26)))
    assert red > 170
    assert green < 30
    pdf = render_letter(letter)
    assert pdf == render_letter(letter)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        images = [each for each in document.objects if isinstance(each, pikepdf.Stream) and each.get("/Width")]
    assert len(images) == 1


def test_wide_emblem_keeps_its_proportions() -> None:
    letter = replace(LETTER, letterhead=replace(LETTER.letterhead, emblem=png((400, 200))))
    picture = page(letter, sealed=False)
    assert colours(picture.crop(pixels(104, 14, 106, 17))) == [(255, 255, 255)]


def test_contact_line_stands_on_every_page() -> None:
    long = tuple(ParagraphBlock("فقرة طويلة من نص الكتاب الرسمي. " * 40) for _ in range(6))
    letterhead = replace(LETTER.letterhead, contact="بغداد – المنطقة الحكومية – info@modp.example")
    texts = page_texts(render_letter(replace(LETTER, body=long, letterhead=letterhead)))
    assert len(texts) > 1
    assert all("info@modp.example" in re.sub(r"\s+", "", each) for each in texts)


def test_contact_line_too_long_for_the_page_is_set_smaller() -> None:
    letterhead = replace(LETTER.letterhead, contact="العنوان الكامل " * 14)
    assert words_of(replace(LETTER, letterhead=letterhead)).count("العنوانالكامل") == 14


def test_memorandum_names_its_sender() -> None:
    assert "من/مديرقسمالأرشفة" in words_of(replace(LETTER, kind_title="مذكرة داخلية", sender="مدير قسم الأرشفة"))


@pytest.mark.parametrize(
    ("kind", "incoming", "sender", "line"),
    [
        ("reply", True, "", "جواباً على كتابكم ذي العدد ٥ في يوم"),
        ("reminder", False, "", "تأكيداً لكتابنا ذي العدد ٥ في يوم"),
        ("order", False, "", "استناداً إلى كتابنا ذي العدد ٥ في يوم"),
        ("order", True, "وزارة المالية", "استناداً إلى كتاب وزارة المالية ذي العدد ٥ في يوم"),
        ("letter", True, "", "إشارة إلى كتابكم ذي العدد ٥ في يوم"),
        ("reply", True, "وزارة المالية", "إشارة إلى كتاب وزارة المالية ذي العدد ٥ في يوم"),
        ("confirmation", False, "", "بشأن صحة صدور كتابنا ذي العدد ٥ في يوم"),
    ],
)
def test_each_kind_names_an_earlier_letter_in_its_way(kind: str, incoming: bool, sender: str, line: str) -> None:
    assert labels.reference_line(kind, "ar", number="٥", date="يوم", incoming=incoming, sender=sender) == line
