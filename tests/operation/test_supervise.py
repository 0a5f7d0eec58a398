"""The supervisor starts again what dies, stops everything together, and leaves nobody behind."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edms.operation import locks
from edms.operation.supervise import Program, Supervisor

_SLEEP = "import time; print('up', flush=True); time.sleep(60)"
_STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
)
_WITH_CHILD = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    " print(child.pid, flush=True); time.sleep(60)"
)


def _program(name: str, source: str, ready: Callable[[], bool] = lambda: True) -> Program:
    return Program(name, (sys.executable, "-c", source), ready)


@contextmanager
def _running(tmp_path: Path, *programs: Program) -> Iterator[tuple[Supervisor, list[tuple[str, str]]]]:
    said: list[tuple[str, str]] = []
    supervisor = Supervisor(
        programs, environ=dict(os.environ), run_folder=tmp_path, say=lambda *line: said.append(line)
    )
    try:
        supervisor.start()
        yield supervisor, said
    finally:
        supervisor.stop(grace=1)


def _wait(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process_id}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"


def test_killed_program_is_started_again_and_the_others_stay(tmp_path: Path) -> None:
    with _running(tmp_path, _program("web", _SLEEP), _program("relay", _SLEEP)) as (supervisor, said):
        first = supervisor.process_ids()
        _wait(lambda: len(said) == 2)
        os.kill(first["web"], signal.SIGKILL)

        def again() -> bool:
            supervisor.look()
            return supervisor.process_ids().get("web") not in {None, first["web"]}

        _wait(again)
        assert supervisor.process_ids()["relay"] == first["relay"]
        assert ("web", "ended (signal SIGKILL); starts again in 0.5 s") in said


def test_pause_grows_while_a_program_keeps_dying(tmp_path: Path) -> None:
    with _running(tmp_path, _program("relay", "raise SystemExit(3)", lambda: False)) as (supervisor, said):

        def hopeless() -> bool:
            supervisor.look()
            return bool(supervisor.hopeless())

        _wait(hopeless)
        assert [text for _, text in said] == [
            f"ended (exit 3); starts again in {pause} s" for pause in ("0.5", "1", "2")
        ]


def test_stop_ends_all_even_a_stubborn_one(tmp_path: Path) -> None:
    with _running(tmp_path, _program("web", _SLEEP), _program("relay", _STUBBORN)) as (supervisor, said):
        _wait(lambda: len(said) == 2)
        numbers = supervisor.process_ids().values()
        supervisor.stop(grace=0.5)
        assert not any(map(_alive, numbers))


def test_stop_leaves_no_grandchild(tmp_path: Path) -> None:
    with _running(tmp_path, _program("web", _WITH_CHILD)) as (supervisor, said):
        _wait(lambda: said)
        supervisor.stop(grace=5)
        _wait(lambda: not _alive(int(said[0][1])))


def test_running_program_is_seen_by_others_until_it_ends(tmp_path: Path) -> None:
    assert locks.running(tmp_path, "web") is None
    with _running(tmp_path, _program("web", _SLEEP)) as (supervisor, _):
        assert locks.running(tmp_path, "web") == str(supervisor.process_ids()["web"])
        assert locks.running(tmp_path, "relay") is None
    assert locks.running(tmp_path, "web") is None


def test_unready_names_those_that_do_not_serve_yet(tmp_path: Path) -> None:
    flag = tmp_path / "ready"
    with _running(tmp_path, _program("web", _SLEEP, flag.exists), _program("relay", _SLEEP)) as (supervisor, _):
        assert supervisor.unready() == ["web"]
        flag.touch()
        assert supervisor.unready() == []


@pytest.mark.parametrize("status", [0, 1])
def test_program_that_ends_by_itself_is_started_again(tmp_path: Path, status: int) -> None:
    with _running(tmp_path, _program("worker", f"raise SystemExit({status})")) as (supervisor, said):

        def noted() -> bool:
            supervisor.look()
            return bool(said)

        _wait(noted)
        assert said[0] == ("worker", f"ended (exit {status}); starts again in 0.5 s")
