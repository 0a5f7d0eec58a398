"""Verdicts, guessing and the way of a letter on SQLite and on PostgreSQL alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crypto.codes import new_verification_code
from edms.core.errors import Unavailable
from edms.letters import queries as letters
from edms.tracking import service as tracking
from edms.verification import desk
from edms.verification.rules import FAILURES_AN_HOUR, Answer
from edms.verification.tracing import look_up
from tests.factories.issued import downloaded_copy, issued_letter
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = make_world(tmp_path, database_url)
    yield made
    made.database.dispose()


def test_desk_and_tracking_work(world: World) -> None:
    letter = issued_letter(world)
    _, copy = downloaded_copy(world, letter, ("a", "registry"))
    assert desk.ask_code(world.database, letter.verification_code, address="192.0.2.1").answer is Answer.AUTHENTIC
    assert desk.ask_file(world.database, OPERATOR, letter.pdf, address="192.0.2.1").answer is Answer.AUTHENTIC
    with world.database.work(OPERATOR) as uow:
        assert [found.copy_code for found in look_up(uow, [copy.code])] == [copy.code]
    with world.database.read(world.actor("a", "head")) as uow:
        value = tracking.told(uow, letters.letter(uow, letter.id))
    assert value["totals"]["waiting"] == 1
    assert {"issued", "opened", "downloaded"} <= {each["event"] for each in value["events"]}
    for _ in range(FAILURES_AN_HOUR):
        desk.ask_code(world.database, new_verification_code(), address="192.0.2.1")
    with pytest.raises(Unavailable):
        desk.ask_code(world.database, letter.verification_code, address="192.0.2.1")
