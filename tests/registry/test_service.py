"""Registers: turns, gapless numbers, void entries, closed years."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from edms.core.errors import Conflict, Forbidden, NotFound
from edms.core.ids import new_id
from edms.letters.models import Letter
from edms.registry import service
from edms.registry.models import Register, RegisterEntry, RegisterYear
from edms.registry.rules import PATTERNS, Direction, printed_number
from edms.registry.service import TurnQueue
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def register(world: World, direction: Direction = Direction.INCOMING) -> Register:
    with world.database.work(OPERATOR) as uow:
        return service.register_of(uow, world.entity_a.id, direction)


def letter(world: World) -> UUID:
    """A bare incoming letter, for an entry to name."""
    with world.database.work(OPERATOR) as uow:
        row = Letter(
            id=new_id(), entity_id=world.entity_a.id, direction="incoming", kind="letter", state="registered",
            sensitivity=0, precedence="ordinary", created_at=uow.now, changed_at=uow.now,
        )  # fmt: skip
        uow.session.add(row)
        return row.id


def allocate(world: World, kept: Register, letter_id: UUID, turn: service.Turn | None = None) -> int:
    with world.database.work(OPERATOR) as uow:
        day = date(2026, 11, 22)
        return service.allocate(uow, kept, 2026, letter_id, entry_date=day, turn=turn).number


def turn(world: World, kept: Register) -> service.Turn:
    return service.take_turn(world.database, OPERATOR, kept.id, 2026)


def test_number_follows_its_pattern() -> None:
    assert printed_number("{mark}/{number}", 1287, 2026, "ص.ت") == "ص.ت/1287"
    assert printed_number("{mark}/{yy}/{number}", 5, 2009, "و") == "و/09/5"
    assert printed_number(PATTERNS[Direction.INCOMING], 7, 2026, "") == "2026/7"


def test_register_is_opened_once(world: World) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: register(world).id, range(4)))
    assert len(found) == 1
    assert register(world, Direction.OUTGOING).id not in found


def test_numbers_run_without_gap_under_contention(world: World) -> None:
    kept, waiting = register(world), [letter(world) for _ in range(12)]
    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(lambda letter_id: allocate(world, kept, letter_id), waiting))
    assert sorted(numbers) == list(range(1, 13))


def test_rolled_back_allocation_spends_no_number(world: World) -> None:
    kept, letter_id = register(world), letter(world)
    with pytest.raises(ZeroDivisionError), world.database.work(OPERATOR) as uow:
        service.allocate(uow, kept, 2026, letter_id, entry_date=date(2026, 1, 1))
        raise ZeroDivisionError
    assert allocate(world, kept, letter_id) == 1


def test_turn_promises_the_next_number_and_is_spent_with_it(world: World) -> None:
    kept = register(world)
    mine = turn(world, kept)
    assert mine.number == 1
    assert allocate(world, kept, letter(world), mine) == 1
    with pytest.raises(Conflict, match="turn-lost"):
        allocate(world, kept, letter(world), mine)
    assert turn(world, kept).number == 2


def test_entry_without_a_turn_makes_the_promise_void(world: World) -> None:
    kept = register(world)
    mine = turn(world, kept)
    assert allocate(world, kept, letter(world)) == 1
    with pytest.raises(Conflict, match="turn-lost"):
        allocate(world, kept, letter(world), mine)


def test_second_taker_waits_until_the_turn_is_given_back(world: World) -> None:
    kept = register(world)
    mine = turn(world, kept)
    taken: list[service.Turn] = []
    second = threading.Thread(target=lambda: taken.append(turn(world, kept)))
    second.start()
    second.join(0.15)
    assert taken == []
    service.give_back(world.database, OPERATOR, mine)
    second.join(20)
    assert [each.number for each in taken] == [1]


def test_expired_turn_is_taken_over(world: World) -> None:
    kept = register(world)
    mine = turn(world, kept)
    with world.database.work(OPERATOR) as uow:
        uow.session.scalars(select(RegisterYear)).one().turn_until = uow.now - timedelta(seconds=1)
    assert turn(world, kept).owner != mine.owner
    with pytest.raises(Conflict, match="turn-lost"):
        allocate(world, kept, letter(world), mine)


def test_void_entry_keeps_its_number_and_is_void_once(world: World) -> None:
    kept, letter_id = register(world), letter(world)
    allocate(world, kept, letter_id)
    authority = world.actor("a", "registry").employee_id
    assert authority is not None

    def void(which: UUID) -> None:
        with world.database.work(OPERATOR) as uow:
            service.void_entry(uow, which, reason="قيد مكرر", authority=authority)

    void(letter_id)
    with world.database.read(OPERATOR) as uow:
        entry = uow.session.scalars(select(RegisterEntry)).one()
        assert (entry.number, entry.void_reason, entry.void_authority_id) == (1, "قيد مكرر", authority)
    with pytest.raises(Conflict, match="already-void"):
        void(letter_id)
    with pytest.raises(NotFound, match="no-entry"):
        void(new_id())
    assert allocate(world, kept, letter(world)) == 2


def test_closed_year_gives_no_number_by_any_way(world: World) -> None:
    kept = register(world)
    allocate(world, kept, letter(world))
    mine = turn(world, kept)

    def close(year: int = 2026, who: str = "registry") -> None:
        with world.database.work(world.actor("a", who)) as uow:
            service.close_year(uow, kept.id, year)

    with pytest.raises(Forbidden):
        close(who="employee")
    with pytest.raises(NotFound, match="no-year"):
        close(1999)
    close()
    acts: list[Callable[[], object]] = [
        close, lambda: turn(world, kept), lambda: allocate(world, kept, letter(world)),
        lambda: allocate(world, kept, letter(world), mine),
    ]  # fmt: skip
    for act in acts:
        with pytest.raises(Conflict, match="year-closed"):
            act()


def test_registers_do_not_delay_each_other() -> None:
    queue, first, second = TurnQueue(), new_id(), new_id()
    entered = threading.Event()

    def other() -> None:
        with queue.stand_in_line(second, 2026):
            entered.set()

    with queue.stand_in_line(first, 2026):
        thread = threading.Thread(target=other)
        thread.start()
        assert entered.wait(5)
        thread.join()
    assert queue._locks == {}


def test_overview_lists_every_year(world: World) -> None:
    allocate(world, register(world), letter(world))
    with world.database.read(OPERATOR) as uow:
        found = [(kept.direction, year.year, body.code) for kept, year, body in service.all_years(uow)]
    assert found == [("incoming", 2026, world.entity_a.code)]
