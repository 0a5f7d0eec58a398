"""Beginning an installation: folder, secret, key file, database and its own row, or nothing at all."""

import logging
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from crypto.errors import KeyUnavailable
from crypto.keystore import KeyStore
from crypto.keystore_file import create_key_file
from crypto.root_file import new_root_key, write_root_file
from edms.audit.service import record
from edms.core import migrate
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.errors import Conflict, NotFound, Unavailable
from edms.core.parts import Parts
from edms.entities import queries as entities
from edms.entities import service as entity_service
from edms.entities.keyring import Keyring
from edms.entities.models import Installation
from edms.entities.rules import FIRST_SERIAL
from edms.entities.vaulting import begin_vault
from edms.operation.site import Site

OPERATOR = system_actor("operator")
SECRET_BYTES = 32
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


def installed(site: Site) -> Installation | None:
    """Return this installation's row, or None before ``diwan init``; needs no key.

    Raises Unavailable ``database.unavailable`` when a server cannot be reached.
    """
    path = _sqlite_file(site)
    try:
        if (path is not None and not path.exists()) or migrate.current(site.database_url) is None:
            return None
    except OperationalError as error:
        raise Unavailable("database.unavailable") from error
    database = Database(site.database_url)
    try:
        with database.read(OPERATOR) as uow:
            return entities.home(uow)
    except NotFound:
        return None
    finally:
        database.dispose()


def initialise(parts: Parts, site: Site, *, name: str, first_serial: int = FIRST_SERIAL) -> None:
    """Begin an installation in the data folder; what a failed attempt made is removed again.

    Without a passphrase the secret that opens the key file is made beside the data folder, so that a copy of the
    folder alone opens nothing. Raises Conflict ``operation.initialised`` on the second call, ``operation.keys-remain``
    when a key file without a database is there, Unavailable ``operation.cannot-write``.
    """
    if installed(site):
        raise Conflict("operation.initialised", data=str(site.data))
    for left in (site.keys_file, site.root_file, site.vault_file):
        if left.exists():
            raise Conflict("operation.keys-remain", file=str(left))
    with _all_or_nothing(site):
        _begin(parts, site, name, first_serial)


def upgrade(site: Site) -> str:
    """Bring the database to the newest revision and return it."""
    quiet_migrations()
    migrate.upgrade(site.database_url)
    return migrate.newest() or ""


def quiet_migrations() -> None:
    """Keep Alembic's own notes off the terminal."""
    logging.getLogger("alembic").setLevel(logging.WARNING)


def announced_host(site: Site) -> str:
    """Return the host that peers reach our gateway by: where it listens, or its name when it listens everywhere."""
    return site.gateway.hostname if site.gateway.host in _EVERYWHERE else site.gateway.host


def keep_gateway_address(parts: Parts, site: Site, *, port: int) -> None:
    """Write where our own gateway is reached into our row, when the settings have changed since."""
    host = announced_host(site)
    with parts[Database].read(OPERATOR) as uow:
        home = entities.home(uow)
        if (home.gateway_host, home.gateway_port) == (host, port):
            return
    with parts[Database].work(OPERATOR) as uow:
        home = entities.home(uow)
        home.gateway_host, home.gateway_port = host, port
        record(uow, "entities.gateway-moved", "installation", home.id, row=home)


def _begin(parts: Parts, site: Site, name: str, first_serial: int) -> None:
    site.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    site.data.chmod(0o700)
    site.run_folder.mkdir(mode=0o700, exist_ok=True)
    secret = site.keys.passphrase.encode() or _secret(site.secret_file)
    if not site.keys.token_module:
        create_key_file(site.keys_file, secret)
    parts[KeyStore]  # the keys open with what the settings say, or nothing goes on
    root = new_root_key()
    write_root_file(site.root_file, root, secret)
    upgrade(site)
    with parts[Database].work(OPERATOR) as uow:
        entity_service.initialise(
            uow, name=name, gateway_host=announced_host(site), gateway_port=site.gateway.port, keys=parts[Keyring],
            root=root, first_serial=first_serial,
        )  # fmt: skip
        begin_vault(uow, keys=parts[Keyring])


def _secret(path: Path) -> bytes:
    """Return the secret in ``path``, made there (mode 0600) when there is none."""
    if path.exists():
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Unavailable("operation.secret-open", file=str(path))
        return path.read_bytes()
    secret = secrets.token_bytes(SECRET_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(secret)
        stream.flush()
        os.fsync(stream.fileno())
    return secret


@contextmanager
def _all_or_nothing(site: Site) -> Iterator[None]:
    """Remove the files that the block made when it fails; what was there before stays."""
    had_folder = site.data.exists()
    database = _sqlite_file(site)
    watched = [site.secret_file, site.root_file, site.keys_file, _beside(site.keys_file, ".lock"), site.run_folder,
               site.vault_file, _beside(site.vault_file, ".lock")]  # fmt: skip
    if database is not None:
        watched += [database, *(_beside(database, suffix) for suffix in ("-wal", "-shm", "-journal", ".writer"))]
    fresh = [path for path in watched if not path.exists()]
    try:
        yield
    except BaseException as error:
        for path in fresh:
            _remove(path)
        if not had_folder:
            _remove(site.data)
        if isinstance(error, OSError):
            raise Unavailable("operation.cannot-write", path=str(error.filename or site.data)) from error
        if isinstance(error, KeyUnavailable):
            raise Unavailable("operation.cannot-write", path=str(site.keys_file)) from error
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sqlite_file(site: Site) -> Path | None:
    url = make_url(site.database_url)
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
