"""The clerk's pages: messages that wait, one of them, register it or send it back."""

from typing import Final
from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, Problem
from edms.intake import notices, proving, queries, service
from edms.intake.reading import shown
from edms.intake.rules import DECIDE, MessageState
from edms.letters import wording
from edms.web.edge import reading, working
from edms.web.formats import register_number
from edms.web.locale import msgid
from edms.web.page import PAGE_SIZE, Link, go, render

WAITING: Final = "/incoming/waiting"
REASONS: Final[dict[str, str]] = {
    "intake.not-for-us": msgid("Not addressed to this body"),
    "intake.incomplete": msgid("Incomplete: an attachment or page is missing"),
    "intake.seal-doubtful": msgid("The seal does not hold"),
    "intake.other-reason": msgid("Another reason"),
}

blueprint = Blueprint("intake", __name__, template_folder="templates")


def intake_menu(actor: Actor) -> tuple[Link, ...]:
    """Return the menu's link to the waiting messages, for those who decide on them."""
    if not actor.may(DECIDE):
        return ()
    with reading() as uow:
        return (Link("Waiting for registration", WAITING, queries.count_waiting(uow, cap=100), urgent=True),)


@blueprint.get(WAITING)
def waiting() -> Response:
    """List the messages that wait for the clerk, newest first."""
    before = before_asked()
    with reading() as uow:
        found = queries.waiting(uow, before=before, limit=PAGE_SIZE + 1)
        rows = shown(uow, found[:PAGE_SIZE])
    older = f"{WAITING}?before={rows[-1].id}" if len(found) > PAGE_SIZE else None
    return render("intake/waiting.html", rows=rows, older=older, newest=WAITING if before else None, wording=wording)


@blueprint.get(f"{WAITING}/<uuid:message_id>")
def show(message_id: UUID) -> Response:
    """Show what is known of one waiting message; that it was shown is committed before anything of it leaves."""
    with reading() as uow:
        shown_before = proving.is_shown(uow, queries.waiting_message(uow, message_id))
    if not shown_before:
        with working() as uow:
            proving.prove_shown(uow, message_id)
    return _page(message_id)


@blueprint.post(f"{WAITING}/<uuid:message_id>/register")
def register(message_id: UUID) -> WerkzeugResponse:
    """Give the message the next incoming number; its sender gets a receipt."""
    with working() as uow:
        row = service.register(uow, message_id)
        number = register_number(service.number_of(uow, row))
    return go(WAITING, notice="Registered as number %(number)s. A receipt is on its way to the sender.", number=number)


@blueprint.post(f"{WAITING}/<uuid:message_id>/refuse")
def refuse(message_id: UUID) -> WerkzeugResponse:
    """Send the message back with a reason."""
    try:
        with working() as uow:
            answered = refuse_as_asked(uow, message_id)
    except Invalid as error:
        return _page(message_id, error.problems, 422)
    if not answered:
        return go(WAITING, notice="The message was refused. Its original is kept.")
    return go(WAITING, notice="The message was sent back. Its sender is told the reason.")


def _page(message_id: UUID, problems: tuple[Problem, ...] = (), status: int = 200) -> Response:
    with reading() as uow:
        row = queries.waiting_message(uow, message_id)
        (message,) = shown(uow, [row])
        decided = row.state != MessageState.WAITING
        notice = notices.asked(uow, row)
    return render(
        "intake/message.html",
        status,
        message=message,
        decided=decided,
        notice=notice,
        problems=problems,
        reasons=REASONS,
        wording=wording,
        code=request.form.get("code", ""),
        reason=request.form.get("reason", ""),
    )


def refuse_as_asked(uow: UnitOfWork, message_id: UUID) -> bool:
    """Refuse a message for the reason in the form, and tell whether its sender is told; raises Invalid without one."""
    code = request.form.get("code", "")
    known = code if code in REASONS else "intake.other-reason"
    row = service.refuse(uow, message_id, code=known, reason=request.form.get("reason", "")[:1000])
    return bool(row.meta.get("package_id"))


def before_asked() -> UUID | None:
    """Return the message before which a list is to go on."""
    try:
        return UUID(request.args.get("before", ""))
    except ValueError:
        return None
