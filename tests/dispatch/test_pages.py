"""The queue on a page and from the command line."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from edms.core.actor import system_actor
from edms.core.ids import new_id
from edms.dispatch import queue as queues
from edms.dispatch.claiming import claim
from edms.dispatch.commands import queue
from edms.dispatch.models import DeliveryAttempt, OutboxItem
from edms.dispatch.queue import Asked
from edms.dispatch.rules import Outcome
from edms.dispatch.service import Attempt, record_attempts
from tests.factories.issued import issued_letter
from tests.factories.pages import application, post, sign_in
from tests.factories.world import OPERATOR, World, make_world


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


def test_one_consignment_shows_every_try_in_the_next_hops_words(
    browser: Callable[[str, str], FlaskClient], world: World
) -> None:
    client = browser("a", "registry")
    made = issued_letter(world)
    with world.database.work(OPERATOR) as uow:
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.letter_id == made.id)).one()
        for at, reply in ((1, "421 4.4.2 gone"), (2, "450 4.2.1 suspended <b>")):
            when = uow.now + timedelta(seconds=at)
            uow.session.add(DeliveryAttempt(item_id=item.id, at=when, outcome="transient", reply=reply))
        item.attempts, item.warned_at, item_id = 2, uow.now, item.id
    page = client.get(f"/queue/{item_id}").text
    assert page.index("450 4.2.1 suspended &lt;b&gt;") < page.index("421 4.4.2 gone")
    assert "متأخرة" in page
    assert f"/queue/{item_id}/cancel" not in page
    assert browser("b", "registry").get(f"/queue/{item_id}").status_code == 404
    line = run(world, "show", str(item_id))
    assert isinstance(line, dict)
    assert [each["reply"] for each in line["tries"]] == ["421 4.4.2 gone", "450 4.2.1 suspended <b>"]
    assert line["warned_at"]


def test_queue_is_narrowed_by_kind_and_recipient_and_turned_round(
    browser: Callable[[str, str], FlaskClient], world: World
) -> None:
    client, ids = browser("a", "registry"), [issued_letter(world).id for _ in range(2)]
    with world.database.read(OPERATOR) as uow:
        wanted = select(OutboxItem.id).where(OutboxItem.letter_id.in_(ids)).order_by(OutboxItem.id)
        first, second = (str(one) for one in uow.session.scalars(wanted))
    turned = client.get("/queue?order=oldest").text
    assert turned.index(first) < turned.index(second)
    assert client.get("/queue").text.index(second) < client.get("/queue").text.index(first)
    assert first not in client.get("/queue?kind=receipt").text
    assert first in client.get(f"/queue?kind=letter&to={world.entity_b.code}").text
    for other in (world.centre.code, "99999999", "<script>"):
        assert first not in client.get("/queue", query_string={"to": other}).text
    lines = run(world, "list", "--oldest-first", "--to", world.entity_b.code, "--kind", "letter")
    assert isinstance(lines, list)
    found = [line["id"] for line in lines]
    assert found == sorted(found)
    assert {first, second} <= set(found)


def test_list_uses_the_index_of_what_is_kept(world: World) -> None:
    with world.database.read(world.actor("a", "registry")) as uow:
        asked: list[str] = []
        listener = lambda *args: asked.append(args[2])  # noqa: E731 - removed again below
        event.listen(world.database.engine, "before_cursor_execute", listener)
        try:
            queues.queue(uow, Asked())
        finally:
            event.remove(world.database.engine, "before_cursor_execute", listener)
        (statement,) = [one for one in asked if "FROM outbox_items" in one]
        plan = uow.session.connection().exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}", ("queued", "sending", "failed", "0" * 32, 10, 0)
        )
        assert "ix_outbox_items_kept" in " ".join(str(row) for row in plan)
