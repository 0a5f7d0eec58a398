"""The content of one DATA command on its way in: decoded as it comes, in memory while small, spooled when large."""

import asyncio
from datetime import datetime
from typing import Final

from edms.core.errors import EdmsError
from mailgw import maillog
from mailgw.content import Content, Held
from mailgw.data_reader import DataReader
from mailgw.storage import Spool, Storage, is_full

LARGE: Final = 1 << 20
PIECE: Final = 1 << 18


class Arriving:
    """A message that arrives; hashing, encryption and writing of a large one happen in threads, a piece at a time.

    One that was ``declared`` large (SIZE of RFC 1870, octets) is written from its first piece on.
    """

    def __init__(self, reader: DataReader, storage: Storage | None, now: datetime, declared: int = 0) -> None:
        self.reader = reader
        self._storage = storage
        self._now = now
        self._held_most = PIECE if declared > LARGE else LARGE
        self._spool: Spool | None = None

    async def feed(self, chunk: bytes) -> bool:
        """Take the next octets from the wire; True when the end was seen."""
        done = self.reader.feed(chunk)
        if self._storage is not None and not self.reader.problem:
            if self._spool is None and len(self.reader.content) >= self._held_most:
                self._spool = self._storage.spool(self._now)
            if self._spool is not None and len(self.reader.content) >= PIECE:
                await self._write(self._spool)
        return done

    async def content(self) -> Content | None:
        """Return the whole content, durable if it is in the store; None when ``reader.problem`` says what was wrong."""
        found: Content | None = None
        if not self.reader.problem:
            if self._spool is None:
                return Held(self.reader.message())
            try:
                found = await asyncio.to_thread(self._spool.finish, self.reader.take())
            except EdmsError as error:
                self._failed(error)
            self.reader.wrote()
        if found is None:
            self.drop()
        return found

    def drop(self) -> None:
        """Give the memory back and leave nothing in the store, once a piece that is being written has been."""
        self.reader.release()
        if self._spool is not None:
            asyncio.get_running_loop().run_in_executor(None, self._spool.discard)

    async def _write(self, spool: Spool) -> None:
        piece = self.reader.take()
        try:
            await asyncio.to_thread(spool.write, piece)
        except EdmsError as error:
            self._failed(error)
        else:
            self.reader.wrote()

    def _failed(self, error: EdmsError) -> None:
        maillog.incident(error, code=error.code)
        self.reader.fail("smtp.no-storage" if is_full(error) else "smtp.unavailable")
