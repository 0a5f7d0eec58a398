"""SMTP out: one message to one next hop over STARTTLS with our certificate, on connections that are kept and reused."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import cast

import aiosmtplib

from mailgw.address import Address
from mailgw.retry import Outcome, classify

MAX_RECIPIENTS = 100
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3}) ")


@dataclass(frozen=True, slots=True)
class Route:
    """A next hop: where it listens, the context with its pinned authority, and the name we greet it with."""

    host: str
    port: int
    tls: SSLContext
    hostname: str


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
    pool: ConnectionPool, route: Route, *, mail_from: Address | None, recipients: Sequence[Address], raw: bytes
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
            await _transaction(kept.client, pool, mail_from, recipients, raw, results)
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
    results: dict[Address, Result],
) -> None:
    """Run MAIL, RCPT and DATA; a recipient has its result as soon as it is final."""
    needs_utf8 = not (str(mail_from or "") + "".join(map(str, recipients))).isascii()
    options = [b"SIZE=%d" % len(raw), b"BODY=8BITMIME", *([b"SMTPUTF8"] if needs_utf8 else [])]
    answer = await client.execute_command(b"MAIL", b"FROM:<%s>" % str(mail_from or "").encode(), *options)
    if classify(answer.code) != "ok":
        results.update(dict.fromkeys(recipients, _result(answer)))
        return
    open_recipients: list[Address] = []
    for recipient in recipients:
        answer = await client.execute_command(b"RCPT", b"TO:<%s>" % str(recipient).encode())
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


async def _lives(kept: _Kept, seconds: float) -> bool:
    """Tell whether a kept connection may carry another message; one that was used a moment ago is not asked."""
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
