"""Breaking and aligning lines."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edms.letters.rendition import fonts, shaping
from edms.letters.rendition.body import customary
from edms.letters.rendition.breaking import boxes_of, line_ends, natural_width
from edms.letters.rendition.flow import Strip, paginate
from edms.letters.rendition.kashida import best_joint
from edms.letters.rendition.paragraph import Line, Style, prepare
from edms.letters.rendition.shaping import Ink
from edms.letters.rendition.values import Align

WIDTH = 300.0
TEXT = "نود إعلامكم بأن اللجنة المشكلة بموجب الأمر الإداري قد أنجزت تدقيق الكشوفات الفنية والمالية للمرحلة. " * 3


def right_edge(line: Line) -> float:
    return line.x + sum(run.width + (line.stretch if run.space else 0) for run in line.runs)


def test_justified_lines_reach_both_edges_but_for_the_last() -> None:
    lines = prepare(TEXT, Style()).lines(WIDTH)
    assert len(lines) > 3
    for line in lines[:-1]:
        assert line.x == pytest.approx(0, abs=0.01)
        assert right_edge(line) == pytest.approx(WIDTH, abs=0.01)
    assert right_edge(lines[-1]) == pytest.approx(WIDTH, abs=0.01)
    assert lines[-1].stretch == 0


def test_the_first_line_is_indented_at_the_right_in_arabic_and_at_the_left_in_english() -> None:
    arabic = prepare(TEXT, Style(first=28)).lines(WIDTH)
    english = prepare("We are pleased to inform you of its findings. " * 6, Style(first=28)).lines(WIDTH)
    assert right_edge(arabic[0]) == pytest.approx(WIDTH - 28, abs=0.01)
    assert english[0].x == pytest.approx(28, abs=0.01)
    assert english[1].x == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(("align", "left"), [("start", False), ("end", True)])
def test_a_short_line_stands_at_its_side(align: Align, left: bool) -> None:
    line = prepare("نص", Style(align=align)).lines(WIDTH)[0]
    assert (line.x == pytest.approx(0)) == left
    assert (right_edge(line) == pytest.approx(WIDTH)) != left


def test_a_newline_breaks_the_line() -> None:
    assert len(prepare("أ\nب\n\nج", Style()).lines(WIDTH)) == 4


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["كتاب", "ISO/IEC", "ت/٤/١٢", "ش" * 90, "W" * 70, "ـ", "👍", "(", "٪"]), max_size=30))
def test_no_line_is_wider_than_the_column(words: list[str]) -> None:
    for line in prepare(" ".join(words), Style()).lines(WIDTH):
        assert right_edge(line) <= WIDTH + 0.5
        assert line.x >= -0.5


def test_a_group_that_fits_on_a_page_is_not_parted() -> None:
    def strip(*, glued: bool) -> Strip:
        return Strip(10, lambda _sheet, _x, _top: None, glued=glued)

    strips = [*(strip(glued=False) for _ in range(8)), *(strip(glued=True) for _ in range(3)), strip(glued=False)]
    assert [len(page) for page in paginate(strips, 100, 100)] == [8, 4]


def test_a_group_longer_than_a_page_is_parted_and_nothing_is_lost() -> None:
    strips = [Strip(10, lambda _sheet, _x, _top: None, glued=True) for _ in range(35)]
    assert sum(len(page) for page in paginate(strips, 50, 100)) == 35


@pytest.mark.parametrize(
    ("text", "align"),
    [
        ("تحية طيبة ...", "start"),
        ("السلام عليكم ورحمة الله وبركاته", "start"),
        ("Dear Sir,", "start"),
        ("مع فائق الشكر والتقدير.", "center"),
        ("مع التقدير", "center"),
        ("Yours faithfully,", "center"),
        ("مع ملاحظة ما يأتي:", "justify"),
        ("شكراً لتعاونكم", "justify"),
        (TEXT, "justify"),
    ],
)
def test_greetings_stand_at_the_margin_and_closings_in_the_middle(text: str, align: Align) -> None:
    assert customary(text) == align


def test_lines_are_broken_where_the_whole_paragraph_looks_best() -> None:
    boxes = boxes_of(shaping.words([(TEXT, Ink())], "rtl"))[:13]
    width = 150.0

    def cost(ends: tuple[int, ...]) -> float:
        total, start = 0.0, 0
        for end in ends:
            slack = width - natural_width(boxes[start:end])
            if slack < 0:
                return float("inf")
            total += 1.0 if end == len(boxes) else 1.0 + (slack / max(1, end - start - 1)) ** 2
            start = end
        return total

    inner = range(1, len(boxes))
    every = [(*cuts, len(boxes)) for count in range(len(boxes)) for cuts in itertools.combinations(inner, count)]
    chosen = tuple(end for _, end in line_ends(boxes, width, 0.0))
    assert len(chosen) > 2
    assert cost(chosen) == pytest.approx(min(map(cost, every)))


def test_a_long_address_is_parted_after_its_signs() -> None:
    address = "https://portal.gov.example/" + "very/long/path/" * 9 + "index.html"
    lines = prepare(address, Style(align="start")).lines(WIDTH)
    texts = ["".join(run.text for run in line.runs).strip("\u2066\u2069") for line in lines]
    assert "".join(texts) == address
    assert len(texts) > 2
    assert {text[-1] for text in texts[:-1]} == {"/"}


def test_wide_lines_are_stretched_in_words_only_where_it_is_asked_for() -> None:
    plain, stretched = (prepare(TEXT, Style(kashida=kashida)).lines(170) for kashida in (False, True))
    wider = [line for line, old in zip(stretched, plain, strict=True) if line.stretch < old.stretch - 0.1]
    assert wider
    for line, old in zip(stretched, plain, strict=True):
        assert [run.text for run in line.runs] == [run.text for run in old.runs]
        assert "".join(glyph.text for run in line.runs for glyph in run.shaped.glyphs).count("\u0640") == 0
        assert right_edge(line) == pytest.approx(right_edge(old), abs=0.01)
    assert stretched[-1].stretch == 0


def test_the_last_line_and_english_are_never_stretched() -> None:
    english = "We are pleased to inform you of its findings. " * 6
    for text in ("نود إعلامكم بالمستجدات", english):
        assert prepare(text, Style(kashida=True)).lines(190) == tuple(
            replace(line) for line in prepare(text, Style()).lines(190)
        )


@pytest.mark.parametrize(
    ("word", "stretched"),
    [
        ("السنوية", "السـنوية"),
        ("الملحقة", "الملحقـة"),
        ("المدارس،", "المـدارس،"),
        ("الكتاب", "الكتـاب"),
        ("والإجراءات", "والإجـراءات"),
        ("الاستمارات", "الاسـتمارات"),
        ("(المالية)", "(الماليـة)"),
        ("الوزارة", "الـوزارة"),
        ("الدخل", "الدخـل"),
        ("المشروع", "المشـروع"),
        ("لتنفيذها", "لتنفيذهـا"),
        ("الجمعيات", "الجمعيـات"),
    ],
)
def test_a_word_is_stretched_where_naskh_allows(word: str, stretched: str) -> None:
    joint = best_joint(word)
    shown = word if joint is None else word[: joint.at] + "ـ" + word[joint.at :]
    assert shown == stretched


@pytest.mark.parametrize(
    "word", ["الله", "لله", "بالله", "لا", "من", "٢٠٢٥", "م/٤", "ISO", "كتـاب", "١٢مادة", "وزارة", "دار"]
)
def test_some_words_are_never_stretched(word: str) -> None:
    assert best_joint(word) is None


@given(st.text(alphabet="ابتسشلكمنويىةهءأإآدرزوق ًُّ١7a،", max_size=14))
def test_a_joint_stands_between_two_letters_that_join_and_never_inside_lam_alef(word: str) -> None:
    joint = best_joint(word)
    if joint is not None:
        letters = [char for char in word[: joint.at] if char not in "ًُّ"]
        assert letters[-1] in "بتسشلكمنيهق"
        assert word[joint.at] not in "ًُّ "
        assert not (letters[-1] == "ل" and word[joint.at] in "اأإآ")


def test_what_no_typeface_has_is_a_box_whose_text_stays() -> None:
    line = prepare("اسم 漢 فقط", Style(align="start")).lines(WIDTH)[0]
    glyphs = [glyph for run in line.runs for glyph in run.shaped.glyphs]
    assert "漢" in {glyph.text for glyph in glyphs}
    assert all(glyph.gid for glyph in glyphs)
    assert fonts.undrawable("اسم 漢字 ≤ ۷ گ fi Ω\u200f\n") == ("漢", "字")
