"""What the XML parts of messages share: parsed without DTD, entity or network, at most 256 kB, valid by letter.xsd."""

import threading
from datetime import datetime
from importlib.resources import files
from typing import Final

from lxml import etree

NAMESPACE: Final = "urn:diwan:letter:1"
NS: Final = f"{{{NAMESPACE}}}"
MAX_XML: Final = 256_000
# Compiled at import, as libxml2 sets up its types for schemas in a way that two threads at once break.
_SCHEMA = etree.XMLSchema(etree.fromstring(files("mailgw").joinpath("letter.xsd").read_bytes()))
_VALIDATING = threading.Lock()


class XmlError(ValueError):
    """The XML part cannot be taken; ``code`` is the stable name of the problem (``package.xml-…``)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def begun(tag: str) -> "etree._Element":
    """Return a new root element."""
    return etree.Element(f"{NS}{tag}", nsmap={None: NAMESPACE})


def clean(text: str) -> str:
    """Return ``text`` without the characters that XML 1.0 §2.2 forbids."""
    return "".join(
        char
        for char in text
        if char in "\t\n\r" or (char >= " " and not "\ud800" <= char <= "\udfff" and char not in "\ufffe\uffff")
    )


def parsed(octets: bytes) -> "etree._Element":
    """Return the root of an XML part; raises XmlError for what is not valid by the schema."""
    root = well_formed(octets)
    if not _is_valid(root):
        raise XmlError("package.xml-invalid")
    return root


def well_formed(octets: bytes) -> "etree._Element":
    """Return the root of an XML part that need not be valid by the schema; raises XmlError."""
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
    return root


def _is_valid(root: "etree._Element") -> bool:
    """Validate against the schema, one thread at a time: its error log belongs to the schema object."""
    with _VALIDATING:
        return _SCHEMA.validate(root)


def set_attributes(element: "etree._Element", /, **attributes: str) -> None:
    """Set attributes, without the characters that XML cannot carry."""
    for name, value in attributes.items():
        element.set(name, clean(value))


def set_known(element: "etree._Element", attributes: dict[str, str]) -> None:
    """Set those attributes that say something."""
    set_attributes(element, **{name: value for name, value in attributes.items() if value})


def moment(element: "etree._Element", name: str = "at") -> datetime:
    """Return the time of an attribute of a valid element; raises XmlError without a zone, KeyError when absent."""
    at = datetime.fromisoformat(element.attrib[name])
    if at.tzinfo is None:
        raise XmlError("package.xml-value")
    return at


def serialised(root: "etree._Element") -> bytes:
    """Return the octets; raises XmlError over 256 kB or when they would not pass the schema."""
    octets = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=False)
    if len(octets) > MAX_XML:
        raise XmlError("package.xml-too-large")
    if not _is_valid(root):
        raise XmlError("package.xml-invalid")
    return octets
