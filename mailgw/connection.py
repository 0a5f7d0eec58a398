"""One SMTP connection: aiosmtpd's protocol class with our own loop, timers and limits; `session` has the commands.

What aiosmtpd still gives: the stream protocol with its reader, writer and life cycle. What is replaced, and why: the
command loop (it accepts a bare LF and answers a fault with 500 and the exception's text), the end of the connection (it
cancels a running commit) and the timers (one for all phases, and it never drops a client that does not read).
"""

import asyncio
import contextlib
import secrets
from abc import abstractmethod
from collections.abc import Awaitable, Hashable
from datetime import datetime
from ssl import SSLContext
from typing import Protocol, cast

from aiosmtpd.smtp import SMTP

from mailgw import maillog
from mailgw.commands import Refused
from mailgw.data_reader import MemoryBudget
from mailgw.envelope import NOBODY, Handler, Limits
from mailgw.replies import Reply, reply
from mailgw.storage import Storage

READ_LIMIT = 65_536
UNREAD_REPLIES = 8192
"""Octets of replies that wait for a client which does not read, before its commands wait too."""
TURN = 4
"""Commands that one connection has answered before the others get their turn, however many it has sent ahead."""


class Hub(Protocol):
    """What sessions share: limits, TLS context, memory budget, handler, and the ledger of sessions and commits."""

    limits: Limits
    hostname: str
    tls: SSLContext | None
    budget: MemoryBudget
    handler: Handler
    storage: Storage | None
    draining: bool

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""

    def admit(self, connection: "Connection") -> bool:
        """Count a new connection in; False when there are too many (it is counted all the same)."""

    def claim(self, connection: "Connection", key: Hashable, most: int) -> bool:
        """Count a connection for somebody until it ends; False when that is more than ``most``."""

    def dismiss(self, connection: "Connection") -> None:
        """Count a connection out; twice is once."""

    def commit(self, work: Awaitable[Reply]) -> "asyncio.Future[Reply]":
        """Run ``work`` in a task of the server's own, which the end of a connection does not cancel."""


class Connection(SMTP):
    """One connection; ``busy`` while it reads or commits a message."""

    def __init__(self, hub: Hub) -> None:
        # aiosmtpd's own constructor is passed over: for each connection it walks all members of handler and session.
        self.loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=READ_LIMIT, loop=self.loop)
        asyncio.StreamReaderProtocol.__init__(self, reader, self._cb_client_connected, self.loop)
        self.hub = hub
        self.hostname = hub.hostname
        self.transport = None
        self._timeout_handle = None
        self._handler_coroutine = None
        self.peer = ""
        self.trace = secrets.token_hex(6)
        self.busy = False
        self.identity = NOBODY
        self.messages = 0
        self._errors = 0
        self._idle_commands = 0
        self._closing = False
        self._leaving = False
        self._utf8_replies = False

    # -- life of the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start serving (StreamReaderProtocol's part, then our own loop as a task)."""
        asyncio.StreamReaderProtocol.connection_made(self, transport)
        self._use(transport)
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if peer else ""
        self._wait(self.hub.limits.command_seconds)
        self._handler_coroutine = self.loop.create_task(self._serve(self.hub.admit(self)))

    def _use(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        cast("asyncio.WriteTransport", transport).set_write_buffer_limits(UNREAD_REPLIES)

    def connection_lost(self, error: Exception | None) -> None:
        """Stop the loop; a running commit goes on in the server's task."""
        self._stop_waiting()
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
        self.transport = None
        self.hub.dismiss(self)

    def eof_received(self) -> bool:
        """Let the loop finish what it has read, so that a half-closed client still gets its replies."""
        asyncio.StreamReaderProtocol.eof_received(self)
        return not self.secured

    async def leave(self) -> None:
        """Answer 421 and close: at once when idle, else after the reply under way."""
        self._leaving = True
        if not self.busy and self.transport is not None:
            self._say(reply("smtp.shutting-down"))
            self._hang_up()

    def abort(self) -> None:
        """Drop the connection without waiting for the peer to read anything."""
        if self.transport is not None:
            cast("asyncio.WriteTransport", self.transport).abort()

    @property
    def secured(self) -> bool:
        """Tell whether the connection is under TLS."""
        return self.transport is not None and self.transport.get_extra_info("ssl_object") is not None

    def _hang_up(self) -> None:
        self._closing = True
        if self.transport is not None:
            self.transport.close()
            self._wait(self.hub.limits.reply_seconds)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timeout_handle = self.loop.call_later(seconds, self._timed_out)

    def _stop_waiting(self) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
            self._timeout_handle = None

    def _log(self, name: str, **fields: object) -> None:
        maillog.event(name, session=self.trace, peer=self.peer, **fields)

    def _timed_out(self) -> None:
        self._log("session.timeout")
        if self.transport is not None and not self._closing:
            self._say(reply("smtp.timeout"))
        self.abort()

    def _say(self, answer: Reply) -> None:
        """Write a reply and wait for nobody to take it; the transport may be closed already, and uvloop says so."""
        with contextlib.suppress(RuntimeError, OSError):
            self._writer.write(answer.lines())

    def _buffer(self) -> bytearray:
        return cast("bytearray", self._reader._buffer)  # type: ignore[attr-defined]  # noqa: SLF001 - no public peek

    # -- the loop

    @abstractmethod
    async def _dispatch(self, line: bytes) -> Reply | None:
        """Obey one command line (without its CRLF); None when it has answered by itself."""

    @abstractmethod
    def _reset_transaction(self) -> None:
        """Forget sender and recipients (RFC 5321 §4.1.1.5)."""

    async def _serve(self, admitted: bool) -> None:
        try:
            if not admitted:
                await self._answer(reply("smtp.too-many-connections"))
            elif self.hub.draining:
                await self._answer(reply("smtp.shutting-down"))
            else:
                await self._write(f"220 {self.hostname} ESMTP\r\n".encode("ascii"))
                while not self._closing and self.transport is not None:
                    await self._next_command()
        except (ConnectionError, asyncio.IncompleteReadError):
            self._log("session.lost")
        finally:
            self._hang_up()

    async def _next_command(self) -> None:
        try:
            line = await self._read_line()
        except asyncio.LimitOverrunError:
            self._closing = True
            await self._answer(reply("smtp.command-too-long"))
            return
        if self._idle_commands % TURN == TURN - 1:
            await asyncio.sleep(0)
        answer = await self._obey(line)
        if answer is not None:
            await self._answer(answer)
        last_words = self._last_words(answer)
        if last_words is not None and not self._closing:
            self._closing = True
            await self._answer(last_words)

    async def _read_line(self) -> bytes:
        """Return the client's next line without its CRLF; raises LimitOverrunError when it has no end."""
        self._wait(self.hub.limits.command_seconds)
        line = (await self._reader.readuntil(b"\r\n"))[:-2]
        self._wait(self.hub.limits.reply_seconds)
        return line

    async def _obey(self, line: bytes) -> Reply | None:
        try:
            return await self._dispatch(line)
        except Refused as refusal:
            return refusal.reply
        except (ConnectionError, asyncio.IncompleteReadError):
            raise
        except Exception as error:  # whatever the handler does, an official letter is never bounced for our fault
            self._reset_transaction()
            return reply("smtp.unexpected", id=maillog.incident(error, session=self.trace, peer=self.peer))

    def _last_words(self, answer: Reply | None) -> Reply | None:
        """Count the answer just given and return the 421 that must follow it, if any."""
        limits = self.hub.limits
        known = self.identity.installation_id is not None
        self._idle_commands += 1
        if answer is not None and answer.code >= 500:
            self._errors += 1
        if self._leaving or self.messages >= limits.messages:
            return reply("smtp.shutting-down")
        if self._errors >= limits.errors * (10 if known else 1):
            return reply("smtp.too-many-errors")
        if self._idle_commands >= limits.idle_commands + limits.recipients:
            return reply("smtp.too-many-commands")
        return None

    async def _answer(self, answer: Reply) -> None:
        await self._write(answer.lines(utf8=self._utf8_replies))

    async def _write(self, octets: bytes) -> None:
        try:
            self._writer.write(octets)
        except RuntimeError as error:  # uvloop: the transport is closed, and we are about to be told
            raise ConnectionResetError from error
        await self._writer.drain()

    def _nothing_ahead(self) -> None:
        """Refuse input sent ahead of our answer, where RFC 2920 §3.1 forbids it (and RFC 3207 §4.2 for STARTTLS)."""
        if self._buffer():
            self._closing = True
            self._buffer().clear()
            raise Refused(reply("smtp.pipelining"))
