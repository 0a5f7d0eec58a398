"""What travels inside a sealed letter: its final data as XML, what the person signed, and the signature."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edms.letters.rendition.values import EmbeddedFile

NAMESPACE: Final = "urn:diwan:sealed-letter:1"
_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2


@dataclass(frozen=True, slots=True)
class Party:
    """A body that a letter names: its code, its name, and for a copy its purpose."""

    code: str
    name: str
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class LetterData:
    """The final data of a letter still without its number; ``facts`` and ``signer`` are attributes by their names."""

    facts: Mapping[str, str]
    sender: Party
    signer: Mapping[str, str]
    to: tuple[Party, ...]
    copies: tuple[Party, ...]
    subject: str
    references: tuple[tuple[str, str], ...]
    attachments: tuple[Mapping[str, str], ...]
    body: tuple[Mapping[str, Any], ...]


def sealed_files(data: LetterData, number: str, *, signed_content: bytes, signature: bytes) -> list[EmbeddedFile]:
    """Return the files that are embedded in a letter numbered ``number`` (docs/formats/sealed-letter.md)."""
    return [
        EmbeddedFile("letter.xml", "application/xml", "Alternative", letter_xml(data, number), "Letter as data"),
        EmbeddedFile("signed-content.json", "application/json", "Source", signed_content, "What the person signed"),
        EmbeddedFile(
            "signature.p7s", "application/pkcs7-signature", "Supplement", signature, "The person's signature (CMS)"
        ),
    ]


def letter_xml(data: LetterData, number: str) -> bytes:
    """Return ``letter.xml``: the same data always give the same bytes."""
    root = ET.Element("letter", {"xmlns": NAMESPACE, **_attributes({**data.facts, "number": number})})
    _party(root, "sender", data.sender)
    ET.SubElement(root, "signer", _attributes(data.signer))
    for name, parties in (("to", data.to), ("cc", data.copies)):
        for party in parties:
            _party(root, name, party)
    _text(root, "subject", data.subject)
    for code, words in data.references:
        _text(root, "reference", words, {"document": code} if code else {})
    for attachment in data.attachments:
        ET.SubElement(root, "attachment", _attributes(attachment))
    body = ET.SubElement(root, "body")
    for block in data.body:
        _block(body, block)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode").encode()


def _block(body: ET.Element, block: Mapping[str, Any]) -> None:
    kind = block["type"]
    if kind == "paragraph":
        _text(body, "p", block["text"])
    elif kind == "heading":
        _text(body, "h", block["text"], {"level": str(block["level"])})
    elif kind == "list":
        listed = ET.SubElement(body, "ol" if block["ordered"] else "ul")
        for item in block["items"]:
            _text(listed, "li", item)
    elif kind == "table":
        table = ET.SubElement(body, "table")
        _row(table, "head", block["header"])
        for row in block["rows"]:
            _row(table, "row", row)
    else:
        raise ValueError(f"letter.xml knows no block of type {kind}")


def _row(table: ET.Element, name: str, cells: Iterable[str]) -> None:
    row = ET.SubElement(table, name)
    for cell in cells:
        _text(row, "c", cell)


def _party(root: ET.Element, name: str, party: Party) -> None:
    ET.SubElement(root, name, _attributes({"entity": party.code, "name": party.name, "purpose": party.purpose}))


def _text(parent: ET.Element, name: str, text: str, attributes: Mapping[str, str] | None = None) -> None:
    ET.SubElement(parent, name, _attributes(attributes or {})).text = _FORBIDDEN.sub("", text)


def _attributes(given: Mapping[str, str]) -> dict[str, str]:
    """Return attributes in the order of their names; an empty one is left out."""
    return {name: _FORBIDDEN.sub("", given[name]) for name in sorted(given) if given[name]}
