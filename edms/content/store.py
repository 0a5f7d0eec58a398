"""The content store port and its embedded adapter: a directory of encrypted blobs named by random ids."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID

from edms.core.errors import NotFound, Unavailable


class ContentStore(Protocol):
    """Keeps blobs; what it is given is already encrypted."""

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


class DiskStore:
    """Blobs as files ``ab/cd/<id>``: written aside, fsynced, renamed, the folder fsynced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, blob_id: UUID, chunks: Iterable[bytes]) -> int:
        """Store a blob durably (ContentStore)."""
        path = self._path(blob_id)
        size = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_suffix(".part")
            with aside.open("wb") as file:
                for chunk in chunks:
                    size += file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            aside.rename(path)
            _sync_folder(path.parent)
        except OSError as error:
            raise Unavailable("content.store-failed") from error
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

    def _path(self, blob_id: UUID) -> Path:
        name = str(blob_id)
        return self._folder / name[-2:] / name[-4:-2] / name


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
