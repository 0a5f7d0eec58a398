"""The follower: what happened is found, whatever was killed, lost or damaged on the way."""

import shutil
from pathlib import Path
from uuid import UUID

import pytest

from edms.audit.queries import cursor
from edms.core.actor import Actor
from edms.core.database import Database
from edms.core.errors import Unavailable
from edms.letters import queries as letters
from edms.letters.closing import settle
from edms.search import follower, queries, rebuild
from edms.search.engines import current_place
from edms.search.indexes import Indexes
from edms.search.service import search
from tests.factories.world import OPERATOR, World, make_world
from tests.search.letters import arrive, package

CANARY = "قنبرةالفحص"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def new_indexes(world: World, **given: int | str) -> Indexes:
    return Indexes(world.settings.index_folder, world.keyring, **given)  # type: ignore[arg-type]


def run(world: World, indexes: Indexes) -> None:
    for _ in range(200):
        if not follower.follow(world.database, indexes):
            return
    raise AssertionError("the follower never ends")


def found(world: World, indexes: Indexes, text: str, who: Actor | None = None) -> list[UUID]:
    with world.database.read(who or world.actor("a", "registry")) as uow:
        return [hit.letter.id for hit in search(uow, text, indexes=indexes).hits]


def position(world: World, indexes: Indexes, entity_id: UUID) -> int:
    with world.database.read(OPERATOR) as uow:
        key = indexes.key(uow.session, entity_id)
    with indexes.reading(entity_id, key) as index:
        return index.position() if index else 0


def arrive_many(world: World, number: int, *, first: int = 1) -> list[UUID]:
    return arrive(world, world.entity_a.id, [package(world, first + n, f"صيانة المولدة {n}") for n in range(number)])


def test_new_letter_is_found_on_every_database(tmp_path: Path, database_url: str) -> None:
    world = make_world(tmp_path, database_url)
    indexes = new_indexes(world)
    (letter,) = arrive_many(world, 1)
    run(world, indexes)
    assert found(world, indexes, "المولدات") == [letter]
    with world.database.read(OPERATOR) as uow:
        assert cursor(uow, "search") == queries.newest_event(uow)


def test_following_twice_changes_nothing(world: World) -> None:
    indexes = new_indexes(world)
    ids = arrive_many(world, 3)
    run(world, indexes)
    assert follower.follow(world.database, indexes) == 0
    assert set(found(world, indexes, "صيانة")) == set(ids)


def test_small_steps_lead_to_the_same(world: World) -> None:
    indexes = new_indexes(world)
    ids = arrive_many(world, 7)
    while follower.follow(world.database, indexes, limit=2):
        pass
    assert set(found(world, indexes, "صيانة")) == set(ids)


def test_killed_before_the_cursor_moved_does_the_rest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [*arrive_many(world, 2), *arrive(world, world.entity_b.id, [package(world, 3, "صيانة المدرسة")])]
    with monkeypatch.context() as patched:
        patched.setattr(follower, "move_cursor", _killed)
        with pytest.raises(KeyboardInterrupt):
            follower.follow(world.database, new_indexes(world))
    indexes = new_indexes(world)
    run(world, indexes)
    assert set(found(world, indexes, "صيانة")) == set(ids[:2])
    assert found(world, indexes, "صيانة", world.actor("b", "registry")) == ids[2:]


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_no_transaction_is_open_while_an_index_is_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    arrive_many(world, 1)
    write = follower._write

    def checked(database: Database, *given: object) -> None:
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        write(database, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(follower, "_write", checked)
    run(world, new_indexes(world))


def test_lost_folder_is_rebuilt_after_a_start(world: World) -> None:
    ids = arrive_many(world, 5)
    run(world, new_indexes(world))
    shutil.rmtree(world.settings.index_folder)
    indexes = new_indexes(world)
    assert found(world, indexes, "صيانة") == []
    run(world, indexes)
    assert set(found(world, indexes, "صيانة")) == set(ids)


def test_folder_lost_under_a_running_follower_comes_back_with_the_next_letter(world: World) -> None:
    indexes = new_indexes(world)
    ids = arrive_many(world, 3)
    run(world, indexes)
    shutil.rmtree(indexes.folder_of(world.entity_a.id))
    ids += arrive_many(world, 1, first=9)
    run(world, indexes)
    assert set(found(world, indexes, "صيانة")) == set(ids)


def test_folder_lost_in_a_quiet_time_is_noticed_by_the_survey(world: World) -> None:
    indexes = new_indexes(world)
    ids = arrive_many(world, 2)
    run(world, indexes)
    shutil.rmtree(indexes.folder_of(world.entity_a.id))
    assert follower.survey(world.database, indexes) == 1
    run(world, indexes)
    assert set(found(world, indexes, "صيانة")) == set(ids)


def test_lost_last_writes_are_replayed(world: World) -> None:
    first = arrive_many(world, 2)
    indexes = new_indexes(world)
    run(world, indexes)
    indexes.close()
    folder, kept = indexes.folder_of(world.entity_a.id), world.settings.data / "kept"
    shutil.copytree(folder, kept)
    later = arrive_many(world, 2, first=9)
    run(world, indexes)
    indexes.close()
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)  # what a power cut leaves
    again = new_indexes(world)
    place = current_place(folder)
    run(world, again)
    assert set(found(world, again, "صيانة")) == {*first, *later}
    assert current_place(folder) == place


def test_damaged_index_is_rebuilt_and_stops_nobody(world: World) -> None:
    ids = arrive_many(world, 2)
    run(world, new_indexes(world))
    folder = world.settings.index_folder / world.entity_a.id.hex
    place = current_place(folder)
    assert place is not None
    (folder / place / "head").write_bytes(b"x" * 200)
    other = arrive(world, world.entity_b.id, [package(world, 8, "صيانة المدرسة")])
    ids += arrive_many(world, 1, first=9)
    indexes = new_indexes(world)
    run(world, indexes)
    assert set(found(world, indexes, "صيانة")) == set(ids)
    assert found(world, indexes, "صيانة", world.actor("b", "registry")) == other


def test_reader_of_a_damaged_index_gets_it_repaired(world: World) -> None:
    arrive_many(world, 60)  # more than a journal holds
    indexes = new_indexes(world)
    run(world, indexes)
    folder = indexes.folder_of(world.entity_a.id)
    place = current_place(folder)
    assert place is not None
    for sealed in (folder / place).glob("*.sealed"):
        sealed.write_bytes(b"x" * 100)
    reader = new_indexes(world)
    with pytest.raises(Unavailable, match="index-damaged"):
        found(world, reader, "صيانة")
    run(world, indexes)
    assert len(found(world, reader, "صيانة")) == 20
    assert indexes.requested() == []


def test_grown_index_moves_to_the_large_engine_with_the_same_answers(world: World) -> None:
    indexes = new_indexes(world, threshold=6)
    ids = arrive_many(world, 5)
    run(world, indexes)
    folder = indexes.folder_of(world.entity_a.id)
    assert (current_place(folder) or "").startswith("whoosh-")
    ids += arrive_many(world, 5, first=20)
    run(world, indexes)
    before = set(found(world, indexes, "صيانة"))
    assert follower.survey(world.database, indexes) == 1
    run(world, indexes)
    assert (current_place(folder) or "").startswith("fts5-")
    assert set(found(world, indexes, "صيانة")) == before == set(ids)
    assert [path.name for path in folder.iterdir() if path.is_dir()] == [current_place(folder)]


def test_letters_that_arrive_during_a_rebuild_are_in_it_and_found_meanwhile(world: World) -> None:
    indexes = new_indexes(world)
    ids = arrive_many(world, 4)
    run(world, indexes)
    started = rebuild.begin(world.database, indexes, world.entity_a.id, blind=False)
    rebuild.step(world.database, indexes, started, limit=2)
    ids += arrive_many(world, 2, first=30)
    follower.catch_up(world.database, indexes)
    assert set(found(world, indexes, "صيانة")) == set(ids)
    while started.mark is not None:
        rebuild.step(world.database, indexes, started, limit=2)
    assert current_place(indexes.folder_of(world.entity_a.id)) == started.place
    assert set(found(world, indexes, "صيانة")) == set(ids)


def test_reindex_tells_its_progress_and_keeps_the_position(world: World) -> None:
    indexes = new_indexes(world)
    arrive_many(world, 3)
    run(world, indexes)
    seen: list[tuple[int, int]] = []
    done = rebuild.reindex(world.database, indexes, None, lambda *now: seen.append(now))
    assert done == 3
    assert seen[-1] == (3, 3)
    with world.database.read(OPERATOR) as uow:
        assert position(world, indexes, world.entity_a.id) == cursor(uow, "search")


def test_forced_engine_takes_over_an_existing_index(world: World) -> None:
    ids = arrive_many(world, 2)
    run(world, new_indexes(world))
    indexes = new_indexes(world, engine="fts5")
    run(world, indexes)
    assert (current_place(indexes.folder_of(world.entity_a.id)) or "").startswith("fts5-")
    assert set(found(world, indexes, "صيانة")) == set(ids)


def test_index_from_a_later_time_than_the_database_is_rebuilt(world: World) -> None:
    ids = arrive_many(world, 2)
    indexes = new_indexes(world)
    run(world, indexes)
    with world.database.read(OPERATOR) as uow:
        key = indexes.key(uow.session, world.entity_a.id)
    with indexes.writing(world.entity_a.id, key) as index:
        index.write((), (), position=10**9)
    again = new_indexes(world)
    run(world, again)
    assert position(world, again, world.entity_a.id) < 10**9
    assert set(found(world, again, "صيانة")) == set(ids)


def test_second_worker_waits_for_the_first(world: World) -> None:
    arrive_many(world, 1)
    indexes = new_indexes(world)
    with indexes.turn(wait=True) as mine:
        assert mine
        assert follower.follow(world.database, new_indexes(world)) == 0
    assert follower.follow(world.database, new_indexes(world)) > 0


def test_settling_keeps_the_letter_found(world: World) -> None:
    indexes = new_indexes(world)
    (letter,) = arrive_many(world, 1)
    run(world, indexes)
    with world.database.work(world.actor("a", "registry")) as uow:
        settle(uow, letter)
    run(world, indexes)
    assert found(world, indexes, "صيانة") == [letter]
    with world.database.read(OPERATOR) as uow:
        assert letters.letter(uow, letter).state == "settled"


def test_no_word_of_a_letter_is_readable_in_the_index_folder(world: World) -> None:
    indexes = new_indexes(world, threshold=2)
    arrive(world, world.entity_a.id, [package(world, n, f"م/ {CANARY}", f"{CANARY} {n}") for n in range(1, 30)])
    run(world, indexes)
    follower.survey(world.database, indexes)
    run(world, indexes)
    indexes.close()
    written = b"".join(path.read_bytes() for path in world.settings.index_folder.rglob("*") if path.is_file())
    assert written
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        assert CANARY.encode(encoding) not in written
