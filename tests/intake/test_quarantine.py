"""Quarantine: flagged messages apart from the others, seen as harmless text, given back byte for byte, decided on."""

import hashlib
import json
from pathlib import Path
from uuid import UUID

from click.testing import CliRunner
from sqlalchemy import func, select

from edms.audit.models import Event
from edms.intake.commands import intake, quarantine_group
from edms.intake.models import ReceivedMessage
from edms.letters.models import Letter
from edms.letters.rules import Sensitivity
from mailgw.handler import RegistryHandler
from mailgw.replies import Reply
from tests.factories.issued import issued_letter
from tests.factories.pages import post
from tests.factories.world import OPERATOR, World
from tests.intake.conftest import Browser
from tests.mailgw.arrivals import envelope, outbox, with_handler

A, B = "moh.gov.example", "moe.gov.example"
HOSTILE = (
    "From: diwan@moh.gov.example\r\nTo: diwan@moe.gov.example\r\nSubject: =?utf-8?b?2YPYqtin2Kg=?=\r\n"
    "Date: Thu, 20 Nov 2025 09:00:00 +0300\r\n"
    "Message-ID: <1@moh.gov.example>\r\nX-Evil: <script>alert(1)</script>\u202e\x1b[31m\r\n"
    'Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment; filename="..\\..\\evil.exe"\r\n'
    "\r\n<img src=x onerror=alert(1)> السلام عليكم\r\n"
).encode()


def arrived(world: World, raw: bytes, *, flag: str = "") -> UUID:
    """Take a message in at B, under a flag."""

    async def use(handler: RegistryHandler) -> Reply:
        return await handler.data(envelope(raw, A, B))

    assert with_handler(world, use).positive
    with world.database.work(OPERATOR) as uow:
        row = uow.session.scalars(select(ReceivedMessage).order_by(ReceivedMessage.id.desc())).first()
        assert row is not None
        if flag:
            row.flag = flag
        return row.id


def read_events(world: World, message_id: UUID, act: str) -> int:
    with world.database.read(OPERATOR) as uow:
        wanted = select(func.count()).select_from(Event).where(Event.object_id == message_id, Event.act == act)
        return uow.session.scalar(wanted) or 0


def state_of(world: World, message_id: UUID) -> tuple[str, str, bool]:
    with world.database.read(OPERATOR) as uow:
        row = uow.session.get_one(ReceivedMessage, message_id)
        return row.state, row.flag, row.decided_at is not None


def run(world: World, group: object, *words: str) -> object:
    result = CliRunner().invoke(group, [*words, "--json"], obj=world.parts)  # type: ignore[arg-type]
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_flagged_message_is_apart_and_shown_as_text_that_cannot_act(world: World, browser: Browser) -> None:
    held = arrived(world, HOSTILE, flag="intake.opaque")
    clerk = browser("b", "registry")
    assert "لا رسالة تنتظر" in clerk.get("/incoming/waiting").text
    listed = clerk.get("/incoming/quarantine").text
    assert "رسالة تعذّرت قراءتها" in listed
    page = clerk.get(f"/incoming/quarantine/{held}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[31m" in page
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt; السلام عليكم" in page
    assert read_events(world, held, "intake.original-glanced") == 1


def test_original_is_given_byte_for_byte_and_each_time_is_an_event(world: World, browser: Browser) -> None:
    plain = arrived(world, HOSTILE)
    issued_letter(world, subject="كتاب يصل")
    raw = outbox(world)[1][-1]
    typed = arrived(world, raw)
    clerk = browser("b", "registry")
    for message_id, octets in ((plain, HOSTILE), (typed, raw)):
        answer = clerk.get(f"/incoming/messages/{message_id}/original.eml")
        assert answer.data == octets
        assert answer.content_type == "message/rfc822"
        assert answer.headers["Content-Disposition"].startswith("attachment; ")
        assert f"{message_id}.eml" in answer.headers["Content-Disposition"]
        assert "evil" not in answer.headers["Content-Disposition"]
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert read_events(world, plain, "intake.original-read") == 1
    for other, status in ((browser("a", "registry"), 404), (browser("b", "employee"), 403)):
        assert other.get(f"/incoming/messages/{plain}/original.eml").status_code == status


def test_original_above_the_clerks_clearance_stays_closed(world: World, browser: Browser) -> None:
    issued_letter(world, subject="خطة سرية للغاية", sensitivity=Sensitivity.TOP_SECRET)
    message_id = arrived(world, outbox(world)[1][-1])
    clerk = browser("b", "registry")
    assert clerk.get(f"/incoming/messages/{message_id}/original.eml").status_code == 403
    assert f"/incoming/messages/{message_id}" not in clerk.get(f"/incoming/waiting/{message_id}").text


def test_registered_letter_shows_the_message_that_brought_it(world: World, browser: Browser) -> None:
    issued_letter(world, subject="كتاب يصل")
    raw = outbox(world)[1][-1]
    message_id = arrived(world, raw)
    clerk = browser("b", "registry")
    assert post(clerk, f"/incoming/waiting/{message_id}/register", form="/incoming/waiting").status_code == 303
    with world.database.read(OPERATOR) as uow:
        letter = uow.session.scalars(select(Letter.id).where(Letter.direction == "incoming")).one()
    path = f"/incoming/messages/{message_id}/original.eml"
    assert path in clerk.get(f"/letters/{letter}/track").text
    assert clerk.get(path).data == raw
    assert path not in browser("b", "head").get(f"/letters/{letter}/track").text


def test_released_message_joins_the_others_and_each_is_decided_once(world: World, browser: Browser) -> None:
    held = arrived(world, HOSTILE, flag="intake.same-id-other-body")
    clerk, at = browser("b", "registry"), f"/incoming/quarantine/{held}"
    assert browser("a", "registry").get(at).status_code == 404
    assert post(browser("a", "registry"), f"{at}/release").status_code == 404
    assert post(clerk, f"{at}/release", form=at).status_code == 303
    assert state_of(world, held) == ("waiting", "", False)
    assert str(held) in clerk.get("/incoming/waiting").text
    assert clerk.get(at).status_code == 404
    assert post(clerk, f"{at}/release").status_code == 404


def test_message_is_registered_or_refused_from_quarantine(world: World, browser: Browser) -> None:
    first = arrived(world, HOSTILE, flag="intake.opaque")
    second = arrived(world, HOSTILE.replace(b"<1@", b"<2@"), flag="intake.opaque")
    clerk = browser("b", "registry")
    at = f"/incoming/quarantine/{first}"
    assert post(clerk, f"{at}/register", form=at).status_code == 303
    assert state_of(world, first) == ("registered", "intake.opaque", True)
    at = f"/incoming/quarantine/{second}"
    assert post(clerk, f"{at}/refuse", {"reason": " "}, form=at).status_code == 422
    assert post(clerk, f"{at}/refuse", {"reason": "رسالة تالفة"}, form=at).status_code == 303
    assert state_of(world, second) == ("refused", "intake.opaque", True)
    assert "لا شيء في العزل" in clerk.get("/incoming/quarantine").text


def test_flagged_receipt_is_only_put_aside(world: World, browser: Browser) -> None:
    held = arrived(world, HOSTILE, flag="intake.receipt-signature")
    with world.database.work(OPERATOR) as uow:
        row = uow.session.get_one(ReceivedMessage, held)
        row.kind, row.state = "receipt", "noted"
    clerk, at = browser("b", "registry"), f"/incoming/quarantine/{held}"
    page = clerk.get(at).text
    assert f"{at}/register" not in page
    assert f"{at}/refuse" not in page
    assert post(clerk, f"{at}/register").status_code == 404
    assert post(clerk, f"{at}/release", form=at).status_code == 303
    assert state_of(world, held) == ("noted", "intake.receipt-signature", True)
    assert post(clerk, f"{at}/release").status_code == 409


def test_operator_does_the_same_from_the_command_line(world: World, tmp_path: Path) -> None:
    held = arrived(world, HOSTILE, flag="intake.opaque")
    lines = run(world, quarantine_group, "list")
    assert isinstance(lines, list)
    assert [(line["id"], line["flag"]) for line in lines] == [(str(held), "intake.opaque")]
    shown = run(world, quarantine_group, "show", str(held))
    assert isinstance(shown, dict)
    assert shown["header"].startswith("From: diwan@moh.gov.example\n")
    written = run(world, intake, "original", str(held), "-o", str(tmp_path / "original.eml"))
    assert isinstance(written, dict)
    assert (tmp_path / "original.eml").read_bytes() == HOSTILE
    assert written["sha256"] == hashlib.sha256(HOSTILE).hexdigest()
    run(world, quarantine_group, "refuse", str(held), "--reason", "رسالة تالفة")
    assert run(world, quarantine_group, "list") == []
    other = arrived(world, HOSTILE.replace(b"<1@", b"<2@"), flag="intake.opaque")
    run(world, quarantine_group, "release", str(other))
    assert state_of(world, other) == ("waiting", "", False)
