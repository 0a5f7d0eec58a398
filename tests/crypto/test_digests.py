"""Canonical JSON, digests and keyed terms."""

import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.digests import canonical, sha256
from crypto.errors import CryptoError
from crypto.terms import keyed_terms

texts = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_canonical_json_reads_back_and_has_one_form(value: object) -> None:
    encoded = canonical(value)
    assert json.loads(encoded) == value
    assert canonical(json.loads(encoded)) == encoded


def test_canonical_json_is_sorted_tight_utf8() -> None:
    value = {"م": ("كتاب", True), "a": {"z": None, "b": -1}}
    assert canonical(value) == '{"a":{"b":-1,"z":null},"م":["كتاب",true]}'.encode()


@pytest.mark.parametrize("value", [1.0, [float("nan")], {1: "x"}, b"x", {"a": {"b": b""}}, {1, 2}, "\ud800", object()])
def test_what_has_no_one_form_is_refused(value: object) -> None:
    with pytest.raises(CryptoError, match=r"crypto\.not-canonical"):
        canonical(value)


def test_dates_and_endless_nesting_are_refused() -> None:
    deep: list[object] = []
    for _ in range(1000):
        deep = [deep]
    for value in (deep, {"when": datetime(2026, 1, 1, tzinfo=UTC)}):
        with pytest.raises(CryptoError, match=r"crypto\.not-canonical"):
            canonical(value)


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_the_digest_of_pieces_is_that_of_the_whole(pieces: list[bytes]) -> None:
    assert sha256(iter(pieces)) == sha256(b"".join(pieces)) == hashlib.sha256(b"".join(pieces)).digest()


def test_terms_are_twelve_letters_that_depend_on_key_and_token() -> None:
    term, other = keyed_terms(b"k" * 32), keyed_terms(b"o" * 32)
    assert term("كتاب") == "dbilwmfg5a6g"
    assert len({term("كتاب"), other("كتاب"), term("كتب")}) == 3
    assert len(term("\ud800")) == 12
    assert all(set(term(str(n))) <= set("abcdefghijklmnopqrstuvwxyz234567") for n in range(200))
