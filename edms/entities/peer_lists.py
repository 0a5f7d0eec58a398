"""Keeps lists of revoked certificates fresh: ours is made in time, those of peers are fetched every six hours."""

import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from crypto.asking import NoAnswer, ask
from crypto.certificates import is_issued_by, read_pem
from crypto.errors import SignatureInvalid
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.errors import Invalid
from edms.entities import peers, queries
from edms.entities.keyring import Keyring
from edms.entities.models import Installation
from edms.entities.revoking import current_crl, keep_crl

_ACTOR: Final = system_actor("peer-lists")
_OWN_SECONDS: Final = 3600.0
_EVERY_SECONDS, _AGAIN_SECONDS = 6 * 3600.0, 1800.0
_TIMEOUT_SECONDS: Final = 10.0
_LARGEST_LIST, _LARGEST_CHAIN = 16 << 20, 64 << 10


class PeerLists:
    """Knows when each peer is to be asked again; a peer that cannot be reached is asked again after half an hour."""

    def __init__(self, database: Database, keys: Keyring, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._keys = database, keys
        self._clock = clock
        self._own_due = clock()
        self._due: dict[UUID, float] = {}

    def step(self) -> int:
        """Look at our own list once an hour, and ask one peer that is due; returns how many newer lists were taken.

        What a peer's address gives is believed by the signature alone, under the peer's root.
        """
        if self._own_due <= self._clock():
            self._own_due = self._clock() + _OWN_SECONDS
            self._keep_own()
        with self._database.read(_ACTOR) as uow:
            waiting = [
                (one.id, one.authority_url, one.issuing_certificate, one.ca_certificate)
                for one in queries.authorities(uow)
                if not one.is_home and one.authority_url and self._due.get(one.id, 0.0) <= self._clock()
            ]
        if not waiting:
            return 0
        peer_id, url, issuing, root = waiting[0]
        self._due[peer_id] = self._clock() + _AGAIN_SECONDS
        try:
            newest = _newest_issuing(url, root) or issuing
            crl = ask(f"{url}/crl", accept="application/pkix-crl", timeout=_TIMEOUT_SECONDS, largest=_LARGEST_LIST)
            with self._database.work(_ACTOR) as uow:
                taken = peers.take_crl(uow, uow.session.get_one(Installation, peer_id), crl, issuing=newest)
        except (NoAnswer, Invalid, SignatureInvalid):
            return 0
        self._due[peer_id] = self._clock() + _EVERY_SECONDS
        return int(taken)

    def _keep_own(self) -> None:
        with self._database.read(_ACTOR) as uow:
            home = queries.home(uow)
            if home.issuing_certificate is None or current_crl(uow, keys=self._keys) == home.crl:
                return
        with self._database.work(_ACTOR) as uow:
            keep_crl(uow, keys=self._keys)


def _newest_issuing(url: str, root: bytes) -> bytes | None:
    """Return the issuing authority that the peer names now, when its root certified it."""
    text = ask(
        f"{url}/certificates", accept="application/pem-certificate-chain", timeout=_TIMEOUT_SECONDS,
        largest=_LARGEST_CHAIN,
    )  # fmt: skip
    return next((each for each in read_pem(text) if each != root and is_issued_by(each, root)), None)
