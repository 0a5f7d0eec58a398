"""The mail log: every event is on the operators' page, a connection's lines share its number, and none tells a word."""

import json
import re
import smtplib
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edms.core.clock import utc_now
from tests.mailgw.gateway import Sink, peer_tls, running_gateway

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operate" / "mail-log.md"
WORD = "Canary7391"
EVENT = re.compile(r"""(?:maillog\.event|_log|_log_refusal)\(\s*"([a-z.-]+)\"""")


def test_every_event_stands_on_the_operators_page() -> None:
    used = {name for path in (ROOT / "mailgw").glob("*.py") for name in EVENT.findall(path.read_text("utf-8"))}
    used |= {"storage.full", "storage.room-again", "incident"}
    page = PAGE.read_text("utf-8")
    assert len(used) > 15
    assert {name for name in used if f"`{name}`" not in page} == set()


async def _fail() -> None:
    raise KeyError(WORD)


def message(sender: str) -> bytes:
    return (
        f"From: {WORD} <{sender}>\r\nTo: {WORD}@health.test, diwan@health.test\r\nSubject: {WORD}\r\n"
        f"Message-ID: <{WORD}@x>\r\nDate: {format_datetime(utc_now())}\r\n"
        f"Content-Type: text/plain; name={WORD}.txt\r\n\r\n{WORD}\r\n"
    ).encode()


@pytest.mark.parametrize("failing", [False, True])
def test_no_line_tells_a_word_of_mail_or_who_wrote_it(failing: bool) -> None:
    sink = Sink(_fail if failing else None)
    with capture_logs() as lines, running_gateway(sink) as server, smtplib.SMTP("127.0.0.1", server.port) as client:
        client.starttls(context=peer_tls("far"))
        client.ehlo("mail.far.test")
        client.docmd("AUTH", f"PLAIN {WORD}")
        client.docmd("MAIL", f"FROM:<{WORD}@{WORD}.test>")
        client.docmd("MAIL", f"FROM:<{WORD}@interior.test>")
        client.docmd("RCPT", f"TO:<{WORD}@health.test>")
        client.docmd("RCPT", "TO:<diwan@health.test>")
        code, _ = client.data(message(f"{WORD}@interior.test"))
        assert code == (451 if failing else 250)
        client.docmd("MAIL", f"FROM:<{WORD}@interior.test>")
        client.docmd("RCPT", "TO:<diwan@health.test>")
        assert client.data(message(f"{WORD}@other.test"))[0] == 550
        client.docmd(WORD)
    told = json.dumps([{**line, "sender": ""} for line in lines], default=str)  # a refused domain is told, no more
    assert WORD.lower() not in told.lower()
    refused = next(line for line in lines if line["event"] == "mail.refused")
    assert refused["sender"] == f"{WORD}.test".lower()
    events = [line["event"] for line in lines]
    assert {"mail.refused", "rcpt.refused", "message.answered"} <= set(events)
    assert ("incident" in events) is failing
    _same_session([line for line in lines if "session" in line])


def _same_session(lines: list[Any]) -> None:
    assert len({line["session"] for line in lines}) == 1
    assert {line["peer"] for line in lines} == {"127.0.0.1"}
    for line in lines:
        if line["event"] in {"mail.refused", "rcpt.refused", "message.answered"}:
            assert {"code", "enhanced", "reason"} <= line.keys()
    answered = [line for line in lines if line["event"] == "message.answered"]
    assert all({"octets", "recipients", "seconds"} <= line.keys() for line in answered)
