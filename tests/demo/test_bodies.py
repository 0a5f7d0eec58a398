"""The shipped list of public bodies."""

import re
import unicodedata
from collections import Counter
from datetime import date

import pytest

from edms.demo.bodies import COLUMNS, Body, entities_csv, own_bodies
from edms.demo.staff import CENTRE_KEY
from edms.entities.rules import EntityType

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@pytest.fixture(scope="module")
def bodies() -> tuple[Body, ...]:
    return own_bodies()


def test_header_is_the_agreed_one() -> None:
    assert entities_csv().splitlines()[0] == ",".join(COLUMNS)


def test_a_circular_of_the_centre_reaches_859_other_bodies(bodies: tuple[Body, ...]) -> None:
    assert len([body for body in bodies if body.key != CENTRE_KEY]) >= 859
    assert bodies[0].key == CENTRE_KEY


@pytest.mark.parametrize("field", ["key", "name_ar", "mail_domain"])
def test_no_two_bodies_share(field: str, bodies: tuple[Body, ...]) -> None:
    counted = Counter(getattr(body, field) for body in bodies)
    assert [value for value, count in counted.items() if count > 1] == []


def test_parents_come_before_their_children(bodies: tuple[Body, ...]) -> None:
    seen: set[str] = set()
    for body in bodies:
        assert not body.parent_key or body.parent_key in seen, body.key
        seen.add(body.key)


def test_domains_are_ascii_letters_digits_hyphens_under_a_reserved_name(bodies: tuple[Body, ...]) -> None:
    for body in bodies:
        labels = body.mail_domain.split(".")
        assert all(LABEL.fullmatch(label) for label in labels), body.mail_domain
        assert labels[-1] == "example"  # RFC 2606 §2
        assert len(body.mail_domain) <= 253


def test_names_are_clean_arabic(bodies: tuple[Body, ...]) -> None:
    for body in bodies:
        for text in (body.name_ar, body.name_en, body.short_mark):
            assert text == unicodedata.normalize("NFC", " ".join(text.split()))
        assert re.search("[\u0621-\u064a]", body.name_ar)
        assert not re.search("[A-Za-z]", body.name_ar)
        assert re.fullmatch("[\u0621-\u064a\u0640.]{1,10}", body.short_mark), body.short_mark
        assert body.name_en.isascii()


def test_every_type_appears_and_no_other(bodies: tuple[Body, ...]) -> None:
    assert {body.type for body in bodies} == set(EntityType)
    assert sum(body.type == "governorate" for body in bodies) == 18


def test_bodies_are_already_in_being(bodies: tuple[Body, ...]) -> None:
    assert all(body.valid_from <= date(2026, 1, 1) for body in bodies)


def test_some_bodies_have_only_an_arabic_name(bodies: tuple[Body, ...]) -> None:
    assert 5 <= sum(not body.name_en for body in bodies) <= 20
