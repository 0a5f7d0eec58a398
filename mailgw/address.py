"""SMTP paths (RFC 5321 §4.1.2, RFC 6531 §3.3) parsed from bytes by our own narrow grammar, never by a header parser."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

MAX_PATH = 254
MAX_LOCAL = 64
MAX_DOMAIN = 253

_ATOM = rb"[A-Za-z0-9!#$&'*+/=?^_`{|}~\x80-\xff-]+"
_LOCAL = re.compile(rb"%s(?:\.%s)*\Z" % (_ATOM, _ATOM))
_DOMAIN = re.compile(rb"[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9.\x80-\xff-]*[A-Za-z0-9\x80-\xff])?\Z")
_HELO = re.compile(rb"(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[(?:[0-9.]{7,15}|IPv6:[0-9A-Fa-f:.]{2,45})\])\Z")
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


class AddressError(ValueError):
    """The path breaks the grammar or a limit; ``code`` names the reply (``smtp.address-syntax`` …)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: ``local`` in NFC as sent, ``domain`` as lower-case A-labels (what all comparisons use)."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def parse_path(path: bytes, *, smtputf8: bool) -> Address | None:
    """Return the address of ``<local@domain>``, or None for the null path ``<>``.

    Raises AddressError for anything else: missing brackets, source routes, address literals, quoted local parts,
    ``%`` and ``!`` relaying, control characters, over-long parts (RFC 5321 §4.5.3.1), and non-ASCII without SMTPUTF8.
    """
    if len(path) < 2 or path[:1] != b"<" or path[-1:] != b">":
        raise AddressError("smtp.address-syntax")
    inner = path[1:-1]
    return parse_mailbox(inner, smtputf8=smtputf8) if inner else None


def parse_mailbox(mailbox: bytes, *, smtputf8: bool) -> Address:
    """Return the address of ``local@domain`` without brackets; raises AddressError as :func:`parse_path` does."""
    if len(mailbox) > MAX_PATH:
        raise AddressError("smtp.address-too-long")
    local, at, domain = mailbox.partition(b"@")
    if not at or b"@" in domain or b"%" in local or b"!" in local or not _LOCAL.match(local):
        raise AddressError("smtp.address-syntax")
    if len(local) > MAX_LOCAL:
        raise AddressError("smtp.address-too-long")
    if not mailbox.isascii() and not smtputf8:
        raise AddressError("smtp.utf8-undeclared")
    return Address(_local_text(local), parse_domain(domain))


def parse_domain(domain: bytes) -> str:
    """Return the domain as lower-case A-labels (IDNA 2008, UTS #46 mapping of case and width only after NFC).

    U-label and A-label spellings of one domain give the same text. Raises AddressError.
    """
    if len(domain) > MAX_DOMAIN or not _DOMAIN.match(domain):
        raise AddressError("smtp.domain-syntax")
    text = unicodedata.normalize("NFC", _decode(domain))
    try:
        return _ascii_domain(text)
    except (UnicodeError, IndexError) as error:
        raise AddressError("smtp.domain-syntax") from error


def valid_helo(argument: bytes) -> bool:
    """Tell whether an EHLO or HELO argument is a domain or an address literal (RFC 5321 §4.1.1.1), ASCII only."""
    return len(argument) <= MAX_DOMAIN and _HELO.match(argument) is not None


def _local_text(local: bytes) -> str:
    text = unicodedata.normalize("NFC", _decode(local))
    if any(unicodedata.category(char) in _FORBIDDEN_CATEGORIES for char in text):
        raise AddressError("smtp.address-syntax")
    return text


def _decode(part: bytes) -> str:
    try:
        return part.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AddressError("smtp.address-syntax") from error


@lru_cache(maxsize=4096)
def _ascii_domain(text: str) -> str:
    if text.isascii() and "xn--" not in text.lower():
        labels = text.lower().split(".")
        if not all(label and len(label) <= 63 and label[0] != "-" and label[-1] != "-" for label in labels):
            raise idna.IDNAError("label")
        return ".".join(labels)
    return idna.encode(text.lower(), strict=True, uts46=False).decode("ascii").lower()
