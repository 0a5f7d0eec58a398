"""The message on the wire: a package or a receipt made into MIME, and any bytes read back into values, never raising.

The form (``multipart/mixed``): Arabic covering text · the sealed PDF · attachments · the letter's plain text · last
``letter.xml``, which names every file by Content-ID with its size and SHA-256. All parts are base64 and all addresses
ASCII, so the message passes any relay unchanged; the bytes depend on nothing but the arguments.
"""

import contextlib
import email
import email.policy
import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from email.header import Header
from email.message import Message
from email.utils import format_datetime
from urllib.parse import quote
from uuid import UUID

from edms.dispatch.package import (
    Confirmation,
    Inquiry,
    LetterPackage,
    PackagePart,
    Receipt,
    UntypedMessage,
    WireMessage,
)
from mailgw import untyped
from mailgw.address import Address
from mailgw.headers import HeaderError, read_headers
from mailgw.inquiry_xml import write_confirmation, write_inquiry
from mailgw.letter_xml import FileEntry, LetterXml, part_cid, read_xml, text_cid, told_by, write_letter, write_receipt
from mailgw.report_parts import read_report
from mailgw.signed_mail import MAX_SIGNATURE, MAX_SIGNED, MailSigner, is_signed, sealed_message, signed_octets
from mailgw.texts import text
from mailgw.xml_parts import MAX_XML, XmlError, clean

XML_NAMES = ("letter.xml", "receipt.xml", "inquiry.xml", "confirmation.xml")
MAX_PARTS = 200
BROKEN = b"-"
MAX_DEPTH = 20
MAX_DELIMITER_LINES = 5000
_PARSING = email.policy.compat32
_WRITING = email.policy.compat32.clone(linesep="\r\n", max_line_length=None)
_LONG = 4096


def compose_letter(
    package: LetterPackage,
    *,
    mail_from: Address,
    recipients_header: str,
    message_id: str,
    date: datetime,
    hostname: str,
) -> bytes:
    """Return the message of a package as CRLF octets (RFC 5322, 2045); the same arguments give the same octets.

    ``recipients_header`` is the ready ASCII value of To; ``message_id`` comes without brackets; ``date`` is aware.
    Raises XmlError when the list of addressees makes letter.xml larger than 256 kB.
    """
    body = clean(package.body_text).encode("utf-8")
    subject = text("mail.letter-subject", "ar", number=package.number, date=package.date.isoformat())
    cover = text(
        "mail.letter-text",
        "ar",
        number=package.number,
        date=package.date.isoformat(),
        hijri=package.hijri,
        subject=package.subject,
        document_code=package.document_code,
        verification_code=package.verification_code,
        attachments=sum(part.role == "attachment" for part in package.parts),
    )
    files = [
        _part(part.media_type, part.content, name=part.name, cid=part_cid(package.package_id, index))
        for index, part in enumerate(package.parts)
    ]
    return _assemble(
        [
            _part("text/plain", cover.encode("utf-8")),
            *files,
            _part("text/plain", body, name="letter.txt", cid=text_cid(package.package_id)),
            _part("application/xml", write_letter(package, body), name="letter.xml"),
        ],
        package_id=package.package_id,
        headers=_headers(mail_from, recipients_header, subject, message_id, date, hostname),
    )


def compose_note(
    note: Receipt | Inquiry | Confirmation,
    *,
    mail_from: Address,
    recipients_header: str,
    message_id: str,
    date: datetime,
    hostname: str,
    signer: MailSigner | None = None,
    answers: str = "",
) -> bytes:
    """Return the message of a receipt, an inquiry or its answer: an Arabic sentence and the XML part.

    Arguments as :func:`compose_letter`. With a ``signer`` both parts are under its seal; ``answers`` is the Message-ID
    (without brackets) of the message that a receipt answers.
    """
    name, xml, told = _told(note)
    subject = text(f"mail.{name}-subject", "ar", document_code=note.document_code or "—")
    number = note.package_id if isinstance(note, Receipt) else note.inquiry_id
    headers = [*_headers(mail_from, recipients_header, subject, message_id, date, hostname)]
    if answers:
        headers += [("In-Reply-To", f"<{answers}>"), ("References", f"<{answers}>")]
    parts = [_part("text/plain", told.encode("utf-8")), _part("application/xml", xml, name=f"{name}.xml")]
    if signer is None:
        return _assemble(parts, package_id=number, headers=headers)
    inner = _assemble(parts, package_id=number, headers=())
    return sealed_message(inner, headers, signer, boundary=f"=_s{number.hex}")


def _told(note: Receipt | Inquiry | Confirmation) -> tuple[str, bytes, str]:
    """Return the name of a note's XML part, the part, and the sentence for people."""
    code, at = note.document_code, note.at.isoformat()
    if isinstance(note, Inquiry):
        return "inquiry", write_inquiry(note), text("mail.inquiry-text", "ar", document_code=code, at=at)
    if isinstance(note, Confirmation):
        return "confirmation", write_confirmation(note), text("mail.confirmation-text", "ar", document_code=code, at=at)
    sentence = text(
        f"mail.receipt-{note.kind}", "ar", document_code=code or "—", at=at, register_number=note.register_number,
        reason_code=note.reason_code, reason_text=note.reason_text, unit=note.unit,
    )  # fmt: skip
    return "receipt", write_receipt(note), sentence


def read_message(raw: bytes) -> WireMessage:
    """Return what a message is; whatever the octets, the worst answer is an opaque UntypedMessage."""
    problem = _too_much(raw)
    if problem:
        return UntypedMessage((problem,), opaque=True)
    try:
        message = _parsed(raw)
        leaves = _leaves(message)
        noted = _under_seal(message, leaves, raw) or read_report(message)
        return noted or _typed(leaves) or untyped.describe(message, leaves, ())
    except XmlError as error:
        return _named(untyped.describe(message, leaves, (error.code,)), leaves[-1])
    except Exception:  # the standard parser raises almost anything on hostile input; the octets are kept anyway
        return UntypedMessage(("message.unreadable",), opaque=True)


def _parsed(raw: bytes) -> Message:
    """Return a message as the standard parser does, but spare it long bodies, which it would read line by line.

    It looks for nothing in a body but lines that begin with two hyphens, so what stands between those is put back when
    the structure is known; messages inside messages are left to it as they are.
    """
    lowered = raw.lower()
    if b"message/" in lowered or b"digest" in lowered:
        return email.message_from_bytes(raw, policy=_PARSING)
    mark, start = f"<{secrets.token_hex(16)} ", 0
    pieces: list[bytes] = []
    bodies: list[str] = []
    for end in (*sorted(_before_hyphens(raw)), len(raw)):
        body = raw.find(b"\r\n\r\n", start, end) + 4
        if body >= 4 and end - body > _LONG:
            long = raw[body:end].rstrip(b"\r\n")
            pieces += [raw[start:body], f"{mark}{len(bodies)}>".encode(), raw[body + len(long) : end]]
            bodies.append(long.decode("ascii", "surrogateescape"))
        else:
            pieces.append(raw[start:end])
        start = end
    message = email.message_from_bytes(b"".join(pieces), policy=_PARSING)
    for part in message.walk() if bodies else ():
        payload = vars(part)["_payload"]  # get_payload() would decode it
        if isinstance(payload, str) and mark in payload:
            part.set_payload(re.sub(rf"{mark}(\d+)>", lambda found: bodies[int(found[1])], payload))
    return message


def _before_hyphens(raw: bytes) -> Iterator[int]:
    for newline in (b"\n--", b"\r--"):
        at = raw.find(newline)
        while at >= 0:
            yield at
            at = raw.find(newline, at + 1)


def _under_seal(message: Message, leaves: list[Message], raw: bytes) -> Receipt | None:
    """Return the receipt of a signed message with its signature, which is not judged here; None for other messages."""
    if not is_signed(message) or len(leaves) < 2:
        return None
    told = _typed(leaves[:-1])
    if not isinstance(told, Receipt):
        return None
    signature, content = untyped.octets(leaves[-1]), signed_octets(raw)
    if len(signature) > MAX_SIGNATURE or len(content) > MAX_SIGNED:
        raise XmlError("package.signature-too-large")
    signed = _typed(_leaves(email.message_from_bytes(content, policy=_PARSING))) if content else None
    if not isinstance(signed, Receipt):  # what is said is not what is signed
        return replace(told, signature=BROKEN)
    return replace(signed, signature=signature or BROKEN, signed_part=content)


def _too_much(raw: bytes) -> str:
    """Return a problem code when parsing could cost more than it should (header size, parts, nesting)."""
    try:
        read_headers(raw)
    except HeaderError as error:
        if error.code == "message.header-too-large":
            return error.code
    lowered = raw[:4_000_000].lower()
    if lowered.count(b"boundary") > 4 * MAX_DEPTH + MAX_PARTS or raw.count(b"\n--") > MAX_DELIMITER_LINES:
        return "message.too-many-parts"
    return ""


def _leaves(message: Message) -> list[Message]:
    """Return the parts that are not multipart, in order; raises ValueError over the limits of depth and number."""
    found: list[Message] = []
    waiting = [(message, 0)]
    while waiting:
        part, depth = waiting.pop()
        if depth > MAX_DEPTH or len(found) + len(waiting) > MAX_PARTS:
            raise ValueError("message.too-many-parts")
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting.extend((child, depth + 1) for child in reversed(payload) if isinstance(child, Message))
        else:
            found.append(part)
    return found


def _typed(leaves: list[Message]) -> LetterPackage | Receipt | Inquiry | Confirmation | None:
    """Return the package or note whose XML is the last part, None when there is none; raises XmlError."""
    last = leaves[-1]
    if last.get_content_type() not in {"application/xml", "text/xml"} or last.get_filename() not in XML_NAMES:
        return None
    if len(last.get_payload()) > 2 * MAX_XML:
        raise XmlError("package.xml-too-large")
    content = read_xml(untyped.octets(last))
    return _complete(content, leaves) if isinstance(content, LetterXml) else content


def _named(message: UntypedMessage, last: Message) -> UntypedMessage:
    """Return a message that failed, with the package that its letter.xml names, else the one of its Message-ID."""
    if last.get_filename() != XML_NAMES[0]:
        return message
    package_id, code = told_by(untyped.octets(last))
    if package_id is None:
        with contextlib.suppress(ValueError):
            package_id = UUID(message.message_id.strip("<>").partition("@")[0])
    return replace(message, package_id=package_id, document_code=code)


def _complete(content: LetterXml, leaves: list[Message]) -> LetterPackage:
    by_cid = {str(part.get("Content-ID", "")).strip().strip("<>"): part for part in leaves}
    if len(leaves) != len(content.parts) + 3 or len(by_cid) != len(content.parts) + 2:
        raise XmlError("package.part-count")
    if content.parts[0].role != "letter":
        raise XmlError("package.no-letter")
    body = _checked(by_cid, content.text)
    parts = tuple(
        PackagePart(
            entry.role, entry.name, entry.media_type, entry.size, entry.sha256, _checked(by_cid, entry), entry.pages
        )
        for entry in content.parts
    )
    try:
        return replace(content.package, body_text=body.decode("utf-8"), parts=parts)
    except UnicodeDecodeError as error:
        raise XmlError("package.text-encoding") from error


def _checked(by_cid: dict[str, Message], entry: FileEntry) -> bytes:
    """Return the octets of a part, proved to be those that letter.xml promises; raises XmlError."""
    part = by_cid.get(entry.cid)
    if part is None:
        raise XmlError("package.part-missing")
    content = untyped.octets(part)
    if len(content) != entry.size or hashlib.sha256(content).hexdigest() != entry.sha256:
        raise XmlError("package.hash-mismatch")
    return content


def _headers(
    mail_from: Address, recipients: str, subject: str, message_id: str, date: datetime, hostname: str
) -> Iterable[tuple[str, str]]:
    return (
        ("Date", format_datetime(date)),
        ("From", f"<{mail_from}>"),
        ("To", recipients),
        ("Subject", _encoded(subject)),
        ("Message-ID", f"<{message_id}>"),
        ("MIME-Version", "1.0"),
        ("X-Mailer", f"Diwan ({hostname})"),
    )


def _assemble(parts: list[Message], *, package_id: UUID, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the whole message; the boundary cannot occur in a base64 part ("=_", RFC 2045 §6.7)."""
    whole = Message(_WRITING)
    for name, value in headers:
        whole[name] = value
    whole["Content-Type"] = f'multipart/mixed;\r\n boundary="=_{package_id.hex}"'
    whole.set_payload([*parts])
    return whole.as_bytes(policy=_WRITING)


def _part(media_type: str, content: bytes, *, name: str = "", cid: str = "") -> Message:
    part = Message(_WRITING)
    charset = '; charset="utf-8"' if media_type.startswith("text/") else ""
    shown = f';\r\n name="{_encoded(name)}"' if name else ""
    part["Content-Type"] = f"{_media_type(media_type)}{charset}{shown}"
    part["Content-Transfer-Encoding"] = "base64"
    if cid:
        part["Content-ID"] = f"<{cid}>"
    if name:
        part["Content-Disposition"] = "attachment" + _extended_name(name)
    part.set_payload(untyped.base64_lines(content))
    return part


def _media_type(media_type: str) -> str:
    plain = media_type.isascii() and media_type.count("/") == 1 and not set(media_type) & set(' ;"\r\n\t\\')
    return media_type if plain else "application/octet-stream"


def _encoded(value: str) -> str:
    """Return encoded-words (RFC 2047) folded by CRLF, or plain ASCII; control characters become spaces."""
    single = "".join(char if char.isprintable() else " " for char in value)
    if single.isascii() and len(single) < 60 and not set(single) & set('"\\='):
        return single
    return Header(single, "utf-8", maxlinelen=70).encode(linesep="\r\n")


def _extended_name(name: str) -> str:
    """Return ``filename`` in the continued form of RFC 2231 §4.1, one short line a piece."""
    octets = quote(name, safe="", errors="replace").encode("ascii")
    pieces: list[bytes] = []
    while octets:
        cut = min(len(octets), 54)
        cut -= 1 if octets[cut - 1 : cut] == b"%" else 2 if octets[cut - 2 : cut - 1] == b"%" else 0
        pieces.append(octets[:cut])
        octets = octets[cut:]
    if len(pieces) == 1:
        return f";\r\n filename*=utf-8''{pieces[0].decode()}"
    lines = [f"filename*{n}*={'' if n else chr(0)}{piece.decode()}" for n, piece in enumerate(pieces)]
    return "".join(f";\r\n {line}" for line in lines).replace(chr(0), "utf-8''")
