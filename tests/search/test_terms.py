"""search/terms: how a query is read and what of a document is indexed."""

from datetime import date

import pytest

from edms.core.errors import Invalid
from edms.core.ids import new_id
from edms.search.index import IndexDocument
from edms.search.terms import clauses, columns, tag

LETTER = IndexDocument(
    new_id(), "صرف المبالغ", "إلى ذي العدد ق/٧/٩٩", ("ت/٤/١٢٨٧",), ("وزارة المالية",), date(2025, 1, 1), "outgoing",
    "letter", 1, ("registry",),
)  # fmt: skip


def test_stop_words_are_dropped_when_others_are_asked() -> None:
    assert len(clauses("في وزارة")) == 1


def test_stop_word_alone_is_asked() -> None:
    assert len(clauses("في")) == 1


def test_only_the_last_word_may_be_a_beginning() -> None:
    first, last = clauses("وزارة الما")
    assert len(first.marks) == 1
    assert "ما" in last.marks


def test_same_word_twice_is_one_clause() -> None:
    assert len(clauses("قرار قرار القرار")) <= 2


def test_query_limit_counts_characters_not_bytes() -> None:
    assert len(clauses("م" * 1000)) == 1
    with pytest.raises(Invalid):
        clauses("م" * 1001)


def test_pasted_paragraph_is_cut_to_64_clauses() -> None:
    assert len(clauses(" ".join(f"ك{number}" for number in range(200)))) == 64


def test_beginnings_are_indexed_of_names_and_not_of_the_body() -> None:
    marks = columns(LETTER).marks
    assert {"مبا", "وزا", "12"} <= set(marks)
    assert "عد" not in marks


def test_reference_in_the_body_is_indexed_whole() -> None:
    assert clauses("99/7/ق")[0].marks[0] in columns(LETTER).marks


def test_tags_hide_their_value_and_kind() -> None:
    assert tag("acl", "x") != tag("direction", "x")
    assert tag("acl", "x").isalnum()
    assert columns(LETTER).tags == sorted([tag("acl", "registry"), tag("direction", "outgoing")])
