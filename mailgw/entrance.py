"""Who a connection is: STARTTLS (RFC 3207), the certificate of a peer, AUTH (RFC 4954) of those who submit."""

import asyncio
import ssl
from abc import abstractmethod
from dataclasses import replace
from typing import cast

from mailgw import metrics
from mailgw.commands import Refused
from mailgw.connection import Connection, Hub
from mailgw.envelope import NOBODY, Door, Identity, Submitter
from mailgw.replies import Reply, reply
from mailgw.sasl import EXTERNAL, LINE_OCTETS, PASSWORD_MECHANISMS, Certificate, Password, converse

TLS_FAREWELL_SECONDS = 2


class Entrance(Connection):
    """A connection that came by one of the doors; ``identity`` is what it has proved so far.

    Between servers the certificate is enough. Where mail is submitted it counts only after AUTH EXTERNAL.
    """

    def __init__(self, hub: Hub, door: Door) -> None:
        super().__init__(hub)
        self.door = door
        metrics.connected(door.value)
        self.helo = ""
        self._certified = NOBODY
        self._sign_ins = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start serving; where TLS came first, whoever it is is known already."""
        super().connection_made(transport)
        if self.secured:
            self._recognise()

    @property
    @abstractmethod
    def _in_transaction(self) -> bool:
        """Tell whether a MAIL command is under way."""

    # -- TLS

    async def _starttls(self, argument: bytes) -> Reply | None:
        if argument:
            return reply("smtp.syntax", usage="STARTTLS")
        if self.secured:
            return reply("smtp.tls-active")
        if self.hub.tls is None:
            return reply("smtp.tls-unavailable")
        self._nothing_ahead()
        await self._answer(reply("smtp.tls-ready"))
        if self._buffer():
            self._log("session.tls-injection")
            self.abort()
            return None
        await self._handshake(cast("asyncio.WriteTransport", self.transport), self.hub.tls)
        return None

    async def _handshake(self, plain: asyncio.WriteTransport, context: ssl.SSLContext) -> None:
        """Upgrade the transport by the loop's public API; on failure the connection is dropped (RFC 3207 §4.1)."""
        try:
            secure = await self.loop.start_tls(
                plain,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=self.hub.limits.reply_seconds,
                ssl_shutdown_timeout=TLS_FAREWELL_SECONDS,
            )
        except (ssl.SSLError, OSError) as error:
            self._log("session.tls-failed", error=type(error).__name__)
            secure = None
        if secure is None:
            self._closing = True
            plain.abort()
            self.connection_lost(None)  # the transport has only the handshake to tell of its end
            return
        self._use(secure)
        for stream in (self._reader, self._writer, self):
            stream._transport = secure  # type: ignore[union-attr]  # noqa: SLF001 - no public setter before Python 3.12
        self._over_ssl = True
        self._reset_transaction()
        self.helo = ""
        if not self._recognise():
            await self._answer(reply("smtp.too-many-connections"))

    def _recognise(self) -> bool:
        """Take in what the handshake proved; False when its holder has too many connections (this one then ends)."""
        ssl_object = self.transport.get_extra_info("ssl_object") if self.transport is not None else None
        self._certified = self.hub.handler.identify(ssl_object)
        self.identity = replace(self._certified, installation_id=None) if self.door.submits else self._certified
        return self._claim_places()

    def _claim_places(self) -> bool:
        """Count the connection for whoever it is; one too many is closed after its reply."""
        limits, identity = self.hub.limits, self.identity
        places = [(identity.installation_id, limits.connections_per_body)]
        if identity.submitter is not None:
            places.append((identity.submitter.account_id, limits.connections_per_account))
            places.append((identity.submitter.entity_id, limits.connections_per_body))
        within = [self.hub.claim(self, key, most) for key, most in places if key is not None]
        self._closing = self._closing or not all(within)
        return all(within)

    # -- AUTH

    @property
    def _proved(self) -> bool:
        return self.identity.installation_id is not None or self.identity.submitter is not None

    @property
    def _mechanisms(self) -> tuple[str, ...]:
        """Return what AUTH takes here and now; nothing before TLS, for passwords never go in clear."""
        if not self.door.submits or not self.secured:
            return ()
        return PASSWORD_MECHANISMS + ((EXTERNAL,) if self._certified.installation_id is not None else ())

    def _must_sign_in(self) -> Reply | None:
        """Return what is missing before MAIL where mail is submitted."""
        if not self.door.submits or self._proved:
            return None
        return reply("smtp.auth-required" if self.secured else "smtp.tls-required")

    async def _auth(self, argument: bytes) -> Reply:
        refusal = self._no_auth_now()
        if refusal is not None:
            return refusal
        try:
            given = await converse(argument, self._mechanisms, self._ask)
            found = await self._prove(given)
        except Refused as error:
            if error.reply.name != "smtp.auth-failed":
                raise
            found = error.reply
        if isinstance(found, Reply):
            return await self._sign_in_failed(found)
        self.identity = found
        self._log("session.signed-in", account=str(found.submitter.account_id) if found.submitter else "")
        return reply("smtp.signed-in" if self._claim_places() else "smtp.too-many-connections")

    def _no_auth_now(self) -> Reply | None:
        if not self.door.submits:
            return reply("smtp.not-implemented")
        if not self.secured:
            return reply("smtp.auth-needs-tls")
        if not self.helo:
            return reply("smtp.order", needed="EHLO")
        if self._proved:
            return reply("smtp.auth-active")
        return reply("smtp.order", needed="RSET") if self._in_transaction else None

    async def _ask(self, challenge: bytes) -> bytes:
        await self._write(b"334 " + challenge + b"\r\n")
        try:
            line = await self._read_line()
        except asyncio.LimitOverrunError as error:
            self._closing = True
            raise Refused(reply("smtp.command-too-long")) from error
        if len(line) + 2 > LINE_OCTETS:
            raise Refused(reply("smtp.command-too-long"))
        return line

    async def _prove(self, given: Password | Certificate) -> Identity | Reply:
        """Ask the handler; no timer runs meanwhile, for many may wait to have their passwords compared."""
        self._stop_waiting()
        handler = self.hub.handler
        found: Submitter | Reply | None
        if isinstance(given, Certificate):
            found = await handler.vouch(self._certified, given.domain)
            proved = self._certified
        else:
            found = await handler.authenticate(given.login, given.password, self.peer)
            proved = replace(self.identity, submitter=found if isinstance(found, Submitter) else None)
        self._wait(self.hub.limits.reply_seconds)
        return found if isinstance(found, Reply) else proved

    async def _sign_in_failed(self, refusal: Reply) -> Reply:
        """Count a failure; the last one is answered 421, after a delay that makes guessing slow."""
        self._sign_ins += 1
        self._log("session.sign-in-refused", reason=refusal.name)
        if self._sign_ins < self.hub.limits.sign_ins:
            return refusal
        self._stop_waiting()
        await asyncio.sleep(self.hub.limits.sign_in_delay_seconds)
        self._wait(self.hub.limits.reply_seconds)
        self._closing = True
        return reply("smtp.too-many-sign-ins")
