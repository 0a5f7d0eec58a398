"""Where messages are kept: whether there is room for one more, and large ones written to the store as they arrive."""

import errno
import hashlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from edms.content.staging import Staging
from edms.content.store import ContentStore
from edms.core.errors import EdmsError
from mailgw import maillog
from mailgw.content import HEAD, Spooled, body_at

LEAST_SHARE: Final = 0.05
_LOOK_SECONDS: Final = 1.0
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_DATABASE_FULL: Final = frozenset({"SQLITE_FULL", "53100"})


class Storage:
    """The store of one gateway process and the folders that must not fill up.

    There is no room when less than 5 % of a folder's file system or less than ``least`` bytes are free; that is looked
    at once a second at most. A folder that cannot be asked counts as full.
    """

    def __init__(
        self,
        store: ContentStore,
        folders: Sequence[Path] = (),
        *,
        least: int = 0,
        ask: Callable[[Path], os.statvfs_result] = os.statvfs,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._folders = tuple(folders)
        self._least = least
        self._ask = ask
        self._clock = clock
        self._looked_at = float("-inf")
        self._full = False

    @property
    def full(self) -> bool:
        """Tell whether mail must wait for room."""
        now = self._clock()
        if now - self._looked_at >= _LOOK_SECONDS:
            full = any(self._is_low(folder) for folder in self._folders)
            if full != self._full:
                maillog.event("storage.full" if full else "storage.room-again")
            self._looked_at, self._full = now, full
        return self._full

    def spool(self, now: datetime) -> "Spool":
        """Return where a large message can be written; nothing is in the store before its first piece."""
        return Spool(self._store, now)

    def _is_low(self, folder: Path) -> bool:
        while not folder.exists() and folder != folder.parent:  # it is made with the first file
            folder = folder.parent
        try:
            space = self._ask(folder)
        except OSError:
            return True
        return space.f_bavail * space.f_frsize < max(LEAST_SHARE * space.f_blocks * space.f_frsize, self._least)


class Spool:
    """A large message on its way into the store, encrypted; its pieces come from one thread after the other."""

    def __init__(self, store: ContentStore, now: datetime) -> None:
        self._store = store
        self._now = now
        self._staging: Staging | None = None
        self._head = b""
        self._whole, self._body = hashlib.sha256(), hashlib.sha256()
        self._one = threading.Lock()
        self._over = False

    def write(self, piece: bytes | bytearray) -> None:
        """Append a piece; the first one holds the head of the message. Raises Unavailable."""
        with self._one:
            if self._over:
                return
            start = 0
            if self._staging is None:
                self._staging = Staging(kind="message", now=self._now, store=self._store)
                self._head = bytes(piece[:HEAD])
                start = body_at(piece)
            self._whole.update(piece)
            self._body.update(memoryview(piece)[start:])
            self._staging.write(piece)

    def finish(self, piece: bytes | bytearray) -> Spooled:
        """Append the last piece and make all durable; raises Unavailable."""
        self.write(piece)
        with self._one:
            assert self._staging is not None, "the first piece has begun it"
            staged = self._staging.finish()
            self._over = True
        return Spooled(staged, self._head, self._whole.digest(), self._body.digest(), self._store)

    def discard(self) -> None:
        """Leave nothing of it; a piece that is being written is waited for."""
        with self._one:
            if not self._over and self._staging is not None:
                self._staging.discard()
            self._over = True


def is_full(error: EdmsError) -> bool:
    """Tell whether the store or the database failed for want of space."""
    cause = error.__cause__
    if isinstance(cause, DBAPIError):
        code = getattr(cause.orig, "sqlite_errorname", None) or getattr(cause.orig, "sqlstate", None)
        return code in _DATABASE_FULL
    return isinstance(cause, OSError) and cause.errno in _FULL
