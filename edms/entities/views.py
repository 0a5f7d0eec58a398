"""The pages of the register of bodies: list, one body, a new one, import of a table."""

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.core.actor import Actor
from edms.core.arabic import normalize
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden, Invalid, Problem
from edms.entities import changing, mailboxes, queries, service
from edms.entities.csv_import import ENTITY_COLUMNS, ENTITY_OPTIONAL, read_entity_code, read_rows
from edms.entities.edge import body_at, named
from edms.entities.forms import TYPE_LABELS, ChangeForm, EntityForm
from edms.entities.keyring import Keyring
from edms.entities.mail_showing import shown_mail
from edms.entities.models import Entity
from edms.entities.rules import (
    KEEP_ALL_STAFF,
    KEEP_ENTITIES,
    KEEP_SERVERS,
    KEEP_STAFF,
    SEE_ENTITIES,
    SET_REGISTERING,
    SUSPEND_MAIL,
)
from edms.web.edge import parts, reading, working
from edms.web.formats import translate
from edms.web.guards import current_actor
from edms.web.page import go, paginate, render

blueprint = Blueprint("entities", __name__, template_folder="templates")


@dataclass(frozen=True, slots=True)
class Line:
    """A body in the list: how deep it stands in the tree, and the name above it."""

    code: str
    name: str
    above: str
    type: str
    mail_domain: str
    depth: int
    ended: bool
    folded: str


@blueprint.get("/entities")
def index() -> Response:
    """List all bodies as a tree, or those whose name, code or domain has the words asked for."""
    actor = current_actor()
    actor.require(SEE_ENTITIES)
    asked = request.args.get("q", "")[:300]
    with reading() as uow:
        rows = queries.all_entities(uow)
        today = uow.today
        ended = {row.id for row in rows if row.valid_to and row.valid_to < today}
        lines = [
            Line(row.code, named(row), named(above) if above else "", row.type, row.mail_domain, depth,
                 row.id in ended, normalize(f"{row.name_ar} {row.name_en}"))
            for row, above, depth in _tree(rows)
        ]  # fmt: skip
    words = normalize(asked).split()
    if words:
        lines = [line for line in lines if _fits(line, words)]
    pages = paginate(len(lines))
    return render(
        "entities/index.html", lines=lines[pages.offset : pages.offset + pages.size], pages=pages, asked=asked,
        types=TYPE_LABELS, may_keep=actor.may(KEEP_ENTITIES), may_keep_servers=actor.may(KEEP_SERVERS),
        searched=bool(words),
    )  # fmt: skip


@blueprint.get("/entities/<code>")
def show(code: str) -> Response:
    """Show one body; its units, posts and people to those who keep them."""
    actor = current_actor()
    actor.require(SEE_ENTITIES)
    with reading() as uow:
        body = body_at(uow, code)
        everything = queries.all_entities(uow)
        names = {one.id: one.name for one in queries.installations(uow)}
        inside = _may_look_inside(actor, body)
        keeps_mailboxes = mailboxes.may_keep_mailboxes(uow, body)
        return render(
            "entities/show.html", entity=body, named=named, types=TYPE_LABELS,
            parent=next((one for one in everything if one.id == body.parent_id), None),
            children=[one for one in everything if one.parent_id == body.id],
            installation=names.get(body.installation_id, ""), inside=inside, may_change=_may_change(actor, body),
            mail=shown_mail(uow, body) if keeps_mailboxes else None, centre=actor.may(SUSPEND_MAIL),
            boxes=mailboxes.mailboxes_of(uow, body.id) if keeps_mailboxes else (),
            units=queries.units_of(uow, body.id) if inside else (),
            posts=queries.posts_of(uow, body.id) if inside else (),
            staff=queries.staff_of(uow, body.id, uow.today) if inside else (),
        )  # fmt: skip


@blueprint.get("/entities/<code>/edit")
def edit(code: str) -> Response:
    """Show the form that changes a body: all of it to the centre, how it registers to its administrator."""
    actor = current_actor()
    actor.require(SET_REGISTERING)
    with reading() as uow:
        body = _changed(uow, code)
        return _edit_form(body, ChangeForm.of(body), ())


@blueprint.post("/entities/<code>/edit")
def change(code: str) -> WerkzeugResponse:
    """Change a body, or show the form again with everything that is wrong."""
    actor = current_actor()
    actor.require(SET_REGISTERING)
    form = ChangeForm.read(request.form)
    try:
        with working() as uow:
            body = _changed(uow, code)
            changing.change_entity(uow, body.id, form.value(everything=actor.may(KEEP_ENTITIES)))
    except Invalid as error:
        with reading() as uow:
            return _edit_form(_changed(uow, code), form, error.problems, 422)
    return go(f"/entities/{body.code}", notice="The body was changed.")


@blueprint.get("/entities/new")
def new() -> Response:
    """Show the form of a new body."""
    current_actor().require(KEEP_ENTITIES)
    return _form(EntityForm(), ())


@blueprint.post("/entities/new")
def add() -> WerkzeugResponse:
    """Register a body, or show the form again with everything that is wrong."""
    actor = current_actor()
    actor.require(KEEP_ENTITIES)
    form = EntityForm.read(request.form)
    try:
        with working() as uow:
            code = service.add_entity(uow, form.value(), keys=parts()[Keyring]).code
    except Invalid as error:
        return _form(form, error.problems, 422)
    return go(f"/entities/{code}", notice="The body was registered.")


@blueprint.get("/entities/import")
def import_form() -> Response:
    """Show the form that takes a table of bodies."""
    current_actor().require(KEEP_ENTITIES)
    return render("entities/import.html", columns=ENTITY_COLUMNS, optional=ENTITY_OPTIONAL)


@blueprint.post("/entities/import")
def import_table() -> WerkzeugResponse:
    """Register the bodies of a table, or show every bad row; nothing is kept of a table with a bad row."""
    actor = current_actor()
    actor.require(KEEP_ENTITIES)
    sent = request.files.get("file")
    try:
        rows = read_rows(sent.read() if sent else b"", ENTITY_COLUMNS, ENTITY_OPTIONAL)
        with working() as uow:
            count = len(service.import_entities(uow, rows, keys=parts()[Keyring]))
    except Invalid as error:
        return render(
            "entities/import.html", 422, columns=ENTITY_COLUMNS, optional=ENTITY_OPTIONAL,
            findings=[(line_of(problem), problem) for problem in error.problems],
        )  # fmt: skip
    return go("/entities", notice="%(count)s bodies were registered.", count=count)


def line_of(problem: Problem) -> int:
    """Return the line of the table that a finding is about."""
    number = problem.where.removeprefix("line ")
    return int(number) if number.isdigit() else 1


def _form(form: EntityForm, problems: tuple[Problem, ...], status: int = 200) -> Response:
    with reading() as uow:
        parents = [(str(row.id), f"{named(row)} ({row.code})") for row, _, _ in _tree(queries.all_entities(uow))]
    return render(
        "entities/new.html", status, form=form, problems=problems, parents=parents,
        types=[(key, translate(label)) for key, label in TYPE_LABELS.items()],
    )  # fmt: skip


def _changed(uow: UnitOfWork, code: str) -> Entity:
    """Return the body of an address that the actor may change; Forbidden for another's administrator."""
    body = body_at(uow, code)
    if not _may_change(uow.actor, body):
        raise Forbidden("core.forbidden", permission=KEEP_ENTITIES.name)
    return body


def _edit_form(body: Entity, form: ChangeForm, problems: tuple[Problem, ...], status: int = 200) -> Response:
    everything = current_actor().may(KEEP_ENTITIES)
    return render(
        "entities/edit.html", status, entity=body, form=form, problems=problems, named=named, everything=everything
    )


def _may_change(actor: Actor, body: Entity) -> bool:
    return actor.may(KEEP_ENTITIES) or (actor.may(SET_REGISTERING) and actor.entity_id == body.id)


def _may_look_inside(actor: Actor, body: Entity) -> bool:
    return actor.may(KEEP_ALL_STAFF) or (actor.may(KEEP_STAFF) and actor.entity_id == body.id)


def _fits(line: Line, words: list[str]) -> bool:
    digits, _ = read_entity_code(" ".join(words))
    if digits:
        return line.code == digits
    text = f"{line.folded} {line.code} {line.mail_domain}"
    return all(word in text for word in words)


def _tree(rows: list[Entity]) -> list[tuple[Entity, Entity | None, int]]:
    """Return the bodies depth first with the one above each and its depth, siblings by code."""
    by_id = {row.id: row for row in rows}
    below: dict[UUID | None, list[Entity]] = {}
    for row in rows:
        below.setdefault(row.parent_id if row.parent_id in by_id else None, []).append(row)
    found: list[tuple[Entity, Entity | None, int]] = []
    waiting = [(row, 0) for row in reversed(below.get(None, []))]
    while waiting:
        row, depth = waiting.pop()
        found.append((row, by_id.get(row.parent_id) if row.parent_id else None, depth))
        waiting += [(child, depth + 1) for child in reversed(below.get(row.id, []))]
    return found
