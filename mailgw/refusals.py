"""Counting what the gateway refuses: gathered in memory and written once a second, so that a flood stays cheap."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence

from edms.core.clock import utc_now
from edms.core.database import Database
from edms.core.errors import EdmsError
from edms.dispatch import evidence
from edms.dispatch import service as dispatch
from edms.dispatch.evidence import Refused
from mailgw import maillog
from mailgw.address import Address
from mailgw.directory import Snapshot
from mailgw.envelope import Identity, ReceivedEnvelope
from mailgw.judging import message_id_of
from mailgw.taking import GATEWAY

SECONDS = 1.0
MOST_PROVED = 100


class Refusals:
    """Refusals by reason; one of a body of ours that proved who it is becomes a SubmissionRejection as well."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: Counter[str] = Counter()
        self._rejected: list[Refused] = []
        self._task = asyncio.get_running_loop().create_task(self._run())

    def count(self, reason: str, refused: Refused | None = None) -> None:
        """Note one refusal; ``refused`` tells more of it where a body of ours tried to send (at most 100 a second)."""
        self._counts[reason] += 1
        if refused is not None and len(self._rejected) < MOST_PROVED:
            self._rejected.append(refused)

    async def close(self) -> None:
        """Write what is left."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        if not self._counts:
            return
        counts, rejected = self._counts, self._rejected
        self._counts, self._rejected = Counter(), []
        try:
            await asyncio.shield(asyncio.to_thread(self._store, counts, rejected))
        except EdmsError as error:
            maillog.event("refusals.not-written", error=error.code)
            self._counts.update(counts)

    def _store(self, counts: Counter[str], rejected: list[Refused]) -> None:
        with self._database.work(GATEWAY) as uow:
            for reason, times in counts.items():
                dispatch.count_refusal(uow, reason, now=utc_now(), times=times)
            evidence.prove_refusals(uow, rejected)


def refused_submission(
    snapshot: Snapshot, identity: Identity, sender: Address | None, reason: str, *, recipients: Sequence[str] = (),
    envelope: ReceivedEnvelope | None = None,
) -> Refused | None:  # fmt: skip
    """Return what is to be kept of a refusal for the registry whose body tried; None where no body of ours did.

    A person who signed in is of one body, whatever sender was claimed; a certificate speaks for the bodies behind it.
    """
    entry = snapshot.find_domain(sender.domain) if sender else None
    peer = snapshot.peers.get(identity.installation_id) if identity.installation_id else None
    if identity.submitter is not None:
        body, who = identity.submitter.entity_id, f"login:{identity.submitter.login}"
    elif entry is None or peer is None or entry.installation_id != peer.id or not (peer.home or peer.server):
        return None
    else:
        body, who = entry.entity_id, f"{'server' if peer.server else 'installation'}:{peer.host}"
    if envelope is None:
        return Refused(body, reason, who, recipients=tuple(recipients))
    return Refused(
        body, reason, who, envelope.peer, tuple(str(one.address) for one in envelope.recipients),
        envelope.content.sha256, message_id_of(envelope.content),
    )  # fmt: skip
