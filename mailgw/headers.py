"""The header block of a message read from bytes within bounds: names and unfolded values, nothing decoded."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailgw.address import Address, AddressError, parse_mailbox

MAX_HEADER_OCTETS = 256_000
MAX_HEADER_LINES = 1000
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)\Z", re.DOTALL)
_PHRASE = re.compile(rb"(?:\"(?:[^\"\\\x00-\x08\x0a-\x1f]|\\[ -~])*\"|[^\"<>@,;:()\[\]\\\x00-\x08\x0a-\x1f])*\Z")

_LIST = re.compile(rb'"(?:[^"\\]|\\.)*"?|\((?:[^()\\]|\\.)*\)?|<[^<>]*>?|[,;:]|[^",;:<>()]+|[)>]+', re.DOTALL)


class HeaderError(ValueError):
    """The header block is too large or is not one; ``code`` is the stable name of the problem."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Headers:
    """The fields of one header block in order, as (lower-case name, unfolded raw value)."""

    fields: tuple[tuple[str, bytes], ...]

    def all(self, name: str) -> tuple[bytes, ...]:
        """Return the values of every field called ``name`` (lower case)."""
        return tuple(value for known, value in self.fields if known == name)

    def first(self, name: str) -> bytes:
        """Return the value of the first field called ``name``, or nothing."""
        return next(iter(self.all(name)), b"")


def read_headers(raw: bytes) -> Headers:
    """Return the header block of a CRLF message (RFC 5322 §2.2); raises HeaderError over 256 kB or 1000 lines."""
    end = 0 if raw.startswith(b"\r\n") else raw.find(b"\r\n\r\n", 0, MAX_HEADER_OCTETS)
    if end < 0 and len(raw) > MAX_HEADER_OCTETS:
        raise HeaderError("message.header-too-large")
    block = raw[: end if end >= 0 else len(raw)]
    lines = block.removesuffix(b"\r\n").split(b"\r\n") if block else []
    if len(lines) > MAX_HEADER_LINES:
        raise HeaderError("message.header-too-large")
    unfolded: list[list[bytes]] = []
    for line in lines:
        if line[:1] in {b" ", b"\t"} and unfolded:
            unfolded[-1].append(line)
        else:
            unfolded.append([line])
    return Headers(tuple(_field(b"".join(parts)) for parts in unfolded))


def single_mailbox(value: bytes) -> Address:
    """Return the one address of a From value ``name <a@b>`` or ``a@b``; raises AddressError for any other form.

    Groups, lists, comments, routes and anything that two parsers could read differently are refused.
    """
    text = value.strip(b" \t")
    if text.endswith(b">"):
        phrase, bracket, inner = text[:-1].rpartition(b"<")
        if not bracket or not _PHRASE.match(phrase):
            raise AddressError("smtp.from-count")
        text = inner
    return parse_mailbox(text, smtputf8=True)


def mailboxes(value: bytes) -> Iterator[Address]:
    """Yield the addresses of an address list (RFC 5322 §3.4): single ones and those in groups, in order.

    What is no plain address (comments apart) is passed over, so nothing is named that a reader would not see named.
    """
    plain, angle = [], b""
    for match in _LIST.finditer(value + b","):
        piece = match[0]
        if piece[:1] == b"<":
            angle = angle or piece
        elif piece not in {b",", b";", b":"}:
            plain.append(b"" if piece[:1] == b"(" else piece)
        else:
            text = angle[1:-1] if angle.endswith(b">") else b"" if angle else b"".join(plain).strip(b" \t")
            plain, angle = [], b""
            if piece != b":" and b"@" in text:
                with contextlib.suppress(AddressError):
                    yield parse_mailbox(text.strip(b" \t"), smtputf8=True)


def _field(line: bytes) -> tuple[str, bytes]:
    match = _FIELD.match(line)
    if not match:
        raise HeaderError("message.header-malformed")
    return match[1].decode("ascii").lower(), match[2].strip(b" \t")
