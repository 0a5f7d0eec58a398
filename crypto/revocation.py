"""Revocation: lists (RFC 5280 §5) and answers (RFC 6960) that an authority signs, and lists of others read safely."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from asn1crypto import core, ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from crypto import asn1_tables
from crypto.certificates import format_serial, load_certificate
from crypto.errors import SignatureInvalid

asn1_tables.fill()

LARGEST_REQUEST: Final = 4096
_MOST_ASKED: Final = 20
_LONGEST_NONCE: Final = 128  # RFC 9654 §2.1

REASONS = (
    "unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
    "privilegeWithdrawn",
)  # fmt: skip
"""Why a certificate may be revoked, by the names of RFC 5280 §5.3.1."""


_OCSP_REASONS: Final = {
    "keyCompromise": "key_compromise", "cACompromise": "ca_compromise", "affiliationChanged": "affiliation_changed",
    "superseded": "superseded", "cessationOfOperation": "cessation_of_operation",
    "privilegeWithdrawn": "privilege_withdrawn",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Revoked:
    """A revoked certificate: its serial number in hexadecimal, since when (aware), and why (one of ``REASONS``)."""

    serial: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list that was checked: its number, which grows, when it was made, when the next is due, whom it names."""

    number: int
    made_at: datetime
    next_update: datetime
    revoked: dict[str, Revoked]


def make_crl(
    signer: EllipticCurvePrivateKey,
    issuer_der: bytes,
    revoked: Iterable[Revoked],
    *,
    now: datetime,
    valid: timedelta,
    after: int = 0,
) -> bytes:
    """Return the DER of the issuer's list as of ``now``; its number is the second, and more than ``after`` anyway."""
    issuer = load_certificate(issuer_der)
    key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now)
        .next_update(now + valid)
        .add_extension(x509.CRLNumber(max(int(now.timestamp()), after + 1)), critical=False)
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
        number = found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        revoked = {format_serial(each.serial_number): _read(each) for each in found}
    except (ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        sound = plain = False
    if not sound or not plain or next_update is None:
        raise SignatureInvalid("certificates.bad-crl")
    return RevocationList(number, found.last_update_utc, next_update, revoked)


Answer = Revoked | Literal["good", "unknown"]


def answer_ocsp(
    request_der: bytes,
    *,
    issuer: bytes,
    responder: bytes,
    sign: Callable[[bytes], bytes],
    status: Callable[[Sequence[str]], Mapping[str, Answer]],
    now: datetime,
    valid: timedelta,
) -> bytes:
    """Return the signed OCSPResponse (DER) to an OCSPRequest about certificates of ``issuer``.

    ``responder`` is the certificate that the issuer gave to the key behind ``sign`` (ECDSA P-256, SHA-256); ``status``
    is told serial numbers and knows what to say of each. A certificate of another issuer is unknown; the nonce of the
    request comes back. What is no request is answered ``malformed_request``, unsigned (RFC 6960 §2.3).
    """
    try:
        asked = ocsp.OCSPRequest.load(request_der, strict=True)["tbs_request"]
        listed = [each["req_cert"] for each in asked["request_list"]]
        serials = [format_serial(each["serial_number"].native) for each in listed]
        ours = [_is_about(each, issuer) for each in listed]
        nonce = asked["request_extensions"] and _nonce(asked["request_extensions"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return _unsigned("malformed_request")
    if not 0 < len(listed) <= _MOST_ASKED:
        return _unsigned("malformed_request")
    known = status([serial for serial, our in zip(serials, ours, strict=True) if our])
    data: dict[str, Any] = {
        "responder_id": ocsp.ResponderId("by_key", _key_hash(responder)),
        "produced_at": now.astimezone(UTC).replace(microsecond=0),
        "responses": [
            {
                "cert_id": each,
                "cert_status": _cert_status(known.get(serial, "unknown") if our else "unknown"),
                "this_update": now.astimezone(UTC).replace(microsecond=0),
                "next_update": (now + valid).astimezone(UTC).replace(microsecond=0),
            }
            for each, serial, our in zip(listed, serials, ours, strict=True)
        ],
    }
    if nonce:
        data["response_extensions"] = [{"extn_id": "nonce", "extn_value": core.OctetString(nonce)}]
    told = ocsp.ResponseData(data)
    basic = ocsp.BasicOCSPResponse(
        {
            "tbs_response_data": told,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": sign(told.dump()),
            "certs": [asn1_x509.Certificate.load(responder)],
        }
    )
    response = {"response_type": "basic_ocsp_response", "response": basic}
    return bytes(ocsp.OCSPResponse({"response_status": "successful", "response_bytes": response}).dump())


def _unsigned(status: str) -> bytes:
    return bytes(ocsp.OCSPResponse({"response_status": status}).dump())


def _is_about(asked: ocsp.CertId, issuer_der: bytes) -> bool:
    """Say whether the question is about a certificate of that issuer (both hashes must fit)."""
    issuer = asn1_x509.Certificate.load(issuer_der)
    algorithm = asked["hash_algorithm"]["algorithm"].native
    if algorithm not in ("sha1", "sha256", "sha384", "sha512"):
        return False
    name = hashlib.new(algorithm, issuer.subject.dump(), usedforsecurity=False).digest()
    key = hashlib.new(algorithm, bytes(issuer.public_key["public_key"]), usedforsecurity=False).digest()
    return bool((asked["issuer_name_hash"].native, asked["issuer_key_hash"].native) == (name, key))


def _nonce(extensions: ocsp.TBSRequestExtensions) -> bytes:
    """Return the nonce of a request, empty without one; raises ValueError for one that is no nonce."""
    for each in extensions:
        if each["extn_id"].native == "nonce":
            nonce = bytes(each["extn_value"].parsed.native)
            if not 0 < len(nonce) <= _LONGEST_NONCE:
                raise ValueError(len(nonce))
            return nonce
        if each["critical"].native:
            raise ValueError(each["extn_id"].native)
    return b""


def _key_hash(certificate_der: bytes) -> bytes:
    public = asn1_x509.Certificate.load(certificate_der).public_key
    return hashlib.sha1(bytes(public["public_key"]), usedforsecurity=False).digest()  # RFC 6960 §4.2.1 asks for SHA-1


def _cert_status(answer: Answer) -> ocsp.CertStatus:
    if isinstance(answer, Revoked):
        told: dict[str, Any] = {"revocation_time": answer.at.astimezone(UTC).replace(microsecond=0)}
        if answer.reason != "unspecified":
            told["revocation_reason"] = _OCSP_REASONS[answer.reason]
        return ocsp.CertStatus("revoked", told)
    return ocsp.CertStatus(answer, ocsp.StatusGood() if answer == "good" else ocsp.StatusUnknown())


def algorithm_of(signer: EllipticCurvePrivateKey) -> SHA256 | SHA384:
    """Return the hash that goes with a key's curve."""
    return SHA384() if isinstance(signer.curve, SECP384R1) else SHA256()


def _read(entry: x509.RevokedCertificate) -> Revoked:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        reason = "unspecified"
    return Revoked(format_serial(entry.serial_number), entry.revocation_date_utc, reason)
