"""Pages of صحة صدور: ask another body, what was asked and answered, one confirmation to print or take along."""

from datetime import datetime
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, make_response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.confirmations import queries, service
from edms.confirmations.rules import ASK, Side
from edms.confirmations.told import told
from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, NotFound, Problem
from edms.dispatch.package import Confirmation
from edms.dispatch.packing import confirmation_of, statement_of
from edms.web.edge import reading, working
from edms.web.guards import current_actor
from edms.web.page import PAGE_SIZE, Link, go, render

HOME: Final = "/confirmations"

blueprint = Blueprint("confirmations", __name__, template_folder="templates")


def confirmations_menu(actor: Actor) -> tuple[Link, ...]:
    """Return the menu's link, for those who may ask in their body's name."""
    return (Link("Confirm a letter", HOME),) if actor.may(ASK) and actor.entity_id is not None else ()


@blueprint.get(HOME)
def index() -> Response:
    """Show the form and what was asked and answered."""
    return _page()


@blueprint.post(HOME)
def ask() -> WerkzeugResponse:
    """Ask the body that a document code names."""
    current_actor().require(ASK)
    upload = request.files.get("file")
    try:
        with working() as uow:
            row = service.ask(
                uow, request.form.get("code", ""), verification_code=request.form.get("verification", ""),
                file=upload.read() if upload else b"",
            )  # fmt: skip
            address = f"{HOME}/{row.id}"
    except Invalid as error:
        return _page(error.problems, 422)
    return go(address, notice="The question is on its way. The answer comes by itself.")


@blueprint.get(f"{HOME}/<uuid:inquiry_id>")
def show(inquiry_id: UUID) -> Response:
    """Show one inquiry and its answer; the page looks again by itself while it waits."""
    with reading() as uow:
        (found,) = told(uow, [queries.inquiry(uow, inquiry_id)])
    return render("confirmations/inquiry.html", inquiry=found)


@blueprint.get(f"{HOME}/<uuid:inquiry_id>/statement")
def statement(inquiry_id: UUID) -> Response:
    """Give the statement that was sealed, to be checked by other means."""
    with reading() as uow:
        told_by = _answered(uow, inquiry_id)
        return _file(statement_of(told_by), f"{told_by.document_code}.json", "application/json")


@blueprint.get(f"{HOME}/<uuid:inquiry_id>/proof")
def proof(inquiry_id: UUID) -> Response:
    """Give the issuer's signature over the statement (a detached CMS)."""
    with reading() as uow:
        told_by = _answered(uow, inquiry_id)
        return _file(told_by.proof, f"{told_by.document_code}.p7s", "application/pkcs7-signature")


def _answered(uow: UnitOfWork, inquiry_id: UUID) -> Confirmation:
    row = queries.inquiry(uow, inquiry_id)
    if not row.told.get("proof"):
        raise NotFound("confirmations.unknown")
    return confirmation_of(row.told)


def _file(data: bytes, name: str, media_type: str) -> Response:
    response = make_response(data)
    response.headers["Content-Type"] = media_type
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _page(problems: tuple[Problem, ...] = (), status: int = 200) -> Response:
    before = _before()
    with reading() as uow:
        rows = queries.inquiries(uow, Side.ASKED, before=before, limit=PAGE_SIZE + 1)
        asked = told(uow, list(rows[:PAGE_SIZE]))
        answered = told(uow, list(queries.inquiries(uow, Side.ANSWERED, limit=PAGE_SIZE)))
    older = f"{HOME}?before={asked[-1].asked_at.isoformat()}" if len(rows) > PAGE_SIZE else None
    return render(
        "confirmations/index.html", status, asked=asked, answered=answered, older=older, problems=problems,
        code=request.form.get("code", ""), verification=request.form.get("verification", ""),
    )  # fmt: skip


def _before() -> datetime | None:
    try:
        found = datetime.fromisoformat(request.args.get("before", "").replace(" ", "+"))
    except ValueError:
        return None
    return found if found.tzinfo else None
