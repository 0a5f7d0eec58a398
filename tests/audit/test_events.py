"""The log of events: gapless in order of commit, each entry committing to its row, none without its change."""

import json
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from crypto.digests import sha256
from edms.audit import queries
from edms.audit.models import Event
from edms.audit.service import facts_of, record, row_hash
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.ids import new_id
from edms.letters.models import Letter
from tests.core.letters import add_letter
from tests.factories.world import World, make_world

OPERATOR = system_actor("operator")


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def last_seq(world: World) -> int:
    with world.database.read(OPERATOR) as uow:
        return max(uow.session.scalars(select(Event.seq)), default=0)


def entry_of(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.entry)
    return found


def test_sequence_is_gapless_under_twenty_threads(world: World) -> None:
    start = last_seq(world)
    faults: list[BaseException] = []

    def go(number: int) -> None:
        try:
            for turn in range(5):
                with world.database.work(OPERATOR) as uow:
                    letter = add_letter(uow, world.entity_a.id)
                    for part in range(1 + turn % 2):
                        record(uow, "test.made", "letter", letter.id, row=letter, thread=number, part=part)
                    if turn == 3:
                        raise ZeroDivisionError
        except ZeroDivisionError:
            return
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=go, args=(number,), daemon=True) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults
    with world.database.read(OPERATOR) as uow:
        events = queries.events_after(uow, start, limit=1000)
        assert [event.seq for event in events] == list(range(start + 1, start + 1 + 20 * (1 + 2 + 1)))
        letters = {letter.id for letter in uow.session.scalars(select(Letter))}
        assert {event.object_id for event in events} == letters


def test_a_later_event_is_never_seen_before_an_earlier_one(world: World) -> None:
    """A follower that reads while others write must never find a hole that is filled afterwards."""
    start, stop, holes = last_seq(world), threading.Event(), []

    def follow() -> None:
        reader = Database(world.database.url)
        while not stop.is_set():
            with reader.read(OPERATOR) as uow:
                seen = list(uow.session.scalars(select(Event.seq).where(Event.seq > start).order_by(Event.seq)))
            if seen != list(range(start + 1, start + 1 + len(seen))):
                holes.append(seen)
        reader.dispose()

    def write() -> None:
        for _ in range(15):
            with world.database.work(OPERATOR) as uow:
                record(uow, "test.made", "letter", new_id())

    follower = threading.Thread(target=follow, daemon=True)
    writers = [threading.Thread(target=write, daemon=True) for _ in range(6)]
    follower.start()
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join(60)
    stop.set()
    follower.join(10)
    assert not holes
    assert last_seq(world) == start + 90


def test_an_event_commits_to_the_row_as_it_is_stored(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        letter = add_letter(uow, world.entity_a.id)
        record(uow, "test.made", "letter", letter.id, row=letter)
        letter.letter_date, letter.rendition_hash = date(2026, 11, 21), sha256(b"pdf")  # before the commit
        letter.issued_at = uow.now
    with world.database.read(OPERATOR) as uow:
        event = uow.session.scalars(select(Event).where(Event.object_id == letter.id)).one()
        assert entry_of(event)["row"] == row_hash(uow.session.get_one(Letter, letter.id)).hex()


@pytest.mark.parametrize("change", ["number = 'م/1'", "state = 'void'", "subject_sealed = return_reason_sealed"])
def test_a_row_changed_behind_the_log_no_longer_fits_its_event(world: World, change: str) -> None:
    with world.database.work(OPERATOR) as uow:
        letter = add_letter(uow, world.entity_a.id)
        record(uow, "test.made", "letter", letter.id, row=letter)
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(text(f"UPDATE letters SET {change}"))
    with world.database.read(OPERATOR) as uow:
        event = uow.session.scalars(select(Event).where(Event.object_id == letter.id)).one()
        assert entry_of(event)["row"] != row_hash(uow.session.get_one(Letter, letter.id)).hex()


def test_no_event_without_a_commit(world: World) -> None:
    start = last_seq(world)
    with pytest.raises(ZeroDivisionError), world.database.work(OPERATOR) as uow:
        letter = add_letter(uow, world.entity_a.id)
        record(uow, "test.made", "letter", letter.id, row=letter)
        raise ZeroDivisionError
    assert last_seq(world) == start
    with world.database.work(OPERATOR) as uow:
        record(uow, "test.next", "letter", None)
    assert last_seq(world) == start + 1


def test_an_event_that_cannot_be_stored_takes_its_change_along(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edms.audit.service.canonical", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError), world.database.work(OPERATOR) as uow:
        record(uow, "test.made", "letter", add_letter(uow, world.entity_a.id).id)
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(Letter)).all() == []


def test_an_entry_names_actor_entity_and_facts(world: World) -> None:
    head = world.actor("a", "head")
    about = new_id()
    with world.database.work(head) as uow:
        record(uow, "test.made", "letter", about, number=1287, code="100124000001287454", kept=None)
    with world.database.read(head) as uow:
        (event,) = queries.events_of(uow, [about], entity_id=world.entity_a.id)
        assert (event.act, event.employee_id, event.entity_id) == ("test.made", head.employee_id, world.entity_a.id)
        assert facts_of(event) == {"number": 1287, "code": "100124000001287454", "kept": None}
        assert event.entry_hash == sha256(event.entry)
        assert entry_of(event)["at"] == event.at.isoformat()
        assert entry_of(event)["seq"] == event.seq
        assert queries.events_of(uow, [about], entity_id=world.entity_b.id) == []


def test_a_follower_goes_on_where_it_stopped(world: World) -> None:
    start = last_seq(world)
    with world.database.work(OPERATOR) as uow:
        assert queries.cursor(uow, "test") == 0
        for _ in range(7):
            record(uow, "test.made", "letter", new_id())
    seen: list[int] = []
    position = start
    while True:
        with world.database.work(OPERATOR) as uow:
            events = queries.events_after(uow, position, limit=3)
            if not events:
                break
            seen += [event.seq for event in events]
            queries.move_cursor(uow, "test", seen[-1])
        with world.database.read(OPERATOR) as uow:
            position = queries.cursor(uow, "test")
    assert seen == list(range(start + 1, start + 8))
