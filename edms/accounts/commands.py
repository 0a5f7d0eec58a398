"""``diwan staff``: people with their posts and accounts, from the command line."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

import click

from edms.accounts import app_passwords, entry, queries, service
from edms.accounts.deputies import deputy_commands
from edms.accounts.models import Account
from edms.accounts.passwords import generate_password, prepare
from edms.accounts.staffing import STAFF_COLUMNS, STAFF_OPTIONAL
from edms.core.actor import system_actor
from edms.core.arabic import normalize
from edms.core.database import Database, UnitOfWork
from edms.core.errors import NotFound
from edms.core.output import emit, progress_bar
from edms.core.parts import Parts
from edms.entities import queries as entities
from edms.entities import service as register
from edms.entities.csv_import import read_rows
from edms.entities.finding import entity_by_typed_code
from edms.entities.keyring import Keyring
from edms.entities.models import Employee
from edms.entities.rules import CLEARANCES, Role

OPERATOR = system_actor("operator")


@click.group("staff")
def staff() -> None:
    """Keep people, posts and accounts."""


@staff.command("add")
@click.option("--entity", required=True, help="Code or mail domain of the body.")
@click.option("--unit", required=True)
@click.option("--post", required=True)
@click.option("--name", required=True)
@click.option("--login", required=True)
@click.option("--role", "roles", type=click.Choice([one.value for one in Role]), multiple=True, required=True)
@click.option("--clearance", type=click.IntRange(CLEARANCES[0], CLEARANCES[-1]), default=1)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def add(
    parts: Parts, entity: str, unit: str, post: str, name: str, login: str, roles: tuple[str, ...], clearance: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Add a person with an account, and print a password for one use."""
    password = prepare(generate_password())
    with parts[Database].work(OPERATOR) as uow:
        body = entity_by_typed_code(uow, entity)
        new = service.NewPerson(
            body.id, unit, post, name, login, frozenset(roles), clearance, password=password, one_time=True
        )
        employee, account = service.add_person(uow, new)
        found = {
            "employee": employee.code, "name": employee.name, "entity": body.code, "login": account.login,
            "roles": account.roles.split(), "password": password.text,
        }  # fmt: skip
    emit(found, as_json, lambda: f"{found['employee']}  {found['login']}  password for one use: {password.text}")


@staff.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def import_(parts: Parts, file: Path, as_json: bool) -> None:
    """Add the people of a CSV file, all or nothing."""
    rows = read_rows(file.read_bytes(), STAFF_COLUMNS, STAFF_OPTIONAL)
    with progress_bar("Staff", len(rows)) as progress:
        made = entry.import_staff(parts[Database], OPERATOR, rows, keys=parts[Keyring], progress=progress)
        found = {"imported": len(made), "logins": [one.login for one in made]}
    emit(found, as_json, lambda: f"{found['imported']} people added.")


@staff.command("list")
@click.option("--entity", required=True, help="Code or mail domain of the body.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(parts: Parts, entity: str, as_json: bool) -> None:
    """List the people of a body with posts and accounts."""
    with parts[Database].read(OPERATOR) as uow:
        body = entity_by_typed_code(uow, entity)
        accounts = {one.employee_id: one for one in queries.accounts_of(uow, body.id)}
        found = [
            {
                "employee": person.code, "name": person.name, "unit": unit.name, "post": post.title,
                "may_sign": post.may_sign, "clearance": person.clearance,
                "login": accounts[person.id].login if person.id in accounts else None,
                "roles": accounts[person.id].roles.split() if person.id in accounts else [],
                "active": person.id in accounts and accounts[person.id].active,
            }
            for person, post, unit in entities.staff_of(uow, body.id, uow.today)
        ]  # fmt: skip
    emit(found, as_json, lambda: "\n".join(
        f"{one['employee']}  {one['login'] or '—'}  {one['name']}  {one['post']}" for one in found
    ))  # fmt: skip


@staff.command("set")
@click.argument("login")
@click.option("--role", "roles", type=click.Choice([one.value for one in Role]), multiple=True, help="All its roles.")
@click.option("--clearance", type=click.IntRange(CLEARANCES[0], CLEARANCES[-1]))
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def set_(parts: Parts, login: str, roles: tuple[str, ...], clearance: int | None, as_json: bool) -> None:
    """Change a person's roles (all of them are given) or clearance."""
    with parts[Database].work(OPERATOR) as uow:
        account, person = _person(uow, login)
        level = person.clearance if clearance is None else clearance
        service.change_person(uow, person, account, roles=roles or account.roles.split(), clearance=level)
        found = {"employee": person.code, "login": account.login, "roles": account.roles.split(), "clearance": level}
    emit(found, as_json, lambda: f"{found['employee']}  {found['login']}  {account.roles}  {level}")


@staff.command("assign")
@click.argument("login")
@click.option("--unit", required=True)
@click.option("--post", required=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def assign(parts: Parts, login: str, unit: str, post: str, as_json: bool) -> None:
    """Give a person one more post from today; a new unit or post is made."""
    with parts[Database].work(OPERATOR) as uow:
        account, person = _person(uow, login)
        service.give_post(uow, person, account, unit, post)
        found = {"employee": person.code, "login": account.login, "unit": unit, "post": post}
    emit(found, as_json, lambda: f"{found['employee']}  {found['login']}  {post}")


@staff.command("unassign")
@click.argument("login")
@click.option("--post", required=True, help="The title of the post that the person holds.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def unassign(parts: Parts, login: str, post: str, as_json: bool) -> None:
    """End a person's hold of a post at once."""
    with parts[Database].work(OPERATOR) as uow:
        account, person = _person(uow, login)
        posts = {one.id: one for one in entities.posts_held(uow, person.id, account.entity_id, uow.today)}
        ended = [
            one.id
            for one in entities.assignments_of(uow, person.id, uow.today)
            if one.post_id in posts and normalize(posts[one.post_id].title) == normalize(post)
        ]
        if not ended:
            raise NotFound("entities.unknown-assignment")
        for assignment_id in ended:
            register.end_assignment(uow, assignment_id)
        found = {"employee": person.code, "login": account.login, "ended": len(ended)}
    emit(found, as_json, lambda: f"{found['employee']}  {found['login']}  {post}")


def _person(uow: UnitOfWork, login: str) -> tuple[Account, Employee]:
    account = queries.account_by_login(uow, login)
    if account is None:
        raise NotFound("accounts.no-account", employee=login)
    return account, uow.session.get_one(Employee, account.employee_id)


@staff.command("password")
@click.argument("login")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def password(parts: Parts, login: str, from_stdin: bool, as_json: bool) -> None:
    """Give an account a new password: one for one use is printed, or the one on standard input is kept."""
    given = sys.stdin.readline().rstrip("\r\n") if from_stdin else generate_password()
    prepared = prepare(given)
    with parts[Database].work(OPERATOR) as uow:
        account, _ = _person(uow, login)
        service.set_password(uow, account.id, prepared, one_time=not from_stdin)
    shown = {"login": login, "password": None if from_stdin else given}
    emit(shown, as_json, lambda: "The password is set." if from_stdin else f"{login}  password for one use: {given}")


@staff.command("app-password")
@click.argument("login")
@click.option("--name", help="Make one for this program or device, and print it this once.")
@click.option("--revoke", type=click.UUID, help="Take the one with this id away.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def app_password(parts: Parts, login: str, name: str | None, revoke: UUID | None, as_json: bool) -> None:
    """List a person's mail passwords, make one, or take one away."""
    made = None
    with parts[Database].work(OPERATOR) as uow:
        account, _ = _person(uow, login)
        if revoke is not None:
            app_passwords.revoke_app_password(uow, revoke, account_id=account.id)
        if name is not None:
            made = app_passwords.make_app_password(uow, name, account_id=account.id)
        listed = [
            {"id": str(row.id), "name": row.name, "created": row.created_at, "last_used": row.last_used_at}
            for row in app_passwords.app_passwords_of(uow, account.id)
        ]
    found = {"login": login, "password": made, "app_passwords": listed}
    emit(found, as_json, lambda: f"{login}  mail password: {made}" if made else _listed(listed))


def _listed(rows: Sequence[Mapping[str, object]]) -> str:
    return (
        "\n".join(f"{row['id']}  {row['name']}  last used: {row['last_used'] or 'never'}" for row in rows)
        or "No mail passwords."
    )


for _command in deputy_commands:
    staff.add_command(_command)
commands: tuple[click.Command, ...] = (staff,)
