"""The fact «opened»: the first person of the receiving body who opens a letter tells its sender, nobody after."""

from pathlib import Path

from sqlalchemy import select

from edms.core.ids import new_id
from edms.dispatch.models import OutboundPackage
from edms.letters import reading
from edms.letters.models import Letter
from tests.core.letters import add_letter
from tests.factories.world import World, make_world


def answers(world: World) -> int:
    with world.database.read(world.actor("b", "head")) as uow:
        kept = uow.session.scalars(select(OutboundPackage).where(OutboundPackage.entity_id == world.entity_b.id)).all()
        return sum(package.meta["kind"] == "opened" for package in kept)


def test_the_sender_is_told_once_that_a_letter_was_opened(tmp_path: Path, database_url: str) -> None:
    world = make_world(tmp_path, database_url)
    with world.database.work(world.actor("b", "registry")) as uow:
        letter = add_letter(uow, world.entity_b.id)
        letter.direction, letter.state, letter.document_code = "incoming", "registered", "100000260000000133"
        letter.sender_id, letter.package_id = world.entity_a.id, new_id()
    first = []
    for who in ("employee", "colleague", "employee"):
        with world.database.work(world.actor("b", who)) as uow:
            first.append(reading.note_opening(uow, uow.session.get_one(Letter, letter.id)))
    assert first == [True, True, False]
    assert answers(world) == 1
