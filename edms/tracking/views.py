"""The page of a letter's way: whole, or the part of it that htmx asks for."""

from uuid import UUID

from flask import Blueprint, Response, current_app, request

from crypto.codes import format_code
from edms.core.database import Database
from edms.intake import originals
from edms.letters import queries as letters
from edms.letters.models import Letter
from edms.registry.rules import Direction
from edms.tracking import proofs, queries
from edms.tracking.rules import FACTS, SEE_READERS, Show, Totals
from edms.web.formats import current_locale, number, translate
from edms.web.guards import current_actor
from edms.web.page import Link, paginate, render, wanted

blueprint = Blueprint("tracking", __name__, template_folder="templates")


@blueprint.get("/letters/<uuid:letter_id>/track")
def track(letter_id: UUID) -> Response:
    """Show the five facts of each recipient and what happened in the own body."""
    actor = current_actor()
    database: Database = current_app.extensions["diwan"][Database]
    show = _wanted_rows()
    with database.read(actor) as uow:
        letter = letters.letter(uow, letter_id)
        counted = queries.totals(uow, letter)
        pages = paginate(_rows(counted, show))
        return render(
            "tracking/_track.html" if wanted() == "fragment" else "tracking/track.html",
            letter=letter, totals=counted, pages=pages, tabs=_tabs(letter, counted, show),
            steps=_steps(letter, counted),
            facts=queries.facts(uow, letter, show=show, offset=pages.offset, limit=pages.size,
                                locale=current_locale()),
            timeline=queries.timeline(uow, letter), readers=queries.readers(uow, letter),
            received=originals.messages_of(uow, letter.id),
            sees_readers=actor.may(SEE_READERS), proved=proofs.count(uow, letter), format_code=format_code, names=FACTS,
        )  # fmt: skip


def _wanted_rows() -> Show:
    try:
        return Show(request.args.get("show", "all"))
    except ValueError:
        return Show.ALL


def _rows(counted: Totals, show: Show) -> int:
    return counted.recipients if show is Show.ALL else int(getattr(counted, show))


def _tabs(letter: Letter, counted: Totals, show: Show) -> list[Link]:
    labels = {
        Show.ALL: "All recipients", Show.WAITING: "Not registered yet", Show.REGISTERED: "Registered there",
        Show.STOPPED: "Refused or stopped",
    }  # fmt: skip
    here = f"/letters/{letter.id}/track"
    return [
        Link(label, here if each is Show.ALL else f"{here}?show={each}", _rows(counted, each), active=each is show)
        for each, label in labels.items()
    ]


def _steps(letter: Letter, counted: Totals) -> list[dict[str, str]]:
    """Return the bar of an outgoing letter: each step is done only when its own fact is known of every recipient."""
    if letter.direction != Direction.OUTGOING or not counted.recipients:
        return []
    steps = [{"label": translate("Issued"), "state": "done", "small": ""}]
    for fact in FACTS:
        known = int(getattr(counted, fact))
        small = f"{number(known)} / {number(counted.recipients)}" if counted.recipients > 1 else ""
        done = known == counted.recipients
        steps.append({"label": translate(f"tracking.fact-{fact}"), "state": "done" if done else "", "small": small})
    following = next((step for step in steps if step["state"] != "done"), None)
    if following:
        following["state"] = "now"
    return steps
