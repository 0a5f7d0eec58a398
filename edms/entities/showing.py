"""Certificates as people compare them: whose, which number, which days, and the fingerprint."""

from dataclasses import dataclass
from datetime import datetime

from cryptography.x509 import Name
from cryptography.x509.oid import NameOID

from crypto.certificates import load_certificate, serial_of
from crypto.digests import sha256


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """One certificate; ``fingerprint`` is the SHA-256 of its DER in groups of four hexadecimal digits."""

    name: str
    issuer: str
    serial: str
    valid_from: datetime
    valid_to: datetime
    fingerprint: str


def shown_certificate(der: bytes) -> ShownCertificate:
    """Return what is shown of a certificate (DER)."""
    parsed = load_certificate(der)
    digits = sha256(der).hex().upper()
    return ShownCertificate(
        name=_common_name(parsed.subject),
        issuer=_common_name(parsed.issuer),
        serial=serial_of(der),
        valid_from=parsed.not_valid_before_utc,
        valid_to=parsed.not_valid_after_utc,
        fingerprint=" ".join(digits[at : at + 4] for at in range(0, len(digits), 4)),
    )


def _common_name(name: Name) -> str:
    """Return the common name, or the whole name of one that has none (a server's may name it elsewhere)."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
