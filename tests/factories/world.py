"""A small state: an installation with two bodies, their people with accounts, an auditor and the centre."""

import atexit
import os
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from uuid import UUID

from config.settings import Settings, load
from crypto.keystore import KeyStore
from crypto.keystore_file import create_key_file
from crypto.root_file import new_root_key, write_root_file
from edms.accounts import service as accounts
from edms.accounts.passwords import NewPassword, hash_password
from edms.accounts.pin import keep_pin, prepare_pin
from edms.content.store import ContentStore
from edms.core import migrate
from edms.core.actor import Actor, system_actor
from edms.core.database import Database, UnitOfWork
from edms.core.parts import Parts
from edms.entities import service as entities
from edms.entities.keyring import Keyring
from edms.entities.rules import EntityType, NewEntity, Role
from edms.entities.vaulting import begin_vault
from edms.wiring import parts_of
from tests.postgres import TEMPLATE, replace_database

PASSWORD = "نخيل البصرة ١٩٥٨"
"""The password of every account of the world."""

PIN = "٧٣٩١٥٨"
"""The signing PIN of every account of the world, as an Arabic keyboard types it."""

OPERATOR = system_actor("operator")

_DOMAINS = ("moh.gov.example", "moe.gov.example")
_STAFF = (
    ("head", "رئيس الجهة", {Role.SIGNATORY, Role.EMPLOYEE}, 3),
    ("registry", "مسؤول الديوان", {Role.REGISTRY}, 2),
    ("employee", "ملاحظ", {Role.EMPLOYEE}, 1),
    ("colleague", "معاون ملاحظ", {Role.EMPLOYEE}, 1),
    ("administrator", "مدير النظام", {Role.ADMINISTRATOR}, 2),
)
_NAMES = ("سالم عبد الأمير الخفاجي", "هدى كاظم الربيعي", "عمر ناظم الجبوري", "زينب حسن الموسوي", "ياسر فاضل العبيدي")


@dataclass(frozen=True, slots=True)
class Body:
    """A body of the world, as plain values."""

    id: UUID
    code: str
    name_ar: str
    mail_domain: str
    short_mark: str


@dataclass(frozen=True, slots=True)
class World:
    """What a test needs; ``actors`` and ``logins`` by ("a" or "b", "head", "registry", "employee", "colleague" or
    "administrator"), ("centre", "auditor") and ("centre", "centre").
    """  # fmt: skip

    parts: Parts
    database: Database
    keyring: Keyring
    store: ContentStore
    keys: KeyStore
    settings: Settings
    entity_a: Body
    entity_b: Body
    centre: Body
    actors: Mapping[tuple[str, str], Actor]
    logins: Mapping[tuple[str, str], str]

    def actor(self, where: str, who: str) -> Actor:
        """Return one of the world's people."""
        return self.actors[where, who]


@cache
def _password_hash() -> str:
    return hash_password(PASSWORD)


@cache
def _pin() -> NewPassword:
    return prepare_pin(PIN)


@cache
def _migrated() -> bytes:
    """Return a SQLite file at the newest revision."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.sqlite3"
        migrate.upgrade(f"sqlite:///{path}")
        return path.read_bytes()


def make_world(
    folder: Path,
    url: str | None = None,
    *,
    name: str = "home",
    gateway_port: int = 2525,
    first_serial: int = 100_000,
    domains: tuple[str, str] = _DOMAINS,
    alone: bool = False,
) -> World:
    """Make a world in ``folder`` on a fresh database (``url``, or a SQLite file there); ``first_serial`` as for
    ``initialise``: two worlds that exchange letters need ranges and ``domains`` of their own.

    The world of no particular name is cast once and copied from then on: only one that is ``alone`` has keys that no
    other test has.
    """  # fmt: skip
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    plan = _Plan(name, gateway_port, first_serial, domains)
    url = url or f"sqlite:///{data / 'diwan.sqlite3'}"
    if alone or plan != _Plan():
        return _opened(data, url, plan, _made(data, url, plan))
    mould = _mould(url.partition(":")[0], url if url.startswith("postgresql") else "")
    shutil.copytree(mould.folder, folder, dirs_exist_ok=True)
    if mould.database:
        replace_database(url, mould.database)
    elif url != f"sqlite:///{data / 'diwan.sqlite3'}":
        (data / "diwan.sqlite3").rename(url.removeprefix("sqlite:///"))
    return _opened(data, url, plan, mould.people)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What distinguishes worlds."""

    name: str = "home"
    gateway_port: int = 2525
    first_serial: int = 100_000
    domains: tuple[str, str] = _DOMAINS


@dataclass(frozen=True, slots=True)
class _People:
    """Who is in a world, as plain values."""

    bodies: Mapping[str, Body]
    actors: Mapping[tuple[str, str], Actor]
    logins: Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class _Mould:
    """A world of no particular name to be copied: its folder, and its database where that is no file there."""

    folder: Path
    database: str
    people: _People


_moulds: dict[str, _Mould] = {}


def _mould(kind: str, url: str) -> _Mould:
    """Return this process's mould for SQLite, or for the server of ``url``."""
    if kind not in _moulds:
        folder = Path(tempfile.mkdtemp(prefix="world-"))
        atexit.register(shutil.rmtree, folder)
        (data := folder / "data").mkdir()
        database = f"world_{os.getpid()}" if url else ""
        if database:
            replace_database(server_url := url.rpartition("/")[0] + f"/{database}", TEMPLATE)
        else:
            server_url = f"sqlite:///{data / 'diwan.sqlite3'}"
        _moulds[kind] = _Mould(folder, database, _made(data, server_url, _Plan()))
    return _moulds[kind]


def _parts(data: Path, url: str, plan: _Plan) -> Parts:
    environ = {
        "DIWAN_DATA": str(data), "DIWAN_INSTALLATION_NAME": plan.name, "DIWAN_GATEWAY_PORT": str(plan.gateway_port),
        "DIWAN_DATABASE_URL": "" if url == f"sqlite:///{data / 'diwan.sqlite3'}" else url,
    }  # fmt: skip
    return parts_of(load(None, environ))


def _opened(data: Path, url: str, plan: _Plan, people: _People) -> World:
    parts = _parts(data, url, plan)
    database = parts[Database]
    weakref.finalize(database, database.engine.dispose)  # no connection outlives the test
    bodies = people.bodies
    return World(
        parts, database, parts[Keyring], parts[ContentStore], parts[KeyStore], parts[Settings],
        bodies["a"], bodies["b"], bodies["centre"], people.actors, people.logins,
    )  # fmt: skip


def _made(data: Path, url: str, plan: _Plan) -> _People:
    """Make a world's keys, fill its database and say who is in it."""
    parts = _parts(data, url, plan)
    settings = parts[Settings]
    secret = secrets.token_bytes(32)
    settings.secret_file.write_bytes(secret)
    create_key_file(settings.keys_file, secret)
    root = new_root_key()
    write_root_file(settings.root_file, root, secret)
    sqlite = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite") and not sqlite.exists():
        sqlite.write_bytes(_migrated())
    elif migrate.current(url) != migrate.newest():
        migrate.upgrade(url)
    keyring, database = parts[Keyring], parts[Database]
    with database.work(OPERATOR) as uow:
        entities.initialise(
            uow, name=plan.name, gateway_host="127.0.0.1", gateway_port=plan.gateway_port, keys=keyring, root=root,
            first_serial=plan.first_serial,
        )  # fmt: skip
        begin_vault(uow, keys=keyring)
        bodies = {
            "centre": _body(uow, keyring, "مركز المراسلات الحكومية", f"centre.{plan.domains[0]}", "م.م"),
            "a": _body(uow, keyring, "وزارة الصحة", plan.domains[0], "و.ص"),
            "b": _body(uow, keyring, "وزارة التربية", plan.domains[1], "و.ت"),
        }
        logins = {(key, who): f"{who}.{key}" for key in ("a", "b") for who, _, _, _ in _STAFF}
        for key in ("a", "b"):
            for (who, post, roles, clearance), person in zip(_STAFF, _NAMES, strict=True):
                _person(uow, bodies[key], post, person, logins[key, who], frozenset(roles), clearance)
        for who, role in (("auditor", Role.AUDITOR), ("centre", Role.CENTRE)):
            logins["centre", who] = f"{who}.centre"
            _person(uow, bodies["centre"], who, f"{_NAMES[0]} {who}", logins["centre", who], frozenset({role}), 3)
    with database.work(OPERATOR) as uow:
        actors = {place: accounts.actor_of_employee(uow, login) for place, login in logins.items()}
    database.engine.dispose()
    return _People(bodies, actors, logins)


def _body(uow: UnitOfWork, keyring: Keyring, name: str, domain: str, mark: str) -> Body:
    new = NewEntity(
        name_ar=name, type=EntityType.MINISTRY, mail_domain=domain, short_mark=mark, valid_from=date(2020, 1, 1)
    )
    row = entities.add_entity(uow, new, keys=keyring)
    return Body(row.id, row.code, row.name_ar, row.mail_domain, row.short_mark)


def _person(
    uow: UnitOfWork, body: Body, post: str, name: str, login: str, roles: frozenset[str], clearance: int
) -> None:
    unit = "الديوان" if Role.REGISTRY in roles else "الدائرة الإدارية"
    new = accounts.NewPerson(body.id, unit, post, name, login, roles, clearance)
    _, account = accounts.add_person(uow, new)
    account.password_hash = _password_hash()
    keep_pin(uow, account, _pin())
