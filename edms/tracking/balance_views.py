"""The page of the balance: what was sent and received on a day, by pair of bodies, the worst first."""

from datetime import date, timedelta
from typing import Final

from flask import Blueprint, Response, request

from edms.core.actor import Actor
from edms.tracking.balance import reconcile
from edms.tracking.rules import SEE_BALANCE
from edms.web.edge import reading
from edms.web.page import Link, paginate, render

BALANCE: Final = "/balance"

blueprint = Blueprint("balance", __name__, template_folder="templates")


def balance_menu(actor: Actor) -> tuple[Link, ...]:
    """Return the menu's link to the page, for those who see it."""
    return (Link("Balance of sending", BALANCE),) if actor.may(SEE_BALANCE) else ()


@blueprint.get(BALANCE)
def index() -> Response:
    """Show the pairs of the reader's body, or of all bodies to the centre, on one day."""
    with reading() as uow:
        day = min(_asked() or uow.today, uow.today)
        pairs = reconcile(uow, day)
        pages = paginate(len(pairs))
        return render(
            "tracking/balance.html", pairs=pairs[pages.offset : pages.offset + pages.size], pages=pages, every=pairs,
            day=day, before=f"{BALANCE}?day={day - timedelta(days=1)}",
            after=f"{BALANCE}?day={day + timedelta(days=1)}" if day < uow.today else None,
        )  # fmt: skip


def _asked() -> date | None:
    try:
        return date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return None
