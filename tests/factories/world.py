"""A small state: an installation with two bodies, their people with accounts, an auditor and the centre."""

import secrets
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

PASSWORD = "نخيل البصرة ١٩٥٨"
"""The password of every account of the world."""

PIN = "٧٣٩١٥٨"
"""The signing PIN of every account of the world, as an Arabic keyboard types it."""

OPERATOR = system_actor("operator")

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
    domains: tuple[str, str] = ("moh.gov.example", "moe.gov.example"),
) -> World:
    """Make a world in ``folder`` on a fresh database (``url``, or a SQLite file there); ``first_serial`` as for
    ``initialise``: two worlds that exchange letters need ranges and ``domains`` of their own.
    """  # fmt: skip
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    environ = {"DIWAN_DATA": str(data), "DIWAN_INSTALLATION_NAME": name, "DIWAN_GATEWAY_PORT": str(gateway_port)}
    settings = load(None, {**environ, "DIWAN_DATABASE_URL": url or ""})
    secret = secrets.token_bytes(32)
    settings.secret_file.write_bytes(secret)
    create_key_file(settings.keys_file, secret)
    root = new_root_key()
    write_root_file(settings.root_file, root, secret)
    if url is None:
        (data / "diwan.sqlite3").write_bytes(_migrated())
    elif migrate.current(url) != migrate.newest():
        migrate.upgrade(url)
    parts = parts_of(settings)
    keyring, database = parts[Keyring], parts[Database]
    weakref.finalize(database, database.engine.dispose)  # no connection outlives the test
    with database.work(OPERATOR) as uow:
        entities.initialise(
            uow, name=name, gateway_host="127.0.0.1", gateway_port=gateway_port, keys=keyring, root=root,
            first_serial=first_serial,
        )  # fmt: skip
        begin_vault(uow, keys=keyring)
        centre = _body(uow, keyring, "مركز المراسلات الحكومية", f"centre.{domains[0]}", "م.م")
        bodies = {
            "a": _body(uow, keyring, "وزارة الصحة", domains[0], "و.ص"),
            "b": _body(uow, keyring, "وزارة التربية", domains[1], "و.ت"),
        }
        logins = {(key, who): f"{who}.{key}" for key in bodies for who, _, _, _ in _STAFF}
        for key, body in bodies.items():
            for (who, post, roles, clearance), person in zip(_STAFF, _NAMES, strict=True):
                _person(uow, body, post, person, logins[key, who], frozenset(roles), clearance)
        for who, role in (("auditor", Role.AUDITOR), ("centre", Role.CENTRE)):
            logins["centre", who] = f"{who}.centre"
            _person(uow, centre, who, f"{_NAMES[0]} {who}", logins["centre", who], frozenset({role}), 3)
    with database.work(OPERATOR) as uow:
        actors = {place: accounts.actor_of_employee(uow, login) for place, login in logins.items()}
    return World(
        parts, database, keyring, parts[ContentStore], parts[KeyStore], settings,
        bodies["a"], bodies["b"], centre, actors, logins,
    )  # fmt: skip


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
