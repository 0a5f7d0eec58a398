"""SMTP replies: one table of basic and enhanced codes (RFC 5321 §4.2, RFC 3463) and their form on the wire.

A reply is English in ASCII. When the client said SMTPUTF8 in MAIL (the only place where RFC 6531 §3.7.4.2 lets a server
know that it may answer in UTF-8) the same sentence in Arabic stands before it as one more line of the reply.
"""

from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from mailgw.texts import text


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: ``code`` (250), ``enhanced`` (2.0.0), the stable ``name`` of its text and the text's parameters."""

    code: int
    enhanced: str
    name: str
    params: MappingProxyType[str, object] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def positive(self) -> bool:
        """Tell whether the command succeeded (2xx or 3xx)."""
        return self.code < 400

    def lines(self, *, utf8: bool = False) -> bytes:
        """Return the reply as sent, each line ended by CRLF; ``utf8`` adds the Arabic line."""
        if not self.params:
            return _fixed(self.code, self.enhanced, self.name, utf8)
        return _composed(self.code, self.enhanced, self.name, utf8, **self.params)


# name of the text: (basic code, enhanced code)
TABLE: MappingProxyType[str, tuple[int, str]] = MappingProxyType(
    {
        "smtp.ok": (250, "2.0.0"),
        "smtp.sender-ok": (250, "2.1.0"),
        "smtp.recipient-ok": (250, "2.1.5"),
        "smtp.accepted": (250, "2.0.0"),
        "smtp.go-ahead": (354, ""),
        "smtp.tls-ready": (220, "2.0.0"),
        "smtp.bye": (221, "2.0.0"),
        "smtp.signed-in": (235, "2.7.0"),
        "smtp.no-verify": (252, "2.5.2"),
        "smtp.help": (214, "2.0.0"),
        # the gateway's own state
        "smtp.shutting-down": (421, "4.3.2"),
        "smtp.too-many-connections": (421, "4.7.0"),
        "smtp.too-many-errors": (421, "4.7.0"),
        "smtp.too-many-sign-ins": (421, "4.7.0"),
        "smtp.too-many-commands": (421, "4.7.0"),
        "smtp.timeout": (421, "4.4.2"),
        "smtp.unexpected": (451, "4.3.0"),
        "smtp.unavailable": (451, "4.3.0"),
        "smtp.register-changed": (451, "4.3.0"),
        "smtp.no-memory": (452, "4.3.1"),
        "smtp.too-many-recipients": (452, "4.5.3"),
        "smtp.no-storage": (452, "4.3.1"),
        # syntax and order
        "smtp.unknown-command": (500, "5.5.2"),
        "smtp.command-too-long": (500, "5.5.6"),
        "smtp.syntax": (501, "5.5.4"),
        "smtp.helo-syntax": (501, "5.5.4"),
        "smtp.not-implemented": (502, "5.5.1"),
        "smtp.helo-refused": (502, "5.5.1"),
        "smtp.order": (503, "5.5.1"),
        "smtp.tls-active": (503, "5.5.1"),
        "smtp.tls-unavailable": (454, "4.7.0"),
        "smtp.parameter-unknown": (555, "5.5.4"),
        "smtp.parameter-value": (501, "5.5.4"),
        "smtp.pipelining": (554, "5.5.0"),
        "smtp.no-recipients": (554, "5.5.1"),
        # signing in (RFC 4954 §6)
        "smtp.auth-active": (503, "5.5.1"),
        "smtp.auth-cancelled": (501, "5.7.0"),
        "smtp.auth-encoding": (501, "5.5.2"),
        "smtp.auth-ended": (530, "5.7.0"),
        "smtp.auth-failed": (535, "5.7.8"),
        "smtp.auth-mechanism": (504, "5.5.4"),
        "smtp.auth-needs-tls": (538, "5.7.11"),
        "smtp.auth-required": (530, "5.7.0"),
        "smtp.auth-slowed": (454, "4.7.0"),
        "smtp.auth-unavailable": (454, "4.7.0"),
        # addresses
        "smtp.address-syntax": (553, "5.1.3"),
        "smtp.address-too-long": (553, "5.1.3"),
        "smtp.domain-syntax": (553, "5.1.3"),
        "smtp.utf8-undeclared": (553, "5.6.7"),
        # content
        "smtp.bare-newline": (550, "5.5.2"),
        "smtp.nul": (550, "5.6.0"),
        "smtp.line-too-long": (500, "5.6.0"),
        "smtp.too-big": (552, "5.3.4"),
        "smtp.header-unreadable": (550, "5.6.0"),
        "smtp.from-count": (550, "5.6.0"),
        "smtp.from-mismatch": (550, "5.7.1"),
        "smtp.bcc": (550, "5.7.1"),
        "smtp.resent": (550, "5.7.1"),
        "smtp.sender-field": (550, "5.7.1"),
        "smtp.from-not-own": (550, "5.7.1"),
        "smtp.recipient-hidden": (550, "5.7.1"),
        "smtp.date-count": (550, "5.6.0"),
        "smtp.date-wrong": (550, "5.7.1"),
        "smtp.forged-header": (550, "5.7.1"),
        "smtp.dkim-bad": (550, "5.7.20"),
        "smtp.dkim-missing": (550, "5.7.20"),
        "smtp.dkim-unregistered": (550, "5.7.20"),
        "smtp.loop": (554, "5.4.6"),
        "smtp.null-sender-content": (550, "5.7.1"),
        # policy: who may write to whom
        "smtp.sender-unregistered": (550, "5.7.1"),
        "smtp.sender-not-yours": (550, "5.7.1"),
        "smtp.sender-not-own": (550, "5.7.1"),
        "smtp.sender-suspended": (450, "4.2.1"),
        "smtp.null-sender": (550, "5.7.1"),
        "smtp.recipient-unregistered": (550, "5.7.1"),
        "smtp.recipient-elsewhere": (550, "5.7.1"),
        "smtp.mailbox-unknown": (550, "5.1.1"),
        "smtp.recipient-suspended": (450, "4.2.1"),
        "smtp.certificate-required": (530, "5.7.0"),
        "smtp.tls-required": (530, "5.7.0"),
        # outcome of the durable commit
        "smtp.registered": (250, "2.0.0"),
        "smtp.repeat": (250, "2.0.0"),
        "smtp.waiting": (250, "2.0.0"),
        "smtp.taken": (250, "2.0.0"),
        "smtp.queued": (250, "2.0.0"),
        "smtp.taken-and-queued": (250, "2.0.0"),
    }
)


def reply(name: str, /, **params: object) -> Reply:
    """Return the reply of ``name``; raises KeyError for a name that the table does not know."""
    code, enhanced = TABLE[name]
    return Reply(code, enhanced, name, MappingProxyType(params))


@cache
def _fixed(code: int, enhanced: str, name: str, utf8: bool) -> bytes:
    """Return the octets of a reply without parameters: most are."""
    return _composed(code, enhanced, name, utf8)


def _composed(code: int, enhanced: str, name: str, utf8: bool, /, **params: object) -> bytes:
    head = f" {enhanced}" if enhanced else ""
    english = _one_line(text(name, "en", **params)).encode("ascii", "replace").decode("ascii")
    if not utf8:
        return f"{code}{head} {english}\r\n".encode()
    arabic = _one_line(text(name, "ar", **params))
    return f"{code}-{head.lstrip()} {arabic}\r\n{code}{head} {english}\r\n".encode()


def _one_line(sentence: str) -> str:
    return "".join(char if char.isprintable() else " " for char in sentence)
