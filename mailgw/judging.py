"""What a message that arrived is worth: whether its seal is the sender's, and under which key a repeat is known."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from crypto.certificates import serial_of
from crypto.cms_judging import verify_detached
from crypto.cms_signatures import DetachedSignature
from crypto.errors import CryptoError
from crypto.pdf_signatures import PdfSeal, verify_pdf
from edms.dispatch.package import Confirmation, Inquiry, LetterPackage, Receipt, WireMessage
from mailgw.content import Content
from mailgw.headers import HeaderError, Headers, read_headers

RECEIPT_SIGNATURE: Final = "intake.receipt-signature"
RECEIPT_UNSIGNED: Final = "intake.receipt-unsigned"
_TRACE = frozenset({"received", "return-path", "delivered-to", "x-original-to", "authentication-results"})


def found_seal(
    message: WireMessage, *, sender_code: str, authority: bytes, stamp_roots: Sequence[bytes] = ()
) -> PdfSeal | None:
    """Return the seal of a package that says it is by the body of the envelope, judged under ``authority`` (root, DER).

    None for any other message, and where the PDF carries no seal or cannot be read: it is hostile until proved
    otherwise, so this runs in a child process. What the seal is worth, :func:`genuine_seal` says.
    """
    if not authority or not isinstance(message, LetterPackage) or message.sender_code != sender_code:
        return None
    sealed = [part for part in message.parts if part.role == "letter"]
    if len(sealed) != 1:
        return None
    try:
        return verify_pdf(sealed[0].content, [authority], stamp_roots=stamp_roots)
    except CryptoError:
        return None


def genuine_seal(
    message: WireMessage, seal: PdfSeal | None, *, sender_code: str, revoked: Mapping[str, datetime]
) -> PdfSeal | None:
    """Return the seal found on a package if the package is by the body of the envelope and sealed by it, else None.

    The seal must hold to the last byte, be made for the body's code, and the document code must be one of the body's
    own. A certificate that stands in ``revoked`` (serial number to time) counts only for what a time-stamp proves to be
    older.
    """
    if not isinstance(message, LetterPackage) or message.sender_code != sender_code:
        return None
    if message.document_code[:6] != sender_code[:6]:
        return None
    if seal is None or not seal.genuine or _serial(seal.signer_certificate) != sender_code:
        return None
    since = [revoked[one] for one in map(serial_of, seal.path) if one in revoked]
    return None if since and (seal.stamped_at is None or seal.stamped_at >= min(since)) else seal


def found_signature(message: WireMessage, *, authority: bytes) -> DetachedSignature | None:
    """Return the signature of a receipt, judged under ``authority`` (root, DER), None where there is none to be read.

    It is hostile until proved otherwise, so this runs in a child process; :func:`judged_receipt` says what it is worth.
    """
    if not authority or not isinstance(message, Receipt) or not message.signature:
        return None
    try:
        return verify_detached(message.signed_part, message.signature, [authority])
    except CryptoError:
        return None


def judged_receipt(
    receipt: Receipt,
    signature: DetachedSignature | None,
    *,
    sender_code: str,
    revoked: Mapping[str, datetime],
    may_be_unsigned: bool,
) -> tuple[Receipt, str]:
    """Return a receipt with what its signature is worth, and why it must not be applied (a code), or nothing.

    It counts when it is under the seal of the body that sent it, by the root of the body's installation, no revoked
    certificate in it; or, ``may_be_unsigned``, when it comes unsigned from a peer that is a Diwan.
    """
    plain = replace(receipt, signed=False, signature=b"", signed_part=b"")
    if not receipt.signature:
        return plain, "" if may_be_unsigned else RECEIPT_UNSIGNED
    genuine = signature is not None and signature.genuine and _serial(signature.certificate) == sender_code
    if not genuine or signature is None or serial_of(signature.certificate) in revoked:
        return plain, RECEIPT_SIGNATURE
    return replace(plain, signed=True), ""


def idempotency_key(message: WireMessage, raw: Content, *, sender_code: str) -> bytes:
    """Return the 32 bytes under which a body knows a message again, whatever way it came.

    The sender (of the envelope, proved by its certificate) is part of the key, so that no other body that saw a
    package's id can use it up. A package counts with the hashes of its files: other files under the same id are another
    message, which the clerk must see.
    """
    if isinstance(message, LetterPackage):
        files = "|".join(part.sha256 for part in message.parts)
        return _digest(f"package|{sender_code}|{message.package_id}|{files}".encode())
    if isinstance(message, Receipt):
        when = f"|{message.at.isoformat()}" if message.kind == "updated" else ""  # the only one that may come again
        return _digest(f"receipt|{sender_code}|{message.package_id}|{message.kind}{when}".encode())
    if isinstance(message, Inquiry | Confirmation):
        kind = "inquiry" if isinstance(message, Inquiry) else "confirmation"
        return _digest(f"{kind}|{sender_code}|{message.inquiry_id}".encode())
    return _untyped_key(raw, sender_code)


def message_id_of(raw: Content) -> str:
    """Return the Message-ID of a message without brackets, or nothing."""
    try:
        value = read_headers(raw.head).first("message-id").strip()
    except HeaderError:
        return ""
    inner = value[1:-1] if value[:1] == b"<" and value[-1:] == b">" else b""
    return inner.decode("utf-8", "replace")[:255] if b"\0" not in inner else ""


def message_id_hash(message_id: str, *, sender_code: str) -> bytes | None:
    """Return SHA-256 of the sender and a Message-ID, None for a message without one."""
    return _digest(f"message-id|{sender_code}|{message_id}".encode()) if message_id else None


def _untyped_key(raw: Content, sender_code: str) -> bytes:
    """Return sender, Message-ID, From, Date, Subject and body hashed; without trace headers, which differ by path."""
    try:
        headers = read_headers(raw.head)
    except HeaderError:
        return _digest(b"opaque|" + sender_code.encode() + b"|" + raw.sha256)
    named = [b" ".join(headers.first(name).split()) for name in ("message-id", "from", "date", "subject")]
    lines = [b"untyped", sender_code.encode(), *named, raw.body_sha256]
    return _digest(b"\0".join(lines if named[0] else [*lines, _stable(headers)]))


def _stable(headers: Headers) -> bytes:
    return b"\0".join(
        name.encode() + b":" + b" ".join(value.split()) for name, value in headers.fields if name not in _TRACE
    )


def _serial(certificate: bytes) -> str:
    found = x509.load_der_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    return str(found[0].value) if len(found) == 1 else ""


def _digest(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()
