"""SMTP out: one message to one next hop over STARTTLS with our certificate, on connections that are kept and reused."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from ssl import SSLContext
from typing import cast

import aiosmtplib

from mailgw.address import Address
from mailgw.envelope import MailParameters, RcptParameters
from mailgw.retry import Outcome, classify
from mailgw.tls import is_pinned

MAX_RECIPIENTS = 100
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3}) ")
_NONE = RcptParameters()


@dataclass(frozen=True, slots=True)
class Route:
    """A next hop: where it listens, the context with its pinned authority, and the name we greet it with.

    ``pinned`` (DER) is the certificate of a server of its own: what is shown must be it, or be issued by it for
    ``host``.
    """

    host: str
    port: int
    tls: SSLContext
    hostname: str
    pinned: bytes = b""


@dataclass(frozen=True, slots=True)
class Result:
    """The answer for one recipient: basic and enhanced code, the peer's text, and what it means for the consignment.

    Code 421 with an empty ``enhanced`` is ours: the peer could not be ``reached``, or was lost before it answered.
    """

    code: int
    enhanced: str
    text: str
    reached: bool = True

    @property
    def outcome(self) -> Outcome:
        """Return ok, transient or permanent (RFC 5321 §4.2.1)."""
        return classify(self.code)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What goes with a message: the parameters of MAIL and RCPT, and what a next hop gets that knows no SMTPUTF8.

    ``aliases`` are addresses in ASCII for those that are not; ``plain`` makes the message of ASCII alone that is sent
    in place of one with UTF-8 in its header, or with 8-bit lines to a hop that takes none.
    """

    mail: MailParameters = field(default_factory=MailParameters)
    rcpt: Mapping[Address, RcptParameters] = field(default_factory=dict)
    aliases: Mapping[Address, Address] = field(default_factory=dict)
    plain: Callable[[], Awaitable[bytes]] | None = None


@dataclass(slots=True)
class _Kept:
    client: aiosmtplib.SMTP
    messages: int = 0
    idle_since: float = 0.0


@dataclass(slots=True)
class ConnectionPool:
    """Idle connections by route, each used for ``max_messages``, kept idle ``max_idle`` seconds; one loop only."""

    command_timeout: float = 60
    data_timeout: float = 600
    max_messages: int = 100
    max_idle: float = 60
    monotonic: Callable[[], float] = time.monotonic
    _idle: dict[Route, list[_Kept]] = field(default_factory=dict)

    async def take(self, route: Route) -> _Kept:
        """Return a connection past EHLO under TLS, kept or new; raises aiosmtplib.SMTPException or OSError.

        A kept one is asked first whether it still lives (RSET), so that no consignment is tried on a dead one.
        """
        idle = self._idle.get(route, [])
        while idle:
            kept = idle.pop()
            if self.monotonic() - kept.idle_since < self.max_idle and await _lives(kept, self.command_timeout):
                return kept
            _drop(kept.client)
        client = aiosmtplib.SMTP(
            hostname=route.host,
            port=route.port,
            local_hostname=route.hostname,
            timeout=self.command_timeout,
            start_tls=True,
            tls_context=route.tls,
        )
        try:
            await client.connect()
            _check_pinned(client, route)
            await client.ehlo()
        except BaseException:
            _drop(client)
            raise
        return _Kept(client)

    def give_back(self, route: Route, kept: _Kept) -> None:
        """Keep a connection whose transaction ended well."""
        kept.messages += 1
        kept.idle_since = self.monotonic()
        if kept.client.is_connected and kept.messages < self.max_messages:
            self._idle.setdefault(route, []).append(kept)
        else:
            _drop(kept.client)

    async def close(self) -> None:
        """Say QUIT on every idle connection and close it."""
        for idle in self._idle.values():
            for kept in idle:
                with suppress(aiosmtplib.SMTPException, OSError):
                    await kept.client.execute_command(b"QUIT", timeout=2)
                _drop(kept.client)
        self._idle.clear()


async def deliver(
    pool: ConnectionPool,
    route: Route,
    *,
    mail_from: Address | None,
    recipients: Sequence[Address],
    raw: bytes,
    wishes: Wishes | None = None,
) -> dict[Address, Result]:
    """Send one CRLF message to at most 100 recipients behind one next hop and return the answer for each.

    Raises nothing for the network or the peer, ValueError for a wrong number of recipients.
    A connection lost before the peer's last answer gives 421 for those still open: the peer may have taken the message,
    and its register answers a repeat with the same number.
    """
    if not 0 < len(recipients) <= MAX_RECIPIENTS:
        raise ValueError("between 1 and 100 recipients")
    if not raw.count(b"\r") == raw.count(b"\n") == raw.count(b"\r\n") or b"\0" in raw:
        return dict.fromkeys(recipients, Result(554, "5.6.0", "bare CR or LF, or NUL, in our own message"))
    results: dict[Address, Result] = {}
    reached = False
    try:
        kept = await pool.take(route)
        reached = True
        try:
            await _transaction(kept.client, pool, mail_from, recipients, raw, wishes or Wishes(), results)
        except BaseException:
            _drop(kept.client)
            raise
        pool.give_back(route, kept)
    except (aiosmtplib.SMTPException, OSError) as error:
        lost = Result(421, "", type(error).__name__, reached)
        return {recipient: results.get(recipient, lost) for recipient in recipients}
    return results


async def _transaction(
    client: aiosmtplib.SMTP,
    pool: ConnectionPool,
    mail_from: Address | None,
    recipients: Sequence[Address],
    raw: bytes,
    wishes: Wishes,
    results: dict[Address, Result],
) -> None:
    """Run MAIL, RCPT and DATA; a recipient has its result as soon as it is final."""
    if _needs_plain(client, raw):
        if wishes.plain is None:
            results.update(dict.fromkeys(recipients, Result(554, "5.6.9", "the next hop takes ASCII alone")))
            return
        raw = await wishes.plain()
    path = partial(_path, client, wishes.aliases)
    options = _mail_options(client, raw, wishes, [mail_from, *recipients])
    answer = await client.execute_command(b"MAIL", b"FROM:" + path(mail_from), *options)
    if classify(answer.code) != "ok":
        results.update(dict.fromkeys(recipients, _result(answer)))
        return
    open_recipients: list[Address] = []
    for recipient in recipients:
        asked = _rcpt_options(client, wishes.rcpt.get(recipient, _NONE))
        answer = await client.execute_command(b"RCPT", b"TO:" + path(recipient), *asked)
        if classify(answer.code) == "ok":
            open_recipients.append(recipient)
        else:
            results[recipient] = _result(answer)
    if not open_recipients:
        await client.execute_command(b"RSET")
        return
    try:
        answer = await client.data(raw, timeout=pool.data_timeout)
    except aiosmtplib.SMTPDataError as error:
        answer = aiosmtplib.SMTPResponse(error.code, error.message)
    results.update(dict.fromkeys(open_recipients, _result(answer)))


def _needs_plain(client: aiosmtplib.SMTP, raw: bytes) -> bool:
    """Tell whether a next hop cannot be given these octets (RFC 6531 §3.2, RFC 6152 §3)."""
    if client.supports_extension("smtputf8") and client.supports_extension("8bitmime"):
        return False
    if not client.supports_extension("8bitmime") and not raw.isascii():
        return True
    return not client.supports_extension("smtputf8") and not _header(raw).isascii()


def _header(raw: bytes) -> bytes:
    end = raw.find(b"\r\n\r\n")
    return raw if end < 0 else raw[:end]


def _path(client: aiosmtplib.SMTP, aliases: Mapping[Address, Address], address: Address | None) -> bytes:
    if address is not None and not client.supports_extension("smtputf8"):
        address = aliases.get(address, address)
    return f"<{address or ''}>".encode()


def _mail_options(
    client: aiosmtplib.SMTP, raw: bytes, wishes: Wishes, paths: Sequence[Address | None]
) -> list[bytes]:  # fmt: skip
    """Return the parameters of MAIL that the next hop offers and the message needs or was given with."""
    options = []
    if client.supports_extension("size"):
        options.append(b"SIZE=%d" % len(raw))
    if client.supports_extension("8bitmime"):
        options.append(b"BODY=8BITMIME")
    needed = wishes.mail.smtputf8 or not all(str(path or "").isascii() for path in paths)
    if client.supports_extension("smtputf8") and (needed or not _header(raw).isascii()):
        options.append(b"SMTPUTF8")
    if client.supports_extension("dsn"):
        told = (("RET", wishes.mail.ret), ("ENVID", wishes.mail.envid))
        options += [f"{name}={value}".encode() for name, value in told if value]
    return options


def _rcpt_options(client: aiosmtplib.SMTP, params: RcptParameters) -> list[bytes]:
    """Return NOTIFY and ORCPT (RFC 3461 §4) where the next hop offers DSN."""
    if not client.supports_extension("dsn"):
        return []
    told = (("NOTIFY", ",".join(params.notify)), ("ORCPT", params.orcpt))
    utf8 = client.supports_extension("smtputf8")
    return [f"{name}={value}".encode() for name, value in told if value and (utf8 or value.isascii())]


def _check_pinned(client: aiosmtplib.SMTP, route: Route) -> None:
    if route.pinned and not is_pinned(client.get_transport_info("ssl_object"), route.pinned, route.host):
        raise ConnectionRefusedError("another certificate")


async def _lives(kept: _Kept, seconds: float) -> bool:
    """Tell whether a kept connection may carry another message."""
    try:
        return kept.client.is_connected and (await kept.client.execute_command(b"RSET", timeout=seconds)).code == 250
    except (aiosmtplib.SMTPException, OSError):
        return False


def _drop(client: aiosmtplib.SMTP) -> None:
    """Close without waiting for the peer's part of the TLS farewell."""
    if client.transport is not None:
        cast("asyncio.WriteTransport", client.transport).abort()
    client.close()


def _result(answer: aiosmtplib.SMTPResponse) -> Result:
    last = answer.message.rsplit("\n", 1)[-1]
    enhanced = _ENHANCED.match(last)
    return Result(answer.code, enhanced[1] if enhanced else "", last[enhanced.end() :] if enhanced else last)
