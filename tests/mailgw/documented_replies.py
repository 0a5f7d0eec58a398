"""The table of refusals in docs/operate/gateway.md, made anew by ``python -m tests.mailgw.documented_replies``."""

import re
from pathlib import Path

from mailgw.replies import TABLE
from mailgw.texts import _catalogue

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "gateway.md"
BEGIN, END = "<!-- replies: begin -->\n", "<!-- replies: end -->\n"
_GAP = re.compile(r"%\(\w+\)s")
HERE = "the operator of this gateway"
WRITER = "whoever wrote the message"
PROGRAM = "whoever runs the sending program"
AGAIN = "nobody: the sending server tries again by itself"
BY_NAME = {
    "smtp.unexpected": f"{HERE}: look for the number in the log; the sending server tries again",
    "smtp.unavailable": f"{HERE}: database or store cannot be reached; the sending server tries again",
    "smtp.no-storage": f"{HERE}: make room; the sending server tries again",
    "smtp.no-memory": f"nobody; {HERE} if it lasts (`gateway.memory_mb`)",
    "smtp.recipient-suspended": "the centre: the recipient is suspended; the sending server tries again",
    "smtp.too-many-recipients": AGAIN,
    "smtp.tls-unavailable": f"{HERE}: its certificate or key; the sending server tries again",
    "smtp.auth-unavailable": f"{HERE}: the database cannot be reached",
    "smtp.null-sender": PROGRAM,
    "smtp.null-sender-content": PROGRAM,
    "smtp.sender-unregistered": "the sender's administrator: the domain is not in the register",
    "smtp.sender-not-yours": "the sender's administrator: the body belongs to another server in the register",
    "smtp.recipient-unregistered": f"{WRITER}: no such body is registered here",
    "smtp.mailbox-unknown": f"{WRITER}: write to the registry of the body",
    "smtp.certificate-required": "the sender's administrator: the certificate is not of a registered server",
    "smtp.bcc": WRITER,
    "smtp.loop": "the administrators of both servers: mail goes round in a circle",
    "smtp.too-big": f"{WRITER}: send less, or in several letters",
}
BY_CLASS = {
    "4.7.0": "whoever runs the sending program: too many connections, errors or attempts; it may try again later",
    "5.1.3": WRITER,
    "5.7.8": "the person: the mail client has the wrong password",
    "5.7.0": "the person or the sender's administrator: settings of the mail client or server",
    "5.7.11": "the person: turn on TLS in the mail client",
    "5.7.1": WRITER,
    "5.7.20": "the sender's administrator: DKIM key or signing",
}


def actor_of(name: str) -> str:
    """Return who must do what about a refusal."""
    code, enhanced = TABLE[name]
    return BY_NAME.get(name) or BY_CLASS.get(enhanced) or (AGAIN if code < 500 else PROGRAM)


def table() -> str:
    """Return the table, worst news last."""
    refusals = sorted((code, enhanced, name) for name, (code, enhanced) in TABLE.items() if code >= 400)
    lines = ["| reply | name in the log | says | who must act |", "|---|---|---|---|"]
    for code, enhanced, name in refusals:
        words = _GAP.sub("…", _catalogue("en")[name])
        lines.append(f"| {code} {enhanced} | `{name.removeprefix('smtp.')}` | {words} | {actor_of(name)} |")
    return "\n".join(lines) + "\n"


def written() -> str:
    """Return the page with its table made anew."""
    page = PAGE.read_text("utf-8")
    head, _, rest = page.partition(BEGIN)
    return head + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(written(), "utf-8")
