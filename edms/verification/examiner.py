"""Child process that judges the seal of a hostile PDF.

Its request names the ``roots``, the ``stamp_roots`` and the ``crls`` (DER in base64).
"""

import base64
import io
from collections.abc import Sequence
from typing import Any

from pyhanko.pdf_utils.reader import PdfFileReader

from crypto.certificates import serial_of
from crypto.errors import SignatureInvalid
from crypto.pdf_signatures import PdfSeal, verify_pdf
from edms.verification.symbols import confined_request, symbols_of_pdf, tell, tell_pages

_PDF, _SEALED = b"%PDF-", b"/ByteRange"


def main() -> None:
    """Answer one request: the seal, and for a file without one the symbols on its first page."""
    request, data = confined_request()
    roots, stamp_roots, crls = (
        [base64.b64decode(each) for each in request.get(name, ())] for name in ("roots", "stamp_roots", "crls")
    )
    seal = judge(data, roots, stamp_roots=stamp_roots, crls=crls)
    tell(seal)
    if seal["kind"] == "unsigned":
        tell_pages(symbols_of_pdf(data, pages=1))


def judge(
    data: bytes, roots: Sequence[bytes], *, stamp_roots: Sequence[bytes] = (), crls: Sequence[bytes] = ()
) -> dict[str, Any]:
    """Return what the seal of a PDF says: ``kind`` is ``sealed``, ``unsigned``, ``broken`` or ``not-a-pdf``.

    ``serial`` is the body's code, ``certificate`` the serial number of the seal's certificate in hexadecimal;
    ``root`` is the place in ``roots`` of the one that the signer's chain begins with; ``claims`` is the reason written
    into the signature, which is proven when ``genuine``; ``original_size`` is how many bytes the sealed original has,
    behind which evidence may stand. A file that was sealed once and cannot be read any more is ``broken`` too.
    """
    try:
        seal = verify_pdf(data, roots, crls=crls, stamp_roots=stamp_roots)
    except SignatureInvalid as error:
        damaged = _PDF in data[:1024] and _SEALED in data
        return {"kind": "not-a-pdf" if error.code == "verification.not-a-pdf" and not damaged else "broken"}
    if seal is None:
        return {"kind": "unsigned"}
    return {
        "kind": "sealed",
        "genuine": seal.genuine,
        "reasons": _reasons(seal),
        "serial": seal.signer_serial or "",
        "certificate": serial_of(seal.signer_certificate),
        "root": list(roots).index(seal.path[0]) if seal.path and seal.path[0] in roots else None,
        "signed_at": seal.signed_at.isoformat() if seal.signed_at else None,
        "stamped_at": seal.stamped_at.isoformat() if seal.stamped_at else None,
        "level": seal.level,
        "original_size": seal.original_size,
        "claims": _claim(data),
    }


def _reasons(seal: PdfSeal) -> list[str]:
    """Return what is wrong; a file that is not genuine always has a reason."""
    return list(seal.reasons) or ([] if seal.genuine else ["verification.changed-after"])


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
