"""A worker that is killed in the middle of a look-up: another takes it up, and the outcome is written once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from edms.verification import leak_queries
from edms.verification.leak_rules import LookUpState
from edms.verification.models import LeakLookUp
from tests.factories.issued import downloaded_copy, events, issued_letter
from tests.factories.world import OPERATOR, World, make_world
from tests.verification.leaks import auditor_of, encoded, new_case, piece, rendered, work_off
from tests.verification.test_leak_cases import make_auditors, shown

_HOME = Path(__file__).resolve().parents[2]
_WORKER = "from edms.commands import main; main()"


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = make_world(tmp_path, database_url)
    yield made
    made.database.dispose()


def worker(world: World) -> subprocess.Popen[bytes]:
    """The program itself, as it runs in an installation."""
    settings = world.settings
    environ = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(_HOME), "DIWAN_DATA": str(settings.data),
        "DIWAN_DATABASE_URL": world.database.url.replace("+psycopg", ""), "DIWAN_WORKER_POLL_SECONDS": "0.1",
        "DIWAN_INSTALLATION_NAME": "home",
    }  # fmt: skip
    if world.database.is_sqlite:
        del environ["DIWAN_DATABASE_URL"]
        assert str(settings.data) in world.database.url or environ.setdefault("DIWAN_DATABASE_URL", world.database.url)
    return subprocess.Popen(
        [sys.executable, "-c", _WORKER, "worker"], env=environ, cwd="/", stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def state_of(world: World, case_id: str) -> LeakLookUp:
    with world.database.read(OPERATOR) as uow:
        (row,) = leak_queries.look_ups(uow, UUID(case_id))
        return row


def wait_for(world: World, case_id: str, *states: str, seconds: float = 240) -> LeakLookUp:
    ends = time.monotonic() + seconds
    while (row := state_of(world, case_id)).state not in states:
        assert time.monotonic() < ends, row.state
        time.sleep(0.05)
    return row


@pytest.mark.timeout(600)
def test_a_killed_workers_look_up_is_taken_up_and_done_once(world: World) -> None:
    make_auditors(world)
    auditor = auditor_of(world, "a")
    pdf, _ = downloaded_copy(world, issued_letter(world), ("a", "employee"))
    case_id = new_case(world, auditor, encoded(piece(rendered(pdf), 0.1, 0.1, 1, 0.6)))
    killed = worker(world)
    try:
        wait_for(world, case_id, LookUpState.RUNNING)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    left = state_of(world, case_id)
    assert left.state == LookUpState.RUNNING
    assert work_off(world) == 0  # its claim still holds
    with world.database.work(OPERATOR) as uow:
        uow.session.get_one(LeakLookUp, left.id).lease_until = uow.now - timedelta(seconds=1)
    second = worker(world)
    try:
        done = wait_for(world, case_id, LookUpState.DONE, LookUpState.FAILED)
    finally:
        second.terminate()
        second.wait(30)
    assert (done.state, done.tries) == (LookUpState.DONE, 2)
    assert [one.person != "" for one in shown(world, auditor, case_id).named] == [True]
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "leaks.looked-up") == 1
