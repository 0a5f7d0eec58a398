"""The SMTP commands of one connection (RFC 5321, 2920, 3461, 6409, 6531), each in our own strict form."""

import asyncio
from collections.abc import Awaitable, Callable

from mailgw.address import Address, valid_helo
from mailgw.arriving import Arriving
from mailgw.commands import parse_mail, parse_rcpt
from mailgw.connection import Hub
from mailgw.content import Content
from mailgw.data_reader import DataReader
from mailgw.entrance import Entrance
from mailgw.envelope import Door, MailParameters, ReceivedEnvelope, Recipient
from mailgw.replies import Reply, reply
from mailgw.sasl import LINE_OCTETS

CHUNK = 262_144
READ_AHEAD = 1_000_000
Command = Callable[[bytes], Awaitable[Reply | None]]


class GatewaySession(Entrance):
    """A connection that obeys SMTP commands and hands whole messages to the hub's handler."""

    def __init__(self, hub: Hub, door: Door = Door.PEERS) -> None:
        super().__init__(hub, door)
        self._sender: Address | None = None
        self._params: MailParameters | None = None
        self._recipients: list[Recipient] = []
        self._commands: dict[bytes, Command] = {
            b"EHLO": self._ehlo,
            b"HELO": self._helo,
            b"STARTTLS": self._starttls,
            b"MAIL": self._mail,
            b"RCPT": self._rcpt,
            b"DATA": self._data,
            b"RSET": self._rset,
            b"NOOP": self._noop,
            b"QUIT": self._quit,
            b"VRFY": self._vrfy,
            b"HELP": self._help,
            b"EXPN": self._refuse,
            b"BDAT": self._refuse,
            b"AUTH": self._auth,
        }

    async def _dispatch(self, line: bytes) -> Reply | None:
        verb, _, argument = line.partition(b" ")
        command = self._commands.get(verb.upper())
        longest = LINE_OCTETS - 2 if verb.upper() == b"AUTH" else self.hub.limits.command_octets
        if len(line) > longest:
            return reply("smtp.command-too-long")
        if command is None or b"\n" in line or b"\r" in line or b"\0" in line:
            return reply("smtp.unknown-command")
        return await command(argument)

    @property
    def _in_transaction(self) -> bool:
        return self._params is not None

    def _reset_transaction(self) -> None:
        self._sender = None
        self._params = None
        self._recipients = []
        self._utf8_replies = False

    # -- outside a transaction

    async def _ehlo(self, argument: bytes) -> Reply | None:
        if not valid_helo(argument):
            return reply("smtp.helo-syntax")
        self._nothing_ahead()
        self._reset_transaction()
        self.helo = argument.decode("ascii")
        words = [self.hostname, "PIPELINING", f"SIZE {self.hub.limits.message_size}", "8BITMIME", "SMTPUTF8", "DSN"]
        if self.hub.tls is not None and not self.secured:
            words.append("STARTTLS")
        if self._mechanisms and not self._proved:
            words.append(f"AUTH {' '.join(self._mechanisms)}")
        lines = "".join(f"250-{word}\r\n" for word in words) + "250 ENHANCEDSTATUSCODES\r\n"
        await self._write(lines.encode("ascii"))
        return None

    async def _helo(self, _argument: bytes) -> Reply:
        return reply("smtp.helo-refused")

    async def _noop(self, _argument: bytes) -> Reply:
        return reply("smtp.ok")

    async def _rset(self, argument: bytes) -> Reply:
        if argument:
            return reply("smtp.syntax", usage="RSET")
        self._reset_transaction()
        return reply("smtp.ok")

    async def _vrfy(self, _argument: bytes) -> Reply:
        return reply("smtp.no-verify")

    async def _help(self, _argument: bytes) -> Reply:
        return reply("smtp.help")

    async def _refuse(self, _argument: bytes) -> Reply:
        return reply("smtp.not-implemented")

    async def _quit(self, argument: bytes) -> Reply:
        if argument:
            return reply("smtp.syntax", usage="QUIT")
        self._closing = True
        return reply("smtp.bye")

    # -- the mail transaction

    async def _mail(self, argument: bytes) -> Reply:
        if not self.helo:
            return reply("smtp.order", needed="EHLO")
        if self._params is not None:
            return reply("smtp.order", needed="RSET")
        missing = self._must_sign_in()
        if missing is not None:
            return missing
        if self._no_room:
            return reply("smtp.no-storage")
        sender, params = parse_mail(argument, self.hub.limits, auth=self.door.submits)
        self._utf8_replies = params.smtputf8
        refusal = await self.hub.handler.mail(self.identity, sender, params)
        if refusal is not None:
            self._log_refusal("mail.refused", refusal, sender=sender.domain if sender else "")
            return refusal
        self._sender, self._params = sender, params
        return reply("smtp.sender-ok")

    async def _rcpt(self, argument: bytes) -> Reply:
        if self._params is None:
            return reply("smtp.order", needed="MAIL")
        address, params = parse_rcpt(argument, smtputf8=self._params.smtputf8)
        if len(self._recipients) >= self.hub.limits.recipients:
            return reply("smtp.too-many-recipients", limit=self.hub.limits.recipients)
        refusal = await self.hub.handler.rcpt(self.identity, self._sender, address)
        if refusal is not None:
            self._log_refusal("rcpt.refused", refusal, recipient=address.domain)
            return refusal
        self._recipients.append(Recipient(address, params))
        return reply("smtp.recipient-ok")

    async def _data(self, argument: bytes) -> Reply:
        if argument:
            return reply("smtp.syntax", usage="DATA")
        if self._params is None:
            return reply("smtp.order", needed="MAIL")
        if not self._recipients:
            return reply("smtp.no-recipients")
        if self._no_room:
            return reply("smtp.no-storage")
        self._nothing_ahead()
        self.busy = True
        reader = DataReader(self.hub.limits.message_size, self.hub.budget)
        arriving = Arriving(reader, self.hub.storage, self.hub.now(), self._params.size)
        try:
            await self._answer(reply("smtp.go-ahead"))
            await self._read_content(arriving)
            content = await arriving.content()
            if content is None:
                return reply(reader.problem, limit=self.hub.limits.message_size)
            return await self._commit(self._params, content, reader)
        except BaseException:
            arriving.drop()
            raise
        finally:
            utf8 = self._utf8_replies
            self._reset_transaction()
            self._utf8_replies = utf8
            self.busy = False

    @property
    def _no_room(self) -> bool:
        return self.hub.storage is not None and self.hub.storage.full

    async def _read_content(self, arriving: Arriving) -> None:
        """Feed the content until the final dot; drops a client that stops, trickles, or sends without end."""
        limits, start, received = self.hub.limits, self.loop.time(), 0
        done = False
        while not done:
            self._wait(limits.data_idle_seconds)
            chunk = await self._reader.read(CHUNK)
            if not chunk:
                raise ConnectionResetError
            received += len(chunk)
            done = await arriving.feed(chunk)
            elapsed = self.loop.time() - start
            slow = elapsed > limits.data_rate_grace_seconds and received < elapsed * limits.data_octets_per_second
            if not done and (slow or received > 2 * limits.message_size + READ_AHEAD):
                self._timed_out()
                raise ConnectionAbortedError
        self._buffer()[:0] = arriving.reader.rest

    async def _commit(self, params: MailParameters, content: Content, reader: DataReader) -> Reply:
        """Hand the message over in a task that this session does not own, with no timer running."""
        envelope = ReceivedEnvelope(
            identity=self.identity,
            peer=self.peer,
            helo=self.helo,
            mail_from=self._sender,
            params=params,
            recipients=tuple(self._recipients),
            content=content,
            received_at=self.hub.now(),
        )
        self._stop_waiting()
        since = self.loop.time()
        answer = await asyncio.shield(self.hub.commit(_hand_over(self.hub.handler.data(envelope), content, reader)))
        self._wait(self.hub.limits.reply_seconds)
        if answer.positive:
            self.messages += 1
            self._idle_commands = self._errors = 0
        self._log(
            "message.answered", code=answer.code, enhanced=answer.enhanced, reason=answer.name, octets=reader.size,
            sender=envelope.mail_from.domain if envelope.mail_from else "", recipients=len(envelope.recipients),
            seconds=round(self.loop.time() - since, 4),
        )  # fmt: skip
        return answer

    def _log_refusal(self, name: str, refusal: Reply, **fields: object) -> None:
        self._log(name, code=refusal.code, enhanced=refusal.enhanced, reason=refusal.name, **fields)


async def _hand_over(work: Awaitable[Reply], content: Content, reader: DataReader) -> Reply:
    """Await the handler's answer, then give the message's memory back, and its place in the store if it was refused.

    After any other answer than a refusal for good the store keeps it: a transaction may name it, or the sweep finds it.
    """
    try:
        answer = await work
        if answer.code >= 500:
            await asyncio.to_thread(content.discard)
        return answer
    finally:
        reader.release()
