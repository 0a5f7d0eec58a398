"""inquiry.xml and confirmation.xml (urn:diwan:letter:1): "did you issue this?" and its sealed answer."""

from base64 import b64decode, b64encode
from uuid import UUID

from lxml import etree

from edms.dispatch.package import SCHEMA_VERSION, Confirmation, Inquiry
from mailgw.xml_parts import NS, begun, clean, moment, serialised, set_attributes


def write_inquiry(inquiry: Inquiry) -> bytes:
    """Return inquiry.xml; raises XmlError when a value would not pass the schema at the other end."""
    root = begun("inquiry")
    set_attributes(root, **_parties(inquiry), verification=inquiry.verification_code)
    if inquiry.file_sha256:
        set_attributes(root, file=inquiry.file_sha256)
    return serialised(root)


def write_confirmation(confirmation: Confirmation) -> bytes:
    """Return confirmation.xml; raises XmlError as :func:`write_inquiry` does."""
    root = begun("confirmation")
    set_attributes(root, **_parties(confirmation), answer=confirmation.answer, number=confirmation.number)
    if confirmation.file_sha256:
        set_attributes(root, file=confirmation.file_sha256)
    if confirmation.date:
        set_attributes(root, date=confirmation.date)
    for name in ("subject", "reason"):
        if text := getattr(confirmation, name):
            etree.SubElement(root, f"{NS}{name}").text = clean(text)
    etree.SubElement(root, f"{NS}proof").text = b64encode(confirmation.proof).decode()
    return serialised(root)


def read_inquiry(root: "etree._Element") -> Inquiry:
    """Return the inquiry of a valid element."""
    return Inquiry(
        inquiry_id=UUID(root.attrib["id"]),
        asker_code=root.attrib["asker"],
        issuer_code=root.attrib["issuer"],
        at=moment(root),
        document_code=root.attrib["document"],
        verification_code=root.get("verification", ""),
        file_sha256=root.get("file", ""),
    )


def read_confirmation(root: "etree._Element") -> Confirmation:
    """Return the confirmation of a valid element; its proof is not judged here."""
    return Confirmation(
        inquiry_id=UUID(root.attrib["id"]),
        asker_code=root.attrib["asker"],
        issuer_code=root.attrib["issuer"],
        at=moment(root),
        document_code=root.attrib["document"],
        file_sha256=root.get("file", ""),
        answer=root.attrib["answer"],
        number=root.get("number", ""),
        date=root.get("date", ""),
        subject=root.findtext(f"{NS}subject") or "",
        reason=root.findtext(f"{NS}reason") or "",
        proof=b64decode(root.findtext(f"{NS}proof") or ""),
    )


def _parties(message: Inquiry | Confirmation) -> dict[str, str]:
    return {
        "version": str(SCHEMA_VERSION),
        "id": str(message.inquiry_id),
        "asker": message.asker_code,
        "issuer": message.issuer_code,
        "at": message.at.isoformat(),
        "document": message.document_code,
    }
