"""Reports that we write: DSN (RFC 3461–3464, RFC 6533 for addresses in Arabic) and MDN (RFC 8098), as CRLF octets."""

import re
from collections.abc import Iterable
from email.utils import format_datetime
from typing import Final

from edms.dispatch.mail import Notice
from mailgw.address import Address
from mailgw.texts import text
from mailgw.untyped import base64_lines

MAX_RETURNED: Final = 1_000_000
MAX_DIAGNOSTIC: Final = 900
_ENHANCED: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_XTEXT: Final = re.compile(r"\+([0-9A-F]{2})")
_ACTIONS: Final = {
    "delayed": "delayed", "failed": "failed", "expired": "failed", "delivered": "delivered", "refused": "failed",
}  # fmt: skip
_STATUS: Final = {
    "delayed": "4.4.7", "failed": "5.0.0", "expired": "5.4.7", "delivered": "2.0.0", "refused": "5.7.1",
}  # fmt: skip


def decoded_xtext(value: str) -> str:
    """Return what an xtext value of RFC 3461 §4 stands for (``+2B`` is ``+``)."""
    octets = _XTEXT.sub(lambda found: chr(int(found[1], 16)), value).encode("latin-1", "replace")
    return octets.decode("utf-8", "replace")


def compose_notice(notice: Notice, original: bytes, *, message_id: str, hostname: str, sender: Address) -> bytes:
    """Return the report of a notice: of the way of a mail (``original``: its octets), or that a person opened it.

    ``hostname`` is ours, ``sender`` the address that the report is from; the envelope's sender is null.
    """
    if notice.kind == "displayed":
        return _whole(notice, _disposition(notice, hostname), "disposition-notification", original,
                      message_id=message_id, sender=sender)  # fmt: skip
    status = _status(notice, hostname)
    return _whole(notice, status, "delivery-status", original, message_id=message_id, sender=sender)


def _whole(
    notice: Notice, fields: str, kind: str, original: bytes, *, message_id: str, sender: Address
) -> bytes:  # fmt: skip
    utf8 = not fields.isascii()
    told = "".join(
        text(f"mail.report-{notice.kind}", locale, recipient=notice.recipient, at=notice.at.isoformat(),
             reply=notice.reply, until=notice.retry_until.isoformat() if notice.retry_until else "")
        for locale in ("ar", "en")
    )  # fmt: skip
    media = f"message/{'global-' if utf8 else ''}{kind}"
    mark = "=_r" + re.sub(r"[^0-9A-Za-z]", "", message_id)[:40]
    subject = base64_lines(text(f"mail.report-{notice.kind}-subject", "ar").encode()).strip()
    answers = [f"In-Reply-To: <{notice.message_id}>", f"References: <{notice.message_id}>"] if notice.message_id else []
    head = [
        f"Date: {format_datetime(notice.at)}", f"From: <{sender}>", f"To: <{notice.to}>",
        f"Subject: =?utf-8?b?{subject}?=", f"Message-ID: <{message_id}>", *answers,
        f"Auto-Submitted: {'auto-replied' if notice.kind == 'displayed' else 'auto-generated'}", "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={kind};\r\n boundary="{mark}"',
    ]  # fmt: skip
    parts = [
        _part("text/plain; charset=utf-8", base64_lines(told.encode()).replace("\n", "\r\n").encode(), "base64"),
        _part(media, fields.encode(), "8bit" if utf8 else "7bit"),
        *_returned(notice, original),
    ]
    lines = b"".join(f"--{mark}\r\n".encode() + part for part in parts)
    return "\r\n".join(head).encode() + b"\r\n\r\n" + lines + f"--{mark}--\r\n".encode()


def _status(notice: Notice, hostname: str) -> str:
    """Return the fields of a delivery status: of the message, a blank line, of the recipient (RFC 3464 §2)."""
    found = _ENHANCED.search(notice.reply) if notice.kind not in {"expired", "refused"} else None
    fits = found is not None and found[1][0] == _STATUS[notice.kind][0]
    status = found[1] if found is not None and fits else _STATUS[notice.kind]
    reply = f"550 {status} {notice.reply}" if notice.kind == "refused" else notice.reply
    kind, _, original = notice.orcpt.partition(";")
    message = [
        ("Original-Envelope-Id", decoded_xtext(notice.envid)), ("Reporting-MTA", f"dns; {hostname}"),
        ("Arrival-Date", format_datetime(notice.arrived_at)),
    ]  # fmt: skip
    recipient = [
        ("Original-Recipient", f"{kind}; {decoded_xtext(original)}" if original else ""),
        ("Final-Recipient", f"{_type(notice.recipient)}; {notice.recipient}"),
        ("Action", _ACTIONS[notice.kind]), ("Status", status),
        ("Remote-MTA", f"dns; {notice.recipient.rpartition('@')[2]}" if reply else ""),
        ("Diagnostic-Code", f"smtp; {reply[:MAX_DIAGNOSTIC]}" if reply else ""),
        ("Last-Attempt-Date", format_datetime(notice.at)),
        ("Will-Retry-Until", format_datetime(notice.retry_until) if notice.retry_until else ""),
    ]  # fmt: skip
    return f"{_fields(message)}\r\n{_fields(recipient)}"


def _disposition(notice: Notice, hostname: str) -> str:
    """Return the fields of a disposition that a person made by hand (RFC 8098 §3.2)."""
    return _fields([
        ("Reporting-UA", f"{hostname}; Diwan"), ("Final-Recipient", f"{_type(notice.recipient)}; {notice.recipient}"),
        ("Original-Message-ID", f"<{notice.message_id}>" if notice.message_id else ""),
        ("Disposition", "manual-action/MDN-sent-manually; displayed"),
    ])  # fmt: skip


def _fields(fields: Iterable[tuple[str, str]]) -> str:
    lines = ((name, "".join(char if char.isprintable() else " " for char in value).strip()) for name, value in fields)
    return "".join(f"{name}: {value}\r\n" for name, value in lines if value)


def _type(address: str) -> str:
    return "rfc822" if address.isascii() else "utf-8"


def _returned(notice: Notice, original: bytes) -> list[bytes]:
    """Return the part that gives the mail back: whole where RET=FULL asks it of a failure, else its header."""
    if not original:
        return []
    whole = notice.ret == "FULL" and _ACTIONS.get(notice.kind) == "failed" and len(original) <= MAX_RETURNED
    given = original if whole else original.partition(b"\r\n\r\n")[0] + b"\r\n"
    given = given if given.endswith(b"\r\n") else given + b"\r\n"
    if whole:
        media = "message/rfc822" if original.partition(b"\r\n\r\n")[0].isascii() else "message/global"
    else:
        media = "text/rfc822-headers" if given.isascii() else "message/global-headers"
    return [_part(media, given, "7bit" if given.isascii() else "8bit")]


def _part(media: str, content: bytes, encoding: str) -> bytes:
    return f"Content-Type: {media}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + content + b"\r\n"
