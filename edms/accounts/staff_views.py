"""The pages of an entity's administrator: people, posts and accounts; the centre opens them for any body."""

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.accounts import entry, queries, service
from edms.accounts.forms import PersonForm
from edms.accounts.guard import database
from edms.accounts.passwords import generate_password, prepare
from edms.accounts.person_views import grantable_clearances, grantable_roles, password_shown
from edms.accounts.rules import roles_of
from edms.accounts.staffing import STAFF_COLUMNS, STAFF_OPTIONAL
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, NotFound, Problem
from edms.entities import queries as entities
from edms.entities import service as register
from edms.entities.csv_import import read_entity_code, read_rows
from edms.entities.forms import ROLE_LABELS
from edms.entities.keyring import Keyring
from edms.entities.models import Entity
from edms.entities.rules import KEEP_STAFF
from edms.entities.views import line_of
from edms.web.edge import parts
from edms.web.guards import current_actor
from edms.web.page import go, render

blueprint = Blueprint("staff", __name__, template_folder="templates")


@blueprint.get("/staff")
def index() -> Response:
    """List a body's people with posts and accounts."""
    with database().read(current_actor()) as uow:
        body = _body(uow)
        accounts = {one.employee_id: one for one in queries.accounts_of(uow, body.id)}
        people = entities.staff_of(uow, body.id, uow.today)
        listed = {person.id for person, _, _ in people}
        without = [one for one in accounts.values() if one.employee_id not in listed]
        names = entities.employees_by_ids(uow, [one.employee_id for one in without])
        return render(
            "accounts/staff.html", entity=body, people=people, accounts=accounts, labels=ROLE_LABELS,
            roles_of=roles_of, without=[(names[one.employee_id], one) for one in without],
        )  # fmt: skip


@blueprint.get("/staff/new")
def new() -> Response:
    """Show the form of a new person."""
    return _person_form(PersonForm(), ())


@blueprint.post("/staff/new")
def add() -> Response:
    """Add a person with a post and an account; the password for one use is shown this once."""
    form = PersonForm.read(request.form)
    with database().read(current_actor()) as uow:
        _body(uow)
    password = prepare(generate_password())
    try:
        with database().work(current_actor()) as uow:
            body = _body(uow)
            employee, account = service.add_person(uow, form.value(body.id, password))
            return password_shown(employee, account, body, password.text)
    except Invalid as error:
        return _person_form(form, error.problems, 422)


@blueprint.get("/staff/import")
def import_form() -> Response:
    """Show the form that takes a table of people."""
    current_actor().require(KEEP_STAFF)
    return render("accounts/import.html", columns=STAFF_COLUMNS, optional=STAFF_OPTIONAL)


@blueprint.post("/staff/import")
def import_table() -> WerkzeugResponse:
    """Add the people of a table, or show every bad row."""
    current_actor().require(KEEP_STAFF)
    sent = request.files.get("file")
    try:
        rows = read_rows(sent.read() if sent else b"", STAFF_COLUMNS, STAFF_OPTIONAL)
        count = len(entry.import_staff(database(), current_actor(), rows, keys=parts()[Keyring]))
    except Invalid as error:
        findings = [(line_of(problem), problem) for problem in error.problems]
        return render("accounts/import.html", 422, columns=STAFF_COLUMNS, optional=STAFF_OPTIONAL, findings=findings)
    return go("/staff", notice="%(count)s people were added.", count=count)


def _body(uow: UnitOfWork) -> Entity:
    """Return the body whose staff is kept on this page: the own one, or for the centre the one of ``?entity=``."""
    uow.actor.require(KEEP_STAFF)
    asked = request.args.get("entity", "")
    if asked:
        digits, _ = read_entity_code(asked)
        return register.keep_staff_of(uow, entities.entity_by_code(uow, digits or asked[:40]).id)
    if uow.actor.entity_id is None:
        raise NotFound("entities.unknown")
    return register.keep_staff_of(uow, uow.actor.entity_id)


def _person_form(form: PersonForm, problems: tuple[Problem, ...], status: int = 200) -> Response:
    actor = current_actor()
    with database().read(actor) as uow:
        body = _body(uow)
        return render(
            "accounts/new_person.html", status, form=form, problems=problems, entity=body,
            units=sorted({unit.name for unit in entities.units_of(uow, body.id)}),
            posts=sorted({post.title for post in entities.posts_of(uow, body.id)}),
            roles=grantable_roles(actor), clearances=grantable_clearances(actor),
        )  # fmt: skip
