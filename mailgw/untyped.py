"""What can be said of a message without a package: its plain headers and text, within bounds, decoded if possible."""

import binascii
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message

from edms.dispatch.package import UntypedMessage
from mailgw.address import AddressError
from mailgw.headers import single_mailbox

MAX_SHOWN_HEADER = 2000
MAX_SHOWN_TEXT = 100_000


def describe(message: Message, leaves: list[Message], problems: tuple[str, ...]) -> UntypedMessage:
    """Return the untyped message with what its header and first text part say."""
    texts = (part for part in leaves if part.get_content_type() == "text/plain")
    first = next(texts, None)
    return UntypedMessage(
        problems=problems,
        message_id=_shown(message, "Message-ID"),
        sender=_shown(message, "From"),
        subject=_shown(message, "Subject"),
        text=_text(first) if first is not None else "",
        report=message.get_content_type() == "multipart/report",
        notify_to=_asks_notice(message),
    )


def _asks_notice(message: Message) -> str:
    """Return the one address of Disposition-Notification-To, or nothing; several are not answered (RFC 8098 §2.1)."""
    fields = message.get_all("Disposition-Notification-To", [])
    try:
        return str(single_mailbox(str(fields[0]).encode("utf-8"))) if len(fields) == 1 else ""
    except (AddressError, UnicodeError):
        return ""


def octets(part: Message) -> bytes:
    """Return the decoded content of a leaf part."""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def base64_lines(content: bytes) -> str:
    """Return ``content`` in base64, 76 characters a line (RFC 2045 §6.8), by C code over whole lines."""
    step = 57
    return "".join(
        binascii.b2a_base64(content[start : start + step]).decode("ascii") for start in range(0, len(content), step)
    )


def _shown(message: Message, name: str) -> str:
    raw = str(message.get(name, ""))[:MAX_SHOWN_HEADER]
    try:
        value = str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, ValueError, binascii.Error):
        value = raw
    printable = "".join(char if char.isprintable() else " " for char in value)
    return printable.encode("utf-8", "replace").decode("utf-8").strip()


def _text(part: Message) -> str:
    content = octets(part)[: 4 * MAX_SHOWN_TEXT]
    try:
        decoded = content.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        decoded = content.decode("utf-8", "replace")
    plain = decoded.replace("\0", "")[:MAX_SHOWN_TEXT]
    return plain.encode("utf-8", "replace").decode("utf-8")  # charsets such as unicode-escape give lone surrogates
