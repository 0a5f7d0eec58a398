"""The real handler of the gateway: policy over the register, then the message taken in durably before the answer."""

import asyncio
import ssl
from collections.abc import Sequence
from uuid import UUID

from edms.core.errors import Conflict, EdmsError, Unavailable
from edms.intake.accepting import Accepted
from edms.intake.rules import MessageState
from mailgw import maillog
from mailgw.address import Address, AddressError, parse_domain
from mailgw.auth import Doorkeeper
from mailgw.directory import Register
from mailgw.envelope import Identity, MailParameters, ReceivedEnvelope, Submitter
from mailgw.examining import Examiner
from mailgw.forwarding import Forwarded
from mailgw.parsers import Turns
from mailgw.people import People
from mailgw.policy import check_recipient, check_sender
from mailgw.refusals import Refusals, refused_submission
from mailgw.replies import Reply, reply
from mailgw.storage import is_full
from mailgw.taking import GATEWAY, Desk, Parcel, Taken, prepare, take_in
from mailgw.tls import peer_installation
from mailgw.together import Together

MOST_AT_ONCE = 128
REPLY_SECONDS = 0.01
"""After the commit the reply is out by then (for the fail point behind it)."""


class RegistryHandler:
    """Answers the sessions of one gateway process (envelope.Handler)."""

    def __init__(
        self, register: Register, desk: Desk, refusals: Refusals, doorkeeper: Doorkeeper | None = None, *,
        hostname: str = "",
    ) -> None:  # fmt: skip
        self._doorkeeper = doorkeeper or Doorkeeper(desk.database)
        self._register = register
        self._people = People(desk.database, GATEWAY)
        self._examiner = Examiner(hostname)
        self._desk = desk
        self._turns = Turns()
        self._refusals = refusals
        self._writer: Together[Parcel, Taken] = Together(lambda parcels: take_in(parcels, desk), most=MOST_AT_ONCE)

    @property
    def home_id(self) -> UUID:
        """Return this installation."""
        return self._register.snapshot.home_id

    def identify(self, ssl_object: ssl.SSLObject | None) -> Identity:
        """Return the installation whose authority issued the peer's certificate."""
        holders = self._register.snapshot.by_authority
        return Identity(tls=ssl_object is not None, installation_id=peer_installation(ssl_object, holders))

    async def authenticate(self, login: str, password: str, peer: str) -> Submitter | Reply:
        """Return the person of a body that is served here, or the refusal, which is the same for whatever was wrong."""
        found = await self._doorkeeper.authenticate(login, password, peer)
        if isinstance(found, Reply):
            self._refusals.count(found.name)
        return found

    async def vouch(self, identity: Identity, domain: str) -> Reply | None:
        """Let the holder of a registered certificate in; ``domain`` must be of a body that its server serves."""
        if identity.installation_id is None:
            return reply("smtp.auth-failed")
        snapshot = await self._register.current()
        try:
            body = snapshot.find_domain(parse_domain(domain.encode("utf-8", "surrogatepass"))) if domain else None
        except AddressError:
            return reply("smtp.auth-failed")
        if domain and (body is None or body.installation_id != identity.installation_id):
            return reply("smtp.auth-failed")
        return None

    async def mail(self, identity: Identity, sender: Address | None, params: MailParameters) -> Reply | None:
        """Let a registered body of whoever is connected send; a report may come without a sender."""
        if self._writer.crowded:
            return reply("smtp.no-memory")
        if identity.submitter is not None and not await self._doorkeeper.stands(identity.submitter):
            return self._refused(reply("smtp.auth-ended"), identity, sender)
        snapshot = await self._register.current()
        return self._refused(check_sender(snapshot, identity, sender), identity, sender)

    async def rcpt(self, identity: Identity, sender: Address | None, recipient: Address) -> Reply | None:
        """Let a registered body receive, in a mailbox of its own or of its people."""
        snapshot = await self._register.current()
        entity, person = snapshot.find_domain(recipient.domain), False
        if entity is not None and entity.local and entity.alias(recipient.local) is None:
            person = await asyncio.to_thread(self._people.has, entity.entity_id, recipient.local)
        refusal = check_recipient(snapshot, identity, recipient, person=person)
        return self._refused(refusal, identity, sender, recipients=(str(recipient),))

    async def data(self, envelope: ReceivedEnvelope) -> Reply:
        """Take the message in; 250 means that it is committed, with its register numbers where registered by rule."""
        snapshot = await self._register.current()
        sender = await self._examiner.examine(snapshot, envelope)
        if isinstance(sender, Reply):
            self._refused(sender, envelope.identity, envelope.mail_from, envelope=envelope)
            return sender
        try:
            async with self._turns.of(envelope.content.size):
                with self._writer.preparing():
                    parcel = await asyncio.to_thread(prepare, envelope, sender, snapshot, self._desk)
            answer = _answer(await self._commit(parcel))
            asyncio.get_running_loop().call_later(REPLY_SECONDS, self._desk.failing.reach, "after-250")
            return answer
        except EdmsError as error:
            number = maillog.incident(error, code=error.code)
            if is_full(error):
                return reply("smtp.no-storage")
            return reply("smtp.unavailable") if isinstance(error, Unavailable) else reply("smtp.unexpected", id=number)

    async def close(self) -> None:
        """Stop the writer and write the last counts (after the server has drained)."""
        self._doorkeeper.close()
        await self._writer.close()
        await self._refusals.close()
        self._register.close()

    async def _commit(self, parcel: Parcel) -> Taken:
        weight = len(parcel.recipients) + (len(parcel.onward.recipients) if parcel.onward else 0)
        try:
            return await self._writer.do(parcel, weight)
        except Conflict:  # another gateway has just taken the same message: now it is a repeat
            return await self._writer.do(parcel, weight)

    def _refused(
        self, answer: Reply | None, identity: Identity, sender: Address | None, *,
        recipients: Sequence[str] = (), envelope: ReceivedEnvelope | None = None,
    ) -> Reply | None:  # fmt: skip
        if answer is not None:
            snapshot = self._register.snapshot
            told = refused_submission(snapshot, identity, sender, answer.name, recipients=recipients, envelope=envelope)
            self._refusals.count(answer.name, told)
        return answer


def _answer(taken: Sequence[Accepted | Forwarded]) -> Reply:
    accepted = [one for one in taken if isinstance(one, Accepted)]
    onward = next((one for one in taken if isinstance(one, Forwarded)), None)
    if onward is not None and not accepted:
        return reply("smtp.queued", queued=onward.queued, repeats=onward.repeats)
    if len(accepted) > 1 or onward is not None:
        registered = sum(one.state == MessageState.REGISTERED for one in accepted)
        waiting = sum(one.state == MessageState.WAITING for one in accepted)
        repeats = sum(one.repeat for one in accepted)
        if onward is None:
            return reply("smtp.taken", registered=registered, waiting=waiting, repeats=repeats)
        return reply(
            "smtp.taken-and-queued", registered=registered, waiting=waiting, repeats=repeats + onward.repeats,
            queued=onward.queued,
        )  # fmt: skip
    one = accepted[0]
    if one.number:
        return reply("smtp.repeat" if one.repeat else "smtp.registered", number=one.number)
    return reply("smtp.waiting" if one.state == MessageState.WAITING else "smtp.accepted")
