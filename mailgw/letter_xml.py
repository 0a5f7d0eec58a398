"""letter.xml and receipt.xml (urn:diwan:letter:1): written from the package's values, read back under the schema."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, cast
from uuid import UUID

from lxml import etree

from edms.dispatch.package import (
    EXCEPTIONS,
    SCHEMA_VERSION,
    Confirmation,
    Inquiry,
    LetterPackage,
    PackageRecipient,
    PartRole,
    Receipt,
    ReceiptKind,
    RecipientRole,
)
from edms.dispatch.rules import EVENT_URI, EVIDENCE_POLICY
from mailgw.inquiry_xml import read_confirmation, read_inquiry
from mailgw.xml_parts import (
    NS,
    XmlError,
    begun,
    clean,
    moment,
    parsed,
    serialised,
    set_attributes,
    set_known,
    well_formed,
)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What letter.xml says of one file: its Content-ID, size in bytes and SHA-256; role, name, type of a part."""

    cid: str
    size: int
    sha256: str
    role: PartRole = "letter"
    name: str = ""
    media_type: str = ""
    pages: int = 0


@dataclass(frozen=True, slots=True)
class LetterXml:
    """The content of letter.xml: a package still without text and files, and the entries that promise them."""

    package: LetterPackage
    text: FileEntry
    parts: tuple[FileEntry, ...]


def text_cid(package_id: UUID) -> str:
    """Return the Content-ID of the letter's plain text."""
    return f"text@{package_id}"


def part_cid(package_id: UUID, index: int) -> str:
    """Return the Content-ID of the part at ``index`` (0 is the first)."""
    return f"part{index}@{package_id}"


def write_letter(package: LetterPackage, text: bytes) -> bytes:
    """Return letter.xml; characters that XML 1.0 cannot carry are dropped.

    Raises XmlError over 256 kB, or when a value would not pass the schema at the other end.
    """
    root = begun("letter")
    set_attributes(root, version=str(package.version), package=str(package.package_id), id=str(package.letter_id))
    set_known(root, {"created": _iso(package.created_at)})
    document = _add(
        root,
        "document",
        code=package.document_code,
        number=package.number,
        date=package.date.isoformat(),
        hijri=package.hijri,
        kind=package.kind,
        sensitivity=package.sensitivity,
        precedence=package.precedence,
        verification=package.verification_code,
    )
    set_known(document, {"register": package.register_number})
    sender = _add(root, "sender", entity=package.sender_code)
    set_known(
        sender,
        {"unit": package.sender_unit or "", "name": package.sender_name, "name-en": package.sender_name_en},
    )
    signer = _add(root, "signer", name=package.signer_name, post=package.signer_post, code=package.signer_code)
    set_known(
        signer,
        {"at": _iso(package.signed_at), "for": package.signer_for, "for-name": package.signer_for_name},
    )
    recipients = _add(root, "recipients")
    for recipient in package.recipients:
        _add(recipients, recipient.role, entity=recipient.entity_code, purpose=recipient.purpose)
    _add(root, "subject").text = clean(package.subject)
    for reference in package.references:
        _add(root, "reference").text = clean(reference)
    digest = hashlib.sha256(text).hexdigest()
    _add(root, "text", cid=text_cid(package.package_id), size=str(len(text)), sha256=digest)
    for index, part in enumerate(package.parts):
        element = _add(
            root,
            "part",
            cid=part_cid(package.package_id, index),
            size=str(part.size),
            sha256=part.sha256,
            role=part.role,
            name=part.name,
            type=part.media_type,
        )
        set_known(element, {"pages": str(part.pages or "")})
    return serialised(root)


def write_receipt(receipt: Receipt) -> bytes:
    """Return receipt.xml; raises XmlError as :func:`write_letter` does."""
    root = begun("receipt")
    set_attributes(
        root,
        version=str(SCHEMA_VERSION),
        kind=receipt.kind,
        package=str(receipt.package_id),
        entity=receipt.entity_code,
        at=receipt.at.isoformat(),
        number=receipt.register_number,
    )
    set_known(root, {"document": receipt.document_code, "unit": receipt.unit})
    if receipt.reason_code or receipt.reason_text:
        reason = _add(root, "reason", code=receipt.reason_code)
        set_known(reason, {"number": EXCEPTIONS.get(receipt.reason_code, "")})
        reason.text = clean(receipt.reason_text)
    if receipt.event:
        _add_evidence(root, receipt)
    return serialised(root)


def _add_evidence(root: "etree._Element", receipt: Receipt) -> None:
    """Say which event of ETSI EN 319 522-3 the receipt proves, and of which message and files."""
    element = _add(root, "evidence", event=EVENT_URI + receipt.event, policy=EVIDENCE_POLICY)
    known = {
        "submitted": receipt.submitted_at.isoformat() if receipt.submitted_at else "",
        "message": receipt.message_id, "sha256": receipt.message_hash,
    }  # fmt: skip
    set_attributes(element, **{name: value for name, value in known.items() if value})
    for digest in receipt.document_hashes:
        _add(element, "document", sha256=digest)


def read_xml(octets: bytes) -> LetterXml | Receipt | Inquiry | Confirmation:
    """Return what the XML part says; raises XmlError for what is not valid by the schema of a known version."""
    root = parsed(octets)
    if root.get("version") != str(SCHEMA_VERSION):
        raise XmlError("package.version-unknown")
    try:
        return _READERS[etree.QName(root).localname](root)
    except ValueError as error:
        raise XmlError("package.xml-value") from error


def told_by(octets: bytes) -> tuple[UUID | None, str]:
    """Return the package id and document code of a letter.xml that cannot be taken; None and "" where unreadable."""
    try:
        root = well_formed(octets)
    except XmlError:
        return None, ""
    try:
        package = UUID(root.get("package", ""))
    except ValueError:
        package = None
    document = root.find(f"{NS}document")
    code = document.get("code", "") if document is not None else ""
    return package, code if len(code) == 18 and code.isascii() and code.isdigit() else ""


def _read_letter(root: "etree._Element") -> LetterXml:
    document, sender, signer = (_child(root, name) for name in ("document", "sender", "signer"))
    text = _child(root, "text")
    package = LetterPackage(
        package_id=UUID(root.attrib["package"]),
        letter_id=UUID(root.attrib["id"]),
        document_code=document.attrib["code"],
        number=document.attrib["number"],
        date=date.fromisoformat(document.attrib["date"]),
        hijri=document.attrib["hijri"],
        sender_code=sender.attrib["entity"],
        sender_unit=sender.get("unit") or None,
        recipients=tuple(
            PackageRecipient(
                element.attrib["entity"],
                cast("RecipientRole", etree.QName(element).localname),
                element.get("purpose", ""),
            )
            for element in _child(root, "recipients").iterchildren(f"{NS}to", f"{NS}cc")
        ),
        subject=_child(root, "subject").text or "",
        kind=document.attrib["kind"],
        sensitivity=document.attrib["sensitivity"],
        precedence=document.attrib["precedence"],
        references=tuple(element.text or "" for element in root.iterchildren(f"{NS}reference")),
        verification_code=document.attrib["verification"],
        signer_name=signer.attrib["name"],
        signer_post=signer.attrib["post"],
        signer_code=signer.attrib["code"],
        body_text="",
        parts=(),
        created_at=_optional(root, "created"),
        register_number=document.get("register", ""),
        sender_name=sender.get("name", ""),
        sender_name_en=sender.get("name-en", ""),
        signed_at=_optional(signer, "at"),
        signer_for=signer.get("for", ""),
        signer_for_name=signer.get("for-name", ""),
    )
    parts = tuple(_entry(element) for element in root.iterchildren(f"{NS}part"))
    return LetterXml(package, _entry(text), parts)


def _entry(element: "etree._Element") -> FileEntry:
    return FileEntry(
        element.attrib["cid"],
        int(element.attrib["size"]),
        element.attrib["sha256"],
        cast("PartRole", element.get("role", "letter")),
        element.get("name", ""),
        element.get("type", ""),
        int(element.get("pages", "0")),
    )


def _read_receipt(root: "etree._Element") -> Receipt:
    reason, evidence = root.find(f"{NS}reason"), root.find(f"{NS}evidence")
    return Receipt(
        kind=cast("ReceiptKind", root.attrib["kind"]),
        package_id=UUID(root.attrib["package"]),
        document_code=root.get("document", ""),
        entity_code=root.attrib["entity"],
        at=moment(root),
        register_number=root.get("number", ""),
        reason_code=reason.attrib["code"] if reason is not None else "",
        reason_text=(reason.text or "") if reason is not None else "",
        unit=root.get("unit", ""),
        **(_evidence(evidence) if evidence is not None else {}),
    )


def _evidence(element: "etree._Element") -> dict[str, Any]:
    return {
        "event": element.attrib["event"].removeprefix(EVENT_URI), "submitted_at": _optional(element, "submitted"),
        "message_id": element.get("message", ""), "message_hash": element.get("sha256", ""),
        "document_hashes": tuple(each.attrib["sha256"] for each in element.iterchildren(f"{NS}document")),
    }  # fmt: skip


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _optional(element: "etree._Element", name: str) -> datetime | None:
    return moment(element, name) if name in element.attrib else None


def _child(root: "etree._Element", name: str) -> "etree._Element":
    child = root.find(f"{NS}{name}")
    if child is None:
        raise XmlError("package.xml-invalid")
    return child


def _add(parent: "etree._Element", tag: str, /, **attributes: str) -> "etree._Element":
    element = etree.SubElement(parent, f"{NS}{tag}")
    set_attributes(element, **attributes)
    return element


_READERS: Final[Mapping[str, Callable[["etree._Element"], LetterXml | Receipt | Inquiry | Confirmation]]] = {
    "letter": _read_letter,
    "receipt": _read_receipt,
    "inquiry": read_inquiry,
    "confirmation": read_confirmation,
}
