"""Evidence after a sealed file, as updates: certificates, revocation, document time-stamps (PAdES B-LT and B-LTA)."""

import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    Certificate,
    ExtendedKeyUsage,
    ExtensionNotFound,
    load_der_x509_certificate,
    load_der_x509_crl,
    ocsp,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.pdf_utils.generic import DictionaryObject
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore

from crypto.cms_parts import finished, loaded, refused_as
from crypto.cms_signing import TokenSource, TokenStamper
from crypto.errors import CryptoError
from crypto.pdf_updates import UpdateWriter

_RESERVED_HEX_DIGITS: Final = 16_384

EvidenceLevel = Literal["T", "LT", "LTA"]


@dataclass(frozen=True, slots=True)
class Store:
    """What the security store of a file holds, as DER."""

    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()


def extend(
    pdf: bytes,
    *,
    level: EvidenceLevel,
    certificates: Sequence[bytes] = (),
    crls: Sequence[bytes] = (),
    ocsps: Sequence[bytes] = (),
    timestamper: TokenSource | None = None,
) -> bytes:
    """Return the bytes that, put after ``pdf``, give it more evidence; the file itself is not touched.

    ``T`` adds a document time-stamp to a seal that got none, ``LT`` the certificates, lists and answers (DER) with
    which it can be judged later, ``LTA`` those and then a document time-stamp over all (ETSI EN 319 142-1 §5.4, §5.5).
    ``pdf`` may carry evidence already. Raises what the ``timestamper`` raises, and SignatureInvalid
    ``verification.not-a-pdf``.
    """
    with refused_as("verification.not-a-pdf", CryptoError):
        whole = pdf
        if level != "T":
            whole = _with_store(whole, certificates, crls, ocsps)
        if level != "LT":
            assert timestamper is not None
            whole = _with_stamp(whole, timestamper)
        return whole[len(pdf) :]


def _with_store(pdf: bytes, certificates: Sequence[bytes], crls: Sequence[bytes], ocsps: Sequence[bytes]) -> bytes:
    writer = UpdateWriter(pdf)
    store = DocumentSecurityStore.supply_dss_in_writer(
        writer,
        None,
        certs=[loaded(der) for der in certificates],
        crls=[asn1_crl.CertificateList.load(der) for der in crls],
        ocsps=[asn1_ocsp.OCSPResponse.load(der) for der in ocsps],
    )
    if not store.modified:
        return pdf
    output = io.BytesIO()
    writer.write(output)  # type: ignore[no-untyped-call]
    return output.getvalue()


def _with_stamp(pdf: bytes, timestamper: TokenSource) -> bytes:
    writer = UpdateWriter(pdf)
    taken = sum(1 for _ in writer.prev.embedded_signatures)
    stamper = PdfTimeStamper(TokenStamper(timestamper), field_name=f"DiwanStamp{taken}")
    output = io.BytesIO()
    finished(stamper.async_timestamp_pdf(writer, "sha256", bytes_reserved=_RESERVED_HEX_DIGITS, output=output))
    return output.getvalue()


def store_of(reader: PdfFileReader) -> Store | None:
    """Return the security store of a file, None when it has none; raises what a broken one makes its reader raise."""
    if "/DSS" not in reader.root:
        return None
    found = reader.root["/DSS"]
    return Store(*(tuple(_streams(found, key)) for key in ("/Certs", "/CRLs", "/OCSPs")))


def _streams(store: DictionaryObject, key: str) -> Iterator[bytes]:
    for each in store.get(key, ()):
        yield bytes(each.get_object().data)


def unexplained(store: Store, known: Collection[bytes]) -> bool:
    """Say that a store holds something that nobody on the known paths (certificates, DER) issued or signed."""
    issuers = [load_der_x509_certificate(der) for der in known]
    responders = [each for answer in store.ocsps for each in _responders(answer, issuers)]
    explained = {*known, *(each.public_bytes(Encoding.DER) for each in responders)}
    return (
        any(der not in explained for der in store.certificates)
        or any(not _is_list_of(der, issuers) for der in store.crls)
        or any(not _is_answer_of(der, issuers) for der in store.ocsps)
    )


def revoked_since(certificate: bytes, issuer: bytes, crls: Sequence[bytes]) -> datetime | None:
    """Return since when a certificate (DER) is revoked by any list that its issuer signed, None when by none."""
    subject, authority = load_der_x509_certificate(certificate), load_der_x509_certificate(issuer)
    found = []
    for der in crls:
        if not _is_list_of(der, [authority]):
            continue
        entry = load_der_x509_crl(der).get_revoked_certificate_by_serial_number(subject.serial_number)
        if entry is not None:
            found.append(entry.revocation_date_utc)
    return min(found, default=None)


def lists_of(crls: Sequence[bytes], issuers: Sequence[bytes]) -> list[bytes]:
    """Return those lists (DER) that one of the issuers (certificates, DER) signed, each once."""
    authorities = [load_der_x509_certificate(der) for der in issuers]
    return [der for der in dict.fromkeys(crls) if _is_list_of(der, authorities)]


def _is_list_of(der: bytes, issuers: Sequence[Certificate]) -> bool:
    try:
        found = load_der_x509_crl(der)
        return any(
            found.issuer == issuer.subject and found.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
            for issuer in issuers
        )
    except (ValueError, TypeError):
        return False


def _is_answer_of(der: bytes, issuers: Sequence[Certificate]) -> bool:
    try:
        answer = ocsp.load_der_ocsp_response(der)
        if answer.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
            return False
        signers = [*issuers, *_responders(der, issuers)]
        return any(_signed(answer, signer) for signer in signers)
    except (ValueError, TypeError):
        return False


def _responders(der: bytes, issuers: Sequence[Certificate]) -> list[Certificate]:
    """Return the certificates inside an answer that an issuer made for answering (RFC 6960 §4.2.2.2)."""
    try:
        carried = ocsp.load_der_ocsp_response(der).certificates
    except ValueError:
        return []
    return [each for each in carried if any(_may_answer_for(each, issuer) for issuer in issuers)]


def _may_answer_for(responder: Certificate, issuer: Certificate) -> bool:
    try:
        responder.verify_directly_issued_by(issuer)
        uses = responder.extensions.get_extension_for_class(ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, ExtensionNotFound):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in uses


def _signed(answer: ocsp.OCSPResponse, signer: Certificate) -> bool:
    public, algorithm = signer.public_key(), answer.signature_hash_algorithm
    try:
        if isinstance(public, EllipticCurvePublicKey) and algorithm is not None:
            public.verify(answer.signature, answer.tbs_response_bytes, ECDSA(algorithm))
        elif isinstance(public, RSAPublicKey) and algorithm is not None:
            public.verify(answer.signature, answer.tbs_response_bytes, PKCS1v15(), algorithm)
        else:
            return False
    except InvalidSignature:
        return False
    return True
