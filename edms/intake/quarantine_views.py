"""The pages of quarantine: what was flagged and why, its beginning as plain text, the original, and what to do."""

from typing import Final
from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.content.store import ContentStore
from edms.core.actor import Actor
from edms.core.errors import Invalid, Problem
from edms.entities.keyring import Keyring
from edms.intake import originals, quarantine, service
from edms.intake.reading import shown
from edms.intake.rules import DECIDE, MessageState
from edms.intake.views import REASONS, before_asked, refuse_as_asked
from edms.letters import wording
from edms.web.edge import parts, reading, working
from edms.web.formats import register_number
from edms.web.locale import msgid
from edms.web.page import PAGE_SIZE, Link, go, render
from edms.web.security import attachment_response

QUARANTINE: Final = "/incoming/quarantine"
FLAGS: Final[dict[str, tuple[str, str]]] = {
    "intake.opaque": (
        msgid("The message could not be read"),
        msgid("Its form is broken, or made to harm programs that read it. Open the original only with care."),
    ),
    "intake.same-id-other-body": (
        msgid("Another message under a known Message-ID"),
        msgid(
            "Its sender has used the identifier of an earlier message for other content. Ask which of the two holds."
        ),
    ),
    "intake.receipt-signature": (
        msgid("A receipt whose signature does not hold"),
        msgid("Nothing was changed by it. Ask the body that it names whether it sent it."),
    ),
    "intake.receipt-unsigned": (
        msgid("A receipt without the signature that it should have"),
        msgid("Nothing was changed by it. Ask the body that it names whether it sent it."),
    ),
}
OTHER: Final = (
    msgid("Something is wrong with this message"),
    msgid("Look at the original, and ask its sender."),
)

blueprint = Blueprint("quarantine", __name__, template_folder="templates")


def quarantine_menu(actor: Actor) -> tuple[Link, ...]:
    """Return the menu's link to quarantine, for those who decide on messages."""
    if not actor.may(DECIDE) or actor.entity_id is None:
        return ()
    with reading() as uow:
        return (Link("Quarantine", QUARANTINE, quarantine.count_held(uow) or None, urgent=True),)


@blueprint.get(QUARANTINE)
def index() -> Response:
    """List what was flagged and waits for a decision, newest first."""
    before = before_asked()
    with reading() as uow:
        found = quarantine.held(uow, before=before, limit=PAGE_SIZE + 1)
        rows = shown(uow, found[:PAGE_SIZE])
    older = f"{QUARANTINE}?before={rows[-1].id}" if len(found) > PAGE_SIZE else None
    return render(
        "intake/quarantine.html",
        rows=rows,
        older=older,
        newest=QUARANTINE if before else None,
        flags=FLAGS,
        other=OTHER,
    )


@blueprint.get(f"{QUARANTINE}/<uuid:message_id>")
def show(message_id: UUID) -> Response:
    """Show why a message was flagged, and its beginning as plain text."""
    return _page(message_id)


@blueprint.post(f"{QUARANTINE}/<uuid:message_id>/register")
def register(message_id: UUID) -> WerkzeugResponse:
    """Give the message the next incoming number, as it came."""
    with working() as uow:
        quarantine.flagged(uow, message_id)
        number = register_number(service.number_of(uow, service.register(uow, message_id)))
    return go(QUARANTINE, notice="Registered as number %(number)s. Its original is kept with it.", number=number)


@blueprint.post(f"{QUARANTINE}/<uuid:message_id>/refuse")
def refuse(message_id: UUID) -> WerkzeugResponse:
    """Send the message back with a reason."""
    try:
        with working() as uow:
            quarantine.flagged(uow, message_id)
            refuse_as_asked(uow, message_id)
    except Invalid as error:
        return _page(message_id, error.problems, 422)
    return go(QUARANTINE, notice="The message was refused. Its original is kept.")


@blueprint.post(f"{QUARANTINE}/<uuid:message_id>/release")
def release(message_id: UUID) -> WerkzeugResponse:
    """Let the message go to the others that wait, or put it aside."""
    with working() as uow:
        waits = quarantine.release(uow, message_id).state == MessageState.WAITING
    if waits:
        return go(f"/incoming/waiting/{message_id}", notice="The message was released. It waits for registration now.")
    return go(QUARANTINE, notice="The message was put aside. Its original is kept.")


@blueprint.get("/incoming/messages/<uuid:message_id>/original.eml")
def original(message_id: UUID) -> Response:
    """Give a message byte for byte as it came, always as a download; that it was read is committed before it leaves."""
    at = parts()
    with working() as uow:
        found = originals.original(uow, message_id, store=at[ContentStore], keys=at[Keyring])
    return attachment_response(found.octets, found.name, "message/rfc822", length=len(found.octets))


def _page(message_id: UUID, problems: tuple[Problem, ...] = (), status: int = 200) -> Response:
    at = parts()
    with working() as uow:  # that it was looked at is committed before anything of it is shown
        row = quarantine.flagged(uow, message_id)
        (message,) = shown(uow, [row])
        waits, decided = row.state == MessageState.WAITING, row.decided_at is not None
        glance = None
        if not message.hidden:
            glance = originals.glance(uow, message_id, store=at[ContentStore], keys=at[Keyring])
    return render(
        "intake/flagged.html",
        status,
        message=message,
        waits=waits,
        decided=decided,
        glance=glance,
        told=FLAGS.get(message.flag, OTHER),
        problems=problems,
        reasons=REASONS,
        wording=wording,
        code=request.form.get("code", ""),
        reason=request.form.get("reason", ""),
    )
