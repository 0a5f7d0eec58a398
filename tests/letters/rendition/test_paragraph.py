"""Breaking and aligning lines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edms.letters.rendition.body import customary
from edms.letters.rendition.flow import Strip, paginate
from edms.letters.rendition.paragraph import Line, Style, prepare
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
