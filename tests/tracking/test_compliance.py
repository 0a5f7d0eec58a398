"""The centre's counts of every body: right, complete, without a letter, and for the centre alone."""

from pathlib import Path

import pytest

from edms.core.errors import Forbidden
from edms.tracking.compliance import Which, conduct, fits
from tests.factories.letters import issued, receive
from tests.factories.pages import make_app, sign_in
from tests.factories.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def test_centre_sees_counts_of_every_body_and_no_letter(world: World) -> None:
    receive(world, issued(world).letter_id)
    with world.database.read(world.actor("centre", "centre")) as uow:
        found = {line.body.id: line for line in conduct(uow)}
    own, silent = found[world.entity_a.id], found[world.entity_b.id]
    assert len(found) == 3
    assert (own.sent, own.registered + own.refused + own.waiting) == (1, 1)
    assert own.last is not None
    assert (silent.sent, fits(silent, Which.UNUSED), fits(own, Which.UNUSED)) == (0, True, False)
    page = sign_in(make_app(world), "centre.centre").get("/compliance")
    assert page.status_code == 200
    assert "وزارة الصحة" in page.text
    assert "المراكز الصحية" not in page.text


def test_nobody_else_sees_them(world: World) -> None:
    for person in (("a", "administrator"), ("a", "head"), ("centre", "auditor")):
        with pytest.raises(Forbidden), world.database.read(world.actor(*person)) as uow:
            conduct(uow)
