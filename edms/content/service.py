"""Storing, sharing and opening encrypted files."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from typing import Any
from uuid import UUID

from sqlalchemy import select

from crypto.encryption import new_key
from crypto.errors import DecryptionError, KeyDestroyed
from crypto.stream import BlobHeader, decrypt_chunks, encrypt_chunks
from edms.content.models import FileKey, SmallFile, StoredFile
from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.core.errors import NotFound, Unavailable
from edms.core.ids import new_id
from edms.entities.keyring import Keyring

SMALL = 64 << 10
_PIECE = 1 << 20
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A blob that is durable in the store but not yet named by any row; ``size`` is the plaintext's, in bytes.

    A small one is not in the store: ``blob`` is its ciphertext, which goes into the database with the row.
    """

    id: UUID
    kind: str
    size: int
    key: bytes = field(repr=False)
    blob: bytes | None = field(default=None, repr=False)


def stage_small(data: bytes | Iterable[bytes], *, kind: str, now: datetime, store: ContentStore) -> StagedFile:
    """Stage a file; one of up to ``SMALL`` bytes only in memory, to be written with its row in one transaction."""
    if not isinstance(data, bytes) or len(data) > SMALL:
        return stage(data, kind=kind, now=now, store=store)
    file_id, key = new_id(), new_key()
    return StagedFile(
        file_id, kind, len(data), key, b"".join(encrypt_chunks([data], key, blob_header(file_id, len(data), kind, now)))
    )


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
    store.put(file_id, encrypt_chunks(counted(), key, blob_header(file_id, length, kind, now)))
    return StagedFile(file_id, kind, size, key)


def adopt(uow: UnitOfWork, staged: StagedFile, *, entities: Sequence[UUID], keys: Keyring) -> StoredFile:
    """Name a staged blob by a row and wrap its key for each body in ``entities``."""
    adopt_all(uow, [(staged, entities)], keys=keys)
    return StoredFile(id=staged.id, kind=staged.kind, size=staged.size, created_at=uow.now)


def adopt_all(uow: UnitOfWork, staged: Sequence[tuple[StagedFile, Sequence[UUID]]], *, keys: Keyring) -> None:
    """Do :func:`adopt` for many blobs, each with its bodies, in a statement for each table."""
    uow.insert_values(
        StoredFile, [{"id": one.id, "kind": one.kind, "size": one.size, "created_at": uow.now} for one, _ in staged]
    )
    uow.insert_values(SmallFile, [{"file_id": one.id, "blob": one.blob} for one, _ in staged if one.blob is not None])
    wraps = [wrap for one, entities in staged for wrap in _wraps(uow, one.id, one.key, entities, keys)]
    uow.insert_values(FileKey, wraps)


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
    uow.insert_values(FileKey, wraps)


def read(uow: UnitOfWork, file_id: UUID, *, entity_id: UUID, store: ContentStore, keys: Keyring) -> bytes:
    """Return a file's plaintext, verified whole; NotFound when the body holds no key to it, or it was destroyed."""
    return b"".join(chunks(uow, file_id, entity_id=entity_id, store=store, keys=keys))


def chunks(uow: UnitOfWork, file_id: UUID, *, entity_id: UUID, store: ContentStore, keys: Keyring) -> Iterator[bytes]:
    """Yield a file's plaintext piece by piece; raises Unavailable when the blob is damaged."""
    key = _key_of(uow, file_id, entity_id, keys)
    blob = uow.session.scalar(select(SmallFile.blob).where(SmallFile.file_id == file_id))
    return decrypted(file_id, key, store, blob)


def forget_staged(staged: Iterable[StagedFile], store: ContentStore) -> None:
    """Remove staged files that will not be adopted."""
    for one in staged:
        if one.blob is None:
            store.delete(one.id)


def blob_header(file_id: UUID, length: int | None, kind: str, now: datetime) -> BlobHeader:
    """Return what stands before a blob; ``length`` is the plaintext's in bytes, None while it is not known."""
    return BlobHeader(blob_id=file_id, length=length, media_class=kind, created_day=now.date().toordinal() - _EPOCH)


def decrypted(file_id: UUID, key: bytes, store: ContentStore, blob: bytes | None = None) -> Iterator[bytes]:
    """Yield the plaintext of a blob in the store, or given; raises Unavailable when it is damaged."""
    with BytesIO(blob) if blob is not None else store.open(file_id) as source:
        try:
            yield from decrypt_chunks(source, key, blob_id=file_id)
        except DecryptionError as error:
            raise Unavailable("content.damaged-blob") from error


def _wraps(uow: UnitOfWork, file_id: UUID, key: bytes, entities: Sequence[UUID], keys: Keyring) -> list[dict[str, Any]]:
    rows = []
    for entity_id in dict.fromkeys(entities):
        version, wrapped = keys.wrap(uow.session, entity_id, key, wrap_context(file_id, entity_id), item=file_id)
        rows.append({"file_id": file_id, "entity_id": entity_id, "key_version": version, "wrapped": wrapped})
    return rows


def _key_of(uow: UnitOfWork, file_id: UUID, entity_id: UUID, keys: Keyring) -> bytes:
    held = uow.session.get(FileKey, (file_id, entity_id))
    if held is None:
        raise NotFound("content.no-key")
    context = wrap_context(file_id, entity_id)
    try:
        return keys.unwrap(uow.session, entity_id, held.key_version, held.wrapped, context, item=file_id)
    except KeyDestroyed as error:
        raise NotFound("content.destroyed") from error


def wrap_context(file_id: UUID | str, entity_id: UUID) -> bytes:
    """Return what a body's wrap of a file's key is bound to."""
    return f"edms/1/wrap|{file_id}|{entity_id}".encode()
