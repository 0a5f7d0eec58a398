"""Embeds the used glyphs of each typeface into one PDF: subset TrueType, identity-coded, with a truthful ToUnicode."""

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import uharfbuzz as hb
from reportlab.pdfbase.pdfdoc import (
    PDFArray,
    PDFDictionary,
    PDFName,
    PDFStream,
    PDFString,
    PDFZCompress,
)

from edms.letters.rendition import fonts
from edms.letters.rendition.objects import Raw

_DROPPED: Final = (
    "GSUB",
    "GPOS",
    "GDEF",
    "DSIG",
    "post",
    "kern",
    "MATH",
    "STAT",
    "cmap",
    "name",
    "OS/2",
    "gasp",
    "prep",
    "fpgm",
    "cvt ",
)
_REMEMBERED_CUTS: Final = 64
_SYMBOLIC: Final = 4
_FORCE_BOLD: Final = 1 << 18
_BLOCK: Final = 100
_JOINER: Final = "\u2060"
_INVISIBLE: Final = dict.fromkeys((0x061C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))

_CMAP_HEAD: Final = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange"""
_CMAP_TAIL: Final = "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"


class EmbeddedFace:
    """The codes one PDFDocument gives to the glyphs of one typeface: one per pair of glyph and the text it stands for.

    Belongs to a single document and so to a single thread. At most 65,535 pairs.
    """

    def __init__(self, face: fonts.Face, resource: str) -> None:
        self.face = face
        self.resource = resource
        self._codes: dict[tuple[int, str], str] = {}
        self._glyphs: list[tuple[int, str]] = [(0, "")]

    def code(self, glyph: int, text: str) -> str:
        """Return the code of a glyph that stands for `text`: two bytes in hexadecimal digits."""
        pair = (glyph, text)
        found = self._codes.get(pair)
        if found is None:
            found = self._codes[pair] = f"{len(self._glyphs):04X}"
            self._glyphs.append(pair)
        return found

    def add_to(self, document: Any) -> object:
        """Write the font objects (ISO 32000-1 §9.7.4, §9.10.3) and return the reference for the page resources."""
        cut = _cut(self.face.key, frozenset(glyph for glyph, _ in self._glyphs))
        base = PDFName(f"{cut.tag}+{self.face.name}")
        prefix = f"edms{self.resource}"
        file_ = document.Reference(Raw(cut.stream), f"{prefix}File")
        descriptor = document.Reference(self._descriptor(base, file_), f"{prefix}Descriptor")
        cid_map = b"".join(cut.order[glyph].to_bytes(2, "big") for glyph, _ in self._glyphs)
        descendant = PDFDictionary(
            {
                "Type": PDFName("Font"),
                "Subtype": PDFName("CIDFontType2"),
                "BaseFont": base,
                "CIDSystemInfo": PDFDictionary(
                    {
                        "Registry": PDFString("Adobe"),
                        "Ordering": PDFString("Identity"),
                        "Supplement": 0,
                    }
                ),
                "FontDescriptor": descriptor,
                "DW": 1000,
                "W": Raw(f"[0 [{' '.join(str(self.face.advance(glyph)) for glyph, _ in self._glyphs)}]]".encode()),
                "CIDToGIDMap": document.Reference(_stream(cid_map), f"{prefix}Map"),
            }
        )
        return document.Reference(
            PDFDictionary(
                {
                    "Type": PDFName("Font"),
                    "Subtype": PDFName("Type0"),
                    "BaseFont": base,
                    "Encoding": PDFName("Identity-H"),
                    "DescendantFonts": PDFArray([document.Reference(descendant, f"{prefix}Cid")]),
                    "ToUnicode": document.Reference(_stream(self._to_unicode()), f"{prefix}Unicode"),
                }
            ),
            f"{prefix}Font",
        )

    def _descriptor(self, base: object, file_: object) -> PDFDictionary:
        extents = self.face.font.get_font_extents("ltr")
        scale = self.face.scale
        ascent, descent = round(extents.ascender * scale), round(extents.descender * scale)
        bold = "Bold" in self.face.name
        return PDFDictionary(
            {
                "Type": PDFName("FontDescriptor"),
                "FontName": base,
                "Flags": _SYMBOLIC | (_FORCE_BOLD if bold else 0),
                "FontBBox": PDFArray([-1000, descent, 3000, ascent]),
                "ItalicAngle": 0,
                "Ascent": ascent,
                "Descent": descent,
                "CapHeight": 700,
                "StemV": 140 if bold else 80,
                "FontFile2": file_,
            }
        )

    def _to_unicode(self) -> bytes:
        """Map each code to the letters it was set from, the later glyphs of a cluster to U+2060."""
        rows = [
            f"<{code:04X}> <{(text.translate(_INVISIBLE) or _JOINER).encode('utf-16-be', 'replace').hex().upper()}>"
            for code, (_, text) in enumerate(self._glyphs)
            if code
        ]
        return "\n".join([_CMAP_HEAD, *_blocks(rows), _CMAP_TAIL]).encode("ascii")


class _Cut(NamedTuple):
    """A subset of a typeface: the stream object of its TrueType data, {glyph: glyph in the subset}, its name's tag."""

    stream: bytes
    order: Mapping[int, int]
    tag: str


@lru_cache(_REMEMBERED_CUTS)
def _cut(key: str, glyphs: frozenset[int]) -> _Cut:
    """Cut the used glyphs out of a typeface; the same few are used again by the heads of the next letters."""
    face = fonts.face(key)
    wanted = hb.SubsetInput()
    wanted.glyph_set.update(set(glyphs))
    wanted.drop_table_tag_set.update({int.from_bytes(tag.encode("ascii"), "big") for tag in _DROPPED})
    wanted.layout_feature_tag_set.clear()
    wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE | hb.SubsetFlags.NO_LAYOUT_CLOSURE
    for axis, value in face.axes.items():
        wanted.pin_axis_location(face.face, axis, value)
    plan = hb.SubsetPlan(face.face, wanted)
    data = bytes(plan.execute().blob.data)
    packed = zlib.compress(data)
    head = f"<< /Filter /FlateDecode /Length {len(packed)} /Length1 {len(data)} >>\nstream\n".encode()
    return _Cut(head + packed + b"\nendstream", dict(plan.old_to_new_glyph_mapping), _tag(data))


def _blocks(rows: list[str]) -> Iterable[str]:
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        yield "\n".join([f"{len(block)} beginbfchar", *block, "endbfchar"])


def _stream(content: bytes, **entries: object) -> PDFStream:
    return PDFStream(dictionary=PDFDictionary(dict(entries)), content=content, filters=[PDFZCompress])


def _tag(data: bytes) -> str:
    """Return the six capital letters that name a subset (ISO 32000-1 §9.6.4), from its content."""
    digest = hashlib.sha256(data).digest()
    return "".join(chr(ord("A") + byte % 26) for byte in digest[:6])
