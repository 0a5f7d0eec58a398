"""DSN and MDN as the RFCs have them, field by field, and reports of others read into values."""

import email
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage, Message
from typing import cast
from uuid import UUID

import pytest

from edms.dispatch.mail import Notice, notice_meta, notice_of
from edms.dispatch.package import Report, ReportedRecipient, UntypedMessage
from mailgw.address import Address
from mailgw.dsn import compose_notice, decoded_xtext
from mailgw.message import read_message

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
MAIL = (
    b"From: <clerk@moh.gov.example>\r\nTo: <diwan@moe.gov.example>\r\nSubject: budget\r\n"
    b"Message-ID: <77@moh.gov.example>\r\n\r\nsecret text of the mail\r\n"
)
NOTICE = Notice(
    kind="failed", to="clerk@moh.gov.example", recipient="diwan@moe.gov.example", at=NOON,
    arrived_at=NOON - timedelta(hours=1), message_id="77@moh.gov.example", file_id=UUID(int=7),
    orcpt="rfc822;diwan+2Bbudget@moe.gov.example", envid="QQ+2B314", reply="550 5.1.1 no such mailbox",
)  # fmt: skip


def composed(notice: Notice, original: bytes = MAIL) -> bytes:
    return compose_notice(
        notice, original, message_id="r1@mail.example", hostname="mail.example",
        sender=Address("postmaster", "mail.example"),
    )  # fmt: skip


def parsed(raw: bytes) -> tuple[EmailMessage, list[EmailMessage]]:
    message = email.message_from_bytes(raw, policy=policy.default)
    return message, [cast("EmailMessage", part) for part in message.iter_parts()]


def fields_of(part: Message) -> tuple[dict[str, str], dict[str, str]]:
    """Return the fields of the message and of the recipient (RFC 3464 §2.2, §2.3)."""
    blocks = part.get_payload()
    assert isinstance(blocks, list)
    first, second = ({name.lower(): str(value) for name, value in cast("Message", b).items()} for b in blocks)
    return first, second


def changed(**changes: object) -> Notice:
    from dataclasses import replace

    return replace(NOTICE, **changes)  # type: ignore[arg-type]


def test_a_failure_has_every_field_of_rfc_3464() -> None:
    message, (text, status, returned) = parsed(composed(NOTICE))
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["To"] == "clerk@moh.gov.example"
    assert message["In-Reply-To"] == "<77@moh.gov.example>"
    assert message["Subject"] == "تعذر تسليم رسالتكم"
    assert "رُفضت رسالتكم إلى diwan@moe.gov.example" in text.get_content()
    assert "was refused" in text.get_content()
    assert status.get_content_type() == "message/delivery-status"
    whole, recipient = fields_of(status)
    assert whole == {
        "original-envelope-id": "QQ+314", "reporting-mta": "dns; mail.example",
        "arrival-date": "Sat, 28 Nov 2026 11:00:00 +0000",
    }  # fmt: skip
    assert recipient == {
        "original-recipient": "rfc822; diwan+budget@moe.gov.example",
        "final-recipient": "rfc822; diwan@moe.gov.example", "action": "failed", "status": "5.1.1",
        "remote-mta": "dns; moe.gov.example", "diagnostic-code": "smtp; 550 5.1.1 no such mailbox",
        "last-attempt-date": "Sat, 28 Nov 2026 12:00:00 +0000",
    }  # fmt: skip
    assert returned.get_content_type() == "text/rfc822-headers"
    assert b"secret" not in composed(NOTICE)


def test_ret_full_gives_a_failed_mail_back_and_no_other() -> None:
    *_, returned = parsed(composed(changed(ret="FULL")))[1]
    assert returned.get_content_type() == "message/rfc822"
    assert b"secret text of the mail" in composed(changed(ret="FULL"))
    assert b"secret" not in composed(changed(ret="FULL", kind="delayed"))
    assert b"secret" not in composed(changed(ret="HDRS"))


@pytest.mark.parametrize(
    ("kind", "reply", "action", "status"),
    [
        ("delayed", "451 4.3.0 later", "delayed", "4.3.0"),
        ("delayed", "no answer", "delayed", "4.4.7"),
        ("failed", "554 refused", "failed", "5.0.0"),
        ("expired", "451 4.3.0 later", "failed", "5.4.7"),
        ("delivered", "250 2.1.5 fine", "delivered", "2.1.5"),
        ("refused", "see item 4.3.0 of the order", "failed", "5.7.1"),
    ],
)
def test_action_and_status(kind: str, reply: str, action: str, status: str) -> None:
    until = NOON + timedelta(hours=12) if kind == "delayed" else None
    _, recipient = fields_of(parsed(composed(changed(kind=kind, reply=reply, retry_until=until)))[1][1])
    assert (recipient["action"], recipient["status"]) == (action, status)
    assert ("will-retry-until" in recipient) is (kind == "delayed")


def test_an_arabic_address_makes_it_a_global_report() -> None:
    original = MAIL.replace(b"Subject: budget", "Subject: الموازنة".encode())
    raw = composed(changed(recipient="ديوان@وزارة.example"), original)
    _, (_, status, returned) = parsed(raw)
    assert status.get_content_type() == "message/global-delivery-status"
    assert "Final-Recipient: utf-8; ديوان@وزارة.example\r\n".encode() in raw
    assert returned.get_content_type() == "message/global-headers"
    found = read_message(raw)
    assert isinstance(found, Report)
    assert found.recipients[0].address == "ديوان@وزارة.example"


@pytest.mark.parametrize("kind", ["delayed", "failed", "expired", "delivered", "refused", "displayed"])
def test_what_we_write_we_read(kind: str) -> None:
    notice = changed(kind=kind)
    assert notice_of(notice_meta(notice)) == notice
    found = read_message(composed(notice))
    assert isinstance(found, Report)
    assert found.original_id == "77@moh.gov.example"
    assert found.message_id == "r1@mail.example"
    if kind == "displayed":
        assert found.kind == "mdn"
        assert found.recipients == (ReportedRecipient(
            "diwan@moe.gov.example", "displayed", diagnostic="manual-action/MDN-sent-manually"),)  # fmt: skip
    else:
        assert (found.kind, found.envelope_id, found.reporter) == ("dsn", "QQ+314", "mail.example")
        assert found.recipients[0].original == "diwan+budget@moe.gov.example"
        by_registry = "550 5.7.1 " if kind == "refused" else ""
        assert found.recipients[0].diagnostic == f"{by_registry}550 5.1.1 no such mailbox"


def test_postfix_writes_like_this() -> None:
    raw = (
        b"Date: Sat, 28 Nov 2026 15:00:00 +0300 (AST)\r\nFrom: MAILER-DAEMON@moe.gov.example (Mail Delivery System)\r\n"
        b"Subject: Undelivered Mail Returned to Sender\r\nTo: diwan@moh.gov.example\r\nAuto-Submitted: auto-replied\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n"
        b'\tboundary="4B.17/mx"\r\nMessage-Id: <2.4B@mx.moe.gov.example>\r\n\r\n--4B.17/mx\r\n'
        b"Content-Description: Notification\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nI'm sorry\r\n\r\n"
        b"--4B.17/mx\r\nContent-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; mx.moe.gov.example\r\nX-Postfix-Queue-ID: 4B\r\nOriginal-Envelope-Id: E1\r\n"
        b"Arrival-Date: Sat, 28 Nov 2026 15:00:00 +0300 (AST)\r\n\r\nFinal-Recipient: rfc822; clerk@moe.gov.example\r\n"
        b"Original-Recipient: rfc822;diwan@moe.gov.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b'Diagnostic-Code: X-Postfix; unknown user:\r\n    "clerk"\r\n\r\n'
        b"--4B.17/mx\r\nContent-Type: message/rfc822\r\n\r\n" + MAIL + b"\r\n--4B.17/mx--\r\n"
    )
    found = read_message(raw)
    told = ReportedRecipient(
        "clerk@moe.gov.example", "failed", "5.1.1", 'unknown user: "clerk"', "diwan@moe.gov.example"
    )
    assert found == Report(
        "dsn", "77@moh.gov.example", "E1", (told,),
        message_id="2.4B@mx.moe.gov.example", reporter="mx.moe.gov.example",
    )  # fmt: skip


def test_a_report_that_tells_nothing_is_ordinary_mail() -> None:
    raw = b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n\r\nhello\r\n--x--\r\n"
    assert isinstance(read_message(raw), UntypedMessage)


def test_no_reply_can_break_a_line_of_the_report() -> None:
    raw = composed(changed(reply="550 5.1.1 a\r\nBcc: x@y\r\n\r\nAction: delivered"))
    _, recipient = fields_of(parsed(raw)[1][1])
    assert recipient["action"] == "failed"
    assert raw.count(b"\r") == raw.count(b"\n") == raw.count(b"\r\n")


def test_xtext_is_decoded() -> None:
    assert decoded_xtext("a+2Bb+3Dc") == "a+b=c"
