"""A whole message against the register: envelope, header and signature, off the loop where that takes time."""

import asyncio

from mailgw.dkim import Verdict, is_signed, verify
from mailgw.dkim_child import verify_apart
from mailgw.envelope import ReceivedEnvelope
from mailgw.headers import HeaderError, Headers, read_headers
from mailgw.policy import (
    Directory,
    EntityEntry,
    author,
    check_content,
    check_recipient,
    check_sender,
    check_signature,
)
from mailgw.replies import Reply, reply

SMALL_HEADER = 16_384
LARGE = 1 << 20
LARGE_AT_ONCE = 1


class Examiner:
    """Judges messages for one gateway; ``hostname`` is the name under which we write Authentication-Results."""

    def __init__(self, hostname: str) -> None:
        self._hostname = hostname
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def examine(self, directory: Directory, envelope: ReceivedEnvelope) -> EntityEntry | Reply:
        """Return the entity that a message is from, or why it is refused.

        Envelope and addresses are asked of the register as it stands at DATA; a recipient that has changed since RCPT
        is left for the client's next try, whose RCPT tells what is wrong. Raises Unavailable.
        """
        refusal = check_sender(directory, envelope.identity, envelope.mail_from)
        if refusal is not None:
            return refusal
        if any(check_recipient(directory, envelope.identity, one.address, person=True) for one in envelope.recipients):
            return reply("smtp.register-changed")
        try:
            headers = read_headers(envelope.content.head)
        except HeaderError:
            return reply("smtp.header-unreadable")
        if sum(len(value) for _, value in headers.fields) > SMALL_HEADER:
            refusal = await asyncio.to_thread(self._content, directory, envelope, headers)
        else:
            refusal = self._content(directory, envelope, headers)
        if refusal is not None:
            return refusal
        entity = author(directory, envelope, headers)
        if entity is None:
            return reply("smtp.register-changed")
        verdict = await self._verdict(envelope, headers, entity)
        return check_signature(directory, envelope.identity, entity.domain, verdict) or entity

    def _content(self, directory: Directory, envelope: ReceivedEnvelope, headers: Headers) -> Reply | None:
        return check_content(directory, envelope, headers, hostname=self._hostname)

    async def _verdict(self, envelope: ReceivedEnvelope, headers: Headers, entity: EntityEntry) -> Verdict:
        """Verify a signature in a thread, that of a large message in a process of its own; nothing where none is."""
        if not is_signed(headers, entity.domain):
            return Verdict.NONE
        if not entity.dkim:
            return Verdict.UNKNOWN
        if envelope.content.size > LARGE:
            return await verify_apart(envelope.content.chunks(), entity.domain, entity.dkim, self._large)
        return await asyncio.to_thread(verify, envelope.raw, headers, entity.domain, entity.dkim)
