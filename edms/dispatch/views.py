"""The queue's pages: what waits or failed of the own body, one consignment with all its tries, try again, take out."""

from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.core.actor import Actor
from edms.dispatch import queries, service
from edms.dispatch import queue as queues
from edms.dispatch.queue import Asked
from edms.dispatch.rules import OPEN, SEE_QUEUE, ItemState, PackageKind
from edms.web.edge import reading, working
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
KINDS: Final[dict[str, str]] = {
    PackageKind.LETTER: msgid("Official letter"),
    PackageKind.RECEIPT: msgid("Receipt"),
    PackageKind.INQUIRY: msgid("Inquiry about authenticity"),
    PackageKind.CONFIRMATION: msgid("Answer about authenticity"),
    PackageKind.MAIL: msgid("Ordinary mail"),
    PackageKind.REPORT: msgid("Delivery report"),
}
OUTCOMES: Final[dict[str, tuple[str, str]]] = {
    "ok": (msgid("Taken"), "now"),
    "transient": (msgid("Not now"), "pending"),
    "permanent": (msgid("Refused"), "failed"),
}

blueprint = Blueprint("dispatch", __name__, template_folder="templates")


def queue_menu(actor: Actor) -> tuple[Link, ...]:
    """Return the menu's link to the queue, with how many are stuck, for those who look after it."""
    if not actor.may(SEE_QUEUE) or actor.entity_id is None:
        return ()
    with reading() as uow:
        return (Link("Sending queue", QUEUE, queues.count_stuck(uow) or None),)


@blueprint.get(QUEUE)
def queue() -> Response:
    """List the consignments of the reader's body by where they stand, a kind or a recipient of them."""
    chosen = next((tab for tab in TABS if tab[0] == request.args.get("show", "")), TABS[0])
    kind = request.args.get("kind", "") if request.args.get("kind", "") in KINDS else ""
    recipient, oldest = request.args.get("to", "")[:8], request.args.get("order") == "oldest"
    asked = Asked(
        chosen[2], kind, recipient, request.args.get("after", type=UUID), oldest_first=oldest, limit=PAGE_SIZE + 1
    )
    with reading() as uow:
        found = queues.queue(uow, asked)
    rows = found[:PAGE_SIZE]
    given = {"show": chosen[0], "kind": kind, "to": recipient, "order": "oldest" if oldest else ""}
    return render(
        "dispatch/queue.html",
        rows=rows,
        states=STATES,
        kinds=KINDS,
        asked=asked,
        show=chosen[0],
        more=_url(given, after=str(rows[-1].id)) if len(found) > PAGE_SIZE else None,
        first=_url(given) if asked.after else None,
        other_order=_url(given, order="" if oldest else "oldest"),
        everything=_url({"show": chosen[0]}),
        tabs=[Link(label, _url(given, show=key), active=key == chosen[0]) for key, label, _ in TABS],
    )


@blueprint.get(f"{QUEUE}/<uuid:item_id>")
def show(item_id: UUID) -> Response:
    """Show one consignment with every try to deliver it, in the next hop's words."""
    with reading() as uow:
        line = queues.queue_line(uow, item_id)
        tries = queries.attempts_of(uow, item_id)
    return render("dispatch/consignment.html", row=line, tries=tries, states=STATES, kinds=KINDS, outcomes=OUTCOMES)


@blueprint.post(f"{QUEUE}/<uuid:item_id>/retry")
def retry(item_id: UUID) -> WerkzeugResponse:
    """Bring a consignment to the front."""
    with working() as uow:
        service.retry_now(uow, item_id)
    return go(QUEUE, notice="It is tried again now.")


@blueprint.post(f"{QUEUE}/<uuid:item_id>/cancel")
def cancel(item_id: UUID) -> WerkzeugResponse:
    """Take a consignment out of the queue before its first try."""
    with working() as uow:
        service.cancel(uow, item_id)
    return go(QUEUE, notice="It was taken out of the queue and is not sent.")


def _url(given: dict[str, str], **changes: str) -> str:
    words = {key: value for key, value in {**given, **changes}.items() if value}
    return f"{QUEUE}?{urlencode(words)}" if words else QUEUE
