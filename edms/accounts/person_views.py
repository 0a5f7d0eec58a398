"""The pages of one person: posts, account, roles and clearance, for those who keep the body."""

from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.accounts import queries, service
from edms.accounts.forms import CLEARANCE_LABELS, PostForm, RightsForm
from edms.accounts.guard import database
from edms.accounts.models import Account
from edms.accounts.passwords import generate_password, prepare
from edms.accounts.rules import GRANTED_BY_ADMINISTRATORS, KEEP_ALL_ACCOUNTS, roles_of
from edms.accounts.second_factor import reset_factors
from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, NotFound, Problem
from edms.entities import queries as entities
from edms.entities import service as register
from edms.entities.forms import ROLE_LABELS
from edms.entities.models import Employee, Entity
from edms.entities.rules import KEEP_STAFF
from edms.web.formats import translate
from edms.web.guards import current_actor
from edms.web.page import go, render

blueprint = Blueprint("person", __name__, template_folder="templates")


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


@blueprint.get("/staff/<code>/edit")
def edit(code: str) -> Response:
    """Show the form of a person's roles and clearance."""
    with database().read(current_actor()) as uow:
        employee, account, body = _person(uow, code)
        form = RightsForm(str(employee.clearance), tuple(account.roles.split()) if account else ())
        return _rights_form(employee, account, body, form, ())


@blueprint.post("/staff/<code>/edit")
def change(code: str) -> WerkzeugResponse:
    """Change a person's roles and clearance."""
    form = RightsForm.read(request.form)
    try:
        with database().work(current_actor()) as uow:
            employee, account, body = _person(uow, code)
            service.change_person(uow, employee, account, roles=form.roles, clearance=form.level())
    except Invalid as error:
        with database().read(current_actor()) as uow:
            employee, account, body = _person(uow, code)
            return _rights_form(employee, account, body, form, error.problems, 422)
    return go(f"/staff/{employee.code}", notice="Roles and clearance were changed.")


@blueprint.get("/staff/<code>/posts")
def post_form(code: str) -> Response:
    """Show the form that gives a person one more post."""
    with database().read(current_actor()) as uow:
        employee, account, body = _person(uow, code)
        _known(account)
        return _post_form(uow, employee, body, PostForm(), ())


@blueprint.post("/staff/<code>/posts")
def give_post(code: str) -> WerkzeugResponse:
    """Give a person one more post, from today."""
    form, actor = PostForm.read(request.form), current_actor()
    try:
        with database().work(actor) as uow:
            employee, account, body = _person(uow, code)
            known = _known(account)
            form.require()
            service.give_post(uow, employee, known, form.unit, form.post)
    except Invalid as error:
        with database().read(actor) as uow:
            employee, _, body = _person(uow, code)
            return _post_form(uow, employee, body, form, error.problems, 422)
    return go(f"/staff/{employee.code}", notice="The post was given.")


@blueprint.post("/staff/<code>/password")
def set_password(code: str) -> Response:
    """Give an account a password for one use, shown this once; its sessions end."""
    with database().read(current_actor()) as uow:
        _known(_person(uow, code)[1])
    password = prepare(generate_password())
    with database().work(current_actor()) as uow:
        employee, account, body = _person(uow, code)
        known = _known(account)
        service.set_password(uow, known.id, password, one_time=True)
        return password_shown(employee, known, body, password.text)


@blueprint.post("/staff/<code>/factors/reset")
def reset_factors_of(code: str) -> WerkzeugResponse:
    """Take a person's PIN and authenticator app away; the person is told, and sets new ones."""
    with database().work(current_actor()) as uow:
        employee, account, _ = _person(uow, code)
        reset_factors(uow, _known(account).id)
    return go(f"/staff/{employee.code}", notice="PIN and app were reset. The person is told at the next sign-in.")


@blueprint.post("/staff/<code>/disable")
def disable(code: str) -> WerkzeugResponse:
    """Close an account; its sessions end at once."""
    with database().work(current_actor()) as uow:
        employee, account, _ = _person(uow, code)
        service.disable_account(uow, _known(account).id)
    return go(f"/staff/{employee.code}", notice="The account was disabled.")


@blueprint.post("/staff/<code>/enable")
def enable(code: str) -> WerkzeugResponse:
    """Open a disabled account again."""
    with database().work(current_actor()) as uow:
        employee, account, _ = _person(uow, code)
        service.enable_account(uow, _known(account).id)
    return go(f"/staff/{employee.code}", notice="The account was enabled.")


@blueprint.post("/staff/<code>/assignments/<uuid:assignment_id>/end")
def end_assignment(code: str, assignment_id: UUID) -> WerkzeugResponse:
    """End a person's hold of a post at once."""
    with database().work(current_actor()) as uow:
        employee, _, _ = _person(uow, code)
        if assignment_id not in {one.id for one in entities.assignments_of(uow, employee.id, uow.today)}:
            raise NotFound("entities.unknown-assignment")
        register.end_assignment(uow, assignment_id)
    return go(f"/staff/{employee.code}", notice="The post was taken back.")


def grantable_roles(actor: Actor) -> list[tuple[str, str]]:
    """Return the roles that an actor may grant, with their names."""
    every = actor.may(KEEP_ALL_ACCOUNTS)
    return [(key, translate(label)) for key, label in ROLE_LABELS.items() if every or key in GRANTED_BY_ADMINISTRATORS]


def grantable_clearances(actor: Actor, *, above: int = 0) -> list[tuple[str, str]]:
    """Return the clearances that an actor may grant, and one ``above`` that a person has already."""
    every = actor.may(KEEP_ALL_ACCOUNTS)
    return [
        (str(key), translate(label))
        for key, label in CLEARANCE_LABELS.items()
        if every or key <= actor.clearance or key == above
    ]


def password_shown(employee: Employee, account: Account, body: Entity, password: str) -> Response:
    """Show a password for one use, this once."""
    return render("accounts/password_shown.html", person=employee, account=account, entity=body, password=password)


def _known(account: Account | None) -> Account:
    if account is None:
        raise NotFound("accounts.unknown")
    return account


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


def _rights_form(
    employee: Employee, account: Account | None, body: Entity, form: RightsForm, problems: tuple[Problem, ...],
    status: int = 200,
) -> Response:  # fmt: skip
    actor = current_actor()
    return render(
        "accounts/rights.html", status, form=form, problems=problems, entity=body, person=employee,
        roles=grantable_roles(actor) if account else (),
        clearances=grantable_clearances(actor, above=employee.clearance),
    )  # fmt: skip


def _post_form(
    uow: UnitOfWork, employee: Employee, body: Entity, form: PostForm, problems: tuple[Problem, ...],
    status: int = 200,
) -> Response:  # fmt: skip
    return render(
        "accounts/give_post.html",
        status,
        form=form,
        problems=problems,
        entity=body,
        person=employee,
        units=sorted({unit.name for unit in entities.units_of(uow, body.id)}),
    )
