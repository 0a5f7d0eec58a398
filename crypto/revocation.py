"""Revocation: lists (RFC 5280 §5) and answers (RFC 6960) that an authority signs, and lists of others read safely."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from crypto.certificates import format_serial, load_certificate
from crypto.errors import SignatureInvalid

REASONS = (
    "unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
    "privilegeWithdrawn",
)  # fmt: skip
"""Why a certificate may be revoked, by the names of RFC 5280 §5.3.1."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """A revoked certificate: its serial number in hexadecimal, since when (aware), and why (one of ``REASONS``)."""

    serial: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list that was checked: when it was made, when the next is due, and whom it names by serial."""

    made_at: datetime
    next_update: datetime
    revoked: dict[str, Revoked]


def make_crl(
    signer: EllipticCurvePrivateKey, issuer_der: bytes, revoked: Iterable[Revoked], *, now: datetime, valid: timedelta
) -> bytes:
    """Return the DER of the issuer's list as of ``now``; its number is the second, so it only grows."""
    issuer = load_certificate(issuer_der)
    key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now)
        .next_update(now + valid)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id), critical=False)
    )
    for each in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(int(each.serial, 16)).revocation_date(each.at)
        if each.reason != "unspecified":  # RFC 5280 §5.3.1: absent, not written
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags(each.reason)), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(signer, algorithm_of(signer)).public_bytes(Encoding.DER)


def read_crl(der: bytes, issuer_der: bytes) -> RevocationList:
    """Return a list that the issuer signed; raises SignatureInvalid ``certificates.bad-crl`` for anything else."""
    try:
        found, issuer = x509.load_der_x509_crl(der), load_certificate(issuer_der)
        public = issuer.public_key()
        sound = found.issuer == issuer.subject and found.is_signature_valid(public)  # type: ignore[arg-type]
        next_update = found.next_update_utc
        plain = not any(each.critical for each in found.extensions)
        revoked = {format_serial(each.serial_number): _read(each) for each in found}
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        sound = plain = False
    if not sound or not plain or next_update is None:
        raise SignatureInvalid("certificates.bad-crl")
    return RevocationList(found.last_update_utc, next_update, revoked)


def algorithm_of(signer: EllipticCurvePrivateKey) -> SHA256 | SHA384:
    """Return the hash that goes with a key's curve."""
    return SHA384() if isinstance(signer.curve, SECP384R1) else SHA256()


def _read(entry: x509.RevokedCertificate) -> Revoked:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        reason = "unspecified"
    return Revoked(format_serial(entry.serial_number), entry.revocation_date_utc, reason)
