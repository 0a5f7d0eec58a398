"""The queue on a page and from the command line."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from edms.core.actor import system_actor
from edms.core.ids import new_id
from edms.dispatch.claiming import claim
from edms.dispatch.commands import queue
from edms.dispatch.rules import Outcome
from edms.dispatch.service import Attempt, record_attempts
from tests.factories.issued import issued_letter
from tests.factories.pages import application, post, sign_in
from tests.factories.world import World, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = make_world(tmp_path_factory.mktemp("queue"))
    issued_letter(made, subject="سري: لا يظهر في الطابور")
    issued_letter(made)
    return made


@pytest.fixture(scope="module")
def app(world: World) -> Flask:
    return application(world)


@pytest.fixture(scope="module")
def browser(app: Flask, world: World) -> Callable[[str, str], FlaskClient]:
    return lambda where, who: sign_in(app, world.logins[where, who])


def run(world: World, *words: str) -> object:
    result = CliRunner().invoke(queue, [*words, "--json"], obj=world.parts)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_registry_sees_what_waits_and_takes_one_out(browser: Callable[[str, str], FlaskClient], world: World) -> None:
    client = browser("a", "registry")
    page = client.get("/queue").text
    assert page.count("وزارة التربية") == 2
    assert "بانتظار الإرسال" in page
    assert "لا يظهر في الطابور" not in page
    lines = run(world, "list")
    assert isinstance(lines, list)
    assert [line["state"] for line in lines] == ["queued", "queued"]
    assert post(client, f"/queue/{lines[0]['id']}/cancel", form="/queue").status_code == 303
    assert post(client, f"/queue/{lines[0]['id']}/cancel", form="/queue").status_code == 409
    assert post(client, f"/queue/{lines[1]['id']}/retry", form="/queue").status_code == 303
    shown = run(world, "show", lines[0]["id"])
    assert isinstance(shown, dict)
    assert (shown["state"], shown["tries"]) == ("cancelled", [])


def test_other_bodies_find_nothing(browser: Callable[[str, str], FlaskClient], world: World) -> None:
    client = browser("b", "registry")
    assert "وزارة التربية" not in client.get("/queue").text.split("<main")[1]
    lines = run(world, "list")
    assert isinstance(lines, list)
    assert post(client, f"/queue/{lines[0]['id']}/retry", form="/queue").status_code == 404
    assert browser("a", "employee").get("/queue").status_code == 403


def test_an_unknown_consignment_is_refused(world: World) -> None:
    result = CliRunner().invoke(queue, ["retry", "00000000-0000-0000-0000-000000000001"], obj=world.parts)
    assert result.exit_code == 1
    assert "dispatch.unknown-item" in repr(result.exception)


def test_the_operator_sees_which_next_hops_are_left_alone(tmp_path: Path) -> None:
    made = make_world(tmp_path)
    assert run(made, "hops") == []
    issued_letter(made)
    with made.database.work(system_actor("relay")) as uow:
        owner = new_id()
        (item,) = claim(uow, owner, limit=1)
        missed = Attempt(item.id, Outcome.TRANSIENT, "421 SMTPConnectError", reached=False)
        record_attempts(uow, owner, [missed], rest=lambda _failures: timedelta(minutes=5))
    lines = run(made, "hops")
    assert isinstance(lines, list)
    assert [(line["installation"], line["failures"], line["reason"]) for line in lines] == [
        ("home", 1, "421 SMTPConnectError")
    ]
    assert lines[0]["retry_at"] > lines[0]["since"]
