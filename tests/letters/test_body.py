"""The body's schema and its plain form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edms.letters import body

TEXT = """# أولاً: التمهيد
تهديكم وزارتنا أطيب تحياتها.

- الجهاز الأول
- الجهاز الثاني

١. فقرة
٢. فقرة

| ت | المادة | الكمية |
| ١ | حاسوب | ٧٤ |

الخاتمة، مع التقدير.
سطر ثان"""


def test_plain_form_is_read_as_paragraphs_lists_and_tables() -> None:
    blocks = body.from_markup(TEXT)
    assert [block["type"] for block in blocks] == [
        "heading",
        "paragraph",
        "list",
        "list",
        "table",
        "paragraph",
    ]
    assert blocks.pop(0) == {"type": "heading", "level": 1, "text": "أولاً: التمهيد"}
    assert (blocks[1]["ordered"], blocks[2]["ordered"]) == (False, True)
    assert blocks[1]["items"] == ["الجهاز الأول", "الجهاز الثاني"]
    assert blocks[3]["header"] == ["ت", "المادة", "الكمية"]
    assert blocks[3]["rows"] == [["١", "حاسوب", "٧٤"]]
    assert blocks[4]["text"] == "الخاتمة، مع التقدير.\nسطر ثان"
    assert body.check(blocks) == []


def test_plain_form_comes_back_as_it_was_read() -> None:
    blocks = body.from_markup(TEXT)
    assert body.from_markup(body.to_markup(blocks)) == blocks


@given(st.text(max_size=400))
def test_any_text_gives_a_body_of_the_schema(text: str) -> None:
    blocks = body.from_markup(text)
    assert body.check(blocks) == []
    assert body.is_empty(blocks) == (not body.plain_text(blocks).strip())


@pytest.mark.parametrize(
    "value",
    [
        "<p>نص</p>", None, {}, [{"type": "paragraph", "text": 5}], [{"type": "paragraph", "text": "a", "html": "b"}],
        [{"type": "script", "text": "a"}], [{"type": "list", "ordered": 1, "items": []}],
        [{"type": "table", "header": ["a"], "rows": [["b", "c"]]}], [{"type": "table", "header": [], "rows": []}],
        [{"type": "table", "header": ["x"] * 13, "rows": []}], [["paragraph"]],
        [{"type": "heading", "level": 3, "text": "أ"}], [{"type": "heading", "level": True, "text": "أ"}],
        [{"type": "heading", "text": "أ"}], [{"type": "heading", "level": 1, "text": ["أ"]}],
    ],
)  # fmt: skip
def test_what_is_not_of_the_schema_is_refused(value: Any) -> None:
    assert body.check(value) != []


def test_headings_stand_on_lines_of_their_own() -> None:
    blocks = body.from_markup("نص قبل\n# عنوان\n- بند\n- بند ثانٍ\n## عنوان أصغر\nنص بعد")
    assert [block["type"] for block in blocks] == ["paragraph", "heading", "list", "heading", "paragraph"]
    assert [block["level"] for block in blocks if block["type"] == "heading"] == [1, 2]
    assert body.from_markup(body.to_markup(blocks)) == blocks
    assert body.check(blocks) == []
    assert "عنوان أصغر" in body.plain_text(blocks)


@pytest.mark.parametrize("text", ["#بلا فراغ", "### ثلاث", "#", "# ", "العدد # ٥"])
def test_other_number_signs_are_text(text: str) -> None:
    assert [block["type"] for block in body.from_markup(text)] == ["paragraph"]


def test_too_long_a_body_is_refused() -> None:
    assert body.check([{"type": "paragraph", "text": "م" * 400_001}])[0].code == "letters.body-too-long"
    assert body.check([{"type": "paragraph", "text": ""}] * 5_001)[0].code == "letters.body-too-long"


def test_controls_and_overrides_are_taken_out() -> None:
    cleaned = body.clean([{"type": "paragraph", "text": "أ\x00ب\u202eج\r\nد"}])
    assert cleaned == [{"type": "paragraph", "text": "أبج\nد"}]
