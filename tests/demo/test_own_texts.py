"""The letters written for the demonstration."""

import json
import re
import unicodedata
from datetime import date
from typing import Any

import pytest

from edms.core.calendar import hijri_iso
from edms.demo.texts import MAX_BODY, MAX_SUBJECT, DemoLetter, own_texts
from edms.letters.body import check
from edms.letters.rules import Kind, Precedence

LETTERS = own_texts()


def lines_of(block: dict[str, Any]) -> list[str]:
    if block["type"] == "paragraph":
        return [block["text"]]
    if block["type"] == "list":
        return list(block["items"])
    return [cell for row in (block["header"], *block["rows"]) for cell in row]


def all_lines(letter: DemoLetter) -> list[str]:
    return [letter.subject, *letter.copies_purpose, *(line for block in letter.body for line in lines_of(block))]


def test_there_are_at_least_sixty_and_no_subject_twice() -> None:
    assert len(LETTERS) >= 60
    assert len({letter.subject for letter in LETTERS}) == len(LETTERS)


def test_every_kind_and_precedence_is_used() -> None:
    assert {letter.kind for letter in LETTERS} == set(Kind)
    assert {letter.precedence for letter in LETTERS} == set(Precedence)
    assert {letter.sensitivity for letter in LETTERS} == {"ordinary", "restricted", "confidential"}


@pytest.mark.parametrize("letter", LETTERS, ids=range(len(LETTERS)))
def test_blocks_follow_the_schema(letter: DemoLetter) -> None:
    assert letter.body
    assert check(list(letter.body)) == []
    for block in letter.body:
        match block["type"]:
            case "paragraph":
                assert set(block) == {"type", "text"}
            case "list":
                assert set(block) == {"type", "ordered", "items"}
                assert isinstance(block["ordered"], bool)
                assert block["items"]
            case "table":
                assert set(block) == {"type", "header", "rows"}
                assert block["rows"]
                assert all(len(row) == len(block["header"]) for row in block["rows"])
            case other:
                pytest.fail(f"unknown block {other!r}")
        assert all(lines_of(block))


@pytest.mark.parametrize("letter", LETTERS, ids=range(len(LETTERS)))
def test_the_writing_is_clean(letter: DemoLetter) -> None:
    assert len(letter.subject) <= MAX_SUBJECT
    assert sum(len(line) for line in all_lines(letter)) <= MAX_BODY
    assert re.search("[\u0621-\u064a]", letter.subject)
    for line in all_lines(letter):
        assert line == unicodedata.normalize("NFC", " ".join(line.split()))
        assert not re.search(r"[{}<>_]|TODO|XXX|Lorem", line), line
        assert not re.search(r"[,;?](?=\s*[\u0621-\u064a])", line), line  # Arabic has its own ، ؛ ؟
        assert not re.search("\u0629[\u0621-\u064a]", line), line  # ة only ends a word
        assert "\u0640" not in line.replace("هـ", ""), line  # no stretching, but هـ is the mark of hijri dates


def test_letters_mix_digits_latin_terms_and_tables() -> None:
    text = json.dumps([letter.body for letter in LETTERS], ensure_ascii=False)
    for expected in ("ISO/IEC 27001:2022", "120 TB", "ت/٤/١٢٨٧", "٣٠٪", "gov.example"):
        assert expected in text
    assert sum(block["type"] == "table" for letter in LETTERS for block in letter.body) >= 10


def test_the_pair_of_dates_given_as_an_example_agrees() -> None:
    text = next(line for letter in LETTERS for line in all_lines(letter) if line.startswith("مثال: ١٤٤٧"))
    assert "١٤٤٧/٩/١٢" in text
    assert "٢٠٢٦/٣/١" in text
    assert hijri_iso(date(2026, 3, 1)) == "1447-09-12"
