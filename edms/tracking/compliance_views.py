"""The centre's page: how far each body works as it should, in counts."""

from flask import Blueprint, Response, current_app, request

from edms.core.actor import Actor
from edms.core.database import Database
from edms.tracking.compliance import Which, conduct, fits
from edms.tracking.rules import SEE_COMPLIANCE
from edms.web.guards import current_actor
from edms.web.locale import msgid
from edms.web.page import Link, paginate, render

COMPLIANCE = "/compliance"
TABS = {
    Which.ALL: msgid("All bodies"),
    Which.LATE: msgid("Letters wait for the registry"),
    Which.UNUSED: msgid("Not in use yet"),
}

blueprint = Blueprint("compliance", __name__, template_folder="templates")


def compliance_menu(actor: Actor) -> tuple[Link, ...]:
    """Return the menu's link to the page, for those who see it."""
    return (Link("Compliance", COMPLIANCE),) if actor.may(SEE_COMPLIANCE) else ()


@blueprint.get(COMPLIANCE)
def index() -> Response:
    """List the bodies with what they sent, what came of it, and what waits with them."""
    asked = request.args.get("show", Which.ALL)
    which = Which(asked) if asked in tuple(Which) else Which.ALL
    database: Database = current_app.extensions["diwan"][Database]
    with database.read(current_actor()) as uow:
        every = conduct(uow)
        lines = [line for line in every if fits(line, which)]
        pages = paginate(len(lines))
        return render(
            "tracking/compliance.html", lines=lines[pages.offset : pages.offset + pages.size], pages=pages,
            every=every,
            tabs=[
                Link(label, COMPLIANCE if key is Which.ALL else f"{COMPLIANCE}?show={key}",
                     sum(fits(line, key) for line in every), active=key is which)
                for key, label in TABS.items()
            ],
        )  # fmt: skip
