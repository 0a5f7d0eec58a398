"""Seals in PDF files (PAdES B-B and B-T, ETSI EN 319 142-1): making one, and judging one without any network."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from asn1crypto import cms, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.signers.pdf_byterange import BuildProps
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext

from crypto.cms_parts import CallbackSigner, TokenSource, TokenStamper, finished, is_plain, loaded, refused_as
from crypto.digests import sha256
from crypto.errors import CryptoError, SignatureInvalid

_RESERVED_HEX_DIGITS: Final = 20_480  # one P-256 signature with its chain and a token with its own: about 4 KiB
_MARK, _MARK_WITHIN = b"%PDF-", 1024
_APPLICATION: Final = "Diwan"
_STAMPED: Final = "time-stamped"
_SKEW: Final = timedelta(minutes=5)
_PROMPT: Final = timedelta(days=1)

Level = Literal["B-B", "B-T", "B-LT", "B-LTA"]


@dataclass(frozen=True, slots=True)
class SealedPdf:
    """A sealed file and what it reached: ``B-B`` says that no time-stamp could be had."""

    pdf: bytes
    level: Literal["B-B", "B-T"]


@dataclass(frozen=True, slots=True)
class PdfSeal:
    """What the newest signature of a file says; show it green only when ``genuine`` and the file's hash is in the log.

    ``bottom_line`` is the verdict on mathematics and chain, ``covers_whole_file`` says that no byte lies outside the
    signature, ``signed_at`` is what the signer claims, ``stamped_at`` what a trusted authority says, ``reasons`` are
    the codes of everything that is wrong. ``original_sha256`` is the hash of the file as it was sealed.
    """

    bottom_line: bool
    covers_whole_file: bool
    trusted: bool
    signer_certificate: bytes
    signer_name: str
    signer_serial: str | None
    signed_at: datetime | None
    reasons: tuple[str, ...]
    stamped_at: datetime | None = None
    level: Level = "B-B"
    original_sha256: bytes = b""
    path: tuple[bytes, ...] = ()

    @property
    def genuine(self) -> bool:
        """Intact, by a trusted signer, covering the file to its last byte, and with nothing unexplained in it."""
        return self.bottom_line and self.covers_whole_file and self.trusted and not self.reasons


def seal_pdf(
    pdf: bytes,
    *,
    sign: Callable[[bytes], bytes],
    certificate: bytes,
    chain: Sequence[bytes],
    reason: str,
    location: str,
    when: datetime,
    timestamper: TokenSource | None = None,
    field: str = "DiwanSeal",
) -> SealedPdf:
    """Append one invisible PAdES signature (ECDSA P-256, SHA-256) to a file as an update.

    ``sign`` answers the DER signature over the bytes it is given; ``certificate`` and ``chain`` (issuing authority
    first) are DER, ``when`` the aware signing time to be written. With a ``timestamper`` the seal is B-T and says under
    the signature that it is time-stamped; where no token can be had it is B-B.
    Raises SignatureInvalid ``verification.not-a-pdf`` when the file cannot be read or updated.
    """
    signer = CallbackSigner(sign, certificate, chain)
    if timestamper is not None:
        try:
            return SealedPdf(_sealed(pdf, signer, reason, location, when, field, timestamper), "B-T")
        except CryptoError as error:
            if isinstance(error, SignatureInvalid):
                raise
    return SealedPdf(_sealed(pdf, signer, reason, location, when, field, None), "B-B")


def _sealed(
    pdf: bytes,
    signer: CallbackSigner,
    reason: str,
    location: str,
    when: datetime,
    field: str,
    timestamper: TokenSource | None,
) -> bytes:
    meta = PdfSignatureMetadata(
        field_name=field,
        reason=reason,
        location=location,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        app_build_props=BuildProps(_APPLICATION, _STAMPED if timestamper else None),
    )
    stamper = TokenStamper(timestamper) if timestamper else None
    pdf_signer = PdfSigner(meta, signer, timestamper=stamper, new_field_spec=SigFieldSpec(field))
    with refused_as("verification.not-a-pdf", CryptoError):
        writer = IncrementalPdfFileWriter(io.BytesIO(_marked(pdf)), strict=False)
        return finished(_steps(pdf_signer, writer, when))


async def _steps(signer: PdfSigner, writer: IncrementalPdfFileWriter, when: datetime) -> bytes:
    """Do the steps of pyHanko's own signing call, which offers no way to give the time."""
    session = signer.init_signing_session(writer)
    session.system_time = when
    document = session.prepare_tbs_document(validation_info=None, bytes_reserved=_RESERVED_HEX_DIGITS)
    prepared, output = document.digest_tbs_document()
    attributes = PdfCMSSignedAttributes(signing_time=when)
    done = await document.perform_signature(prepared.document_digest, attributes)
    await done.post_signature_processing(output)
    assert isinstance(output, io.BytesIO)
    return output.getvalue()


def verify_pdf(
    pdf: bytes,
    roots: Sequence[bytes],
    *,
    crls: Sequence[bytes] = (),
    ocsps: Sequence[bytes] = (),
    stamp_roots: Sequence[bytes] = (),
    now: datetime | None = None,
) -> PdfSeal | None:
    """Judge the seal of a file against root certificates (DER); None when the file carries none.

    Nothing is fetched, whatever addresses the file names: ``crls`` and ``ocsps`` (DER) are what is known of revoked
    certificates. The chain is judged at the time that a trusted time-stamp proves, else ``now`` (aware, the present
    when None). A hostile file may take long: run it where time and memory are limited. Raises SignatureInvalid
    ``verification.not-a-pdf`` or ``verification.broken-signature``, and nothing else.
    """
    with refused_as("verification.not-a-pdf"):
        reader = PdfFileReader(io.BytesIO(_marked(pdf)), strict=False)
        if not reader.root.get("/AcroForm"):
            return None
        signatures = [found for found in reader.embedded_signatures if found.sig_object_type == "/Sig"]
        if not signatures:
            return None
    with refused_as("verification.broken-signature"):
        judge = _Judge(
            pdf, tuple(map(loaded, roots)), tuple(map(loaded, stamp_roots)), tuple(crls), tuple(ocsps),
            now or datetime.now(UTC),
        )  # fmt: skip
        return judge.seal(signatures)


@dataclass(frozen=True, slots=True)
class _Judge:
    pdf: bytes
    roots: tuple[x509.Certificate, ...]
    stamp_roots: tuple[x509.Certificate, ...]
    crls: tuple[bytes, ...]
    ocsps: tuple[bytes, ...]
    now: datetime

    def seal(self, signatures: Sequence[EmbeddedPdfSignature]) -> PdfSeal:
        signature = signatures[-1]
        certificate = signature.signer_cert
        subject = certificate.subject.native
        claimed = signature.self_reported_timestamp
        claimed = claimed if claimed is not None and claimed.tzinfo is not None else None
        stamped = _token_time(signature.signer_info)
        status = finished(
            async_validate_pdf_signature(
                signature, self._context(stamped or self.now), self._context(self.now, stamping=True)
            )
        )
        whole = covers(signature, self.pdf)
        reasons = [*self._reasons(signature, status, whole=whole), *_time_reasons(claimed, stamped, self.now)]
        if len(signatures) > 1:
            reasons.append("verification.several-seals")
        return PdfSeal(
            bottom_line=bool(status.bottom_line),
            covers_whole_file=whole,
            trusted=bool(status.trusted),
            signer_certificate=certificate.dump(),
            signer_name=str(subject.get("name") or subject.get("common_name") or ""),
            signer_serial=subject.get("serial_number"),
            signed_at=claimed,
            reasons=tuple(reasons),
            stamped_at=stamped if status.timestamp_validity and status.timestamp_validity.trusted else None,
            level="B-T" if stamped else "B-B",
            original_sha256=sha256(
                self.pdf[: sum(int(number) for number in signature.byte_range) - int(signature.byte_range[1])]
            ),
            path=tuple(each.dump() for each in status.validation_path or ()),
        )

    def _context(self, moment: datetime, *, stamping: bool = False) -> ValidationContext:
        roots = [*self.roots, *(self.stamp_roots if stamping else ())]
        return ValidationContext(
            trust_roots=roots, allow_fetching=False, moment=moment, crls=self.crls, ocsps=self.ocsps,
            retroactive_revinfo=True,
        )  # fmt: skip

    def _reasons(self, signature: EmbeddedPdfSignature, status: PdfSignatureStatus, *, whole: bool) -> Iterator[str]:
        """Yield a code for each thing that is wrong."""
        stamp = status.timestamp_validity
        if not status.intact:
            yield "verification.altered"
        elif not status.valid:
            yield "verification.bad-signature"
        elif status.revoked:
            yield "verification.revoked-signer"
        elif not status.trusted:
            expired = status.trust_problem_indic == AdESIndeterminate.OUT_OF_BOUNDS_NO_POE
            yield "verification.expired-signer" if expired else "verification.untrusted-signer"
        elif stamp is not None and not (stamp.intact and stamp.valid and stamp.trusted):
            yield "verification.bad-time-stamp"
        elif not status.bottom_line:
            yield "verification.changed-after"
        elif self._unsigned_parts(signature, status):
            yield "verification.unsigned-parts"
        if stamp is None and _promises_stamp(signature):
            yield "verification.no-time-stamp"
        if not whole:
            yield "verification.not-whole-file"

    def _unsigned_parts(self, signature: EmbeddedPdfSignature, status: PdfSignatureStatus) -> bool:
        """Say that the message carries what no signature protects: foreign certificates, lists, attributes."""
        stamp = status.timestamp_validity
        explained = {root.dump() for root in (*self.roots, *self.stamp_roots)}
        explained |= {each.dump() for each in status.validation_path or ()} | {signature.signer_cert.dump()}
        stamping = {each.dump() for each in (stamp.validation_path if stamp else None) or ()} | explained
        carried = {certificate.dump() for certificate in signature.other_embedded_certs}
        unsigned = list(signature.signer_info["unsigned_attrs"] or ())
        tokens = [value for each in unsigned for value in each["values"]]
        return bool(
            not is_plain(signature.signed_data)
            or carried - explained
            or signature.embedded_attr_certs
            or [each["type"].native for each in unsigned] not in ([], ["signature_time_stamp_token"])
            or len(tokens) > 1
            or not all(_plain_token(token, stamping) for token in tokens)
        )


def covers(signature: EmbeddedPdfSignature, pdf: bytes) -> bool:
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


def _plain_token(token: cms.ContentInfo, explained: set[bytes]) -> bool:
    """Say that a time-stamp token carries nothing that no signature protects."""
    data = token["content"]
    carried = {each.chosen.dump() for each in data["certificates"] or ()}
    return (
        is_plain(data, ("v3", "v1")) and carried <= explained and not data["signer_infos"][0]["unsigned_attrs"].native
    )


def _token_time(signer: cms.SignerInfo) -> datetime | None:
    """Return the time in the first time-stamp token, not yet verified."""
    for attribute in signer["unsigned_attrs"] or ():
        if attribute["type"].native == "signature_time_stamp_token":
            content = attribute["values"][0]["content"]["encap_content_info"]["content"]
            found: datetime = content.parsed["gen_time"].native
            return found
    return None


def _promises_stamp(signature: EmbeddedPdfSignature) -> bool:
    """Say that the signed dictionary speaks of a time-stamp, so that one stripped off is missed."""
    build = signature.sig_object.get("/Prop_Build", {})
    application = build.get("/App", {}) if hasattr(build, "get") else {}
    return str(application.get("/REx", "")) == _STAMPED


def _time_reasons(claimed: datetime | None, stamped: datetime | None, now: datetime) -> Iterator[str]:
    """Yield a code when the claimed time cannot be: none, in the future, or far from the token's."""
    if claimed is None or claimed > (stamped or now) + _SKEW or (stamped and stamped > claimed + _PROMPT):
        yield "verification.impossible-time"


def _marked(pdf: bytes) -> bytes:
    if _MARK not in pdf[:_MARK_WITHIN]:
        raise SignatureInvalid("verification.not-a-pdf")
    return pdf
