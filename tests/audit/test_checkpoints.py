"""The follower signs what goes on from what was signed, in time, and nothing that the witness does not know."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select, text, update

from crypto.checkpoints import opened
from crypto.merkle import Tree, leaf_hash
from edms.audit import witness
from edms.audit.checkpoints import begin_witness, follow
from edms.audit.log_seal import LogSeal
from edms.audit.models import Checkpoint, Event
from edms.audit.rules import LogPlan
from edms.audit.service import record
from edms.core.actor import ANONYMOUS
from edms.core.errors import Conflict, Forbidden, Invalid, Unavailable
from edms.operation import log_checks
from tests.audit.kept import OPERATOR, seal_of, told
from tests.factories.world import World, make_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def note(world: World, count: int = 1) -> None:
    with world.database.work(OPERATOR) as uow:
        for number in range(count):
            record(uow, "test.made", "letter", None, number=number)


def checkpoints(world: World) -> list[Checkpoint]:
    with world.database.read(OPERATOR) as uow:
        return list(uow.session.scalars(select(Checkpoint).order_by(Checkpoint.size)))


def change(world: World, *statements: str) -> None:
    with world.database.work(OPERATOR) as uow:
        for statement in statements:
            uow.session.execute(text(statement))


def cut(world: World, size: int) -> None:
    """Put the log back to where it had so many entries, as an older copy of the database would."""
    change(world, f"DELETE FROM events WHERE seq > {size}", f"DELETE FROM log_checkpoints WHERE size > {size}",
           f"UPDATE event_head SET last_seq = {size}")  # fmt: skip


def test_a_checkpoint_is_the_tree_of_the_entries_signed_by_the_logs_key(world: World) -> None:
    seal = seal_of(world)
    first = follow(world.database, seal)
    note(world, 3)
    assert follow(world.database, seal, now=True) == 3
    with world.database.read(OPERATOR) as uow:
        entries = uow.session.scalars(select(Event.entry).order_by(Event.seq)).all()
    for row, size in zip(checkpoints(world), (first, first + 3), strict=True):
        tree = Tree().grown(map(leaf_hash, entries[:size]))
        head = opened(row.note, seal.public_key())
        assert (
            (head.origin, head.size, head.root) == (seal.origin, row.size, row.root) == (seal.origin, size, tree.root())
        )
        assert row.peaks == tree.packed()


def test_it_is_due_after_a_minute_or_a_thousand_entries_and_never_without_news(world: World) -> None:
    seal = seal_of(world)
    assert follow(world.database, seal) > 0
    assert follow(world.database, seal, now=True) == 0
    note(world, 999)
    assert follow(world.database, seal) == 0
    note(world)
    assert follow(world.database, seal) == 1000
    note(world)
    assert follow(world.database, seal) == 0
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(update(Checkpoint).values(at=uow.now - timedelta(seconds=60)))
    assert follow(world.database, seal) == 1


def test_a_step_reads_only_what_is_new(world: World) -> None:
    seal = seal_of(world)
    note(world, 500)
    follow(world.database, seal, now=True)
    note(world, 2)
    statements: list[str] = []
    event.listen(
        world.database.engine, "before_cursor_execute", lambda *given: statements.append(f"{given[2]} {given[3]}")
    )
    assert follow(world.database, seal, now=True) == 2
    reading = [each for each in statements if "events" in each]
    assert len(reading) == 1
    assert ">" in reading[0]


def test_nothing_is_signed_that_does_not_go_on_from_the_last_checkpoint(world: World) -> None:
    seal = seal_of(world)
    follow(world.database, seal)
    note(world, 2)
    (good,) = checkpoints(world)
    for column, value in (("peaks", good.root), ("size", good.size - 1), ("note", "diwan"), ("note", good.note + "x")):
        with world.database.work(OPERATOR) as uow:
            uow.session.execute(update(Checkpoint).values({column: value}))
        with pytest.raises(Conflict, match="checkpoint-broken"):
            follow(world.database, seal, now=True)
        assert len(checkpoints(world)) == 1
        with world.database.work(OPERATOR) as uow:
            uow.session.execute(update(Checkpoint).values({column: getattr(good, column)}))
    change(world, f"DELETE FROM events WHERE seq = {good.size + 1}")
    with pytest.raises(Conflict, match="log-gap"):
        follow(world.database, seal, now=True)
    change(world, "UPDATE event_head SET last_seq = 1")
    with pytest.raises(Conflict, match="log-shorter"):
        follow(world.database, seal, now=True)
    assert len(checkpoints(world)) == 1


def test_the_witness_gets_every_checkpoint_and_is_begun_by_command_alone(world: World, tmp_path: Path) -> None:
    path = tmp_path / "other-disk.witness"
    seal = seal_of(world, witness=path)
    with pytest.raises(Unavailable, match="no-witness"):
        follow(world.database, seal)
    with pytest.raises(Forbidden):
        begin_witness(world.database, seal, ANONYMOUS)
    head = begin_witness(world.database, seal, OPERATOR)
    note(world)
    follow(world.database, seal, now=True)
    assert path.read_text() == "".join(row.note for row in checkpoints(world)[-2:])
    assert witness.last_head(path, seal.origin, seal.public_key()).size == head.size + 1
    with pytest.raises(Conflict, match="witness-exists"):
        begin_witness(world.database, seal, OPERATOR)
    with pytest.raises(Invalid, match="witness-unset"):
        begin_witness(world.database, LogSeal(seal.origin, seal.keys, LogPlan()), OPERATOR)
    path.unlink()
    note(world)
    with pytest.raises(Unavailable, match="no-witness"):
        follow(world.database, seal, now=True)
    assert not path.exists()


def test_a_database_that_was_put_back_is_not_signed_and_the_doctor_says_so(world: World, tmp_path: Path) -> None:
    path = tmp_path / "other-disk.witness"
    seal = seal_of(world, witness=path)
    size = begin_witness(world.database, seal, OPERATOR).size
    note(world, 5)
    follow(world.database, seal, now=True)
    assert log_checks.log(world.parts, world.settings).state == "ok"
    cut(world, size)
    assert told(world) == [
        f"the checkpoint of the witness speaks of {size + 5} entries, the log has {size}: its end was cut off, or the"
        " database was put back"
    ]
    with pytest.raises(Conflict, match="behind-witness"):  # the check itself was an event
        follow(world.database, seal, now=True)
    with pytest.raises(Conflict, match="behind-witness"):
        log_checks.log(world.parts, world.settings)
    note(world, 10)  # and it goes on as if nothing had been
    with pytest.raises(Conflict, match="unlike-witness"):
        follow(world.database, seal, now=True)
    assert told(world) == [
        f"entries {size + 1} to {size + 5} are not those that the checkpoint of the witness was signed over"
    ]


def test_a_witness_that_was_left_out_for_a_time_is_taken_up_again(world: World, tmp_path: Path) -> None:
    path = tmp_path / "other-disk.witness"
    begin_witness(world.database, seal_of(world, witness=path), OPERATOR)
    note(world, 3)
    follow(world.database, seal_of(world), now=True)
    note(world, 3)
    seal = seal_of(world, witness=path)
    assert follow(world.database, seal, now=True) == 3
    assert told(world) == []
    change(world, "DELETE FROM log_checkpoints WHERE size = (SELECT max(size) FROM log_checkpoints)")
    note(world)
    assert follow(world.database, seal, now=True) == 5  # three, the check, and this one; the witness was ahead


def test_a_checkpoint_cut_off_by_a_crash_is_written_again_and_anything_else_is_refused(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "other-disk.witness"
    seal = seal_of(world, witness=path)
    begin_witness(world.database, seal, OPERATOR)
    whole = path.read_bytes()
    for length in (3, len(seal.origin) + 1, len(seal.origin) + 9, len(whole) - 1):
        path.write_bytes(whole + whole[:length])
        assert witness.last_head(path, seal.origin, seal.public_key()).size > 0
        witness.append(path, whole.decode())
        assert path.read_bytes() == whole + whole
    for bad in (
        b"",
        b"diwan",
        whole[:-1],
        whole + b"more",
        whole.replace(b"diwan", b"other"),
        whole + b"\xff\n\xe2\x80\x94 x y\n",
    ):
        path.write_bytes(bad)
        with pytest.raises(Conflict, match="bad-witness"):
            witness.last_head(path, seal.origin, seal.public_key())
        assert path.read_bytes() == bad
