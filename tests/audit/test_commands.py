"""``diwan audit`` as people and scripts type it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, text

from edms.audit import check_log
from edms.audit.models import Event
from edms.audit.rules import LogPlan
from edms.core.errors import Conflict, Invalid
from edms.operation.audit_commands import audit
from edms.operation.followers import followers_of
from tests.audit.kept import OPERATOR, grown, seal_of
from tests.factories.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def run(world: World, *arguments: object) -> Result:
    return CliRunner().invoke(audit, [str(each) for each in arguments], obj=world.parts)


def acts(world: World) -> list[str]:
    with world.database.read(OPERATOR) as uow:
        return list(uow.session.scalars(select(Event.act).where(Event.act.like("audit.%")).order_by(Event.seq)))


def test_verify_says_in_one_line_that_all_is_well_and_is_an_event(world: World) -> None:
    before = run(world, "verify", "--json")
    assert (before.exit_code, json.loads(before.stdout)["checkpoints"]) == (0, 0)  # nothing is signed yet
    size = grown(world)
    seen = run(world, "verify")
    assert (seen.exit_code, seen.stdout.count("\n")) == (0, 1)
    assert seen.stdout.startswith(f"The log is whole: {size} entries, 1 checkpoint up to entry {size};")
    told = json.loads(run(world, "verify", "--json").stdout)
    assert (told["ok"], told["events"], told["first_bad"], told["problems"]) == (True, size + 1, None, [])
    assert acts(world) == ["audit.verified"] * 3


def test_verify_names_the_first_bad_entry_and_exits_1(world: World) -> None:
    grown(world)
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(text("DELETE FROM events WHERE seq = 9"))
        uow.session.execute(text("UPDATE letters SET number = 'x'"))
    seen = run(world, "verify")
    assert seen.exit_code == 1
    assert seen.stdout.splitlines()[:2] == ["THE LOG IS NOT WHOLE.", "entry 9 is missing"]
    assert "is not as the last act on it left it" in seen.stdout
    told = json.loads(run(world, "verify", "--json").stdout)
    assert (told["ok"], told["first_bad"]) == (False, 9)


def test_export_and_proof_are_checked_by_the_checker(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    size = grown(world)
    done = run(world, "export", tmp_path / "export", "--json")
    assert (done.exit_code, json.loads(done.stdout)["size"]) == (0, size + 1)  # its own event is in it
    later = run(world, "export", tmp_path / "later", "--since", size, "--json")
    assert json.loads(later.stdout)["entries"] == 2
    assert run(world, "prove", 5, "-o", tmp_path / "proof.json", "--since", size).exit_code == 0
    assert acts(world) == ["audit.exported", "audit.exported", "audit.proved"]
    for arguments in ([tmp_path / "export"], [tmp_path / "later"], ["--proof", tmp_path / "proof.json"]):
        monkeypatch.setattr("sys.argv", ["check_log.py", *map(str, arguments)])
        assert check_log.main() == 0
        assert capsys.readouterr().out.startswith("All is well.")


def test_a_witness_is_begun_by_command_and_fed_by_the_worker(world: World, tmp_path: Path) -> None:
    assert isinstance(run(world, "witness").exception, Invalid)
    path = tmp_path / "other-disk.witness"
    seal_of(world, witness=path)
    assert run(world, "witness").exit_code == 0
    assert isinstance(run(world, "witness").exception, Conflict)
    world.parts.put(LogPlan, LogPlan(witness=path))
    follower = next(each for each in followers_of(world.parts) if each.name == "checkpoints")
    assert follower.step() == 0  # not due
    assert run(world, "export", tmp_path / "export").exit_code == 0
    assert path.read_text("utf-8").endswith((tmp_path / "export" / "checkpoints.txt").read_text("utf-8")[-200:])
    assert run(world, "verify", "--witness", path).exit_code == 0
    assert isinstance(run(world, "verify", "--witness", tmp_path / "export" / "log.json").exception, Conflict)


@pytest.mark.parametrize("arguments", [["export"], ["prove", "0", "-o", "x"], ["prove", "1"], ["verify", "--what"]])
def test_wrong_usage_exits_2(world: World, arguments: list[str]) -> None:
    assert run(world, *arguments).exit_code == 2
