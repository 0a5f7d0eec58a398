"""Messages under a body's seal: ``multipart/signed`` with a detached CMS signature (RFC 1847, RFC 8551 §3.5.3)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from typing import Final

from crypto.cms_signatures import sign_detached
from mailgw.headers import HeaderError, read_headers
from mailgw.untyped import base64_lines

PROTOCOL: Final = "application/pkcs7-signature"
MAX_SIGNATURE: Final = 64_000
MAX_SIGNED: Final = 1_000_000
_BOUNDARY: Final = re.compile(rb"boundary=(?:\"([^\"\r\n]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MailSigner:
    """A body's seal at work: ``sign`` answers ECDSA P-256 with SHA-256 (DER); ``chain`` is DER, without the root.

    ``when`` is what the signature says of its time.
    """

    sign: Callable[[bytes], bytes] = field(repr=False)
    certificate: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)
    when: datetime


def sealed_message(inner: bytes, headers: Iterable[tuple[str, str]], signer: MailSigner, *, boundary: str) -> bytes:
    """Return a message whose one signed part is ``inner`` (a MIME entity, CRLF), as whole octets.

    Verifiable by ``openssl cms -verify -CAfile root.pem -purpose any``: the issuing certificate is in the signature.
    ``boundary`` must not occur in ``inner``.
    """
    signed = inner.removesuffix(b"\r\n")
    signature = sign_detached(
        signed, sign=signer.sign, certificate=signer.certificate, chain=signer.chain, when=signer.when
    )
    kind = f'multipart/signed; protocol="{PROTOCOL}";\r\n micalg=sha-256; boundary="{boundary}"'
    head = "".join(f"{name}: {value}\r\n" for name, value in (*headers, ("Content-Type", kind)))
    part = (
        f'Content-Type: {PROTOCOL}; name="smime.p7s"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: attachment; filename="smime.p7s"\r\n\r\n'
    )
    mark = f"--{boundary}"
    return b"".join([
        head.encode("ascii"), f"\r\n{mark}\r\n".encode(), signed, f"\r\n{mark}\r\n{part}".encode(),
        base64_lines(signature).replace("\n", "\r\n").encode(), f"{mark}--\r\n".encode(),
    ])  # fmt: skip


def is_signed(message: Message) -> bool:
    """Tell whether a message says that it is under a CMS signature as a whole."""
    protocol = str(message.get_param("protocol", "")).lower()
    return message.get_content_type() == "multipart/signed" and protocol.removeprefix("application/x-").endswith(
        "pkcs7-signature"
    )


def signed_octets(raw: bytes) -> bytes:
    """Return the exact octets that the signature of a signed message is over; nothing where they cannot be told."""
    try:
        kind = read_headers(raw).first("content-type")
    except HeaderError:
        return b""
    found = _BOUNDARY.search(kind)
    if found is None:
        return b""
    mark = b"--" + (found[1] or found[2])
    _, _, body = raw.partition(b"\r\n\r\n")
    start = 0 if body.startswith(mark + b"\r\n") else body.find(b"\r\n" + mark + b"\r\n") + 2
    if start == 1:
        return b""
    start += len(mark) + 2
    end = body.find(b"\r\n" + mark, start)
    return body[start:end] if end >= 0 else b""
