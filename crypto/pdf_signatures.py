"""Seals in PDF files (PAdES B-B and B-T, ETSI EN 319 142-1): making one, and judging one without any network."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.signers.pdf_byterange import BuildProps
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes

from crypto import asn1_tables
from crypto.cms_parts import finished, loaded, refused_as
from crypto.cms_signing import CallbackSigner, TokenSource, TokenStamper
from crypto.errors import CryptoError, SignatureInvalid
from crypto.pdf_judging import STAMPED, Judge, PdfSeal
from crypto.pdf_updates import UpdateWriter

asn1_tables.fill()

__all__ = ["PdfSeal", "SealedPdf", "seal_pdf", "verify_pdf"]

_RESERVED_HEX_DIGITS: Final = 20_480  # one P-256 signature with its chain and a token with its own: about 4 KiB
_MARK, _MARK_WITHIN = b"%PDF-", 1024
_APPLICATION: Final = "Diwan"


@dataclass(frozen=True, slots=True)
class SealedPdf:
    """A sealed file and what it reached: ``B-B`` says that no time-stamp could be had."""

    pdf: bytes
    level: Literal["B-B", "B-T"]


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
        app_build_props=BuildProps(_APPLICATION, STAMPED if timestamper else None),
    )
    stamper = TokenStamper(timestamper) if timestamper else None
    pdf_signer = PdfSigner(meta, signer, timestamper=stamper, new_field_spec=SigFieldSpec(field))
    with refused_as("verification.not-a-pdf", CryptoError):
        writer = UpdateWriter(_marked(pdf))
        return finished(_steps(pdf_signer, writer, when))


async def _steps(signer: PdfSigner, writer: UpdateWriter, when: datetime) -> bytes:
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
        signatures = reader.embedded_signatures
    with refused_as("verification.broken-signature"):
        judge = Judge(
            pdf, reader, [loaded(der) for der in roots], [loaded(der) for der in stamp_roots], crls, ocsps,
            now or datetime.now(UTC),
        )  # fmt: skip
        return judge.seal(signatures)


def _marked(pdf: bytes) -> bytes:
    if _MARK not in pdf[:_MARK_WITHIN]:
        raise SignatureInvalid("verification.not-a-pdf")
    return pdf
