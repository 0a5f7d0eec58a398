"""Verbs of the register of bodies and of staff: initialise, register, import, employ, assign."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select, update

from crypto.codes import employee_code, entity_code, unit_code
from crypto.root_file import RootKey
from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from edms.core.ids import NIL, new_id
from edms.entities import queries
from edms.entities.authority import begin_authority
from edms.entities.csv_import import Known, Rows, plan_entities, read_entity_code
from edms.entities.keyring import Keyring
from edms.entities.models import Assignment, CodeCounter, Employee, Entity, Installation, Post, Unit
from edms.entities.revoking import revoke_person
from edms.entities.rules import (
    CLEARANCES,
    EMPLOYEES_PER_SERIAL,
    FIRST_SERIAL,
    KEEP_ALL_STAFF,
    KEEP_ENTITIES,
    KEEP_INSTALLATIONS,
    KEEP_STAFF,
    LAST_SERIAL,
    LONGEST_MARK,
    LONGEST_NAME,
    NewEntity,
    clean_domain,
    clean_name,
)
from edms.entities.sealing import ensure_seal, gateway_certificate

__all__ = [
    "add_employee", "add_entity", "add_post", "add_unit", "assign", "end_assignment", "ensure_seal",
    "gateway_certificate", "import_entities", "initialise", "keep_staff_of", "set_clearance",
    "take_employee_codes",
]  # fmt: skip

Progress = Callable[[int], object]
_ENTITIES, _EMPLOYEES = "entities", "employees"
_CHUNK = 500


def initialise(
    uow: UnitOfWork,
    *,
    name: str,
    gateway_host: str,
    gateway_port: int,
    keys: Keyring,
    root: RootKey,
    first_serial: int = FIRST_SERIAL,
) -> Installation:
    """Begin an installation on an empty database: its key, its certificate authority, its own row.

    ``root`` certifies the issuing authority, once; the caller has put it where it is kept, apart from all else.
    ``first_serial`` (100000 to 999999) is where its entity codes begin; installations that exchange letters each get
    a range of their own. Raises Conflict ``entities.initialised`` on the second call.
    """
    uow.actor.require(KEEP_INSTALLATIONS)
    if uow.session.scalars(select(Installation.id).where(Installation.is_home)).first() is not None:
        raise Conflict("entities.initialised")
    title = clean_name(name)
    if not title or len(title) > 100:
        raise _invalid("name", "entities.bad-installation-name")
    if not FIRST_SERIAL <= first_serial <= LAST_SERIAL:
        raise _invalid("first_serial", "entities.codes-exhausted")
    keys.create(uow.session, NIL, uow.now)
    uow.session.add_all([
        CodeCounter(name=_ENTITIES, last=first_serial - 1),
        CodeCounter(name=_EMPLOYEES, last=(first_serial - FIRST_SERIAL) * EMPLOYEES_PER_SERIAL - 1),
    ])  # fmt: skip
    home = Installation(
        name=title, is_home=True, gateway_host=gateway_host, gateway_port=gateway_port, ca_certificate=b""
    )
    uow.session.add(home)
    uow.flush()
    begin_authority(uow, home, root=root, keys=keys)
    uow.flush()
    audit.record(uow, "entities.initialised", "installation", home.id, row=home)
    return home


def add_entity(uow: UnitOfWork, new: NewEntity, *, keys: Keyring) -> Entity:
    """Register one body with its code and, when this installation serves it, its first key.

    Raises Invalid ``entities.bad-entity`` with the fields that break a rule, Forbidden for anybody but the centre.
    """
    uow.actor.require(KEEP_ENTITIES)
    home = queries.home(uow)
    domain, code, problems = _checked(uow, new)
    if problems or domain is None:
        raise Invalid("entities.bad-entity", problems)
    taken = set(uow.session.scalars(select(Entity.code)))
    row = _row(new, new.id or new_id(), code or _free_codes(uow, 1, taken)[0], domain, home.id)
    _store(uow, [row], home.id, keys=keys)
    return row


def import_entities(
    uow: UnitOfWork, rows: Rows, *, keys: Keyring, progress: Progress = lambda _done: None
) -> list[Entity]:
    """Register the bodies of a table, all or nothing; ``progress`` is told how many are stored.

    Raises Invalid ``entities.bad-csv`` whose problems name every bad row with its line and reason.
    """
    uow.actor.require(KEEP_ENTITIES)
    home = queries.home(uow)
    listed = uow.session.execute(select(Entity.code, Entity.id, Entity.mail_domain)).all()
    servers = uow.session.execute(select(Installation.name, Installation.id)).all()
    known = Known(
        codes={code: key for code, key, _ in listed},
        domains=frozenset(domain for _, _, domain in listed),
        installations={name: key for name, key in servers},  # noqa: C416 - rows are tuples that dict() does not type
    )
    planned = plan_entities(rows, known)
    taken = {*known.codes, *(new.code for new in planned if new.code)}
    free = iter(_free_codes(uow, sum(new.code is None for new in planned), taken))
    made = [_row(new, new.id or new_id(), new.code or next(free), new.mail_domain, home.id) for new in planned]
    for at in range(0, len(made), _CHUNK):
        _store(uow, made[at : at + _CHUNK], home.id, keys=keys)
        progress(min(at + _CHUNK, len(made)))
    return made


def add_unit(
    uow: UnitOfWork, entity_id: UUID, name: str, *, parent_id: UUID | None = None, is_registry: bool = False
) -> Unit:
    """Add a unit (تشكيل) to a body; raises Invalid ``entities.bad-unit``."""
    entity = keep_staff_of(uow, entity_id)
    title = _title(name, "entities.bad-unit")
    if parent_id is not None:
        parent = uow.session.get(Unit, parent_id)
        if parent is None or parent.entity_id != entity.id:
            raise NotFound("entities.unknown-unit")
    code = unit_code(entity.code[:6], _next(uow, f"units:{entity.code}", 1))
    unit = Unit(entity_id=entity.id, parent_id=parent_id, code=code, is_registry=is_registry, valid_from=uow.today)
    unit.name = title
    uow.session.add(unit)
    uow.flush()
    audit.record(uow, "entities.unit-added", "unit", unit.id, entity_id=entity.id, row=unit, code=code)
    return unit


def add_post(uow: UnitOfWork, unit: Unit, title: str, *, may_sign: bool = False) -> Post:
    """Add a post (منصب) to a unit; ``may_sign`` lets its holder sign letters. Raises Invalid ``entities.bad-post``."""
    entity = keep_staff_of(uow, unit.entity_id)
    post = Post(entity_id=entity.id, unit_id=unit.id, may_sign=may_sign, valid_from=uow.today)
    post.title = _title(title, "entities.bad-post")
    uow.session.add(post)
    uow.flush()
    audit.record(uow, "entities.post-added", "post", post.id, entity_id=entity.id, row=post, may_sign=may_sign)
    return post


def add_employee(uow: UnitOfWork, name: str, *, clearance: int = 1, valid_from: date | None = None) -> Employee:
    """Add a person with a national code that is scattered over its range; ``clearance`` is 0 to 3.

    An administrator gives no clearance above the own one. Raises Invalid ``entities.bad-employee``.
    """
    uow.actor.require(KEEP_STAFF)
    title = _title(name, "entities.bad-employee")
    _require_clearance(uow, clearance)
    code = take_employee_codes(uow, 1)[0]
    employee = Employee(code=code, clearance=clearance, valid_from=valid_from or uow.today)
    employee.name = title
    uow.session.add(employee)
    uow.flush()
    audit.record(uow, "entities.employee-added", "employee", employee.id, row=employee, code=code, clearance=clearance)
    return employee


def take_employee_codes(uow: UnitOfWork, count: int) -> list[str]:
    """Return the next ``count`` employee codes, never given before."""
    first = _next(uow, _EMPLOYEES, count)
    return [employee_code(serial) for serial in range(first, first + count)]


def set_clearance(uow: UnitOfWork, employee: Employee, clearance: int) -> None:
    """Change the highest sensitivity that a person may read; nobody changes the own one.

    An administrator does so for those who hold a post in the own body: NotFound ``entities.unknown-employee``.
    """
    uow.actor.require(KEEP_STAFF)
    if clearance == employee.clearance:
        return
    if employee.id == uow.actor.employee_id:
        raise Forbidden("entities.own-clearance")
    held = {one.entity_id for one in queries.assignments_of(uow, employee.id, uow.today)}
    if not uow.actor.may(KEEP_ALL_STAFF) and uow.actor.entity_id not in held:
        raise NotFound("entities.unknown-employee", employee=employee.code)
    _require_clearance(uow, max(clearance, employee.clearance))
    _require_clearance(uow, clearance)
    employee.clearance = clearance
    uow.flush()
    audit.record(uow, "entities.clearance-set", "employee", employee.id, row=employee, clearance=clearance)


def assign(
    uow: UnitOfWork, employee: Employee, post: Post, valid_from: date | None = None, *, reason: str = ""
) -> Assignment:
    """Give a post to a person from ``valid_from`` (default: today) on.

    An administrator cannot take a person whom another body holds now: NotFound ``entities.unknown-employee``. Raises
    Conflict ``entities.already-assigned`` when the person holds the post that day.
    """
    entity = keep_staff_of(uow, post.entity_id)
    day = valid_from or uow.today
    current = queries.assignments_of(uow, employee.id, day)
    if any(one.post_id == post.id for one in current):
        raise Conflict("entities.already-assigned")
    if not uow.actor.may(KEEP_ALL_STAFF) and any(one.entity_id != entity.id for one in current):
        raise NotFound("entities.unknown-employee", employee=employee.code)
    held = Assignment(employee_id=employee.id, post_id=post.id, entity_id=entity.id, valid_from=day, reason=reason)
    uow.session.add(held)
    uow.flush()
    audit.record(uow, "entities.assigned", "assignment", held.id, entity_id=entity.id, row=held, employee=employee.code)
    return held


def end_assignment(uow: UnitOfWork, assignment_id: UUID, last_day: date | None = None, *, reason: str = "") -> None:
    """End a person's hold of a post; ``last_day`` (default: yesterday, so at once) is the last day in force."""
    held = uow.session.get(Assignment, assignment_id)
    if held is None:
        raise NotFound("entities.unknown-assignment")
    keep_staff_of(uow, held.entity_id, "entities.unknown-assignment")
    day = last_day or uow.today - timedelta(days=1)
    if held.valid_to is not None and held.valid_to <= day:
        raise Conflict("entities.assignment-ended")
    held.valid_to = day
    held.reason = reason or held.reason
    uow.flush()
    left = queries.assignments_of(uow, held.employee_id, uow.today)
    if not any(one.entity_id == held.entity_id for one in left):
        revoke_person(uow, held.employee_id, entity_id=held.entity_id)
    audit.record(uow, "entities.assignment-ended", "assignment", held.id, entity_id=held.entity_id, row=held)


def keep_staff_of(uow: UnitOfWork, entity_id: UUID, unknown: str = "entities.unknown") -> Entity:
    """Return the body whose staff the actor may keep; NotFound ``unknown`` for any other, Forbidden without right."""
    uow.actor.require(KEEP_STAFF)
    if not uow.actor.may(KEEP_ALL_STAFF) and uow.actor.entity_id != entity_id:
        raise NotFound(unknown)
    return queries.entity(uow, entity_id)


def _checked(uow: UnitOfWork, new: NewEntity) -> tuple[str | None, str | None, tuple[Problem, ...]]:
    """Return domain and code in their stored form, and what is wrong with a single new body, by field."""
    problems: list[Problem] = []
    name = clean_name(new.name_ar)
    if not name or max(len(name), len(clean_name(new.name_en))) > LONGEST_NAME:
        problems.append(Problem("name_ar", "entities.bad-name", limit=LONGEST_NAME))
    if len(clean_name(new.short_mark)) > LONGEST_MARK:
        problems.append(Problem("short_mark", "entities.bad-mark", limit=LONGEST_MARK))
    domain = clean_domain(new.mail_domain)
    if domain is None:
        problems.append(Problem("mail_domain", "entities.bad-domain", domain=new.mail_domain or "—"))
    elif queries.entity_by_domain(uow, domain):
        problems.append(Problem("mail_domain", "entities.duplicate-domain", domain=domain))
    if new.valid_to and new.valid_to < new.valid_from:
        problems.append(Problem("valid_to", "entities.ends-before-it-begins"))
    if new.parent_id and uow.session.get(Entity, new.parent_id) is None:
        problems.append(Problem("parent", "entities.unknown-parent", parent="—"))
    code = None
    if new.code:
        code, wrong = read_entity_code(new.code)
        if wrong:
            problems.append(Problem("code", wrong.code, **wrong.params))
        elif uow.session.scalars(select(Entity.id).where(Entity.code == code)).first():
            problems.append(Problem("code", "entities.duplicate-code", entity=code))
    return domain, code, tuple(problems)


def _row(new: NewEntity, key: UUID, code: str, domain: str, home_id: UUID) -> Entity:
    row = Entity(
        id=key, code=code, type=new.type, parent_id=new.parent_id, mail_domain=domain,
        installation_id=new.installation_id or home_id, short_mark=clean_name(new.short_mark),
        valid_from=new.valid_from, valid_to=new.valid_to, registers_by_rule=new.registers_by_rule,
    )  # fmt: skip
    row.name_ar = clean_name(new.name_ar)
    row.name_en = clean_name(new.name_en)
    return row


def _store(uow: UnitOfWork, rows: Sequence[Entity], home_id: UUID, *, keys: Keyring) -> None:
    """Store bodies (parents first), a first key for each that is served here, and an event each."""
    uow.session.add_all(rows)
    for row in rows:
        if row.installation_id == home_id:
            keys.create(uow.session, row.id, uow.now, first=True)
    uow.flush()
    for row in rows:
        audit.record(uow, "entities.added", "entity", row.id, entity_id=row.id, row=row, code=row.code)


def _free_codes(uow: UnitOfWork, count: int, taken: set[str]) -> list[str]:
    """Return ``count`` codes never given before, skipping those that were given by hand."""
    found: list[str] = []
    while len(found) < count:
        wanted = count - len(found)
        first = _next(uow, _ENTITIES, wanted)
        if first + wanted - 1 > LAST_SERIAL:
            raise Conflict("entities.codes-exhausted")
        found += [code for code in map(entity_code, range(first, first + wanted)) if code not in taken]
    return found


def _next(uow: UnitOfWork, name: str, count: int) -> int:
    """Take ``count`` serials of a counter and return the first; the counter's row stays locked until the commit."""
    last = uow.session.execute(
        update(CodeCounter)
        .where(CodeCounter.name == name)
        .values(last=CodeCounter.last + count)
        .returning(CodeCounter.last)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if last is None:
        last = count
        uow.session.add(CodeCounter(name=name, last=last))
        uow.flush()
    return last - count + 1


def _title(text: str, refusal: str) -> str:
    title = clean_name(text)
    if not title or len(title) > LONGEST_NAME:
        raise _invalid("name", refusal, limit=LONGEST_NAME)
    return title


def _require_clearance(uow: UnitOfWork, clearance: int) -> None:
    if clearance not in CLEARANCES:
        raise _invalid("clearance", "entities.bad-clearance")
    if not uow.actor.may(KEEP_ALL_STAFF) and clearance > uow.actor.clearance:
        raise _invalid("clearance", "entities.clearance-above-own")


def _invalid(where: str, code: str, **params: object) -> Invalid:
    return Invalid(code, (Problem(where, code, **params),), **params)
