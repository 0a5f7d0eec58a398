"""Embeds the used glyphs of each typeface into one PDF: subset TrueType, identity-coded, with a truthful ToUnicode."""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

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
        self._codes: dict[tuple[int, str], int] = {}
        self._glyphs: list[tuple[int, str]] = [(0, "")]

    def code(self, glyph: int, text: str) -> int:
        """Return the two-byte code of a glyph that stands for `text`."""
        pair = (glyph, text)
        found = self._codes.get(pair)
        if found is None:
            found = self._codes[pair] = len(self._glyphs)
            self._glyphs.append(pair)
        return found

    def add_to(self, document: Any) -> object:
        """Write the font objects (ISO 32000-1 §9.7.4, §9.10.3) and return the reference for the page resources."""
        data, order = self._subset()
        base = PDFName(f"{_tag(data)}+{self.face.name}")
        prefix = f"edms{self.resource}"
        file_ = document.Reference(_stream(data, Length1=len(data)), f"{prefix}File")
        descriptor = document.Reference(self._descriptor(base, file_), f"{prefix}Descriptor")
        cid_map = b"".join(order[glyph].to_bytes(2, "big") for glyph, _ in self._glyphs)
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
                "W": PDFArray([0, PDFArray([self.face.advance(glyph) for glyph, _ in self._glyphs])]),
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

    def _subset(self) -> tuple[bytes, dict[int, int]]:
        """Return the TrueType data of the used glyphs and {old glyph: new glyph}."""
        wanted = hb.SubsetInput()
        wanted.glyph_set.update({glyph for glyph, _ in self._glyphs})
        wanted.drop_table_tag_set.update({int.from_bytes(tag.encode("ascii"), "big") for tag in _DROPPED})
        wanted.layout_feature_tag_set.clear()
        wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE | hb.SubsetFlags.NO_LAYOUT_CLOSURE
        for axis, value in self.face.axes.items():
            wanted.pin_axis_location(self.face.face, axis, value)
        plan = hb.SubsetPlan(self.face.face, wanted)
        return bytes(plan.execute().blob.data), dict(plan.old_to_new_glyph_mapping)

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
