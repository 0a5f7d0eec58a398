"""The unit of work: one commit, no half change, no writing while reading, refusals instead of driver errors."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update

from edms.audit.service import row_hash
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.errors import Conflict, Unavailable
from edms.core.ids import new_id
from edms.letters.models import Letter
from tests.core.letters import add_letter
from tests.factories.world import World, make_world

OPERATOR = system_actor("operator")


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def letters_in(world: World) -> int:
    with world.database.read(OPERATOR) as uow:
        return uow.session.scalar(select(func.count()).select_from(Letter)) or 0


def test_a_clean_exit_commits(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        kept = add_letter(uow, world.entity_a.id).id
    with world.database.read(OPERATOR) as uow:
        assert uow.session.get_one(Letter, kept).subject == "تجهيز مستشفى البصرة"


def test_an_error_rolls_everything_back(world: World) -> None:
    with pytest.raises(ZeroDivisionError), world.database.work(OPERATOR) as uow:
        add_letter(uow, world.entity_a.id)
        uow.flush()
        raise ZeroDivisionError
    assert letters_in(world) == 0


def test_what_follows_a_commit_does_not_run_after_an_error(world: World) -> None:
    done: list[str] = []
    with world.database.work(OPERATOR) as uow:
        uow.before_commit("once", lambda: done.append("before"))
        uow.before_commit("once", lambda: done.append("before again"))
        uow.after_commit(lambda: done.append("after"))
    assert done == ["before", "after"]
    with pytest.raises(ZeroDivisionError), world.database.work(OPERATOR) as uow:
        uow.before_commit("once", lambda: done.append("never"))
        uow.after_commit(lambda: done.append("never"))
        raise ZeroDivisionError
    assert done == ["before", "after"]


def test_a_reading_unit_of_work_refuses_changed_rows(world: World) -> None:
    with pytest.raises(RuntimeError, match="may not change rows"), world.database.read(OPERATOR) as uow:
        add_letter(uow, world.entity_a.id)
    assert letters_in(world) == 0


def test_a_reading_unit_of_work_refuses_statements_that_write(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        add_letter(uow, world.entity_a.id)
    with pytest.raises(Exception, match=r"(?i)read-?only|unavailable"), world.database.read(OPERATOR) as uow:
        uow.session.execute(update(Letter).values(state="void"))
    with world.database.work(OPERATOR) as uow:  # the same connection can write again
        assert uow.session.scalars(select(Letter.state)).all() == ["draft"]
        uow.session.execute(update(Letter).values(state="deleted"))


def test_a_reader_keeps_its_snapshot_while_a_writer_commits(world: World) -> None:
    if not world.database.is_sqlite:
        pytest.skip("PostgreSQL reads committed rows statement by statement")
    with world.database.read(OPERATOR) as reading:
        assert reading.session.scalar(select(func.count()).select_from(Letter)) == 0

        def write() -> None:
            with world.database.work(OPERATOR) as uow:
                add_letter(uow, world.entity_a.id)

        writer = threading.Thread(daemon=True, target=write)
        writer.start()
        writer.join(30)
        assert not writer.is_alive(), "a reader held a writer up"
        assert reading.session.scalar(select(func.count()).select_from(Letter)) == 0
    assert letters_in(world) == 1


def test_nested_work_in_one_thread_is_refused_at_once(world: World) -> None:
    if not world.database.is_sqlite:
        pytest.skip("PostgreSQL has no single writer")
    with (
        world.database.work(OPERATOR),
        pytest.raises(RuntimeError, match="already open"),
        world.database.work(OPERATOR),
    ):
        pass
    with world.database.work(OPERATOR) as uow:
        add_letter(uow, world.entity_a.id)
    assert letters_in(world) == 1


def test_a_refused_constraint_is_a_conflict(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        taken = add_letter(uow, world.entity_a.id).id
    with pytest.raises(Conflict) as refused, world.database.work(OPERATOR) as uow:
        uow.session.execute(text("INSERT INTO event_head (id, last_seq) VALUES (1, 0)"))
    assert refused.value.code == "database.conflict"
    with pytest.raises(Conflict), world.database.work(OPERATOR) as uow:  # foreign keys hold on SQLite too
        uow.session.execute(update(Letter).where(Letter.id == taken).values(author_id=new_id()))


def test_an_unreachable_server_is_unavailable() -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    for way in (database.work, database.read):
        with pytest.raises(Unavailable) as refused, way(OPERATOR) as uow:
            uow.session.execute(text("SELECT 1"))
        assert refused.value.code == "database.unavailable"
    database.dispose()


def test_a_connection_that_the_server_ended_is_unavailable_once(world: World) -> None:
    if world.database.is_sqlite:
        pytest.skip("SQLite has no server")
    kill = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()")  # fmt: skip
    other = Database(world.database.url)
    with pytest.raises(Unavailable), world.database.work(OPERATOR) as uow:
        uow.session.execute(text("SELECT 1"))
        with other.work(OPERATOR) as uow_other:
            uow_other.session.execute(kill)
        uow.session.execute(text("SELECT 1"))
    other.dispose()
    assert letters_in(world) == 0  # the pool notices and connects again


def test_sqlite_keeps_every_commit_through_a_power_cut(world: World) -> None:
    if not world.database.is_sqlite:
        pytest.skip("settings of SQLite")
    with world.database.read(OPERATOR) as uow:
        shown = {name: uow.session.scalar(text(f"PRAGMA {name}")) for name in (
            "journal_mode", "synchronous", "foreign_keys", "secure_delete")}  # fmt: skip
    assert shown == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


def test_a_savepoint_undoes_its_block_alone(world: World) -> None:
    done: list[str] = []
    with world.database.work(OPERATOR) as uow:
        add_letter(uow, world.entity_a.id)
        kept: list[str] = uow.info.setdefault("kept", ["first"])
        with pytest.raises(Conflict), uow.savepoint():
            twice = add_letter(uow, world.entity_a.id)
            kept.append("second")
            uow.before_commit("never", lambda: done.append("never"))
            uow.after_commit(lambda: done.append("never"))
            uow.flush()
            uow.insert_values(Letter, [{one.key: getattr(twice, one.key) for one in Letter.__table__.columns}])
        assert uow.info["kept"] == ["first"]
        with uow.savepoint():
            add_letter(uow, world.entity_a.id)
        uow.after_commit(lambda: done.append("after"))
    assert done == ["after"]
    assert letters_in(world) == 2


def test_inserted_rows_have_their_defaults_and_sealed_values(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        row = Letter(
            entity_id=world.entity_a.id, direction="incoming", kind="letter", state="registered", sensitivity=0,
            precedence="ordinary", created_at=uow.now, changed_at=uow.now,
        )  # fmt: skip
        row.subject = "تجهيز"
        uow.insert([row])
        hashed = row_hash(row)
    with world.database.read(OPERATOR) as uow:
        kept = uow.session.get_one(Letter, row.id)
        assert (kept.subject, kept.version, kept.number, kept.void_at) == ("تجهيز", 1, "", None)
        assert row_hash(kept) == hashed
