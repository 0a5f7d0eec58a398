"""Verification as JSON: the public desk for programs."""

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from crypto.timestamps import StampRoots
from edms.core.database import Database
from edms.core.errors import Invalid
from edms.verification import desk
from edms.verification.registered import signed_of
from edms.verification.rules import LARGEST_FILE, Answer, Facts, Verdict
from edms.web.guards import current_actor, public

blueprint = Blueprint("verification_api", __name__, url_prefix="/api/v1")

_TOLD_WITH_FACTS = frozenset({Answer.AUTHENTIC, Answer.VOID, Answer.SUPERSEDED})


@blueprint.url_value_preprocessor
def _limit_body(_endpoint: str | None, _values: object) -> None:
    request.max_content_length = LARGEST_FILE + 64 * 1024


@blueprint.post("/verify")
@public
def verify() -> Response:
    """Judge ``{"code": …}`` or a multipart ``file``; the answer has the shape of ``diwan verify --json``."""
    database, address = current_app.extensions["diwan"][Database], request.remote_addr or ""
    file = request.files.get("file")
    if file:
        data = file.stream.read(LARGEST_FILE + 1)
        roots = current_app.extensions["diwan"][StampRoots].roots
        return jsonify(answer_of(desk.ask_file(database, current_actor(), data, address=address, stamp_roots=roots)))
    given = request.get_json(silent=True)
    code = given.get("code") if isinstance(given, dict) else request.form.get("code")
    if not isinstance(code, str):
        raise Invalid("verification.nothing-given")
    return jsonify(answer_of(desk.ask_code(database, code, address=address)))


def answer_of(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON values for the public; a code that is only claimed by a file is left out."""
    told = verdict.answer in _TOLD_WITH_FACTS
    value: dict[str, Any] = {
        "verdict": str(verdict.answer),
        "document_code": verdict.document_code if told else None,
        "reasons": list(verdict.reasons),
    }
    if verdict.facts and told:
        value["facts"] = _facts(verdict.facts)
    if verdict.signed and told:
        value["signed"] = signed_of(verdict.signed)
    return value


def _facts(facts: Facts) -> dict[str, Any]:
    return {
        "issuer": facts.issuer, "issuer_code": facts.issuer_code, "number": facts.number or None,
        "date": facts.day.isoformat() if facts.day else None, "pages": facts.pages or None,
        "recipients": facts.recipients, "recipient_names": list(facts.names), "subject": facts.subject or None,
        "void_at": facts.void_at.isoformat() if facts.void_at else None,
        "superseded_at": facts.superseded_at.isoformat() if facts.superseded_at else None,
        "superseded_by": facts.superseded_by or None,
    }  # fmt: skip
