"""The demonstration end to end: real letters over real SMTP to all 860 bodies, and an exact balance."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edms.core.database import Database
from edms.core.parts import Parts
from edms.demo import making, runner, sending
from edms.demo.bodies import own_bodies
from edms.demo.texts import own_texts
from edms.entities import queries as entities
from edms.operation import locks, programs
from edms.operation.running import demo_logins
from edms.operation.site import Site
from tests.operation.sites import parts_in, variables

_ROLES = {"employee", "signatory", "registry", "auditor", "administrator", "centre"}


def _demo(environ: dict[str, str], *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [*programs.diwan_command(), "demo", "--json", *arguments], env={**os.environ, **environ}, capture_output=True,
        text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return variables(tmp_path_factory.mktemp("demo"), DIWAN_RELAY_POLL_SECONDS="0.2")


@pytest.fixture(scope="module")
def first(environ: dict[str, str]) -> dict[str, Any]:
    return _demo(environ, "--letters", "6", "--entities", "3")


@pytest.mark.slow
def test_everything_sent_is_registered_refused_or_waiting(first: dict[str, Any]) -> None:
    assert first["letters"] == 6
    assert first["sent"] >= len(own_bodies()) - 1 + 5
    assert first["sent"] == first["registered"] + first["refused"] + first["waiting"]
    assert (first["refused"], first["waiting"], first["arrived"]) == (0, 0, first["registered"])
    assert 0 < first["circular_seconds"] <= first["seconds"]


@pytest.mark.slow
def test_logins_show_every_role_with_codes_and_address(first: dict[str, Any]) -> None:
    assert {login["role"] for login in first["logins"]} == _ROLES
    for login in first["logins"]:
        assert set(login) == {"role", "employee", "entity", "address", "login", "password", "pin"}
        assert bool(login["pin"]) == (login["role"] in {"signatory", "registry", "administrator"})
        assert (len(login["employee"]), len(login["entity"])) == (10, 8)
        assert login["address"].partition("@")[0] in {"diwan", login["login"]}


@pytest.mark.slow
def test_second_run_sends_more_with_the_same_logins(environ: dict[str, str], first: dict[str, Any]) -> None:
    second = _demo(environ, "--letters", "2", "--entities", "4")
    assert second["letters"] == 2
    assert second["sent"] == second["registered"]
    assert second["logins"] == first["logins"]


@pytest.mark.slow
def test_demo_leaves_nothing_running(environ: dict[str, str], first: dict[str, Any]) -> None:
    run = Path(environ["DIWAN_DATA"]) / "run"
    assert [locks.running(run, name) for name in programs.NAMES] == [None] * 4
    assert first["sent"]


@pytest.mark.slow
def test_no_subject_is_readable_in_what_the_processes_write(environ: dict[str, str], first: dict[str, Any]) -> None:
    written = "".join(path.read_text("utf-8") for path in (Path(environ["DIWAN_DATA"]) / "run").glob("*.log"))
    assert written
    assert first["sent"]
    assert not [letter.subject for letter in own_texts() if letter.subject in written]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    parts = parts_in(tmp_path_factory.mktemp("prepared"))
    making.prepare(parts, parts[Site], bodies=3)
    return parts


def test_prepare_registers_every_body_and_repeats_nothing(prepared: Parts) -> None:
    before = demo_logins(prepared[Site])
    making.prepare(prepared, prepared[Site], bodies=3)
    assert demo_logins(prepared[Site]) == before
    with prepared[Database].read(making.OPERATOR) as uow:
        assert entities.count_entities(uow) == len(own_bodies())


def test_letters_are_not_lost_while_nobody_delivers(prepared: Parts) -> None:
    run = runner.send_letters(prepared, own_texts(), letters=4, bodies=3, look=lambda: None)
    result = runner.wait_for_balance(prepared[Database], run, timeout=0, look=lambda: None)
    assert (result.balance.waiting, result.balance.moving) == (run.sent, run.sent)
    assert result.circular_seconds is None
    assert not result.holds


def test_plan_never_addresses_the_sender_nor_anybody_twice(prepared: Parts) -> None:
    staff = sending.staff_of(prepared[Database], [body.key for body in own_bodies()[:3]])
    planned = sending.plan(prepared[Database], staff, own_texts(), 90)
    assert [one.number for one in planned] == list(range(90))
    assert {one.letter.kind for one in planned} == {"circular", "letter", "reply", "reminder"}  # the others stay inside
    for one in planned:
        addressed = [each.entity_id for each in one.addressees]
        assert staff[one.sender].entity_id not in addressed
        assert len(set(addressed)) == len(addressed) > 0
        assert len(addressed) > 1 or one.letter.kind != "circular"
    replies = [one for one in planned if one.letter.kind == "reply"]
    assert len(replies) > 5
    for one in replies:
        assert one.answers is not None
        answered = planned[one.answers]
        assert answered.letter.subject == one.letter.answers
        assert answered.number < one.number
        assert answered.addressees[0].entity_id == staff[one.sender].entity_id
        assert one.addressees[0].entity_id == staff[answered.sender].entity_id
