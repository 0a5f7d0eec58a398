"""This installation's own time-stamping authority, read from the register when the first token is asked for."""

import threading
import time
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import func, select

from crypto.errors import TimestampUnavailable
from crypto.timestamps import LocalTimeStamper
from edms.audit.models import Event
from edms.core.actor import system_actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import EdmsError
from edms.entities.authority import authority_chain, clock_certificate
from edms.entities.keyring import Keyring

_ACTOR = system_actor("clock")
_FRESH_SECONDS = 300.0


class OwnTimeStamper:
    """Makes tokens with the key ``tsa`` (``crypto.timestamps.TimeStamper``); only reads, so no lock is waited for."""

    def __init__(self, database: Database, keys: Keyring) -> None:
        self._database, self._keys = database, keys
        self._mutex = threading.Lock()
        self._read_at = -_FRESH_SECONDS
        self._known: tuple[UUID, LocalTimeStamper] | None = None

    def token(self, digest: bytes) -> bytes:
        """Return a token over a SHA-256 digest; raises TimestampUnavailable."""
        return self._stamper().token(digest)

    def answer(self, request: bytes) -> bytes:
        """Return the TimeStampResp to a TimeStampReq (DER both); raises TimestampUnavailable without a certificate."""
        return self._stamper().answer(request)

    def _stamper(self) -> LocalTimeStamper:
        with self._mutex:
            if self._known is None or time.monotonic() - self._read_at > _FRESH_SECONDS:
                self._read()
            assert self._known is not None
            return self._known[1]

    def _read(self) -> None:
        """Look up the certificate and the newest event, before which no time can be told."""
        try:
            with self._database.read(_ACTOR) as uow:
                row, chain = clock_certificate(uow), authority_chain(uow)
                if self._known is None or self._known[0] != row.id:
                    sign = partial(self._keys.keys.sign, row.key_name or "")
                    stamper = LocalTimeStamper(sign, row.certificate, chain, not_before=_newest_event(uow))
                    self._known = row.id, stamper
        except EdmsError as error:
            raise TimestampUnavailable("timestamp.no-certificate", why=error.code) from error
        self._read_at = time.monotonic()


def _newest_event(uow: UnitOfWork) -> datetime | None:
    newest = select(Event.at).where(Event.seq == select(func.max(Event.seq)).scalar_subquery())
    return uow.session.scalar(newest)
