"""Plausible staff for the demonstration's bodies."""

import csv
import io
import re

import pytest

from edms.core.errors import Invalid
from edms.demo.bodies import own_bodies
from edms.demo.staff import CENTRE_KEY, COLUMNS, head_title, plan_staff, staff_csv
from edms.entities.rules import Role

BODIES = own_bodies()
KEYS = [body.key for body in BODIES[:40]]


def test_the_same_seed_gives_the_same_people() -> None:
    assert plan_staff(KEYS, seed=7) == plan_staff(KEYS, seed=7)
    assert plan_staff(KEYS, seed=7) != plan_staff(KEYS, seed=8)


def test_a_body_keeps_its_people_whoever_else_is_asked_for() -> None:
    alone = plan_staff(["moh", "ninawa"], seed=7)
    among = plan_staff([*KEYS, "ninawa"], seed=7)
    assert [row for row in alone if row.entity_key == "ninawa"] == [row for row in among if row.entity_key == "ninawa"]


def test_every_body_can_sign_register_write_and_be_administered() -> None:
    for key in KEYS:
        roles = [role for row in plan_staff([key], seed=1) for role in row.roles]
        assert {"signatory", "registry", "employee", "administrator", "auditor"} <= set(roles)
        assert ("centre" in roles) == (key == CENTRE_KEY)


def test_only_the_first_body_has_an_auditor() -> None:
    auditors = [row.entity_key for row in plan_staff(KEYS, seed=1) if "auditor" in row.roles]
    assert auditors == [KEYS[0]]


def test_logins_are_ascii_and_never_twice() -> None:
    rows = plan_staff([body.key for body in BODIES[::7]], seed=1)
    assert len({row.login for row in rows}) == len(rows)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.-]{2,63}", row.login) for row in rows)


def test_names_are_arabic_of_four_parts_without_vowel_marks() -> None:
    for row in plan_staff(KEYS, seed=3):
        assert re.fullmatch("[\u0621-\u063a\u0641-\u064a ]+", row.name_ar), row.name_ar
        assert 4 <= len(row.name_ar.split()) <= 7
        assert set(row.roles) <= set(Role)
        assert 0 <= row.clearance <= 3


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("moh", "الوزير"),
        ("ninawa", "المحافظ"),
        ("integrity", "رئيس الهيئة"),
        ("cabinet", "الأمين العام"),
        ("amanat", "الأمين"),
        ("uobaghdad", "رئيس الجامعة"),
        ("edu-ninawa", "المدير العام"),
        ("district-zubair", "القائممقام"),
        ("municipality-zubair", "مدير البلدية"),
        ("taxes-basra", "مدير الفرع"),
    ],
)
def test_a_head_is_called_after_the_body(key: str, title: str) -> None:
    body = next(body for body in BODIES if body.key == key)
    assert head_title(body) == title


def test_an_unknown_body_is_refused() -> None:
    with pytest.raises(Invalid, match=r"demo\.unknown-entity"):
        plan_staff(["nowhere"], seed=1)


def test_csv_has_the_columns_of_the_import() -> None:
    rows = plan_staff(["moh"], seed=1)
    written = list(csv.DictReader(io.StringIO(staff_csv(rows, {"moh": "moh.gov.example"}))))
    assert tuple(written[0]) == COLUMNS
    assert [line["login"] for line in written] == [row.login for row in rows]
    assert written[0]["entity"] == "moh.gov.example"
    assert written[0]["roles"] == "employee signatory"
    with pytest.raises(Invalid, match=r"demo\.unknown-entity"):
        staff_csv(rows, {})
