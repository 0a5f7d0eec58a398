"""Reports that others write, read into values: delivery status (RFC 3464, 6533) and disposition (RFC 8098)."""

import re
from collections.abc import Mapping, Sequence
from email.message import Message
from typing import Final

from edms.dispatch.package import Report, ReportedRecipient
from mailgw.untyped import octets

MAX_RECIPIENTS: Final = 200
MAX_FIELD: Final = 1000
MAX_STATUS: Final = 256_000
_KINDS: Final = {
    "message/delivery-status": "dsn", "message/global-delivery-status": "dsn",
    "message/disposition-notification": "mdn", "message/global-disposition-notification": "mdn",
}  # fmt: skip
_RETURNED: Final = frozenset({
    "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers", "text/rfc822-header",
})  # fmt: skip
_CLASSES: Final = {"2": "delivered", "4": "delayed", "5": "failed"}
_MESSAGE_ID: Final = re.compile(rb"(?im)^message-id:[ \t]*(?:\r?\n[ \t]+)?<([^<>\r\n]{1,250})>")
_BLANK: Final = re.compile(r"\r?\n[ \t]*\r?\n")
Fields = Mapping[str, str]


def read_report(message: Message) -> Report | None:
    """Return what a ``multipart/report`` tells; None for any other message and for one that tells nothing."""
    if message.get_content_type() != "multipart/report" or not isinstance(parts := message.get_payload(), list):
        return None
    children = [part for part in parts if isinstance(part, Message)]
    status = next((part for part in children if part.get_content_type() in _KINDS), None)
    if status is None:
        return None
    blocks = [_fields(block) for block in _BLANK.split(_text(status)[:MAX_STATUS].strip()) if block.strip()]
    own = _bare(str(message.get("Message-ID", "")))
    if _KINDS[status.get_content_type()] == "mdn":
        return _disposition(blocks, own)
    returned = next((part for part in children if part.get_content_type() in _RETURNED), None)
    if not blocks:
        return None
    found = _MESSAGE_ID.search(_body(returned)[:MAX_STATUS]) if returned is not None else None
    return Report(
        "dsn", found[1].decode("utf-8", "replace") if found else "", blocks[0].get("original-envelope-id", ""),
        tuple(_recipient(block) for block in blocks[1 : MAX_RECIPIENTS + 1] if _action(block)),
        message_id=own, reporter=_value(blocks[0].get("reporting-mta", "")),
    )  # fmt: skip


def _disposition(blocks: Sequence[Fields], own: str) -> Report | None:
    fields = blocks[0] if blocks else {}
    mode, _, kind = fields.get("disposition", "").partition(";")
    if not kind.strip():
        return None
    recipient = ReportedRecipient(
        _value(fields.get("final-recipient", "")), kind.strip().split("/")[0].lower(), diagnostic=mode.strip(),
        original=_value(fields.get("original-recipient", "")),
    )  # fmt: skip
    return Report(
        "mdn", _bare(fields.get("original-message-id", "")), "", (recipient,), message_id=own,
        reporter=fields.get("reporting-ua", "").partition(";")[0].strip(),
    )  # fmt: skip


def _recipient(fields: Fields) -> ReportedRecipient:
    return ReportedRecipient(
        address=_value(fields.get("final-recipient", "")), action=_action(fields),
        status=fields.get("status", "").split(" ")[0], diagnostic=_value(fields.get("diagnostic-code", "")),
        original=_value(fields.get("original-recipient", "")),
    )  # fmt: skip


def _action(fields: Fields) -> str:
    """Return the action, or what the status stands for where a server leaves the action out; else nothing."""
    words = fields.get("action", "").split()
    return words[0].lower() if words else _CLASSES.get(fields.get("status", "")[:1], "")


def _fields(block: str) -> dict[str, str]:
    """Return the fields of one block, names in lower case, unfolded; the first of each name counts."""
    found: dict[str, str] = {}
    for line in re.sub(r"\r?\n[ \t]+", " ", block).splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip():
            shown = "".join(char if char.isprintable() else " " for char in value[:MAX_FIELD])
            found.setdefault(name.strip().lower(), shown.strip())
    return found


def _value(field: str) -> str:
    """Return a value without its type (``rfc822; a@b``)."""
    return field.partition(";")[2].strip() or field.strip()


def _bare(value: str) -> str:
    inner = value.strip()[:255]
    return inner[1:-1] if inner.startswith("<") and inner.endswith(">") else ""


def _text(part: Message) -> str:
    return _body(part).decode("utf-8", "replace")


def _body(part: Message) -> bytes:
    """Return the content of a part; what the parser took for a message of its own is put together again."""
    if not part.is_multipart():
        return octets(part)
    inner = part.get_payload()
    found = [each.as_bytes() for each in inner if isinstance(each, Message)] if isinstance(inner, list) else []
    return b"\n\n".join(each.strip() for each in found)
