"""Files that are staged while their bytes arrive, and the sweep of what was never named by a row."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from sqlalchemy import select

from crypto.encryption import new_key
from crypto.stream import BlobEncryptor
from edms.content.models import StoredFile
from edms.content.service import StagedFile, blob_header
from edms.content.store import ContentStore
from edms.core.actor import Actor
from edms.core.database import Database
from edms.core.errors import Unavailable
from edms.core.ids import new_id

KEPT: Final = timedelta(hours=24)
_AT_ONCE: Final = 500
_FEW: Final = 20
_SHARE: Final = 0.01


class Staging:
    """A file that is encrypted and written while its bytes arrive; after :meth:`finish` it is a StagedFile.

    Raises Unavailable when the store cannot be written. Not for two threads at once.
    """

    def __init__(self, *, kind: str, now: datetime, store: ContentStore) -> None:
        self._id, self._key, self._kind = new_id(), new_key(), kind
        self._encryptor = BlobEncryptor(self._key, blob_header(self._id, None, kind, now))
        self._writer = store.writer(self._id)

    def write(self, data: bytes | bytearray) -> None:
        """Append bytes of the file."""
        self._writer.write(self._encryptor.update(data))

    def finish(self) -> StagedFile:
        """Make the file durable."""
        self._writer.write(self._encryptor.finish())
        self._writer.finish()
        return StagedFile(self._id, self._kind, self._encryptor.size, self._key)

    def discard(self) -> None:
        """Leave nothing of a file that was not finished."""
        self._writer.discard()


def sweep(database: Database, actor: Actor, *, store: ContentStore, now: datetime) -> int:
    """Remove what has lain for a day without a row that names it, finished or not; return how many files there were.

    The age of a blob is in its id (UUIDv7), so younger ones, whose transaction may still be under way, are not looked
    up. Reads the names of all blobs: once a day is enough. Raises Unavailable ``content.too-many-orphans`` and removes
    no blob when so many have no row that the database is rather another one, or an older copy.
    """
    before = now - KEPT
    removed = store.sweep(before)
    orphans: list[UUID] = []
    seen = 0
    old = (one for one in store.ids() if _born(one) < before)
    while some := set(islice(old, _AT_ONCE)):
        seen += len(some)
        with database.read(actor) as uow:
            some.difference_update(uow.session.scalars(select(StoredFile.id).where(StoredFile.id.in_(some))))
        orphans.extend(some)
    if len(orphans) > max(_FEW, seen * _SHARE):
        raise Unavailable("content.too-many-orphans", orphans=len(orphans), files=seen)
    for orphan in orphans:
        store.delete(orphan)
    return removed + len(orphans)


def _born(blob_id: UUID) -> datetime:
    """Return when a UUIDv7 was made (RFC 9562 §5.7)."""
    return datetime.fromtimestamp((blob_id.int >> 80) / 1000, UTC)
