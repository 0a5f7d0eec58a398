"""letter.xml and receipt.xml (urn:diwan:letter:1): written from the package's values, read back under the schema.

The parser takes no DTD, no entity and no network, at most 256 kB, and what it reads is valid by ``letter.xsd``.
"""

import hashlib
import threading
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from typing import cast
from uuid import UUID

from lxml import etree

from edms.dispatch.package import (
    SCHEMA_VERSION,
    LetterPackage,
    PackageRecipient,
    PartRole,
    Receipt,
    ReceiptKind,
    RecipientRole,
)

NAMESPACE = "urn:diwan:letter:1"
MAX_XML = 256_000
_NS = f"{{{NAMESPACE}}}"
# Compiled at import, as libxml2 sets up its types for schemas in a way that two threads at once break.
_SCHEMA = etree.XMLSchema(etree.fromstring(files("mailgw").joinpath("letter.xsd").read_bytes()))
_VALIDATING = threading.Lock()


class XmlError(ValueError):
    """The XML part cannot be taken; ``code`` is the stable name of the problem (``package.xml-…``)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What letter.xml says of one file: its Content-ID, size in bytes and SHA-256; role, name, type of a part."""

    cid: str
    size: int
    sha256: str
    role: PartRole = "letter"
    name: str = ""
    media_type: str = ""


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
    root = etree.Element(f"{_NS}letter", nsmap={None: NAMESPACE})
    _set(root, version=str(package.version), package=str(package.package_id), id=str(package.letter_id))
    _add(
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
    _add(root, "sender", entity=package.sender_code, unit=package.sender_unit or "")
    _add(root, "signer", name=package.signer_name, post=package.signer_post, code=package.signer_code)
    recipients = _add(root, "recipients")
    for recipient in package.recipients:
        _add(recipients, recipient.role, entity=recipient.entity_code, purpose=recipient.purpose)
    _add(root, "subject").text = clean(package.subject)
    for reference in package.references:
        _add(root, "reference").text = clean(reference)
    digest = hashlib.sha256(text).hexdigest()
    _add(root, "text", cid=text_cid(package.package_id), size=str(len(text)), sha256=digest)
    for index, part in enumerate(package.parts):
        _add(
            root,
            "part",
            cid=part_cid(package.package_id, index),
            size=str(part.size),
            sha256=part.sha256,
            role=part.role,
            name=part.name,
            type=part.media_type,
        )
    return _serialised(root)


def write_receipt(receipt: Receipt) -> bytes:
    """Return receipt.xml; raises XmlError as :func:`write_letter` does."""
    root = etree.Element(f"{_NS}receipt", nsmap={None: NAMESPACE})
    _set(
        root,
        version=str(SCHEMA_VERSION),
        kind=receipt.kind,
        package=str(receipt.package_id),
        document=receipt.document_code,
        entity=receipt.entity_code,
        at=receipt.at.isoformat(),
        number=receipt.register_number,
    )
    if receipt.reason_code or receipt.reason_text:
        _add(root, "reason", code=receipt.reason_code).text = clean(receipt.reason_text)
    return _serialised(root)


def read_xml(octets: bytes) -> LetterXml | Receipt:
    """Return what the XML part says; raises XmlError for what is not valid by the schema of a known version."""
    root = _parsed(octets)
    if root.get("version") != str(SCHEMA_VERSION):
        raise XmlError("package.version-unknown")
    try:
        return _read_letter(root) if root.tag == f"{_NS}letter" else _read_receipt(root)
    except ValueError as error:
        raise XmlError("package.xml-value") from error


def clean(text: str) -> str:
    """Return ``text`` without the characters that XML 1.0 §2.2 forbids."""
    return "".join(
        char
        for char in text
        if char in "\t\n\r" or (char >= " " and not "\ud800" <= char <= "\udfff" and char not in "\ufffe\uffff")
    )


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
            for element in _child(root, "recipients").iterchildren(f"{_NS}to", f"{_NS}cc")
        ),
        subject=_child(root, "subject").text or "",
        kind=document.attrib["kind"],
        sensitivity=document.attrib["sensitivity"],
        precedence=document.attrib["precedence"],
        references=tuple(element.text or "" for element in root.iterchildren(f"{_NS}reference")),
        verification_code=document.attrib["verification"],
        signer_name=signer.attrib["name"],
        signer_post=signer.attrib["post"],
        signer_code=signer.attrib["code"],
        body_text="",
        parts=(),
    )
    parts = tuple(_entry(element) for element in root.iterchildren(f"{_NS}part"))
    return LetterXml(package, _entry(text), parts)


def _entry(element: "etree._Element") -> FileEntry:
    return FileEntry(
        element.attrib["cid"],
        int(element.attrib["size"]),
        element.attrib["sha256"],
        cast("PartRole", element.get("role", "letter")),
        element.get("name", ""),
        element.get("type", ""),
    )


def _read_receipt(root: "etree._Element") -> Receipt:
    at = datetime.fromisoformat(root.attrib["at"])
    if at.tzinfo is None:
        raise XmlError("package.xml-value")
    reason = root.find(f"{_NS}reason")
    return Receipt(
        kind=cast("ReceiptKind", root.attrib["kind"]),
        package_id=UUID(root.attrib["package"]),
        document_code=root.attrib["document"],
        entity_code=root.attrib["entity"],
        at=at,
        register_number=root.get("number", ""),
        reason_code=reason.attrib["code"] if reason is not None else "",
        reason_text=(reason.text or "") if reason is not None else "",
    )


def _parsed(octets: bytes) -> "etree._Element":
    if len(octets) > MAX_XML:
        raise XmlError("package.xml-too-large")
    if b"<!" in octets.replace(b"<!--", b""):
        raise XmlError("package.xml-doctype")
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(octets, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise XmlError("package.xml-malformed") from error
    if root.getroottree().docinfo.doctype:
        raise XmlError("package.xml-doctype")
    if not _is_valid(root):
        raise XmlError("package.xml-invalid")
    return root


def _is_valid(root: "etree._Element") -> bool:
    """Validate against the schema, one thread at a time: its error log belongs to the schema object."""
    with _VALIDATING:
        return _SCHEMA.validate(root)


def _child(root: "etree._Element", name: str) -> "etree._Element":
    child = root.find(f"{_NS}{name}")
    if child is None:
        raise XmlError("package.xml-invalid")
    return child


def _add(parent: "etree._Element", tag: str, /, **attributes: str) -> "etree._Element":
    element = etree.SubElement(parent, f"{_NS}{tag}")
    _set(element, **attributes)
    return element


def _set(element: "etree._Element", /, **attributes: str) -> None:
    for name, value in attributes.items():
        element.set(name, clean(value))


def _serialised(root: "etree._Element") -> bytes:
    octets = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=False)
    if len(octets) > MAX_XML:
        raise XmlError("package.xml-too-large")
    if not _is_valid(root):
        raise XmlError("package.xml-invalid")
    return octets
