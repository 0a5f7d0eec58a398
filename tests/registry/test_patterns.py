"""Patterns of outgoing numbers: which are right, who sets them, and what they change."""

from pathlib import Path

import pytest
from sqlalchemy import select

from edms.audit.models import Event
from edms.core.errors import Forbidden, Invalid
from edms.entities.models import Entity
from edms.registry import patterns, service
from edms.registry.rules import Direction, clean_pattern, pattern_problem, printed_number
from tests.factories import letters as make
from tests.factories.world import World, make_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


@pytest.mark.parametrize(
    ("pattern", "printed"),
    [
        ("{mark}/{number}", "م.ن/1287"),
        ("{mark}/د/4/{number}", "م.ن/د/4/1287"),
        ("{number}/{yy}", "1287/26"),
        ("ص ({year})-{number}", "ص (2026)-1287"),
    ],
)
def test_right_patterns_print_their_number(pattern: str, printed: str) -> None:
    assert pattern_problem(pattern) is None
    assert printed_number(pattern, 1287, 2026, "م.ن") == printed


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("", "registry.pattern-length"),
        ("{number}" + "م" * 60, "registry.pattern-length"),
        ("{mark}", "registry.pattern-no-number"),
        ("{number}/{number}", "registry.pattern-no-number"),
        ("{number", "registry.pattern-braces"),
        ("{number}}", "registry.pattern-braces"),
        ("{serial}/{number}", "registry.pattern-unknown"),
        ("{}/{number}", "registry.pattern-unknown"),
        ("{number.__class__}", "registry.pattern-unknown"),
        ("{number!r}", "registry.pattern-unknown"),
        ("{number:>9}", "registry.pattern-unknown"),
        ("{mark[0]}/{number}", "registry.pattern-unknown"),
        ("<b>{number}", "registry.pattern-character"),
        ("{{x}}/{number}", "registry.pattern-character"),
        ("{number}\\n", "registry.pattern-character"),
        ("4{number}", "registry.pattern-ambiguous"),
        ("{year}{number}", "registry.pattern-ambiguous"),
        ("{mark}{number}", "registry.pattern-ambiguous"),
        ("{number}{yy}", "registry.pattern-ambiguous"),
    ],
)
def test_wrong_patterns_say_what_is_wrong(pattern: str, code: str) -> None:
    problem = pattern_problem(pattern)
    assert problem is not None
    assert problem.code == code


def test_digits_and_marks_of_direction_are_cleaned() -> None:
    assert clean_pattern(" {mark}\u200f/٤/{number} ") == "{mark}/4/{number}"


def test_pattern_changes_only_the_letters_to_come(world: World) -> None:
    first = make.issued(world)
    with world.database.work(world.actor("a", "administrator")) as uow:
        patterns.set_pattern(uow, world.entity_a.id, "{mark}/د/٤/{number}")
    second = make.issued(world)
    mark = world.entity_a.short_mark
    assert (first.number, second.number) == (f"{mark}/1", f"{mark}/د/4/2")
    with world.database.read(world.actor("a", "administrator")) as uow:
        body = uow.session.get_one(Entity, world.entity_a.id)
        told = patterns.numbering(uow, body)
        assert (told.next_number, told.example()) == (3, f"{mark}/د/4/3")
        assert told.example("{number}/{yy}") == f"3/{told.year % 100}"
        assert told.example("{number") == told.example()
        acts = list(uow.session.scalars(select(Event.act).where(Event.act == "registry.pattern-changed")))
    assert acts == ["registry.pattern-changed"]


def test_only_the_own_administrator_and_the_centre_set_a_pattern(world: World) -> None:
    for who in (("b", "administrator"), ("a", "registry"), ("a", "head")):
        with pytest.raises(Forbidden), world.database.work(world.actor(*who)) as uow:
            patterns.set_pattern(uow, world.entity_a.id, "{number}")
    with world.database.work(world.actor("centre", "centre")) as uow:
        patterns.set_pattern(uow, world.entity_a.id, "{number}")
        assert service.register_of(uow, world.entity_a.id, Direction.OUTGOING).pattern == "{number}"


def test_wrong_pattern_is_refused_with_its_reason(world: World) -> None:
    with pytest.raises(Invalid) as refused, world.database.work(world.actor("a", "administrator")) as uow:
        patterns.set_pattern(uow, world.entity_a.id, "{mark}")
    assert [problem.code for problem in refused.value.problems] == ["registry.pattern-no-number"]
