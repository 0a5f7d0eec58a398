"""Child process that judges the seal of a hostile PDF; its request names the ``roots`` (DER in base64)."""

import base64
import io
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from pyhanko.pdf_utils.reader import PdfFileReader

from crypto.errors import SignatureInvalid
from crypto.pdf_signatures import verify_pdf
from edms.verification.symbols import confined_request, symbols_of_pdf, tell, tell_pages

_PDF, _SEALED = b"%PDF-", b"/ByteRange"


def main() -> None:
    """Answer one request: the seal, and for a file without one the symbols on its first page."""
    request, data = confined_request()
    seal = judge(data, [base64.b64decode(root) for root in request["roots"]])
    tell(seal)
    if seal["kind"] == "unsigned":
        tell_pages(symbols_of_pdf(data, pages=1))


def judge(data: bytes, roots: Sequence[bytes]) -> dict[str, Any]:
    """Return what the seal of a PDF says: ``kind`` is ``sealed``, ``unsigned``, ``broken`` or ``not-a-pdf``.

    ``root`` is the place in ``roots`` of the authority that issued the signer's certificate itself; ``claims`` is the
    reason written into the signature, which is proven when ``genuine``. A file that was sealed once and cannot be
    read any more is ``broken`` too.
    """
    try:
        seal = verify_pdf(data, roots)
    except SignatureInvalid as error:
        damaged = _PDF in data[:1024] and _SEALED in data
        return {"kind": "not-a-pdf" if error.code == "verification.not-a-pdf" and not damaged else "broken"}
    if seal is None:
        return {"kind": "unsigned"}
    return {
        "kind": "sealed",
        "genuine": seal.genuine,
        "reasons": list(seal.reasons),
        "serial": seal.signer_serial or "",
        "root": _issuer(seal.signer_certificate, roots),
        "signed_at": seal.signed_at.isoformat() if seal.signed_at else None,
        "claims": _claim(data),
    }


def _issuer(certificate: bytes, roots: Sequence[bytes]) -> int | None:
    try:
        signer = x509.load_der_x509_certificate(certificate)
    except ValueError:
        return None
    for place, root in enumerate(roots):
        try:
            signer.verify_directly_issued_by(x509.load_der_x509_certificate(root))
        except (ValueError, TypeError, InvalidSignature):
            continue
        return place
    return None


def _claim(data: bytes) -> str:
    """Return the reason that the newest signature names (our seals name the document code there)."""
    try:
        signatures = [
            found
            for found in PdfFileReader(io.BytesIO(data), strict=False).embedded_signatures
            if found.sig_object_type == "/Sig"
        ]
        return str(signatures[-1].sig_object.get("/Reason", ""))[:80]
    except Exception:  # a hostile file makes the reader raise anything; the claim is a convenience
        return ""


if __name__ == "__main__":
    main()
