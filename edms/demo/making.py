"""Making a demonstration installation: all bodies, staff for some, and logins that are random in each installation."""

import json
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from edms.accounts.models import Account
from edms.accounts.pin import keep_pin, prepare_pin
from edms.accounts.service import hash_passwords, import_staff
from edms.core.actor import system_actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict
from edms.core.parts import Parts
from edms.demo.bodies import Body, entities_csv, own_bodies
from edms.demo.letterheads import dress
from edms.demo.staff import StaffRow, needs_pin, new_pin, plan_staff
from edms.entities import queries as entities
from edms.entities import service as entity_service
from edms.entities.csv_import import ENTITY_COLUMNS, ENTITY_OPTIONAL, read_rows
from edms.entities.keyring import Keyring
from edms.entities.models import Employee, Entity
from edms.operation import start
from edms.operation.running import LOGINS, demo_logins
from edms.operation.site import Site

OPERATOR = system_actor("operator")
NAME = "diwan-demo"
ROLES = ("employee", "signatory", "registry", "auditor", "administrator", "centre")
_WITH_LOGINS = 3  # bodies whose staff can sign in: two that write to each other, and one beside them
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_SEED = 1

Progress = Callable[[int], object]


def prepare(parts: Parts, site: Site, *, bodies: int, progress: Progress = lambda _done: None) -> None:
    """Make what is missing of a demonstration in which the first ``bodies`` bodies have staff.

    Raises Conflict ``demo.not-a-demo`` for an installation that people use, which it never touches.
    """
    marker = site.run_folder / LOGINS
    if start.installed(site) is None:
        start.quiet_migrations()
        start.initialise(parts, site, name=NAME)
        _keep(marker, [])
    if not marker.exists():
        raise Conflict("demo.not-a-demo", data=str(site.data))
    database = parts[Database]
    with database.read(OPERATOR) as uow:
        empty = entities.count_entities(uow) == 0
    if empty:
        rows = read_rows(entities_csv().encode(), ENTITY_COLUMNS, ENTITY_OPTIONAL)
        with database.work(OPERATOR) as uow:
            entity_service.import_entities(uow, rows, keys=parts[Keyring], progress=progress)
    dress(database, own_bodies()[:bodies])
    logins = _employ(database, own_bodies()[:bodies], keys=parts[Keyring])
    if logins:
        _keep(marker, sorted([*(demo_logins(site) or ()), *logins], key=lambda one: ROLES.index(one["role"])))


def _employ(database: Database, bodies: Sequence[Body], *, keys: Keyring) -> list[dict[str, str]]:
    """Give staff to the bodies that have none yet; returns the new logins."""
    with database.read(OPERATOR) as uow:
        known = set(uow.session.scalars(select(Account.login)))
    planned = [row for row in plan_staff([body.key for body in bodies], seed=_SEED) if row.login not in known]
    domains = {body.key: body.mail_domain for body in bodies}
    open_to = {body.key for body in bodies[:_WITH_LOGINS]}
    passwords = {row.login: _password() if row.entity_key in open_to else "" for row in planned}
    if not planned:
        return []
    rows = [(line, _csv_row(row, domains, passwords)) for line, row in enumerate(planned, start=2)]
    hashes = hash_passwords(rows)
    pins = {row.login: prepare_pin(new_pin()) for row in planned if passwords[row.login] and needs_pin(row)}
    with database.work(OPERATOR) as uow:
        accounts = import_staff(uow, rows, hashes=hashes, keys=keys)
        for account, row in zip(accounts, planned, strict=True):
            if row.login in pins:
                keep_pin(uow, account, pins[row.login])
        return [
            _login(uow, account, row, passwords[row.login], pins[row.login].text if row.login in pins else "")
            for account, row in zip(accounts, planned, strict=True)
            if passwords[row.login]
        ]


def _csv_row(row: StaffRow, domains: dict[str, str], passwords: dict[str, str]) -> dict[str, object]:
    return {
        "entity": domains[row.entity_key],
        "unit": row.unit_name_ar,
        "post": row.post_title_ar,
        "name": row.name_ar,
        "login": row.login,
        "roles": " ".join(row.roles),
        "clearance": str(row.clearance),
        "password": passwords[row.login],
    }


def _login(uow: UnitOfWork, account: Account, row: StaffRow, password: str, pin: str) -> dict[str, str]:
    entity = uow.session.get_one(Entity, account.entity_id)
    role = row.roles[-1]
    local = "diwan" if role == "registry" else row.login
    return {
        "role": role,
        "employee": uow.session.get_one(Employee, account.employee_id).code,
        "entity": entity.code,
        "address": f"{local}@{entity.mail_domain}",
        "login": row.login,
        "password": password,
        "pin": pin,
    }


def _password() -> str:
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def _keep(path: Path, logins: list[dict[str, Any]]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(logins, stream, indent=1)
    fresh.replace(path)
