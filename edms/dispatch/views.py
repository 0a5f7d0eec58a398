"""The queue's page: what waits or failed of the own body, try again, take out."""

from typing import Final
from uuid import UUID

from flask import Blueprint, Response, current_app, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.core.actor import Actor
from edms.core.database import Database
from edms.dispatch import queries, service
from edms.dispatch.rules import OPEN, SEE_QUEUE, ItemState
from edms.web.guards import current_actor
from edms.web.locale import msgid
from edms.web.page import PAGE_SIZE, Link, go, render

QUEUE: Final = "/queue"
STATES: Final[dict[str, tuple[str, str]]] = {
    ItemState.QUEUED: (msgid("Waiting to be sent"), "amber"),
    ItemState.SENDING: (msgid("Being sent"), "blue"),
    ItemState.ACCEPTED: (msgid("Taken by the other side"), "green"),
    ItemState.REGISTERED: (msgid("Registered there"), "green"),
    ItemState.REFUSED: (msgid("Refused"), "red"),
    ItemState.FAILED: (msgid("Given up"), "red"),
    ItemState.CANCELLED: (msgid("Taken out"), ""),
}
TABS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("", msgid("On the way"), OPEN),
    ("failed", msgid("Given up"), (ItemState.FAILED,)),
    ("refused", msgid("Refused"), (ItemState.REFUSED,)),
)

blueprint = Blueprint("dispatch", __name__, template_folder="templates")


def queue_menu(actor: Actor) -> tuple[Link, ...]:
    """Return the menu's link to the queue, with how many are stuck, for those who look after it."""
    if not actor.may(SEE_QUEUE) or actor.entity_id is None:
        return ()
    with _database().read(actor) as uow:
        return (Link("Sending queue", QUEUE, queries.count_stuck(uow) or None),)


@blueprint.get(QUEUE)
def queue() -> Response:
    """List the consignments of the reader's body by where they stand."""
    chosen = next((tab for tab in TABS if tab[0] == request.args.get("show", "")), TABS[0])
    before = _before()
    with _database().read(current_actor()) as uow:
        found = queries.queue(uow, states=chosen[2], before=before, limit=PAGE_SIZE + 1)
    rows = found[:PAGE_SIZE]
    at = f"{QUEUE}?show={chosen[0]}" if chosen[0] else QUEUE
    older = f"{at}{'&' if chosen[0] else '?'}before={rows[-1].id}" if len(found) > PAGE_SIZE else None
    return render(
        "dispatch/queue.html",
        rows=rows,
        states=STATES,
        older=older,
        newest=at if before else None,
        tabs=[Link(label, f"{QUEUE}?show={key}" if key else QUEUE, active=key == chosen[0]) for key, label, _ in TABS],
    )


@blueprint.post(f"{QUEUE}/<uuid:item_id>/retry")
def retry(item_id: UUID) -> WerkzeugResponse:
    """Bring a consignment to the front."""
    with _database().work(current_actor()) as uow:
        service.retry_now(uow, item_id)
    return go(QUEUE, notice="It is tried again now.")


@blueprint.post(f"{QUEUE}/<uuid:item_id>/cancel")
def cancel(item_id: UUID) -> WerkzeugResponse:
    """Take a consignment out of the queue before its first try."""
    with _database().work(current_actor()) as uow:
        service.cancel(uow, item_id)
    return go(QUEUE, notice="It was taken out of the queue and is not sent.")


def _database() -> Database:
    found: Database = current_app.extensions["diwan"][Database]
    return found


def _before() -> UUID | None:
    try:
        return UUID(request.args.get("before", ""))
    except ValueError:
        return None
