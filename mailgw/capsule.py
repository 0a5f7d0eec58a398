"""A message inside one of ASCII alone, for a next hop that takes no UTF-8 headers or no 8-bit lines.

Such a message cannot be rewritten without breaking its signature, and is not returned either: it travels whole and
unchanged as an attachment (``message/global`` in base64, RFC 6532 §3.7), under a covering text.
"""

from datetime import datetime
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime
from uuid import UUID

from mailgw.address import Address
from mailgw.headers import HeaderError, read_headers
from mailgw.texts import text
from mailgw.untyped import base64_lines

_WRITING = compat32.clone(linesep="\r\n", max_line_length=None)


def encapsulate(raw: bytes, *, sender: Address, recipients_header: str, number: UUID, at: datetime) -> bytes:
    """Return the message around ``raw``, under the same Message-ID where that is in ASCII; all addresses are ASCII."""
    whole = Message(_WRITING)
    for name, value in (
        ("Date", format_datetime(at)),
        ("From", f"<{sender}>"),
        ("To", recipients_header),
        ("Subject", Header(text("mail.capsule-subject", "ar"), "utf-8", maxlinelen=70).encode(linesep="\r\n")),
        ("Message-ID", _message_id(raw) or f"<{number}@{sender.domain}>"),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/mixed;\r\n boundary="=_{number.hex}"'),
    ):
        whole[name] = value
    told = "\n".join(text("mail.capsule-text", locale) for locale in ("ar", "en"))
    cover = _part('text/plain; charset="utf-8"', told.encode())
    inner = _part("message/global", raw)
    inner["Content-Disposition"] = 'attachment; filename="message.eml"'
    whole.set_payload([cover, inner])
    return whole.as_bytes(policy=_WRITING)


def _message_id(raw: bytes) -> str:
    try:
        value = read_headers(raw).first("message-id")
    except HeaderError:
        return ""
    return value.decode("ascii") if value.isascii() and len(value) < 900 else ""


def _part(media_type: str, content: bytes) -> Message:
    part = Message(_WRITING)
    part["Content-Type"] = media_type
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(base64_lines(content))
    return part
