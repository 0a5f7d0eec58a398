"""The lists of letters: incoming, outgoing, drafts."""

from collections.abc import Sequence
from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.core.actor import Actor
from edms.letters import queries, wording
from edms.letters.listing import rows
from edms.letters.rules import DRAFT, NUMBERED, State
from edms.registry.rules import Direction
from edms.web.edge import reading
from edms.web.formats import current_locale
from edms.web.guards import current_actor
from edms.web.locale import msgid
from edms.web.page import PAGE_SIZE, Link, go, render

INCOMING_TABS = (
    ("", msgid("All"), tuple(NUMBERED)),
    ("unread", msgid("Not read yet"), tuple(NUMBERED)),
    ("open", msgid("Not dealt with"), (State.REGISTERED,)),
    ("settled", msgid("Dealt with"), (State.SETTLED,)),
)
OUTGOING_TABS = (
    ("", msgid("All"), (State.SUBMITTED, State.SIGNED, *NUMBERED)),
    ("waiting", msgid("Awaiting signature"), (State.SUBMITTED,)),
    ("signed", msgid("Signed, awaiting number"), (State.SIGNED,)),
    ("issued", msgid("Issued"), (State.ISSUED, State.SETTLED)),
    ("void", msgid("Void"), (State.VOID,)),
    ("mine", msgid("Written by me"), (State.SUBMITTED, State.SIGNED, *NUMBERED)),
)


def install(blueprint: Blueprint) -> None:
    """Put the pages of this module on the letters' blueprint."""
    blueprint.add_url_rule("/", view_func=home)
    blueprint.add_url_rule("/incoming", view_func=incoming)
    blueprint.add_url_rule("/outgoing", view_func=outgoing)
    blueprint.add_url_rule("/drafts", view_func=drafts)


def home() -> WerkzeugResponse:
    """Send each person to where the day's work begins."""
    return go(home_of(current_actor()))


def home_of(actor: Actor) -> str:
    """Return the first page of an actor by role."""
    places = (
        ("centre", "/entities"),
        ("registry", "/incoming"),
        ("signatory", "/signing"),
        ("deputy", "/signing"),
        ("employee", "/incoming"),
        ("auditor", "/incoming"),
        ("administrator", "/staff"),
    )
    return next((url for role, url in places if role in actor.roles), "/account")


def incoming() -> Response:
    """List the letters that came to the reader's body."""
    return _list(Direction.INCOMING, INCOMING_TABS, "/incoming", msgid("Incoming"))


def outgoing() -> Response:
    """List the letters that the reader's body sent or is about to send."""
    return _list(Direction.OUTGOING, OUTGOING_TABS, "/outgoing", msgid("Outgoing"))


def drafts() -> Response:
    """List the reader's own drafts."""
    current_actor().require(DRAFT)
    return _list(Direction.OUTGOING, (("", msgid("All"), (State.DRAFT,)),), "/drafts", msgid("Drafts"))


def _list(direction: Direction, tabs: Sequence[tuple[str, str, Sequence[str]]], url: str, title: str) -> Response:
    chosen = next((tab for tab in tabs if tab[0] == request.args.get("show", "")), tabs[0])
    before = _before()
    with reading() as uow:
        found = queries.letters(
            uow,
            direction=direction,
            states=chosen[2],
            before=before,
            limit=PAGE_SIZE + 1,
            unread=chosen[0] == "unread",
            mine=chosen[0] == "mine" or url == "/drafts",
        )
        listed = rows(uow, found[:PAGE_SIZE], locale=current_locale())
    show = f"show={chosen[0]}&" if chosen[0] else ""
    return render(
        "letters/list.html",
        title=title,
        rows=listed,
        wording=wording,
        which=str(direction),
        url=url,
        tabs=[Link(label, f"{url}?show={key}" if key else url, active=key == chosen[0]) for key, label, _ in tabs],
        older=f"{url}?{show}before={listed[-1].id}" if len(found) > PAGE_SIZE else None,
        newest=(f"{url}?{show}".rstrip("?&")) if before else None,
        chosen=chosen[0],
        may_write=current_actor().may(DRAFT),
    )


def _before() -> UUID | None:
    try:
        return UUID(request.args.get("before", ""))
    except ValueError:
        return None
