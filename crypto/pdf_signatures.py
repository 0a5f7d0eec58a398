"""Seals in PDF files (PAdES B-B, ETSI EN 319 142-1): making one, and judging one without any network."""

import asyncio
import io
import logging
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from asn1crypto import cms, keys, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from crypto.errors import SignatureInvalid

_RESERVED_HEX_DIGITS = 16_384  # the CMS of one P-256 signature with its chain is about 2 KiB
_MARK, _MARK_WITHIN = b"%PDF-", 1024

Value = TypeVar("Value")

# What these packages would log is text of hostile files; what we need to know of it comes back as codes.
for _package in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_package).setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class PdfSeal:
    """What the newest signature of a file says; show it green only when ``genuine`` and the file's hash is in the log.

    ``bottom_line`` is the verdict on mathematics and chain, ``covers_whole_file`` says that no byte lies outside the
    signature, ``signed_at`` is what the signer claims, ``reasons`` are the codes of everything that is wrong.
    """

    bottom_line: bool
    covers_whole_file: bool
    trusted: bool
    signer_certificate: bytes
    signer_name: str
    signer_serial: str | None
    signed_at: datetime | None
    reasons: tuple[str, ...]

    @property
    def genuine(self) -> bool:
        """Intact, by a trusted signer, covering the file to its last byte, and with nothing unexplained in it."""
        return self.bottom_line and self.covers_whole_file and self.trusted and not self.reasons


def seal_pdf(
    pdf: bytes,
    *,
    private_key: bytes,
    certificate: bytes,
    chain: Sequence[bytes],
    reason: str,
    location: str,
    when: datetime,
    field: str = "DiwanSeal",
) -> bytes:
    """Return ``pdf`` with one invisible PAdES B-B signature (ECDSA P-256, SHA-256) appended as an update.

    ``private_key`` is PKCS#8 DER, ``certificate`` and ``chain`` DER, ``when`` the aware signing time to be written.
    Raises SignatureInvalid ``verification.not-a-pdf`` when the file cannot be read or updated.
    """
    meta = PdfSignatureMetadata(
        field_name=field,
        reason=reason,
        location=location,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
    )
    signer = PdfSigner(meta, _signer(private_key, certificate, tuple(chain)), new_field_spec=SigFieldSpec(field))
    with _refused_as("verification.not-a-pdf"):
        writer = IncrementalPdfFileWriter(io.BytesIO(_marked(pdf)), strict=False)
        return _finished(_seal(signer, writer, when))


def verify_pdf(pdf: bytes, roots: Sequence[bytes]) -> PdfSeal | None:
    """Judge the newest signature of a file against root certificates (DER); None when the file carries none.

    Nothing is fetched, whatever addresses the file names. The chain is judged at the claimed signing time. A hostile
    file may take long: run it where time and memory are limited. Raises SignatureInvalid ``verification.not-a-pdf``
    or ``verification.broken-signature``, and nothing else.
    """
    with _refused_as("verification.not-a-pdf"):
        reader = PdfFileReader(io.BytesIO(_marked(pdf)), strict=False)
        if not reader.root.get("/AcroForm"):
            return None
        signatures = [found for found in reader.embedded_signatures if found.sig_object_type == "/Sig"]
        if not signatures:
            return None
        signature = signatures[-1]
    with _refused_as("verification.broken-signature"):
        return _judge(signature, pdf, tuple(x509.Certificate.load(root) for root in roots))


async def _seal(signer: PdfSigner, writer: IncrementalPdfFileWriter, when: datetime) -> bytes:
    """Do the steps of pyHanko's own signing call, which offers no way to give the time."""
    session = signer.init_signing_session(writer)
    session.system_time = when
    document = session.prepare_tbs_document(validation_info=None, bytes_reserved=_RESERVED_HEX_DIGITS)
    prepared, output = document.digest_tbs_document()
    attributes = PdfCMSSignedAttributes(signing_time=when)
    finished = await document.perform_signature(prepared.document_digest, attributes)
    await finished.post_signature_processing(output)
    assert isinstance(output, io.BytesIO)
    return output.getvalue()


@lru_cache(maxsize=64)
def _signer(private_key: bytes, certificate: bytes, chain: tuple[bytes, ...]) -> SimpleSigner:
    try:
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register_multiple([x509.Certificate.load(der) for der in chain])
        key = keys.PrivateKeyInfo.load(private_key)
        return SimpleSigner(x509.Certificate.load(certificate), key, store)
    except (ValueError, TypeError):
        raise SignatureInvalid("certificates.bad-signer") from None


def _judge(signature: EmbeddedPdfSignature, pdf: bytes, roots: tuple[x509.Certificate, ...]) -> PdfSeal:
    certificate = signature.signer_cert
    subject = certificate.subject.native
    claimed = signature.self_reported_timestamp
    moment = claimed if claimed is not None and claimed.tzinfo is not None else None
    local_only = ValidationContext(trust_roots=list(roots), allow_fetching=False, moment=moment)
    status = _finished(async_validate_pdf_signature(signature, local_only))
    whole = _covers_whole_file(signature, pdf)
    return PdfSeal(
        bottom_line=bool(status.bottom_line),
        covers_whole_file=whole,
        trusted=bool(status.trusted),
        signer_certificate=certificate.dump(),
        signer_name=str(subject.get("name") or subject.get("common_name") or ""),
        signer_serial=subject.get("serial_number"),
        signed_at=moment,
        reasons=tuple(_reasons(signature, status, whole=whole, roots=roots)),
    )


def _reasons(
    signature: EmbeddedPdfSignature, status: PdfSignatureStatus, *, whole: bool, roots: tuple[x509.Certificate, ...]
) -> Iterator[str]:
    """Yield a code for each thing that is wrong."""
    if not status.intact:
        yield "verification.altered"
    elif not status.valid:
        yield "verification.bad-signature"
    elif not status.trusted:
        yield "verification.untrusted-signer"
    elif not status.bottom_line:
        yield "verification.changed-after"
    elif _unsigned_parts(signature, status, roots):
        yield "verification.unsigned-parts"
    if not whole:
        yield "verification.not-whole-file"


def _covers_whole_file(signature: EmbeddedPdfSignature, pdf: bytes) -> bool:
    """Say that the signed ranges are the whole file but the one hex string of the signature itself.

    Stricter than pyHanko's ENTIRE_FILE: the hole must lie where the ranges say, hold exactly that string in one
    letter case, and nothing but zeros after it.
    """
    ranges = [int(number) for number in signature.byte_range]
    if len(ranges) != 4 or ranges[0] != 0 or ranges[2] + ranges[3] != len(pdf):
        return False
    hole = pdf[ranges[1] : ranges[2]]
    content = signature.pkcs7_content.hex().encode()
    if hole not in (b"<" + content + b">", b"<" + content.upper() + b">"):
        return False
    message = cms.ContentInfo({"content_type": "signed_data", "content": signature.signed_data}).dump()
    return signature.pkcs7_content.startswith(message) and not signature.pkcs7_content[len(message) :].strip(b"\0")


def _unsigned_parts(
    signature: EmbeddedPdfSignature, status: PdfSignatureStatus, roots: tuple[x509.Certificate, ...]
) -> bool:
    """Say that the message carries what no signature protects: foreign certificates, lists, unsigned attributes."""
    path = status.validation_path
    explained = {root.dump() for root in roots} | {certificate.dump() for certificate in path or ()}
    explained.add(signature.signer_cert.dump())
    data = signature.signed_data
    carried = {certificate.dump() for certificate in signature.other_embedded_certs}
    signer = signature.signer_info
    plain = (
        data["version"].native == signer["version"].native == "v1"
        and [algorithm.dump() for algorithm in data["digest_algorithms"]] == [signer["digest_algorithm"].dump()]
        and len(data["signer_infos"]) == 1
    )
    return bool(
        not plain
        or carried - explained
        or signature.embedded_attr_certs
        or data["crls"].native
        or signer["unsigned_attrs"].native
    )


def _marked(pdf: bytes) -> bytes:
    if _MARK not in pdf[:_MARK_WITHIN]:
        raise SignatureInvalid("verification.not-a-pdf")
    return pdf


def _finished(work: Coroutine[Any, Any, Value]) -> Value:
    """Run a coroutine of pyHanko to its end; from inside a running event loop, in a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextmanager
def _refused_as(code: str) -> Iterator[None]:
    """Turn whatever a hostile file makes the readers raise into one refusal."""
    try:
        yield
    except SignatureInvalid:
        raise
    except Exception as error:
        raise SignatureInvalid(code, found=type(error).__name__) from error
