"""Search for programs: the same results as the page, as JSON."""

from flask import Blueprint, Response, jsonify, request

from edms.core.calendar import hijri_iso
from edms.core.errors import Invalid, Problem
from edms.search import forms
from edms.search.edge import find
from edms.search.rules import MOST_HITS, PAGE_SIZE
from edms.search.service import Hit
from edms.web.page import page_number

blueprint = Blueprint("search_api", __name__, url_prefix="/api/v1")


@blueprint.get("/search")
def search() -> Response:
    """Answer ``q``, ``direction``, ``since``, ``until``, ``page``, ``size`` (1 to 1000) with a page of letters."""
    size = request.args.get("size", str(PAGE_SIZE))
    if not (size.isascii() and size.isdigit() and 0 < int(size[:5]) <= MOST_HITS):
        raise Invalid("search.bad-query", (Problem("size", "search.bad-size", limit=MOST_HITS),))
    found = find(forms.read(request.args), page_number(), int(size))
    return jsonify(
        total=found.total, page=found.page, size=found.size, exact=found.exact, bad_code=found.bad_code,
        suggestion=found.suggestion, letters=[as_json(hit) for hit in found.hits],
    )  # fmt: skip


def as_json(hit: Hit) -> dict[str, object]:
    """Return one letter as a JSON object; dates as YYYY-MM-DD, the sensitivity as 0 (ordinary) to 3."""
    row = hit.letter
    return {
        "id": str(row.id), "document_code": row.document_code, "number": row.number, "subject": row.subject,
        "register_number": row.register_number, "direction": row.direction, "kind": row.kind, "state": row.state,
        "date": hit.day.isoformat(), "hijri": hijri_iso(hit.day), "party": row.party, "more_parties": row.more,
        "sensitivity": row.sensitivity, "precedence": row.precedence,
    }  # fmt: skip
