"""The content store port and its embedded adapter: a directory of encrypted blobs named by random ids."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, Protocol
from uuid import UUID

from edms.core.errors import NotFound, Unavailable
from edms.core.folders import sync_folder

_ASIDE: Final = ".part"


class BlobWriter(Protocol):
    """A blob that is being written; nobody sees it before it is finished. All raise Unavailable when they cannot."""

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        ...

    def finish(self) -> None:
        """Make the blob durable under its id."""
        ...

    def discard(self) -> None:
        """Leave nothing of a blob that was not finished."""
        ...


class ContentStore(Protocol):
    """Keeps blobs; what it is given is already encrypted."""

    def writer(self, blob_id: UUID) -> BlobWriter:
        """Begin a blob whose bytes arrive bit by bit; raises Unavailable when it cannot."""
        ...

    def put(self, blob_id: UUID, chunks: Iterable[bytes]) -> int:
        """Store a blob durably before returning its size in bytes; raises Unavailable when it cannot."""
        ...

    def open(self, blob_id: UUID) -> BinaryIO:
        """Open a blob for reading; raises NotFound."""
        ...

    def delete(self, blob_id: UUID) -> None:
        """Remove a blob if it is there."""
        ...

    def ids(self) -> Iterator[UUID]:
        """Yield all blobs, for the sweep of orphans and the scrub."""
        ...

    def sweep(self, before: datetime) -> int:
        """Remove what was begun before that moment and never finished; return how many there were."""
        ...


class DiskStore:
    """Blobs as files ``ab/cd/<id>``: written aside, fsynced, renamed, the folder fsynced.

    ``reach`` is told of each step of a write, so that a test can make the process die between any two.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.reach: Callable[[str], None] = _go_on

    def writer(self, blob_id: UUID) -> BlobWriter:
        """Begin a blob (ContentStore)."""
        return _DiskWriter(self._path(blob_id), self.reach)

    def put(self, blob_id: UUID, chunks: Iterable[bytes]) -> int:
        """Store a blob durably (ContentStore)."""
        writer = self.writer(blob_id)
        size = 0
        try:
            for chunk in chunks:
                writer.write(chunk)
                size += len(chunk)
            writer.finish()
        except BaseException:
            writer.discard()
            raise
        return size

    def open(self, blob_id: UUID) -> BinaryIO:
        """Open a blob for reading (ContentStore)."""
        try:
            return self._path(blob_id).open("rb")
        except FileNotFoundError as error:
            raise NotFound("content.missing-blob") from error
        except OSError as error:
            raise Unavailable("content.store-failed") from error

    def delete(self, blob_id: UUID) -> None:
        """Remove a blob if it is there (ContentStore)."""
        self._path(blob_id).unlink(missing_ok=True)

    def ids(self) -> Iterator[UUID]:
        """Yield all blobs (ContentStore)."""
        for path in self._folder.glob("*/*/*"):
            if not path.suffix:
                yield UUID(path.name)

    def sweep(self, before: datetime) -> int:
        """Remove what was begun and never finished (ContentStore)."""
        found = 0
        for path in self._folder.glob(f"*/*/*{_ASIDE}"):
            try:
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    found += 1
            except FileNotFoundError:
                continue
        return found

    def _path(self, blob_id: UUID) -> Path:
        name = str(blob_id)
        return self._folder / name[-2:] / name[-4:-2] / name


class _DiskWriter:
    """A file written aside until it is finished."""

    def __init__(self, path: Path, reach: Callable[[str], None]) -> None:
        self._path = path
        self._reach = reach
        self._aside = path.with_suffix(_ASIDE)
        with _storing():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._aside.open("wb")
        reach("before-body-write")

    def write(self, chunk: bytes) -> None:
        with _storing():
            self._file.write(chunk)

    def finish(self) -> None:
        with _storing():
            self._file.flush()
            self._reach("after-body-write")
            os.fsync(self._file.fileno())
            self._reach("after-fsync")
            self._file.close()
            self._aside.rename(self._path)
            self._reach("after-rename")
            sync_folder(self._path.parent)

    def discard(self) -> None:
        with suppress(OSError):  # what was not written cannot be flushed: the disk may be full
            self._file.close()
        with _storing():
            self._aside.unlink(missing_ok=True)


def _go_on(_step: str) -> None:
    """Do nothing at a step."""


@contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable("content.store-failed") from error
