"""The letterheads of the demonstration's bodies."""

from pathlib import Path

import pytest

from edms.demo.bodies import Body, own_bodies
from edms.demo.letterheads import DRESSES, dress
from edms.letters.letterheads import LEAST_CONTRAST, LetterheadChange, contrast_on_white, look_of, set_letterhead
from edms.registry.rules import clean_pattern, pattern_problem
from tests.factories.world import OPERATOR, make_world


@pytest.mark.parametrize("key", DRESSES)
def test_letterhead_belongs_to_a_body_and_is_readable(key: str) -> None:
    assert key in {body.key for body in own_bodies()}
    assert contrast_on_white(DRESSES[key].colour) >= LEAST_CONTRAST
    assert pattern_problem(clean_pattern(DRESSES[key].pattern)) is None


def test_bodies_are_dressed_once_and_their_own_letterhead_is_left(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    known = {body.key: body for body in own_bodies()}
    bodies: tuple[Body, ...] = (known["moh"], known["moe"])
    with world.database.work(OPERATOR) as uow:
        set_letterhead(uow, world.entity_b.id, LetterheadChange(colour="#222222"))
    assert dress(world.database, bodies) == 1
    assert dress(world.database, bodies) == 0
    with world.database.read(OPERATOR) as uow:
        look = look_of(uow, world.entity_a.id)
        assert (look.colour, look.emblem[:4]) == (DRESSES["moh"].colour, b"\x89PNG")
        assert look_of(uow, world.entity_b.id).colour == "#222222"
