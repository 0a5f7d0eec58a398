"""``diwan audit`` as people and scripts type it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, text

from crypto.cosignatures import witness_key
from edms.audit import check_log, exporting
from edms.audit.log_seal import LogSeal
from edms.audit.models import Event
from edms.audit.rules import LogPlan, WitnessPlace
from edms.audit.witness_client import last_known
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


def test_rotate_key_writes_the_new_key_and_verify_goes_on(world: World, tmp_path: Path) -> None:
    grown(world)
    made = run(world, "rotate-key", "-o", tmp_path / "new.pem", "--json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    assert told["number"] == 2
    assert (tmp_path / "new.pem").read_text("ascii") == told["key"]
    grown(world)
    assert run(world, "verify").exit_code == 0
    assert "audit.key-rotated" in acts(world)


def test_a_witness_serves_without_any_data_of_diwan(world: World, tmp_path: Path) -> None:
    grown(world)
    folder, key = tmp_path / "witness", tmp_path / "log-key.pem"
    key.write_bytes(exporting.public_pem(world.parts[LogSeal]))
    named = run(world, "witness-key", folder, "--name", "witness.example")
    assert named.stdout.startswith("witness.example+")
    command = [
        sys.executable, "-c", "from edms.commands import main; main()", "audit", "witness-serve", str(folder), "--name",
        "witness.example", "--log", world.parts[LogSeal].origin, str(key), "--port", "0",
    ]  # fmt: skip
    environ = {**os.environ, "DIWAN_DATA": str(tmp_path / "nothing")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as server:
        assert server.stdout is not None
        said, _, address = server.stdout.readline().strip().partition(" listens on ")
        try:
            assert said == named.stdout.strip()
            place = WitnessPlace(address, witness_key(said))
            origin = world.parts[LogSeal].origin
            assert last_known(place, origin, b"") is None
            seal = world.parts[LogSeal]
            world.parts.put(LogSeal, replace(seal, plan=LogPlan(places=(place,))))
            grown(world)
            known = last_known(place, origin, seal.public_key())
            assert known is not None
            told = json.loads(run(world, "verify", "--json").stdout)
            assert (told["ok"], told["cosigned"]) == (True, known.size)
        finally:
            server.terminate()
    assert not (tmp_path / "nothing").exists()
    assert run(world, "witness-serve", folder, "--name", "w", "--log", "o", tmp_path / "none.pem").exit_code != 0
