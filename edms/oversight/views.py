"""Pages of the log: the search, and one entry whole."""

import json
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from edms.core.actor import Actor
from edms.core.errors import Invalid, Problem
from edms.oversight import check_views, export_views, letter_views, queries, service, unusual_views
from edms.oversight.edge import HOME
from edms.oversight.forms import FIELDS, read_place, read_search, written_place
from edms.oversight.rules import PAGE, SEE_LOG, Kind, sees_all
from edms.oversight.wording import act_words, fact_words, object_words
from edms.web.edge import reading, working
from edms.web.errors import status_of
from edms.web.formats import translate
from edms.web.guards import current_actor
from edms.web.locale import msgid
from edms.web.page import Link, render

KINDS: Final = {
    Kind.READING: msgid("Reading and copies"),
    Kind.LETTERS: msgid("Letters and registers"),
    Kind.MAIL: msgid("Sending and receiving"),
    Kind.ACCESS: msgid("Signing in and passwords"),
    Kind.STAFF: msgid("Bodies and staff"),
    Kind.KEYS: msgid("Keys and certificates"),
    Kind.AUDIT: msgid("Audit and searches"),
    Kind.REFUSED: msgid("Refused or failed"),
}

blueprint = Blueprint("oversight", __name__, template_folder="templates")
for _part in (letter_views, check_views, unusual_views, export_views):
    _part.install(blueprint)


def audit_menu(actor: Actor) -> tuple[Link, ...]:
    """Return the auditor's links of the menu."""
    if not actor.may(SEE_LOG):
        return ()
    return (
        Link("Event log", HOME), Link("Verify", f"{HOME}/verify"), Link("Unusual reading", f"{HOME}/unusual"),
    )  # fmt: skip


@blueprint.app_context_processor
def _words() -> dict[str, object]:
    return {"act_words": act_words, "object_words": object_words, "fact_words": fact_words}


@blueprint.get(HOME)
def index() -> Response:
    """Show the entries that fit, newest first; what was searched for is an event, noted before anything is shown."""
    actor = current_actor()
    actor.require(SEE_LOG)
    typed = {name: request.args.get(name, "").strip()[:100] for name in FIELDS}
    try:
        with reading() as uow:
            wanted = read_search(uow, typed)
            found = service.search(uow, wanted, after=read_place(request.args.get("after", "")), limit=PAGE)
            page = _page(actor, typed, found)
    except Invalid as error:
        return _page(actor, typed, service.Found((), None), error.problems, status_of(error))
    with working() as uow:
        service.note_search(uow, wanted, len(found.lines))
    return page


def _page(
    actor: Actor, typed: dict[str, str], found: service.Found, problems: tuple[Problem, ...] = (),
    status: int = 200,
) -> Response:  # fmt: skip
    asked = {name: value for name, value in typed.items() if value}
    onward = f"{HOME}?{urlencode({**asked, 'after': written_place(found.onward)})}" if found.onward else None
    return render(
        "oversight/log.html", status, typed=typed, found=found, problems=problems, onward=onward,
        first=f"{HOME}?{urlencode(asked)}" if request.args.get("after") else None, filtered=bool(asked),
        kind_choices=[(str(key), translate(label)) for key, label in KINDS.items()], sees_all=sees_all(actor),
    )  # fmt: skip


@blueprint.get(f"{HOME}/entries/<int:seq>")
def entry(seq: int) -> Response:
    """Show one entry as it is stored, and the checkpoint that covers it."""
    with reading() as uow:
        uow.actor.require(SEE_LOG)
        row = queries.entry(uow, seq)
        (line,) = service.lines(uow, [row])
        told = json.loads(row.entry)
        page = render(
            "oversight/entry.html", line=line, told=told, over=queries.checkpoint_over(uow, seq),
            digest=row.entry_hash.hex(), stored=json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True),
        )  # fmt: skip
    with working() as uow:
        service.note(uow, "oversight.entry-seen", "log", None, seq=seq)
    return page
