"""Whatever is changed behind the log is found and named: entries, columns, numbers, checkpoints, rows, registers."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text, update

from crypto.digests import sha256
from edms.audit import entries, verifying
from edms.audit.checkpoints import begin_witness, seal_now
from edms.audit.models import Event
from edms.audit.reporting import MOST_FAULTS, Report
from edms.audit.rows import verify_rows
from edms.audit.service import record
from edms.audit.verifying import verify_log
from edms.core.database import Database, UnitOfWork
from edms.core.ids import new_id
from edms.models import metadata
from edms.operation.log_checks import MOVING, WHOLE
from edms.registry.numbers import numbers_missing
from tests.audit.kept import OPERATOR, checked, grown, seal_of, told
from tests.factories.world import World, make_world
from tests.postgres import Cluster


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with an issued letter, all of its entries under a checkpoint but the last three; tests undo or add."""
    with ExitStack() as stack:
        url = None
        if request.param == "postgresql":
            cluster: Cluster = request.getfixturevalue("postgres_cluster")
            url = stack.enter_context(cluster.database(request.getfixturevalue("_postgres_template")))
        made = make_world(tmp_path_factory.mktemp("world"), url)
        seal_of(made)
        grown(made)
        with made.database.work(OPERATOR) as uow:
            for _ in range(3):
                record(uow, "test.made", "letter", new_id(), number=7)
        yield made
        made.database.dispose()


class _Undone(Exception):
    """Ends a unit of work without its change."""


@contextmanager
def changed(world: World, *statements: object) -> Iterator[UnitOfWork]:
    """A unit of work in which statements have been run that are undone afterwards."""
    try:
        with world.database.work(OPERATOR) as uow:
            for statement in statements:
                uow.session.execute(text(statement) if isinstance(statement, str) else statement)  # type: ignore[call-overload]
            yield uow
            raise _Undone
    except _Undone:
        return


def report_of(world: World, *statements: object) -> Report:
    """What a check of the log itself finds after some statements."""
    seal = seal_of(world)
    with changed(world, *statements) as uow:
        return verify_log(uow, origin=seal.origin, public_der=seal.public_key(), progress=lambda _: None)


def rows_after(world: World, *statements: object) -> list[str]:
    """What a check of rows finds after some statements."""
    seal = seal_of(world)
    with changed(world, *statements) as uow:
        report = verify_log(uow, origin=seal.origin, public_der=seal.public_key(), progress=lambda _: None)
        assert report.ok
        verify_rows(uow, report, tables=metadata, whole=WHOLE, moving=MOVING, progress=lambda _: None)
    return [fault.what for fault in report.faults]


def test_an_untouched_log_is_whole(world: World) -> None:
    found = checked(world)
    assert found.report.faults == []
    assert found.report.events == found.report.sealed + 3
    assert {"letters", "register_entries", "signatures", "evidence"} < set(found.rows)
    with world.database.read(OPERATOR) as uow:
        act = uow.session.query(Event).order_by(Event.seq.desc()).first()
        assert act is not None
        assert act.act == "audit.verified"


@pytest.mark.parametrize("sealed", [True, False])
def test_every_column_of_an_entry_is_checked(world: World, sealed: bool) -> None:
    seq = 5 if sealed else report_of(world).events
    other: dict[str, object] = {
        "at": datetime(2020, 1, 1, tzinfo=UTC), "act": "test.other", "actor": "somebody", "employee_id": new_id(),
        "entity_id": world.entity_b.id, "object_type": "seal", "object_id": new_id(), "entry": b"{}",
        "entry_hash": bytes(32),
    }  # fmt: skip
    assert {*other, "seq"} == {column.name for column in Event.__table__.columns}
    for column, value in other.items():
        report = report_of(world, update(Event).where(Event.seq == seq).values({column: value}))
        assert report.first_bad == seq, (column, report.faults)
        assert f"entry {seq}" in report.faults[0].what, (column, report.faults)
        if not column.startswith("entry"):
            assert column in report.faults[0].what


def moved(start: int, end: int, step: int) -> list[str]:
    """Statements that give the entries of a range numbers that lie ``step`` away."""
    far = 1_000_000
    return [f"UPDATE events SET seq = seq + {far} WHERE seq BETWEEN {start} AND {end}",
            f"UPDATE events SET seq = seq - {far} + {step} WHERE seq >= {far}"]  # fmt: skip


def test_entries_taken_out_put_in_swapped_or_cut_off_are_found(world: World) -> None:
    whole = report_of(world)
    last, sealed = whole.events, whole.sealed
    columns = "at, act, actor, employee_id, entity_id, object_type, object_id, entry, entry_hash"
    copied = f"INSERT INTO events (seq, {columns}) SELECT {{to}}, {columns} FROM events WHERE seq = {{of}}"
    head = "UPDATE event_head SET last_seq = {}"
    cases: list[tuple[int, str, list[str]]] = [
        (4, "entry 4 is missing", ["DELETE FROM events WHERE seq = 4"]),
        (4, "entries 4 to 9 are missing", ["DELETE FROM events WHERE seq BETWEEN 4 AND 9"]),
        (1, "entry 1 is missing", ["DELETE FROM events WHERE seq = 1"]),
        (0, "a number that is never given", [copied.format(to=0, of=1)]),
        (4, "what stands as entry 4 was written as entry 5", ["DELETE FROM events WHERE seq = 4", *moved(5, last, -1),
                                                           head.format(last - 1)]),
        (last + 1, f"what stands as entry {last + 1} was written as entry 3", [copied.format(to=last + 1, of=3),
                                                                           head.format(last + 1)]),
        (5, "what stands as entry 5 was written as entry 4", [*moved(5, last, 1), copied.format(to=5, of=4),
                                                           head.format(last + 1)]),
        (4, "what stands as entry 4 was written as entry 8",
         [*moved(4, 4, 500), *moved(8, 8, -4), *moved(504, 504, -496)]),
        (last, f"the log's counter stands at {last}, its last entry is {last - 1}",
         [f"DELETE FROM events WHERE seq = {last}"]),
        (last + 1, "the log's counter stands at 1", [head.format(1)]),
        (sealed - 1, f"the checkpoint speaks of {sealed} entries, the log has {sealed - 2}",
         [f"DELETE FROM events WHERE seq > {sealed - 2}", head.format(sealed - 2)]),
        (1, f"the checkpoint speaks of {sealed} entries, the log has 0", ["DELETE FROM events", head.format(0)]),
    ]  # fmt: skip
    for first_bad, words, statements in cases:
        report = report_of(world, *statements)
        assert report.first_bad == first_bad, (words, report.faults)
        assert words in " ".join(fault.what for fault in report.faults), report.faults


def test_an_entry_rewritten_with_all_that_belongs_to_it_is_found_by_the_checkpoint(world: World) -> None:
    with world.database.read(OPERATOR) as uow:
        entry = uow.session.get_one(Event, 5).entry.replace(b'"client":""', b'"client":"x"')
    report = report_of(world, update(Event).where(Event.seq == 5).values(entry=entry, entry_hash=sha256(entry)))
    assert [fault.what for fault in report.faults] == [
        f"entries 1 to {report_of(world).sealed} are not those that the checkpoint was signed over"
    ]
    assert report.first_bad == 1


def test_any_content_of_an_entry_is_read_or_named(world: World) -> None:
    whole = {"at": "2026-11-29T01:41:07+00:00", "act": "", "actor": "", "employee": None, "entity": None, "object": "",
             "id": None, "seq": 5}  # fmt: skip
    changes: list[dict[str, object]] = [
        {"at": 7}, {"at": "today"}, {"actor": None}, {"employee": "x"}, {"of": ["letters"], "row": "00"},
        {"of": 7, "row": "00"}, {"of": [7], "row": "00"}, {"gone": []}, {"seq": None},
        {"of": [f"letters/{new_id()}"], "row": "zz"}, {"of": [f"letters/{new_id()}"], "rows": ["00", "00"]},
    ]  # fmt: skip
    contents = [
        b"",
        b"\xff",
        b"[]",
        b"7",
        b"{}",
        b"[" * 100_000,
        *(json.dumps({**whole, **each}).encode() for each in changes),
    ]
    for content in contents:
        report = report_of(world, update(Event).where(Event.seq == 5).values(entry=content, entry_hash=sha256(content)))
        assert any("entry 5" in fault.what for fault in report.faults), content
        assert report.first_bad == 5


def test_a_checkpoint_is_what_the_logs_key_signed(world: World) -> None:
    for statement, words in (
        ("UPDATE log_checkpoints SET root = entry_hash FROM events WHERE seq = 1", "something else in its columns"),
        ("UPDATE log_checkpoints SET size = size - 1", "something else in its columns"),
        ("UPDATE log_checkpoints SET note = replace(note, 'diwan', 'other')", "was not signed by the log's key"),
        ("UPDATE log_checkpoints SET note = ''", "was not signed by the log's key"),
    ):
        report = report_of(world, statement)
        assert [words in fault.what for fault in report.faults] == [True], report.faults


def test_rows_changed_taken_away_or_added_behind_the_log_are_found(world: World) -> None:
    assert rows_after(world) == []
    for table, change in (
        ("letters", "number = 'm/1'"), ("letters", "state = 'void'"), ("letters", "subject_sealed = number_sealed"),
        ("register_entries", "number = 9"), ("register_entries", "entry_date = '2020-01-01'"),
        ("signatures", "version_no = 9"), ("accounts", "roles = 'centre'"), ("employees", "clearance = 3"),
        ("evidence", "event = 'Relay'"), ("installations", "gateway_port = 1"), ("entity_seals", "serial = 'AA'"),
    ):  # fmt: skip
        wanted = change.replace("number_sealed", "verification_code_sealed")
        found = rows_after(world, f"UPDATE {table} SET {wanted}")
        assert found, table
        assert all(what.startswith(f"{table}/") and what.endswith("left it") for what in found), found
    (gone,) = rows_after(world, "DELETE FROM signatures")
    assert gone.startswith("signatures/")
    assert gone.endswith("cannot be found in the database")
    added = new_id()
    columns = "code, clearance, valid_from, name_sealed"
    copy = text(
        f"INSERT INTO employees (id, {columns}) SELECT :id, '0', 3, valid_from, name_sealed FROM employees LIMIT 1"
    )
    (more,) = rows_after(world, copy.bindparams(id=added.hex if world.database.is_sqlite else added))
    assert more == f"employees/{added} is in the database and not in the log"


def test_register_numbers_run_from_one_to_the_last(world: World) -> None:
    for statement, words in (
        ("SELECT 1", ""), ("DELETE FROM register_entries", "has 0 entries"),
        ("UPDATE register_entries SET number = 2", "1 entries from 2 to 2, its counter is at 1"),
        ("UPDATE register_years SET last_number = 2", "1 entries from 1 to 1, its counter is at 2"),
        ("UPDATE register_entries SET year = 1999", "of 1999 has 1 entries"),
    ):  # fmt: skip
        with changed(world, statement) as uow:
            found = numbers_missing(uow)
        assert words in " ".join(found)
        assert bool(found) == bool(words)


def test_a_database_file_that_was_put_back_is_found_by_the_witness_alone(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    kept = tmp_path / "other-disk.witness"
    seal = seal_of(world, witness=kept)
    begin_witness(world.database, seal, OPERATOR)
    file = Path(world.database.url.removeprefix("sqlite:///"))
    older = tmp_path / "older.sqlite3"
    run_bare(world.database, f"VACUUM INTO '{older}'")
    grown(world)
    assert told(world, kept) == []
    world.database.dispose()
    for leftover in file.parent.glob(f"{file.name}-*"):
        leftover.unlink()
    shutil.copyfile(older, file)
    assert told(world, kept)[0].startswith("the checkpoint of the witness speaks of")
    seal_of(world)
    assert told(world) == []


def run_bare(database: Database, *commands: str) -> None:
    """Run commands that no transaction may hold."""
    if database.is_sqlite:
        connection = sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None)
        for command in commands:
            connection.execute(command)
        connection.close()
    else:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as bare:
            for command in commands:
                bare.exec_driver_sql(command)


def test_housekeeping_of_the_database_changes_nothing(world: World) -> None:
    before = report_of(world)
    if world.database.is_sqlite:
        run_bare(world.database, "VACUUM", "REINDEX")
    else:
        run_bare(world.database, "VACUUM FULL events", "REINDEX TABLE events", "CLUSTER events USING pk_events")
    assert told(world) == []
    cut = [f"DELETE FROM events WHERE seq > {before.events}", f"UPDATE event_head SET last_seq = {before.events}"]
    assert report_of(world, *cut).tree == before.tree  # the check itself was an event


def test_a_hundred_faults_are_told_and_the_others_counted(world: World) -> None:
    with changed(world) as uow:
        for _ in range(MOST_FAULTS):
            record(uow, "test.made", "letter", None)
        uow.commit()
    report = report_of(world, "UPDATE events SET actor = 'somebody'")
    assert len(report.faults) == MOST_FAULTS
    assert report.more == report.events - MOST_FAULTS


def test_two_processes_find_what_one_does(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(tmp_path, database_url)
    seal = seal_of(world)
    monkeypatch.setattr(verifying, "MANY", 1)
    monkeypatch.setattr(verifying, "_RUNS", 1)
    with world.database.work(OPERATOR) as uow:
        for number in range(20_000):
            record(uow, "test.made", "letter", None, number=number)
    seal_now(world.database, seal)

    def reports() -> list[Report]:
        found = []
        for processes in (1, 2):
            with world.database.read(OPERATOR) as uow:
                found.append(
                    verify_log(
                        uow, origin=seal.origin, public_der=seal.public_key(), progress=lambda _: None,
                        url=world.database.engine.url.render_as_string(hide_password=False), processes=processes,
                    )
                )  # fmt: skip
        return found

    one, two = reports()
    assert one.ok
    assert (one.events, one.sealed, one.tree, one.rows) == (two.events, two.sealed, two.tree, two.rows)
    assert one.sealed == one.events > 20_000
    for statement in (
        "UPDATE events SET actor = 'x' WHERE seq IN (5, 8193, 19000)", "DELETE FROM events WHERE seq IN (8192, 8193)",
        "UPDATE log_checkpoints SET root = entry_hash FROM events WHERE seq = 1 AND size > 9000",
    ):  # fmt: skip
        with world.database.work(OPERATOR) as uow:
            uow.session.execute(text(statement))
        one, two = reports()
        assert one.faults
        assert one.faults == two.faults


def test_an_entry_in_another_form_of_json_is_read_as_well(world: World) -> None:
    same = entries.Same(world.database.engine.dialect)
    with world.database.read(OPERATOR) as uow:
        rows = uow.session.execute(
            text(f"SELECT seq, entry, entry_hash, {', '.join(entries.COLUMNS)} FROM events")
        ).all()
    usual = 0
    for seq, entry, _, *columns in rows:
        content, known = bytes(entry), dict[str, bytes | None]()
        quick = same.quick(content.decode(), seq, columns, known)
        usual += quick
        spaced = json.dumps(json.loads(content), ensure_ascii=False, sort_keys=True).encode()
        assert not same.quick(spaced.decode(), seq, columns, {})
        run = entries.check_run([(seq, spaced, sha256(spaced), *columns)], seq - 1, [], same)
        assert run.faults == []
        if quick:
            assert known == run.rows
            for at, value in enumerate(columns):
                other = [*columns[:at], "other" if value != "other" else None, *columns[at + 1 :]]
                assert not same.quick(content.decode(), seq, other, {})
            assert not same.quick(content.decode(), seq + 1, columns, {})
    assert usual == (len(rows) if world.database.is_sqlite else 0)
