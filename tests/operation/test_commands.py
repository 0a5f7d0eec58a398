"""The commands as people and scripts type them: one line for a refusal, stable JSON, exit 0, 1 or 2."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from edms.core import migrate
from edms.operation import locks, programs
from edms.operation.running import LOGINS
from tests.operation.sites import variables


def _diwan(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*programs.diwan_command(), *arguments], env={**os.environ, **environ}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of an installation that was begun by the command."""
    made = variables(tmp_path_factory.mktemp("site"))
    done = _diwan(made, "init", "--name", "ministry", "--first-serial", "200000")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{made['DIWAN_DATA']}.secret" in done.stdout
    return made


def test_second_init_is_refused_in_one_line(environ: dict[str, str]) -> None:
    again = _diwan(environ, "init")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"diwan: {environ['DIWAN_DATA']} holds an installation already; nothing was changed\n"


def test_doctor_json_lists_every_check(environ: dict[str, str]) -> None:
    seen = _diwan(environ, "doctor", "--json")
    found = json.loads(seen.stdout)
    assert (seen.returncode, found["ok"]) == (0, True)
    assert set(found["checks"][0]) == {"name", "state", "text", "remedy"}


def test_doctor_reports_settings_that_cannot_be_used(environ: dict[str, str]) -> None:
    seen = _diwan({**environ, "DIWAN_WEB_PROT": "1"}, "doctor")
    assert seen.returncode == 1
    assert "did you mean DIWAN_WEB_PORT?" in seen.stdout


def test_commands_before_init_name_init(tmp_path: Path) -> None:
    for command in ("up", "relay"):
        seen = _diwan(variables(tmp_path), command)
        assert seen.returncode == 1
        assert seen.stderr.startswith(f"diwan: there is no installation in {tmp_path / 'data'} yet")
    assert list(tmp_path.iterdir()) == []


def test_up_names_the_setting_of_a_port_that_is_taken(environ: dict[str, str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(environ["DIWAN_WEB_PORT"])))
        other.listen()
        seen = _diwan(environ, "up")
    assert seen.returncode == 1
    assert "set web.port (DIWAN_WEB_PORT)" in seen.stderr


def test_up_refuses_beside_a_running_one(environ: dict[str, str]) -> None:
    lock = locks.hold(Path(environ["DIWAN_DATA"]) / "run", "relay")
    try:
        seen = _diwan(environ, "up")
    finally:
        os.close(lock)
    assert seen.returncode == 1
    assert "relay already runs" in seen.stderr


def test_database_upgrade_names_the_revision(environ: dict[str, str]) -> None:
    assert _diwan(environ, "db", "upgrade").stdout == f"The database is at revision {migrate.newest()}.\n"


def test_demo_leaves_an_installation_in_use_alone(environ: dict[str, str]) -> None:
    seen = _diwan(environ, "demo", "--prepare")
    assert seen.returncode == 1
    assert "this is no demonstration" in seen.stderr
    assert not (Path(environ["DIWAN_DATA"]) / "run" / LOGINS).exists()


def test_web_serves_and_ends_when_asked(environ: dict[str, str]) -> None:
    port = int(environ["DIWAN_WEB_PORT"])
    served = subprocess.Popen([*programs.diwan_command(), "web"], env={**os.environ, **environ})
    try:
        deadline = time.monotonic() + 30
        while not programs.answers("127.0.0.1", port):
            assert served.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert locks.running(Path(environ["DIWAN_DATA"]) / "run", "web") == str(served.pid)
    finally:
        served.send_signal(signal.SIGTERM)
        assert served.wait(30) == 0


def test_worker_ends_when_asked(environ: dict[str, str]) -> None:
    run = Path(environ["DIWAN_DATA"]) / "run"
    working = subprocess.Popen([*programs.diwan_command(), "worker"], env={**os.environ, **environ})
    try:
        deadline = time.monotonic() + 30
        while locks.running(run, "worker") is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(0.5)
    finally:
        working.send_signal(signal.SIGTERM)
        assert working.wait(30) == 0
