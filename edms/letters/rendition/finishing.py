"""The entries of a finished PDF that stand outside its pages: metadata, output intent, files, language, reading."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Final
from xml.sax.saxutils import escape

from PIL import ImageCms
from reportlab.pdfbase.pdfdoc import PDFInfo, PDFName

from edms.letters.rendition import objects
from edms.letters.rendition.directions import clean
from edms.letters.rendition.objects import Raw
from edms.letters.rendition.values import EmbeddedFile

PRODUCER: Final = "Diwan"
SCHEMA: Final = "urn:diwan:letter:1#"

_UNDATED: Final = date(2000, 1, 1)
_NOT_XML: Final = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ICC_STAMP: Final = slice(24, 36)
_ICC_DAY: Final = b"\x07\xd0\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"  # 1 January 2000: LittleCMS writes the clock here
_CATALOG: Final = ("StructTreeRoot", "MarkInfo", "ViewerPreferences", "Metadata", "OutputIntents", "Names", "AF")


@dataclass(frozen=True, slots=True)
class Properties:
    """What a file says of itself; `own` are further properties in our own schema, such as number and document code."""

    title: str
    author: str = ""
    subject: str = ""
    day: date | None = None
    language: str = "ar"
    own: Mapping[str, str] = field(default_factory=dict)

    @property
    def stamp(self) -> date:
        """The day written as the file's date; a fixed one where the letter has none."""
        return self.day if self.day is not None and self.day.year >= 1000 else _UNDATED


class Info(PDFInfo):
    """Document information whose dates come from the letter, not from a clock."""

    producer = PRODUCER
    creator = PRODUCER

    def __init__(self, properties: Properties) -> None:
        super().__init__()
        self.title, self.author, self.subject = (
            _line(text) for text in (properties.title, properties.author, properties.subject)
        )
        self._stamp = pdf_date(properties.stamp)
        self._dateFormatter = self._date

    def _date(self, *_parts: int) -> str:
        return self._stamp


def pdf_date(day: date) -> str:
    """Return the beginning of a day as a PDF date (ISO 32000-1 §7.9.4)."""
    return f"D:{day:%Y%m%d}000000+00'00'"


def finish(document: Any, properties: Properties, tree: Raw, files: Sequence[EmbeddedFile]) -> None:
    """Complete the catalog of reportlab's `document`."""
    catalog = document.Catalog
    catalog.__NoDefault__ = [*catalog.__NoDefault__, "OutputIntents", "AF"]
    catalog.__Refs__ = [entry for entry in catalog.__Refs__ if entry not in _CATALOG]
    catalog.StructTreeRoot = document.Reference(tree)
    catalog.MarkInfo = Raw(b"<</Marked true>>")
    catalog.ViewerPreferences = Raw(b"<</DisplayDocTitle true>>")
    packet = objects.stream(xmp(properties), packed=False, Type=PDFName("Metadata"), Subtype=PDFName("XML"))
    catalog.Metadata = document.Reference(packet)
    profile = objects.number(document, objects.stream(srgb(), N=3))
    catalog.OutputIntents = Raw(
        b"[<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)/Info(sRGB IEC61966-2.1)"
        b"/DestOutputProfile %d 0 R>>]" % profile
    )
    if files:
        specs = [objects.number(document, _specification(document, file, properties.stamp)) for file in files]
        catalog.AF = Raw(b"[%b]" % b" ".join(b"%d 0 R" % number for number in specs))
        catalog.Names = Raw(b"<</EmbeddedFiles<</Names[%b]>>>>" % _names(files, specs))


def xmp(properties: Properties) -> bytes:
    """Return the metadata packet (ISO 16684-1): Dublin Core, PDF and XMP basics, and our own schema.

    It claims neither PDF/A nor PDF/UA: no validator has judged the files.
    """
    title, author, subject = (_xml(text) for text in (properties.title, properties.author, properties.subject))
    stamp = f"{properties.stamp:%Y-%m-%d}T00:00:00Z"
    own = "".join(f"<diwan:{key}>{_xml(text)}</diwan:{key}>" for key, text in properties.own.items() if text)
    creator = f"<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>" if author else ""
    described = _alternatives("description", subject) if subject else ""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        f'xmlns:diwan="{SCHEMA}">\n'
        f"<dc:format>application/pdf</dc:format>{_alternatives('title', title)}{creator}{described}"
        f"<dc:language><rdf:Bag><rdf:li>{properties.language}</rdf:li></rdf:Bag></dc:language>\n"
        f"<pdf:Producer>{PRODUCER}</pdf:Producer><xmp:CreatorTool>{PRODUCER}</xmp:CreatorTool>"
        f"<xmp:CreateDate>{stamp}</xmp:CreateDate><xmp:ModifyDate>{stamp}</xmp:ModifyDate>\n"
        f"{own}</rdf:Description></rdf:RDF></x:xmpmeta>\n"
        '<?xpacket end="r"?>'
    ).encode()


@cache
def srgb() -> bytes:
    """Return the sRGB profile, the same bytes on every day."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[_ICC_STAMP] = _ICC_DAY
    return bytes(data)


def _specification(document: Any, file: EmbeddedFile, day: date) -> Raw:
    """Return the specification of an embedded file (ISO 32000-2 §7.11.3, §7.11.4)."""
    stamp = pdf_date(day).encode("ascii")
    checksum = hashlib.md5(file.data, usedforsecurity=False).hexdigest().encode("ascii")  # the field's own algorithm
    parameters = b"<</Size %d/CreationDate(%b)/ModDate(%b)/CheckSum<%b>>>" % (len(file.data), stamp, stamp, checksum)
    content = objects.stream(
        file.data,
        Type=PDFName("EmbeddedFile"),
        Subtype=f"/{objects.name(file.media_type)}",
        Params=Raw(parameters),
    )
    plain = file.name.encode("ascii", "replace").decode("ascii").replace("?", "_")
    described = b"/Desc" + objects.text_string(file.description) if file.description else b""
    target = objects.number(document, content)
    return Raw(
        b"<</Type/Filespec/F%b/UF%b%b/AFRelationship/%b/EF<</F %d 0 R/UF %d 0 R>>>>"
        % (
            objects.text_string(plain),
            objects.text_string(file.name),
            described,
            file.relationship.encode("ascii"),
            target,
            target,
        )
    )


def _names(files: Sequence[EmbeddedFile], numbers: Sequence[int]) -> bytes:
    """Return the pairs of the name tree in the order of their keys; a name used twice gets its place as a suffix."""
    keys: dict[str, int] = {}
    for place, (file, number) in enumerate(zip(files, numbers, strict=True), 1):
        keys[file.name if file.name not in keys else f"{file.name} ({place})"] = number
    ordered = sorted((objects.text_bytes(key), objects.text_string(key), number) for key, number in keys.items())
    return b" ".join(b"%b %d 0 R" % (key, number) for _, key, number in ordered)


def _alternatives(key: str, text: str) -> str:
    return f'<dc:{key}><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></dc:{key}>'


def _line(text: str) -> str:
    return clean(text).replace("\n", " ")


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("", _line(text)))
