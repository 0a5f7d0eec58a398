"""``/metrics``: for a scraper of this machine or one with the token, and it tells how mail stands."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from edms.app import create_app
from edms.core.tallies import Tallies
from mailgw import metrics
from tests.factories.issued import issued_letter
from tests.factories.world import World, make_world

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("measures"))
    issued_letter(made, subject="لا يظهر في الأرقام")
    yield made
    made.database.dispose()


def app(world: World, token: str = "") -> Flask:
    return create_app(replace(world.settings, metrics=replace(world.settings.metrics, token=token)), world.parts)


def asked(made: Flask, address: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    answer = made.test_client().get("/metrics", environ_base={"REMOTE_ADDR": address}, headers=headers)
    return answer.status_code, answer.text


def test_only_this_machine_asks_without_a_token(world: World) -> None:
    made = app(world)
    assert [asked(made, one)[0] for one in ("127.0.0.1", "::1", "10.0.0.5", "")] == [200, 200, 404, 404]
    for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        assert asked(made, **{name: "203.0.113.9"})[0] == 404  # a proxy on this machine asks for somebody else


def test_with_a_token_nobody_asks_without_it(world: World) -> None:
    made = app(world, TOKEN)
    assert asked(made)[0] == 404
    assert asked(made, Authorization=f"Bearer {TOKEN}x")[0] == 404
    assert asked(made, "10.0.0.5", Authorization=f"Bearer {TOKEN}")[0] == 200


def test_counts_of_the_mail_log_and_the_queue_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "tallies", Tallies())
    answered = {"code": 250, "reason": "smtp.registered", "octets": 700, "seconds": 0.03}
    metrics.note("message.answered", answered)
    metrics.note("message.answered", {**answered, "code": 550, "reason": "smtp.bcc"})
    metrics.note("rcpt.refused", {"reason": "smtp.mailbox-unknown"})
    metrics.note("message.sent", {"kind": "letter", "outcomes": {"ok": 3, "transient": 1}})
    metrics.note("parser.failed", {"reason": "message.unreadable"})
    metrics.note("incident", {"error": "KeyError"})
    metrics.connected("peers")
    metrics.tallies.write(world.settings.run_folder, "receive")
    status, text = asked(app(world))
    assert status == 200
    assert "لا يظهر" not in text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["diwan_mail_accepted_total", "smtp.registered"] == 1
    assert found["diwan_mail_accepted_octets_total",] == 700
    assert found["diwan_mail_refused_total", "smtp.bcc"] == 1
    assert found["diwan_mail_refused_total", "smtp.mailbox-unknown"] == 1
    assert found["diwan_mail_deliveries_total", "letter", "ok"] == 3
    assert found["diwan_mail_deliveries_total", "letter", "transient"] == 1
    assert found["diwan_mail_parser_failures_total", "message.unreadable"] == 1
    assert found["diwan_mail_incidents_total", "KeyError"] == 1
    assert found["diwan_mail_connections_total", "peers"] == 1
    assert found["diwan_mail_events_total", "message.answered"] == 2
    assert found["diwan_mail_commit_seconds_count",] == 1
    assert found["diwan_mail_commit_seconds_bucket", "0.05"] == 1
    assert found["diwan_mail_commit_seconds_bucket", "0.025"] == 0
    assert found["diwan_queue_length", "queued"] == 1
    assert found["diwan_queue_length", "sending"] == 0
    assert found["diwan_queue_oldest_seconds",] > 0
    assert found["diwan_quarantine_held",] == 0
