"""The page on which a body's administrator sets its letterhead, with the sheet as it would be printed beside it."""

import base64
import re
from dataclasses import dataclass, replace

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.codes.page_images import page_png
from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, NotFound, Problem
from edms.entities import queries as entities
from edms.entities.models import Entity
from edms.letters import letterheads
from edms.letters.letterhead_forms import DIGITS, MONTHS, SAMPLES, Typed
from edms.letters.letterheads import LetterheadChange, Look
from edms.letters.printing import names_on_sheet
from edms.letters.printing_plan import Printing
from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.specimen import specimen
from edms.letters.rules import KEEP_LETTERHEAD
from edms.registry import patterns
from edms.web.edge import parts, reading, working
from edms.web.formats import current_locale, translate
from edms.web.guards import current_actor
from edms.web.page import Link, go, render, wanted

_WIDTH = 794
_ARABIC = re.compile("[\u0620-\u064a]")


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands beside the form: the page as a ``data:`` address, and the next number as it would be printed."""

    image: str
    number: str


def install(blueprint: Blueprint) -> None:
    """Put the page on the letters' blueprint."""
    blueprint.add_url_rule("/letterhead", view_func=show_letterhead)
    blueprint.add_url_rule("/letterhead", view_func=change_letterhead, methods=["POST"])


def letterhead_menu(actor: Actor) -> list[Link]:
    """Return the place in the menu for those who keep a letterhead."""
    return [Link("Letterhead", "/letterhead")] if actor.may(KEEP_LETTERHEAD) else []


def show_letterhead() -> Response:
    """Show the letterhead of the own body, or to the centre that of ``?entity=<code>``."""
    with reading() as uow:
        body = _body(uow)
        look = letterheads.look_of(uow, body.id)
        return _page(uow, body, Typed.of(look, patterns.numbering(uow, body).pattern), look)


def change_letterhead() -> WerkzeugResponse:
    """Save the letterhead; for the button «Preview» and while somebody types only show it."""
    try:
        typed = Typed.read()
    finally:
        for each in request.files.values():
            each.close()
    if request.form.get("action") != "save":
        return _previewed(typed)
    try:
        with working() as uow:
            body = _body(uow)
            letterheads.set_letterhead(uow, body.id, typed.change())
    except Invalid as error:
        with reading() as uow:
            body = _body(uow)
            look, _ = _tried(letterheads.look_of(uow, body.id), typed.change())
            return _page(uow, body, typed, look, error.problems, 422)
    own = body.id == current_actor().entity_id
    address = url_for("letters.show_letterhead", entity=None if own else body.code)
    return go(address, notice="The letterhead was saved. It is printed on the letters to come.")


def _previewed(typed: Typed) -> Response:
    with reading() as uow:
        body = _body(uow)
        look, problems = _tried(letterheads.look_of(uow, body.id), typed.change())
        if wanted() != "fragment":
            return _page(uow, body, typed, look, problems)
        return render("letters/_letterhead_sheet.html", shown=_shown(uow, body, typed, look), problems=problems)


def _tried(look: Look, change: LetterheadChange) -> tuple[Look, tuple[Problem, ...]]:
    """Return a letterhead with what is right of a change, and what is wrong with the rest."""
    try:
        return letterheads.changed_look(look, change), ()
    except Invalid as error:
        wrong = {problem.where: None for problem in error.problems}
        return letterheads.changed_look(look, replace(change, **wrong)), error.problems


def _page(
    uow: UnitOfWork, body: Entity, typed: Typed, look: Look, problems: tuple[Problem, ...] = (), status: int = 200
) -> Response:
    return render(
        "letters/letterhead.html",
        status,
        typed=typed,
        problems=problems,
        body=body,
        body_name=body.name(current_locale()),
        own=body.id == uow.actor.entity_id,
        has_emblem=bool(look.emblem),
        digits=[(key, translate(name)) for key, name in DIGITS.items()],
        months=[(key, translate(name)) for key, name in MONTHS.items()],
        samples=[(key, translate(name)) for key, name in SAMPLES.items()],
        shown=_shown(uow, body, typed, look),
        mark=body.short_mark or body.code,
        pattern_dir="rtl" if _ARABIC.search(typed.pattern + body.short_mark) else "ltr",
    )


def _shown(uow: UnitOfWork, body: Entity, typed: Typed, look: Look) -> Shown:
    """Draw the sample letter under a letterhead."""
    printing = parts()[Printing]
    number = patterns.numbering(uow, body).example(typed.pattern)
    head = look.letterhead(*names_on_sheet(uow, body), "en" if typed.sample == "english" else "ar")
    sheet = specimen(
        typed.sample, head, number=number, day=uow.today, digits=look.digits_or(printing.digits),
        months=look.months_or(printing.months), hijri=look.hijri, kashida=look.kashida,
        hijri_adjust=printing.hijri_adjust, verify_url=printing.verify_url,
    )  # fmt: skip
    png = page_png(render_letter(sheet), 1, _WIDTH)
    return Shown(f"data:image/png;base64,{base64.b64encode(png).decode()}", number)


def _body(uow: UnitOfWork) -> Entity:
    """Return the body that this request is about; Forbidden for one whose letterhead the actor does not keep."""
    uow.actor.require(KEEP_LETTERHEAD)
    code = request.values.get("entity", "")
    if code:
        body = entities.entity_by_code(uow, code[:40])
    elif uow.actor.entity_id is not None:
        body = entities.entity(uow, uow.actor.entity_id)
    else:
        raise NotFound("entities.unknown-code", entity="—")
    letterheads.require_keeper(uow, body.id)
    return body
