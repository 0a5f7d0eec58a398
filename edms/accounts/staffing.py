"""Giving a body its people: one person with unit, post and account at once, or a whole table of them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from edms.accounts.keeping import NEVER, bad_password, checked_roles, open_account, set_roles
from edms.accounts.models import Account
from edms.accounts.passwords import UNUSABLE, NewPassword, hash_password
from edms.accounts.rules import KEEP_ACCOUNTS, KEEP_ALL_ACCOUNTS, clean_login
from edms.audit import service as audit
from edms.core.arabic import fold_digits, normalize
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, Problem
from edms.core.ids import new_id
from edms.entities import queries as entities
from edms.entities import service as register
from edms.entities.csv_import import Row, Rows, cell, read_entity_code, shape_problem
from edms.entities.keyring import Keyring
from edms.entities.models import Assignment, Employee, Entity, Post, Unit
from edms.entities.rules import CLEARANCES, LONGEST_NAME, Role, clean_domain, clean_name

STAFF_COLUMNS = ("entity", "unit", "post", "name", "login", "roles", "clearance")
STAFF_OPTIONAL = ("password",)

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What is told about a person who begins in a body: unit and post are found by name or made."""

    entity_id: UUID
    unit: str
    post: str
    name: str
    login: str
    roles: frozenset[str]
    clearance: int = 1
    password: NewPassword | None = None
    one_time: bool = False


def add_person(uow: UnitOfWork, new: NewPerson) -> tuple[Employee, Account]:
    """Employ a person: the unit and the post (found by name or made), the code, the assignment, the account.

    Raises Invalid, NotFound for another body's administrator, and whatever its steps raise.
    """
    register.keep_staff_of(uow, new.entity_id)
    post = place(uow, new.entity_id, new.unit, new.post, new.roles)
    employee = register.add_employee(uow, new.name, clearance=new.clearance)
    register.assign(uow, employee, post)
    account = open_account(uow, employee.id, new.entity_id, new.login, new.password, new.roles, one_time=new.one_time)
    return employee, account


def place(uow: UnitOfWork, entity_id: UUID, unit_name: str, title: str, roles: Iterable[str]) -> Post:
    """Return a body's post by the names of unit and post, each made where it is new; a signatory's post may sign."""
    units = {normalize(unit.name): unit for unit in entities.units_of(uow, entity_id)}
    unit = units.get(normalize(clean_name(unit_name))) or register.add_unit(
        uow, entity_id, unit_name, is_registry=Role.REGISTRY in roles
    )
    posts = {normalize(post.title): post for post in entities.posts_of(uow, entity_id) if post.unit_id == unit.id}
    signs = Role.SIGNATORY in roles
    post = posts.get(normalize(clean_name(title))) or register.add_post(uow, unit, title, may_sign=signs)
    let_sign(uow, post, signs)
    return post


def change_person(
    uow: UnitOfWork, employee: Employee, account: Account | None, *, roles: Iterable[str], clearance: int
) -> None:
    """Change what a person may do and read; the posts that a new signatory holds may sign from now on.

    Raises what ``set_clearance`` and ``set_roles`` raise; a person without an account has no roles.
    """
    register.set_clearance(uow, employee, clearance)
    if account is None:
        return
    wanted = frozenset(roles)
    begins_to_sign = Role.SIGNATORY in wanted and Role.SIGNATORY not in account.roles.split()
    set_roles(uow, account.id, wanted)
    if begins_to_sign:
        for post in entities.posts_held(uow, employee.id, account.entity_id, uow.today):
            let_sign(uow, post, signs=True)


def give_post(uow: UnitOfWork, employee: Employee, account: Account, unit: str, title: str) -> Assignment:
    """Give a person one more post in the account's body, from today; unit and post are found by name or made.

    Raises what ``place`` and ``assign`` raise.
    """
    register.keep_staff_of(uow, account.entity_id, "entities.unknown-employee")
    return register.assign(uow, employee, place(uow, account.entity_id, unit, title, account.roles.split()))


@dataclass(frozen=True, slots=True)
class _Person:
    """A row that passed: all values in their stored form."""

    entity: Entity
    unit: str
    post: str
    name: str
    login: str
    roles: str
    clearance: int
    line: int
    has_password: bool


@dataclass(slots=True)
class _Reader:
    uow: UnitOfWork
    by_code: dict[str, Entity]
    by_domain: dict[str, Entity]
    logins: set[str]
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, line: int, code: str, **params: object) -> None:
        self.problems.append(Problem(f"line {line}", code, **params))


def hash_passwords(rows: Rows) -> dict[int, str]:
    """Return the hash of each row's password by line, for ``import_staff``; 0.2 s each, so before the unit of work."""
    return {line: hash_password(password) for line, row in rows if (password := cell(row, "password"))}


def import_staff(
    uow: UnitOfWork,
    rows: Rows,
    *,
    hashes: Mapping[int, str],
    keys: Keyring,
    progress: Callable[[int], object] = lambda _done: None,
) -> list[Account]:
    """Employ the people of a table, all or nothing; bodies are named by code or by mail domain.

    ``hashes`` is what ``hash_passwords`` made of the same rows; ``progress`` is told how many rows are done. A row
    without a password opens an account that nobody can sign in to until one is set. Raises Invalid
    ``accounts.bad-csv`` whose problems name every bad row with its line and reason.
    """
    people = check_staff(uow, rows)
    places = _Places(uow, people)
    made: list[Account] = []
    for at in range(0, len(people), _CHUNK):
        made += _employ(uow, people[at : at + _CHUNK], places, hashes, lambda done, at=at: progress(at + done))  # type: ignore[misc]
    return made


def check_staff(uow: UnitOfWork, rows: Rows) -> "list[_Person]":
    """Return the people of a table; raises Invalid ``accounts.bad-csv`` as ``import_staff``."""
    uow.actor.require(KEEP_ACCOUNTS)
    mine = None if uow.actor.may(KEEP_ALL_ACCOUNTS) else uow.actor.entity_id
    listed = [one for one in entities.all_entities(uow, home_only=True) if mine in (None, one.id)]
    reader = _Reader(
        uow, {one.code: one for one in listed}, {one.mail_domain: one for one in listed},
        set(uow.session.scalars(select(Account.login))),
    )  # fmt: skip
    people = [person for line, row in rows if (person := _read(reader, line, row)) is not None]
    if reader.problems:
        raise Invalid("accounts.bad-csv", tuple(reader.problems), count=len(reader.problems))
    return people


def _read(reader: _Reader, line: int, row: Row) -> _Person | None:
    """Read one row; everything wrong with it goes to the reader's problems."""
    wrong = shape_problem(row)
    if wrong:
        reader.wrong(line, wrong)
        return None
    before = len(reader.problems)
    entity = _entity(reader, line, cell(row, "entity"))
    names = {column: clean_name(cell(row, column)) for column in ("unit", "post", "name")}
    for column, name in names.items():
        if not name:
            reader.wrong(line, "csv.empty-cell", column=column)
        elif len(name) > LONGEST_NAME:
            reader.wrong(line, "csv.too-long", column=column, limit=LONGEST_NAME)
    login = _login(reader, line, cell(row, "login"))
    roles, found = checked_roles(reader.uow, re.split(r"[\s|+,،]+", cell(row, "roles").lower()))
    for problem in found:
        reader.wrong(line, problem.code, **problem.params)
    clearance = _clearance(reader, line, cell(row, "clearance"))
    password = cell(row, "password")
    if password and entity and login:
        refused = bad_password(password, login, names["name"], entity)
        if refused:
            reader.wrong(line, refused)
    if len(reader.problems) > before or entity is None or login is None:
        return None
    return _Person(entity, names["unit"], names["post"], names["name"], login, roles, clearance, line, bool(password))


def _entity(reader: _Reader, line: int, text: str) -> Entity | None:
    digits, problem = read_entity_code(text)
    found = reader.by_code.get(digits) if digits else reader.by_domain.get(clean_domain(text) or "")
    if found is None:
        slip = problem if problem and problem.code == "entities.code-slip" else None
        known = slip or Problem("", "entities.unknown-code", entity=text or "—")
        reader.wrong(line, known.code, **known.params)
    return found


def _login(reader: _Reader, line: int, text: str) -> str | None:
    login = clean_login(text)
    if login is None:
        reader.wrong(line, "accounts.bad-login", login=text or "—")
    elif login in reader.logins:
        reader.wrong(line, "accounts.duplicate-login", login=login)
    elif reader.lines.setdefault(login, line) != line:
        reader.wrong(line, "accounts.login-twice", login=login, other_line=reader.lines[login])
    return login


def _clearance(reader: _Reader, line: int, text: str) -> int:
    written = fold_digits(text) or "1"
    clearance = int(written) if written.isascii() and written.isdigit() and len(written) == 1 else -1
    if clearance not in CLEARANCES:
        reader.wrong(line, "entities.bad-clearance")
    elif mine_is_lower(reader.uow, clearance):
        reader.wrong(line, "entities.clearance-above-own")
    return clearance


def mine_is_lower(uow: UnitOfWork, clearance: int) -> bool:
    """Say whether the actor may not give this clearance because the own one is lower."""
    return not uow.actor.may(KEEP_ALL_ACCOUNTS) and clearance > uow.actor.clearance


class _Places:
    """The units and posts of the bodies concerned, by folded name; missing ones are made."""

    def __init__(self, uow: UnitOfWork, people: Sequence[_Person]) -> None:
        self._uow = uow
        self._units: dict[tuple[UUID, str], Unit] = {}
        self._posts: dict[tuple[UUID, str], Post] = {}
        for entity_id in {person.entity.id for person in people}:
            self._units |= {(entity_id, normalize(unit.name)): unit for unit in entities.units_of(uow, entity_id)}
            self._posts |= {(post.unit_id, normalize(post.title)): post for post in entities.posts_of(uow, entity_id)}
        registries = {(one.entity.id, normalize(one.unit)) for one in people if Role.REGISTRY in one.roles.split()}
        for person in people:
            place = (person.entity.id, normalize(person.unit))
            if place not in self._units:
                self._units[place] = register.add_unit(
                    uow, person.entity.id, person.unit, is_registry=place in registries
                )

    def post_of(self, person: _Person) -> Post:
        """Return the post that a row names, made where the unit has none of that title."""
        unit = self._units[person.entity.id, normalize(person.unit)]
        place = (unit.id, normalize(person.post))
        signs = Role.SIGNATORY in person.roles.split()
        if place not in self._posts:
            self._posts[place] = register.add_post(self._uow, unit, person.post, may_sign=signs)
        let_sign(self._uow, self._posts[place], signs)
        return self._posts[place]


def let_sign(uow: UnitOfWork, post: Post, signs: bool) -> None:
    """Let a post's holder sign letters, when ``signs`` and it was not so before."""
    if signs and not post.may_sign:
        post.may_sign = True
        audit.record(uow, "entities.post-may-sign", "post", post.id, entity_id=post.entity_id, row=post)


def _employ(
    uow: UnitOfWork, people: Sequence[_Person], places: _Places, hashes: Mapping[int, str],
    progress: Callable[[int], object],
) -> Iterable[Account]:  # fmt: skip
    """Store a chunk of people: persons first, then what refers to them."""
    day = uow.today
    codes = register.take_employee_codes(uow, len(people))
    made: list[tuple[Employee, Assignment, Account]] = []
    for number, (person, code) in enumerate(zip(people, codes, strict=True), start=1):
        employee = Employee(id=new_id(), code=code, clearance=person.clearance, valid_from=day)
        employee.name = person.name
        post = places.post_of(person)
        held = Assignment(
            id=new_id(), employee_id=employee.id, post_id=post.id, entity_id=person.entity.id, valid_from=day
        )
        account = Account(
            id=new_id(), employee_id=employee.id, entity_id=person.entity.id, login=person.login, roles=person.roles,
            password_hash=hashes[person.line] if person.has_password else UNUSABLE,
            created_at=uow.now, password_changed_at=uow.now if person.has_password else NEVER,
        )  # fmt: skip
        made.append((employee, held, account))
        progress(number)
    uow.session.add_all([employee for employee, _, _ in made])
    uow.flush()
    uow.session.add_all([row for _, held, account in made for row in (held, account)])
    uow.flush()
    for employee, held, account in made:
        entity_id = account.entity_id
        audit.record(uow, "entities.employee-added", "employee", employee.id, row=employee, code=employee.code)
        audit.record(
            uow, "entities.assigned", "assignment", held.id, entity_id=entity_id, row=held, employee=employee.code
        )
        audit.record(
            uow, "accounts.opened", "account", account.id, entity_id=entity_id, row=account, roles=account.roles
        )
    return [account for _, _, account in made]
