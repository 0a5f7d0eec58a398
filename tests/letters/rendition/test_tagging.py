"""The tagged PDF: the tree holds the whole source text in order, and every item of content has its place."""

import io
from dataclasses import replace
from itertools import pairwise

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.register import render_register
from edms.letters.rendition.values import HeadingBlock, ListBlock, ParagraphBlock, PrintedLetter, TableBlock
from tests.letters.rendition.samples import ENGLISH, LETTER
from tests.letters.rendition.structure import faults, nodes, texts
from tests.letters.rendition.test_register import PAGE
from tests.shared_data import official_texts

HEAD = ("ت", "المادة", "القيمة (IQD)")
ROWS = tuple((str(number), f"المادة رقم {number} من الكشف", f"{number * 1250}") for number in range(1, 91))
LONG = replace(
    LETTER,
    body=(
        HeadingBlock("أولاً: التمهيد"),
        *(
            ParagraphBlock(f"الفقرة {number}. " + "نص طويل يملأ السطر (بين قوسين [متداخلين]) ٧.٥٪ " * 12)
            for number in range(9)
        ),
        HeadingBlock("الجدول", 2),
        TableBlock(HEAD, ROWS),
        ListBlock(False, ("بند أول", "بند ثانٍ: ISO/IEC 27001:2022")),
        ListBlock(True, tuple(f"بند مرقم {number}" for number in range(1, 13))),
    ),
    attachments=("محضر.pdf", "كشف.xlsx"),
    copies=tuple((f"الجهة {number}", "للتفضل بالاطلاع") for number in range(30)),
    seal_mm=37,
    on_behalf_of="الوزير",
)


def source(letter: PrintedLetter) -> list[str]:
    """Return the letter's own words, part by part in the order of reading."""
    parts = [*letter.addressees, letter.subject, *letter.references]
    for block in letter.body:
        match block:
            case ParagraphBlock(text) | HeadingBlock(text):
                parts.append(text)
            case ListBlock(_, items):
                parts += items
            case TableBlock(header, rows):
                parts += [cell for row in (header, *rows) for cell in row]
    parts += letter.attachments
    parts += [letter.on_behalf_of, letter.signer_name, letter.signer_post]
    for entity, purpose in letter.copies:
        parts += [entity, purpose]
    return [part for part in parts if part]


def assert_whole(letter: PrintedLetter, pdf: bytes) -> None:
    """Every part of the source is in the tree, exactly, after the part before it."""
    whole = "\x1f".join(texts(pdf))
    place = 0
    for part in source(letter):
        found = whole.find(part, place)
        assert found >= 0, part
        place = found + len(part)


@pytest.mark.parametrize("letter", [LETTER, LONG, ENGLISH], ids=["short", "long", "english"])
def test_the_tree_gives_the_whole_text_in_order(letter: PrintedLetter) -> None:
    assert_whole(letter, render_letter(letter, seal=lambda pages: f"AT1:{pages}"))


def test_the_tree_of_real_official_texts_is_whole() -> None:
    for text in official_texts(15):
        body = tuple(ParagraphBlock(part) for part in text.split("\n") if part.strip())
        letter = replace(LETTER, body=body, subject=text[:80].replace("\n", " "))
        pdf = render_letter(letter)
        assert_whole(letter, pdf)
        assert [node.text for node in nodes(pdf) if node.role == "P"].count(body[0].text) >= 1


@pytest.mark.parametrize("letter", [LETTER, LONG, ENGLISH, replace(LETTER, watermark="مسودة", sensitivity="سري")])
def test_every_item_of_content_is_tagged_or_an_artifact(letter: PrintedLetter) -> None:
    assert faults(render_letter(letter)) == []


def test_a_repeated_table_head_is_an_artifact() -> None:
    found = nodes(render_letter(LONG))
    assert [node.text for node in found if node.role == "TH"] == list(HEAD)
    assert [node.text for node in found if node.role == "TD"] == [cell for row in ROWS for cell in row]
    assert [node.role for node in found].count("Table") == 1
    assert [node.role for node in found].count("TR") == len(ROWS) + 1


def test_the_subject_is_the_first_heading_and_others_stand_under_it() -> None:
    found = [node for node in nodes(render_letter(LONG)) if node.role in {"H1", "H2", "H3"}]
    assert [(node.role, node.text) for node in found] == [
        ("H1", f"م / {LETTER.subject}"),
        ("H2", "أولاً: التمهيد"),
        ("H3", "الجدول"),
    ]


def test_a_list_has_items_of_label_and_body() -> None:
    found = nodes(render_letter(LONG))
    for item, first in pairwise(found):
        if item.role == "LI":
            assert first.role in {"Lbl", "LBody"}
            assert first.depth == item.depth + 1
    assert ("Lbl", "١٢.") in {(node.role, node.text) for node in found}


def test_the_seal_and_the_bar_code_are_figures_once() -> None:
    found = nodes(render_letter(LONG, seal=lambda pages: f"AT1:{pages}"))
    figures = [node.text for node in found if node.role == "Figure"]
    assert len(figures) == 2
    assert figures[0].startswith("ختم إلكتروني")
    assert figures[1] == "100234.26.00012345.71"


def test_english_parts_of_an_arabic_letter_say_that_they_are() -> None:
    found = {node.text: node.language for node in nodes(render_letter(LETTER))}
    assert found["Republic of Iraq"] == "en"
    assert found["جمهورية العراق"] == ""
    english = {node.text: node.language for node in nodes(render_letter(ENGLISH))}
    assert english["Republic of Iraq"] == ""
    assert english["جمهورية العراق"] == "ar"


def test_a_register_is_one_table_with_a_title() -> None:
    pdf = render_register(PAGE)
    found = nodes(pdf)
    assert faults(pdf) == []
    assert [node.text for node in found if node.role == "TH"] == list(PAGE.columns)
    assert [node.text for node in found if node.role == "TD"] == [cell for row in PAGE.rows for cell in row]
    assert [node.text for node in found if node.role == "H1"] == [PAGE.title]
    assert [node.text for node in found if node.role == "P"] == [PAGE.entity_name, PAGE.period, PAGE.totals]
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert str(document.Root.Lang) == "ar"
        assert str(document.docinfo["/Title"]) == PAGE.title


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1b"), min_size=1, max_size=60))
def test_any_text_is_in_the_tree_as_it_was_written(text: str) -> None:
    body = (ParagraphBlock(text), HeadingBlock(text), ListBlock(True, (text,)), TableBlock((text,), ((text,),)))
    letter = replace(LETTER, body=body, copies=((text, text),), attachments=(text,))
    pdf = render_letter(letter)
    assert faults(pdf) == []
    assert [node.text for node in nodes(pdf)].count(text) >= len(body) + 1
    assert_whole(letter, pdf)


def test_a_circular_lists_its_addressees_in_order() -> None:
    names = tuple(f"الجهة رقم {number}" for number in range(1, 860))
    pdf = render_letter(replace(LETTER, addressees=names))
    assert [node.text for node in nodes(pdf) if node.role == "LBody" and "الجهة رقم" in node.text] == list(names)
    assert faults(pdf) == []
