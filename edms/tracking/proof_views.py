"""Pages of evidence: what was proved of a letter, one evidence, and the files to take along."""

import io
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, send_file

from edms.content.store import ContentStore
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.letters import queries as letters
from edms.tracking import proofs
from edms.web.edge import parts, reading, working
from edms.web.page import paginate, render

EVIDENCE: Final = "/evidence"

blueprint = Blueprint("proofs", __name__, template_folder="templates")


@blueprint.get("/letters/<uuid:letter_id>/evidence")
def of_letter(letter_id: UUID) -> Response:
    """List what was proved of a letter, with the hashes, oldest first."""
    with reading() as uow:
        letter = letters.letter(uow, letter_id)
        pages = paginate(proofs.count(uow, letter))
        lines = proofs.of_letter(uow, letter, offset=pages.offset, limit=pages.size)
        return render("tracking/evidence.html", letter=letter, lines=lines, pages=pages)


@blueprint.get(f"{EVIDENCE}/<uuid:evidence_id>")
def show(evidence_id: UUID) -> Response:
    """Show one evidence whole."""
    with reading() as uow:
        line = proofs.one(uow, evidence_id)
        return render("tracking/proof.html", line=line, home=entities.home(uow).name)


@blueprint.get(f"{EVIDENCE}/<uuid:evidence_id>/file")
def file(evidence_id: UUID) -> Response:
    """Give one evidence as a file under the body's seal."""
    with working() as uow:
        octets = proofs.signed_file(uow, evidence_id, keys=parts()[Keyring])
    return _download(octets, f"evidence-{evidence_id}.p7m", "application/pkcs7-mime")


@blueprint.get(f"{EVIDENCE}/<uuid:evidence_id>/receipt")
def receipt(evidence_id: UUID) -> Response:
    """Give the message that brought an evidence, byte for byte."""
    with reading() as uow:
        octets = proofs.receipt_of(uow, evidence_id, store=parts()[ContentStore], keys=parts()[Keyring])
    return _download(octets, f"receipt-{evidence_id}.eml", "application/octet-stream")


def _download(octets: bytes, name: str, media: str) -> Response:
    return send_file(io.BytesIO(octets), mimetype=media, as_attachment=True, download_name=name)
