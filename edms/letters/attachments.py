"""Looking at an attachment before it is taken: its name, its size and whether an archive would burst; pure."""

import io
import mimetypes
import unicodedata
import zipfile
from dataclasses import dataclass

from edms.core.errors import Invalid

_BIDI = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MAX_NAME_BYTES = 200
_MAX_ENTRIES = 10_000
_MAX_RATIO = 100
_MAX_DEPTH = 3
_MIB = 1 << 20
_SMALL = 10 * _MIB  # an archive that unpacks to less than this is never a bomb, whatever its ratio
ACTIVE_TYPES = frozenset(
    {"text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml", "text/javascript"}
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest attachment, all attachments of a letter (MiB), how many, and what an archive may unpack to (MiB)."""

    attachment_mb: int = 20
    letter_mb: int = 24
    count: int = 50
    unpacked_mb: int = 1024


def clean_name(name: str) -> str:
    """Return the file's name in NFC without direction marks; a path or a nameless file is refused.

    Raises Invalid ``letters.attachment-bad-name``.
    """
    cleaned = "".join(c for c in unicodedata.normalize("NFC", name) if c not in _BIDI).strip()
    hidden = any(unicodedata.category(c) == "Cc" for c in cleaned)
    if not cleaned or cleaned.strip(".") == "" or hidden or any(mark in cleaned for mark in "/\\\0"):
        raise Invalid("letters.attachment-bad-name", name=name[:80])
    if len(cleaned.encode()) > _MAX_NAME_BYTES:
        raise Invalid("letters.attachment-name-too-long", limit=_MAX_NAME_BYTES)
    return cleaned


def media_type(name: str) -> str:
    """Return the media type by the file's ending; it is a label only, as attachments are never shown inline."""
    return mimetypes.guess_type(name, strict=False)[0] or "application/octet-stream"


def is_active(media: str) -> bool:
    """Say whether a browser would run or render the file if it were shown inline (which it never is)."""
    return media in ACTIVE_TYPES


def inspect(name: str, data: bytes, limits: Limits) -> None:
    """Refuse an empty or oversized file and an archive that would burst.

    Raises Invalid ``letters.attachment-empty``, ``-too-large`` or ``-bomb``. Sizes are those the archive declares,
    as nothing is ever unpacked to disk (OWASP ASVS 5.2.3).
    """
    if not data:
        raise Invalid("letters.attachment-empty", name=name)
    if len(data) > limits.attachment_mb * _MIB:
        raise Invalid("letters.attachment-too-large", name=name, limit=limits.attachment_mb)
    if data[:2] == b"PK":
        unpacked = _unpacked_size(data, name, limits, depth=1)
        if unpacked > limits.unpacked_mb * _MIB:
            raise Invalid("letters.attachment-bomb", name=name)


def _unpacked_size(data: bytes, name: str, limits: Limits, depth: int) -> int:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return len(data)  # not an archive after all: kept as the bytes it is
    entries = archive.infolist()
    total = sum(entry.file_size for entry in entries)
    if len(entries) > _MAX_ENTRIES or (total > _SMALL and total > _MAX_RATIO * len(data)):
        raise Invalid("letters.attachment-bomb", name=name)
    for entry in entries:
        if entry.filename.lower().endswith(".zip"):
            if depth >= _MAX_DEPTH or entry.file_size > limits.attachment_mb * _MIB * 4:
                raise Invalid("letters.attachment-bomb", name=name)
            total += _unpacked_size(_member(archive, entry, limits), name, limits, depth + 1)
    return total


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: Limits) -> bytes:
    try:
        with archive.open(entry) as member:
            return member.read(limits.attachment_mb * _MIB * 4)
    except (zipfile.BadZipFile, RuntimeError, OSError, NotImplementedError):
        return b""  # encrypted or damaged: it cannot unpack to anything here
