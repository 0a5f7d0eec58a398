"""The words of AUTH (RFC 4954): PLAIN (RFC 4616), LOGIN as mail clients speak it, EXTERNAL (RFC 4422 appendix A)."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from mailgw.commands import Refused
from mailgw.replies import reply

LINE_OCTETS = 12_288
"""The longest line of an exchange with its CRLF (RFC 4954 §4)."""

PASSWORD_MECHANISMS = ("PLAIN", "LOGIN")
EXTERNAL = "EXTERNAL"

Ask = Callable[[bytes], Awaitable[bytes]]
"""Sends a challenge (already in base 64) and returns the client's line without its CRLF."""


@dataclass(frozen=True, slots=True)
class Password:
    """What a person gave to sign in."""

    login: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The client's certificate shall speak for it; ``domain`` is the body that it wants to act for, "" for none."""

    domain: str


async def converse(argument: bytes, offered: Collection[str], ask: Ask) -> Password | Certificate:
    """Hold the exchange that ``AUTH argument`` begins and return what the client gave; raises Refused."""
    name, _, initial = argument.partition(b" ")
    mechanism = name.decode("ascii", "replace").upper()
    if not mechanism:
        raise Refused(reply("smtp.syntax", usage="AUTH mechanism"))
    if mechanism not in offered:
        raise Refused(reply("smtp.auth-mechanism", offered=" ".join(offered)))
    first = _decoded(initial) if initial else None
    if mechanism == "LOGIN":
        login = _text(first if first is not None else await _answer(ask, b"Username:"))
        return _given(login, _text(await _answer(ask, b"Password:")))
    if first is None:
        first = await _answer(ask, b"")
    if mechanism == EXTERNAL:
        return Certificate(_text(first))
    return _plain(_text(first))


def _plain(message: str) -> Password:
    """Read ``authzid NUL login NUL password``; nobody signs in as one person to act as another."""
    words = message.split("\0")
    if len(words) != 3:
        raise Refused(reply("smtp.auth-encoding"))
    acting, login, password = words
    if acting not in {"", login}:
        raise Refused(reply("smtp.auth-failed"))
    return _given(login, password)


def _given(login: str, password: str) -> Password:
    if not login or not password or "\0" in login + password:
        raise Refused(reply("smtp.auth-encoding"))
    return Password(login, password)


async def _answer(ask: Ask, challenge: bytes) -> bytes:
    line = await ask(base64.b64encode(challenge))
    if line == b"*":
        raise Refused(reply("smtp.auth-cancelled"))
    return _decoded(line) if line else b""


def _decoded(octets: bytes) -> bytes:
    if octets == b"=":  # an empty initial response (RFC 4954 §4)
        return b""
    try:
        return base64.b64decode(octets, validate=True)
    except binascii.Error as error:
        raise Refused(reply("smtp.auth-encoding")) from error


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(reply("smtp.auth-encoding")) from error
