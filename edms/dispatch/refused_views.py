"""The registry's page of what the gateway refused of its own body's mail."""

from typing import Final
from uuid import UUID

from flask import Blueprint, Response, request

from edms.core.actor import Actor
from edms.dispatch import refused
from edms.dispatch.rules import SEE_REFUSALS
from edms.web.edge import reading, working
from edms.web.page import PAGE_SIZE, Link, render

REFUSED: Final = "/queue/refused-at-the-gateway"

blueprint = Blueprint("refused", __name__, template_folder="templates")


def refused_menu(actor: Actor) -> tuple[Link, ...]:
    """Return the menu's link to the page with how many refusals are new, for those who look after the mail."""
    if not actor.may(SEE_REFUSALS) or actor.entity_id is None:
        return ()
    with reading() as uow:
        return (Link("Refused at the gateway", REFUSED, refused.count_new(uow) or None, urgent=True),)


@blueprint.get(REFUSED)
def index() -> Response:
    """List what was refused, newest first; what is shown is not new any more."""
    before = request.args.get("before", type=UUID)
    with reading() as uow:
        found = refused.refusals(uow, before=before, limit=PAGE_SIZE + 1)
    rows = found[:PAGE_SIZE]
    if new := [row.id for row in rows if row.new]:
        with working() as uow:
            refused.note_seen(uow, new)
    older = f"{REFUSED}?before={rows[-1].id}" if len(found) > PAGE_SIZE else None
    return render("dispatch/refused.html", rows=rows, older=older, newest=REFUSED if before else None)
