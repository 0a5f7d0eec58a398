"""The small engine's files: authenticated ciphertext on disk, plaintext only in memory, published all at once.

A folder holds ``head`` (what the index is now), the sealed segment files it names, and a journal of the documents
written since: a write appends one sealed frame, so that one document in 859 indexes stays cheap. Nothing is unpickled
that did not open under the key in its own place.
"""

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whoosh.filedb.filestore import RamStorage

from crypto.encryption import derive, open_value, seal_value
from crypto.errors import DecryptionError
from edms.core.errors import Unavailable
from edms.core.folders import sync_folder

_ID = 16  # bytes of the index id at the beginning of the head
_LENGTH = 4  # bytes of the length before a journal frame


class MemoryStorage(RamStorage):  # type: ignore[misc]  # Whoosh ships no types
    """A Whoosh storage of plaintext files in memory, whose temporary files stay in memory as well."""

    def __init__(self, contents: Mapping[str, bytes] | None = None) -> None:
        super().__init__()
        self.files: dict[str, bytes] = dict(contents or {})

    def temp_storage(self, name: str | None = None) -> "MemoryStorage":
        """Return a storage for temporary files, in memory (Whoosh's own would write them readable to /tmp)."""
        return MemoryStorage()

    def destroy(self) -> None:
        """Forget the files; safe to call twice, as Whoosh does."""
        self.files = {}


@dataclass(frozen=True, slots=True)
class Head:
    """What the index is: the files of its last fold and the journal that follows it."""

    index_id: bytes
    generation: int
    position: int
    files: tuple[str, ...]

    def context(self, kind: str, name: str) -> bytes:
        """Name the place of a file or frame; authenticated with its bytes."""
        return f"search/{kind}/{self.index_id.hex()}/{name}".encode()


EMPTY = Head(b"", -1, 0, ())


class SealedFolder:
    """The files of one index in ``folder`` under the 32-byte ``key``. Damage raises ``search.index-damaged``."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = derive(key, "search/whoosh")
        self._lock = threading.Lock()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the turn of the one writer, among threads and processes.

        A full or failing disk raises ``Unavailable("search.index-unavailable")``; the index stays as it was.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._lock, (self._folder / "lock").open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise Unavailable("search.index-unavailable") from error

    def signature(self) -> tuple[int, ...]:
        """Return what changes when another process publishes a head."""
        try:
            seen = (self._folder / "head").stat()
        except FileNotFoundError:
            return ()
        return seen.st_ino, seen.st_mtime_ns, seen.st_size

    def head(self) -> Head:
        """Return the published head; ``EMPTY`` when there is none."""
        try:
            sealed = (self._folder / "head").read_bytes()
        except FileNotFoundError:
            return EMPTY
        index_id = sealed[:_ID]
        said = json.loads(self._open(sealed[_ID:], b"search/head/" + index_id))
        return Head(index_id, said["generation"], said["position"], tuple(said["files"]))

    def read(self, head: Head, name: str) -> bytes:
        """Return the plaintext of a file of ``head``; raises FileNotFoundError when a newer head has removed it."""
        return self._open((self._folder / f"{name}.sealed").read_bytes(), head.context("file", name))

    def journal(self, head: Head, start: int = 0, number: int = 0) -> tuple[list[Any], int]:
        """Return the frames of the journal from byte ``start`` (frame ``number``), and the byte where they end.

        A frame cut short by a crash ends the journal: its write was never finished, and the position shows it.
        """
        try:
            with self._journal(head).open("rb") as file:
                file.seek(start)
                data = file.read()
        except FileNotFoundError:
            return [], start
        frames: list[Any] = []
        place = 0
        while (body := place + _LENGTH) <= len(data):
            end = body + int.from_bytes(data[place:body], "big")
            if end > len(data):
                break
            context = head.context("journal", f"{head.generation}/{number + len(frames)}")
            try:
                frames.append(json.loads(open_value(self._key, data[body:end], context)))
            except DecryptionError as error:
                if end < len(data):
                    raise Unavailable("search.index-damaged") from error
                break
            place = end
        return frames, start + place

    def append(self, head: Head, number: int, start: int, frame: object) -> int:
        """Write one frame as ``number`` at byte ``start``; return where it ends.

        Not synced: a power cut may take the last frames, and the position they carry with them.
        """
        context = head.context("journal", f"{head.generation}/{number}")
        sealed = seal_value(self._key, json.dumps(frame, ensure_ascii=False).encode("utf-8", "surrogatepass"), context)
        with self._journal(head).open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            file.write(len(sealed).to_bytes(_LENGTH, "big") + sealed)
        return start + _LENGTH + len(sealed)

    def publish(self, old: Head, position: int, files: Mapping[str, bytes]) -> Head:
        """Make ``files`` the whole index in one rename; files already in ``old`` are not written again."""
        head = Head(old.index_id or secrets.token_bytes(_ID), old.generation + 1, position, tuple(sorted(files)))
        for name in head.files:
            if name not in old.files:
                sealed = seal_value(self._key, files[name], head.context("file", name))
                self._put(f"{name}.sealed", sealed)
        said = {"generation": head.generation, "position": position, "files": head.files}
        sealed = seal_value(self._key, json.dumps(said).encode(), b"search/head/" + head.index_id)
        self._put("head.new", head.index_id + sealed)
        (self._folder / "head.new").rename(self._folder / "head")
        if old.generation >= 0:
            self._sync()
            self._sweep(head)
        return head

    def _sweep(self, head: Head) -> None:
        """Remove what the head doesn't name; a reader still at it starts again with the new head."""
        keep = {f"{name}.sealed" for name in head.files} | {self._journal(head).name, "head", "lock"}
        for path in self._folder.iterdir():
            if path.name not in keep:
                path.unlink(missing_ok=True)

    def _journal(self, head: Head) -> Path:
        return self._folder / f"journal-{head.generation}"

    def _put(self, name: str, data: bytes) -> None:
        with (self._folder / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _sync(self) -> None:
        sync_folder(self._folder)

    def _open(self, sealed: bytes, context: bytes) -> bytes:
        try:
            return open_value(self._key, sealed, context)
        except DecryptionError as error:
            raise Unavailable("search.index-damaged") from error
