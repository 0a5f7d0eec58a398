"""Letters as JSON: the same rights, the same answer for what is not there."""

from uuid import UUID

from flask import Blueprint, Response, jsonify, request

from edms.core.calendar import hijri_iso
from edms.core.errors import Invalid
from edms.letters import queries
from edms.letters.details import Details, details
from edms.letters.listing import Row, rows
from edms.letters.printing_plan import Printing
from edms.letters.rules import Sensitivity
from edms.registry.rules import Direction
from edms.web.edge import parts, reading

MOST = 100

blueprint = Blueprint("letters_api", __name__, url_prefix="/api/v1")


@blueprint.get("/letters")
def list_letters() -> Response:
    """List letters, newest first; ``direction``, ``before`` (an id) and ``limit`` (1 to 100) narrow it."""
    direction = request.args.get("direction")
    if direction is not None and direction not in tuple(Direction):
        raise Invalid("letters.bad-direction", typed=direction)
    with reading() as uow:
        found = queries.letters(uow, direction=direction, before=_before(), limit=_limit() + 1)
        listed = rows(uow, found[: _limit()])
    following = str(listed[-1].id) if len(found) > _limit() else None
    return jsonify({"letters": [_row(each) for each in listed], "before": following})


@blueprint.get("/letters/<uuid:letter_id>")
def show_letter(letter_id: UUID) -> Response:
    """Give a letter's particulars; its text and its files are opened as coded copies on the pages."""
    with reading() as uow:
        letter = queries.letter(uow, letter_id)
        found = details(uow, letter, pages=letter.pages)
    return jsonify(_details(found))


def _row(each: Row) -> dict[str, object]:
    return {
        "id": str(each.id),
        "document_code": each.document_code or None,
        "number": each.number,
        "direction": each.direction,
        "kind": each.kind,
        "state": each.state,
        "subject": each.subject,
        "date": each.letter_date.isoformat() if each.letter_date else None,
        "register_number": each.register_number,
        "party": each.party,
        "attachments": each.attachments,
        "unread": each.unread,
        "sensitivity": Sensitivity(each.sensitivity).name.lower(),
        "precedence": each.precedence,
    }


def _details(each: Details) -> dict[str, object]:
    adjust = parts()[Printing].hijri_adjust
    return {
        "id": str(each.id),
        "document_code": each.document_code or None,
        "number": each.number,
        "direction": each.direction,
        "kind": each.kind,
        "state": each.state,
        "subject": each.subject,
        "date": each.letter_date.isoformat() if each.letter_date else None,
        "hijri": hijri_iso(each.letter_date, adjust) if each.letter_date else None,
        "register_number": each.register_number,
        "sender": each.sender,
        "to": list(each.to),
        "to_count": each.to_count,
        "copies": [{"entity": name, "purpose": purpose} for name, purpose in each.copies],
        "sensitivity": Sensitivity(each.sensitivity).name.lower(),
        "precedence": each.precedence,
        "references": [one.document_code or one.text for one in each.references],
        "attachments": [{"id": str(one.id), "name": one.name, "size": one.size} for one in each.attachments],
        "verification_code": each.verification_code or None,
        "pages": each.pages,
        "version": each.version,
    }


def _before() -> UUID | None:
    text = request.args.get("before")
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("letters.bad-position", typed=text) from error


def _limit() -> int:
    text = request.args.get("limit", "50")
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST):
        raise Invalid("letters.bad-limit", typed=text, limit=MOST)
    return int(text)
