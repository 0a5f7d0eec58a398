"""Objects of a PDF file written as raw bytes into reportlab's document: much quicker than its own dictionaries."""

from typing import Any

from reportlab.pdfbase.pdfdoc import PDFDictionary, PDFObject, PDFStream, PDFZCompress


class Raw(PDFObject):
    """An indirect object whose bytes may be set until the document is written."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data

    def format(self, _document: object) -> bytes:
        """Return the bytes of the object, as reportlab asks for them."""
        return self.data


def number(document: Any, target: object) -> int:
    """Return the object number that `document` gives to an object."""
    name = document.Reference(target).name
    return int(document.idToObjectNumberAndVersion[name][0])


def stream(data: bytes, *, packed: bool = True, **entries: object) -> PDFStream:
    """Return a stream with further entries of its dictionary, Flate-coded where `packed`."""
    return PDFStream(dictionary=PDFDictionary(dict(entries)), content=data, filters=[PDFZCompress] if packed else [])


def text_bytes(text: str) -> bytes:
    """Return the bytes of a PDF text string (ISO 32000-1 §7.9.2.2): plain ASCII as it is, all else in UTF-16BE.

    U+001B, which would begin a language code there, is left out; a lone surrogate becomes a question mark.
    """
    text = text.replace("\x1b", "")
    plain = text.isascii() and text.replace("\n", " ").isprintable()
    return text.encode("ascii") if plain else b"\xfe\xff" + text.encode("utf-16-be", "replace")


def text_string(text: str) -> bytes:
    """Return a PDF text string as a literal of the file."""
    escaped = text_bytes(text).replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    return b"(" + escaped.replace(b"\r", b"\\r") + b")"


def name(text: str) -> str:
    """Return a PDF name without its slash, characters that need it written as #xx (ISO 32000-1 §7.3.5)."""
    data = text.encode("utf-8", "replace")
    return "".join(
        chr(byte) if 0x21 <= byte <= 0x7E and chr(byte) not in "#/%()<>[]{}" else f"#{byte:02X}" for byte in data
    )
