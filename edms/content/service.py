"""Storing, sharing and opening encrypted files."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from crypto.encryption import new_key
from crypto.errors import DecryptionError
from crypto.stream import BlobHeader, decrypt_chunks, encrypt_chunks
from edms.content.models import FileKey, StoredFile
from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.core.errors import NotFound, Unavailable
from edms.core.ids import new_id
from edms.entities.keyring import Keyring

_PIECE = 1 << 20
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A blob that is durable in the store but not yet named by any row; ``size`` is the plaintext's, in bytes."""

    id: UUID
    kind: str
    size: int
    key: bytes = field(repr=False)


def stage(data: bytes | Iterable[bytes], *, kind: str, now: datetime, store: ContentStore) -> StagedFile:
    """Encrypt ``data`` under a fresh key and make the blob durable, outside any transaction.

    A staged file that is never adopted is an orphan, which the sweep removes.
    """
    file_id, key = new_id(), new_key()
    size = 0

    def counted() -> Iterator[bytes]:
        nonlocal size
        pieces = (data[at : at + _PIECE] for at in range(0, len(data), _PIECE)) if isinstance(data, bytes) else data
        for piece in pieces:
            size += len(piece)
            yield piece

    length = len(data) if isinstance(data, bytes) else None
    header = BlobHeader(blob_id=file_id, length=length, media_class=kind, created_day=now.date().toordinal() - _EPOCH)
    store.put(file_id, encrypt_chunks(counted(), key, header))
    return StagedFile(file_id, kind, size, key)


def adopt(uow: UnitOfWork, staged: StagedFile, *, entities: Sequence[UUID], keys: Keyring) -> StoredFile:
    """Name a staged blob by a row and wrap its key for each body in ``entities``."""
    return adopt_all(uow, [(staged, entities)], keys=keys)[0]


def adopt_all(
    uow: UnitOfWork, staged: Sequence[tuple[StagedFile, Sequence[UUID]]], *, keys: Keyring
) -> list[StoredFile]:
    """Do :func:`adopt` for many blobs, each with its bodies, in two statements."""
    rows = [StoredFile(id=one.id, kind=one.kind, size=one.size, created_at=uow.now) for one, _ in staged]
    uow.session.add_all(rows)
    uow.flush()
    wraps = [wrap for one, entities in staged for wrap in _wraps(uow, one.id, one.key, entities, keys)]
    if wraps:
        uow.session.execute(insert(FileKey), wraps)
    return rows


def put(
    uow: UnitOfWork,
    data: bytes | Iterable[bytes],
    *,
    kind: str,
    entities: Sequence[UUID],
    store: ContentStore,
    keys: Keyring,
) -> StoredFile:
    """Stage and adopt a file in one step, where the unit of work is short anyway."""
    return adopt(uow, stage(data, kind=kind, now=uow.now, store=store), entities=entities, keys=keys)


def share(uow: UnitOfWork, file_id: UUID, *, holder: UUID, entities: Sequence[UUID], keys: Keyring) -> None:
    """Give bodies a wrap of a file's key that ``holder`` already has."""
    known = set(uow.session.scalars(select(FileKey.entity_id).where(FileKey.file_id == file_id)))
    missing = [entity_id for entity_id in entities if entity_id not in known]
    wraps = _wraps(uow, file_id, _key_of(uow, file_id, holder, keys), missing, keys)
    if wraps:
        uow.session.execute(insert(FileKey), wraps)


def read(uow: UnitOfWork, file_id: UUID, *, entity_id: UUID, store: ContentStore, keys: Keyring) -> bytes:
    """Return a file's plaintext, verified whole; NotFound when the body holds no key to it."""
    return b"".join(chunks(uow, file_id, entity_id=entity_id, store=store, keys=keys))


def chunks(uow: UnitOfWork, file_id: UUID, *, entity_id: UUID, store: ContentStore, keys: Keyring) -> Iterator[bytes]:
    """Yield a file's plaintext piece by piece; raises Unavailable when the blob is damaged."""
    key = _key_of(uow, file_id, entity_id, keys)
    return _decrypted(file_id, key, store)


def _decrypted(file_id: UUID, key: bytes, store: ContentStore) -> Iterator[bytes]:
    with store.open(file_id) as source:
        try:
            yield from decrypt_chunks(source, key, blob_id=file_id)
        except DecryptionError as error:
            raise Unavailable("content.damaged-blob") from error


def _wraps(uow: UnitOfWork, file_id: UUID, key: bytes, entities: Sequence[UUID], keys: Keyring) -> list[dict[str, Any]]:
    rows = []
    for entity_id in dict.fromkeys(entities):
        version, wrapped = keys.wrap(uow.session, entity_id, key, _context(file_id, entity_id))
        rows.append({"file_id": file_id, "entity_id": entity_id, "key_version": version, "wrapped": wrapped})
    return rows


def _key_of(uow: UnitOfWork, file_id: UUID, entity_id: UUID, keys: Keyring) -> bytes:
    held = uow.session.get(FileKey, (file_id, entity_id))
    if held is None:
        raise NotFound("content.no-key")
    return keys.unwrap(uow.session, entity_id, held.key_version, held.wrapped, _context(file_id, entity_id))


def _context(file_id: UUID, entity_id: UUID) -> bytes:
    return f"edms/1/wrap|{file_id}|{entity_id}".encode()
