"""The pages of an entity's administrator: people, posts and accounts; the centre opens them for any body."""

from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.accounts import entry, queries, service
from edms.accounts.forms import CLEARANCE_LABELS, PersonForm
from edms.accounts.guard import database
from edms.accounts.models import Account
from edms.accounts.passwords import generate_password, prepare
from edms.accounts.rules import GRANTED_BY_ADMINISTRATORS, KEEP_ALL_ACCOUNTS, roles_of
from edms.accounts.staffing import STAFF_COLUMNS, STAFF_OPTIONAL
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, NotFound, Problem
from edms.entities import queries as entities
from edms.entities import service as register
from edms.entities.csv_import import read_entity_code, read_rows
from edms.entities.forms import ROLE_LABELS
from edms.entities.keyring import Keyring
from edms.entities.models import Employee, Entity
from edms.entities.rules import KEEP_STAFF
from edms.entities.views import line_of, parts
from edms.web.formats import translate
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
    form, password = PersonForm.read(request.form), prepare(generate_password())
    try:
        with database().work(current_actor()) as uow:
            body = _body(uow)
            employee, account = service.add_person(uow, form.value(body.id, password))
            return _password_shown(employee, account, body, password.text)
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


@blueprint.get("/staff/<code>")
def show(code: str) -> Response:
    """Show one person of a body that the actor keeps: posts held, account."""
    with database().read(current_actor()) as uow:
        employee, account, body = _person(uow, code)
        held = entities.assignments_of(uow, employee.id, uow.today)
        posts = {post.id: post for post in entities.posts_held(uow, employee.id, body.id, uow.today)}
        return render(
            "accounts/person.html", person=employee, account=account, entity=body,
            held=[(one, posts[one.post_id]) for one in held if one.post_id in posts],
            roles=[ROLE_LABELS[role] for role in sorted(roles_of(account.roles))] if account else [],
            clearance=CLEARANCE_LABELS.get(employee.clearance, ""),
        )  # fmt: skip


@blueprint.post("/staff/<code>/password")
def set_password(code: str) -> Response:
    """Give an account a password for one use, shown this once; its sessions end."""
    password = prepare(generate_password())
    with database().work(current_actor()) as uow:
        employee, account, body = _person(uow, code)
        if account is None:
            raise NotFound("accounts.unknown")
        service.set_password(uow, account.id, password, one_time=True)
        return _password_shown(employee, account, body, password.text)


@blueprint.post("/staff/<code>/disable")
def disable(code: str) -> WerkzeugResponse:
    """Close an account; its sessions end at once."""
    with database().work(current_actor()) as uow:
        _, account, _ = _person(uow, code)
        service.disable_account(uow, _known(account))
    return go(f"/staff/{code}", notice="The account was disabled.")


@blueprint.post("/staff/<code>/enable")
def enable(code: str) -> WerkzeugResponse:
    """Open a disabled account again."""
    with database().work(current_actor()) as uow:
        _, account, _ = _person(uow, code)
        service.enable_account(uow, _known(account))
    return go(f"/staff/{code}", notice="The account was enabled.")


@blueprint.post("/staff/<code>/assignments/<uuid:assignment_id>/end")
def end_assignment(code: str, assignment_id: UUID) -> WerkzeugResponse:
    """End a person's hold of a post at once."""
    with database().work(current_actor()) as uow:
        employee, _, _ = _person(uow, code)
        if assignment_id not in {one.id for one in entities.assignments_of(uow, employee.id, uow.today)}:
            raise NotFound("entities.unknown-assignment")
        register.end_assignment(uow, assignment_id)
    return go("/staff", notice="The post was taken back.")


def _known(account: Account | None) -> UUID:
    if account is None:
        raise NotFound("accounts.unknown")
    return account.id


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


def _person(uow: UnitOfWork, code: str) -> tuple[Employee, Account | None, Entity]:
    """Return a person with the account, and the body through which the actor keeps both; NotFound for all others."""
    uow.actor.require(KEEP_STAFF)
    employee = entities.employee_by_code(uow, code[:40])
    account = queries.account_of_employee(uow, employee.id)
    held = entities.assignments_of(uow, employee.id, uow.today)
    bodies = ([account.entity_id] if account else []) + [one.entity_id for one in held]
    mine = [one for one in bodies if uow.actor.may(KEEP_ALL_ACCOUNTS) or one == uow.actor.entity_id]
    if not mine:
        raise NotFound("entities.unknown-employee", employee=code[:40])
    return employee, account if account and account.entity_id in mine else None, entities.entity(uow, mine[0])


def _person_form(form: PersonForm, problems: tuple[Problem, ...], status: int = 200) -> Response:
    actor = current_actor()
    with database().read(actor) as uow:
        body = _body(uow)
        every = actor.may(KEEP_ALL_ACCOUNTS)
        return render(
            "accounts/new_person.html", status, form=form, problems=problems, entity=body,
            units=sorted({unit.name for unit in entities.units_of(uow, body.id)}),
            posts=sorted({post.title for post in entities.posts_of(uow, body.id)}),
            roles=[(key, translate(label)) for key, label in ROLE_LABELS.items()
                   if every or key in GRANTED_BY_ADMINISTRATORS],
            clearances=[(str(key), translate(label)) for key, label in CLEARANCE_LABELS.items()
                        if every or key <= actor.clearance],
        )  # fmt: skip


def _password_shown(employee: Employee, account: Account, body: Entity, password: str) -> Response:
    return render("accounts/password_shown.html", person=employee, account=account, entity=body, password=password)
