"""The content of a message after DATA: in memory when it is small, else encrypted in the store; never changed."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from edms.content.service import StagedFile, decrypted
from edms.content.store import ContentStore
from mailgw.headers import MAX_HEADER_OCTETS

HEAD: Final = MAX_HEADER_OCTETS + 4
_END_OF_HEADERS: Final = b"\r\n\r\n"


class Content(Protocol):
    """A message's octets; ``head`` are the first ones, all of the header block if that is not too large."""

    @property
    def size(self) -> int:
        """Return the number of octets."""

    @property
    def head(self) -> bytes:
        """Return the first octets, for :func:`mailgw.headers.read_headers`."""

    @property
    def sha256(self) -> bytes:
        """Return the hash of all octets."""

    @property
    def body_sha256(self) -> bytes:
        """Return the hash of what stands behind the header block, of nothing where there is no end of it."""

    @property
    def staged(self) -> StagedFile | None:
        """Return the file in the store that already holds the octets, durably."""

    def chunks(self) -> Iterable[bytes]:
        """Return the octets piece by piece, as often as one likes."""

    def octets(self) -> bytes:
        """Return all octets at once; a large message costs its size in memory."""

    def discard(self) -> None:
        """Leave nothing of it in the store, for a message that was not taken."""


@dataclass(frozen=True, slots=True)
class Held:
    """Content in memory."""

    raw: bytes = field(repr=False)
    staged: None = field(default=None, init=False)

    @property
    def size(self) -> int:
        """Return the number of octets."""
        return len(self.raw)

    @property
    def head(self) -> bytes:
        """Return all octets: they cost nothing."""
        return self.raw

    @property
    def sha256(self) -> bytes:
        """Return the hash of all octets."""
        return hashlib.sha256(self.raw).digest()

    @property
    def body_sha256(self) -> bytes:
        """Return the hash of the body."""
        return hashlib.sha256(memoryview(self.raw)[body_at(self.raw) :]).digest()

    def chunks(self) -> Iterable[bytes]:
        """Return the octets in one piece."""
        return (self.raw,)

    def octets(self) -> bytes:
        """Return the octets."""
        return self.raw

    def discard(self) -> None:
        """Do nothing: nothing is in the store."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """Content in the store, as a staged file that the intake's row will name."""

    staged: StagedFile
    head: bytes = field(repr=False)
    sha256: bytes
    body_sha256: bytes
    store: ContentStore = field(repr=False)

    @property
    def size(self) -> int:
        """Return the number of octets."""
        return self.staged.size

    def chunks(self) -> Iterable[bytes]:
        """Yield the octets, decrypted as they are read."""
        return decrypted(self.staged.id, self.staged.key, self.store)

    def octets(self) -> bytes:
        """Return all octets at once."""
        return b"".join(self.chunks())

    def discard(self) -> None:
        """Delete the staged file."""
        self.store.delete(self.staged.id)


def body_at(head: bytes | bytearray) -> int:
    """Return where the body begins, the end of ``head`` where its first octets do not hold the whole header block."""
    end = head.find(_END_OF_HEADERS, 0, HEAD)
    return end + len(_END_OF_HEADERS) if end >= 0 else len(head)
