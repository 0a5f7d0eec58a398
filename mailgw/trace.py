"""The line that a relay puts before a message which it carries for others (RFC 5321 §4.4)."""

from datetime import datetime
from email.utils import format_datetime
from uuid import UUID


def received_line(*, origin: str, hostname: str, number: UUID, at: datetime, smtputf8: bool) -> bytes:
    """Return the Received field: from the body's domain, not the address or name of a machine inside it.

    ``at`` is when the message was taken in, so that every try sends the same line. The protocol is that of RFC 3848 and
    RFC 6531 §4.3: whoever hands mail in does it under TLS.
    """
    protocol = "UTF8SMTPS" if smtputf8 else "ESMTPS"
    text = f"Received: from {origin}\r\n by {hostname} with {protocol} id {number};\r\n {format_datetime(at)}\r\n"
    return text.encode("ascii")
