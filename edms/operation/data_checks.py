"""The doctor's checks of an installation's data: folder, keys, database, content, certificate, queue."""

import shutil
import stat
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select, text

from crypto.keystore import KeyStore
from edms.content.store import ContentStore
from edms.core import migrate
from edms.core.database import Database
from edms.core.ids import new_id
from edms.core.parts import Parts
from edms.dispatch.models import OutboxItem
from edms.dispatch.rules import ItemState
from edms.entities import service as entity_service
from edms.entities.keyring import Keyring
from edms.operation.finding import Finding, fail, ok, warn
from edms.operation.site import Site
from edms.operation.start import OPERATOR

LEAST_FREE = 256 << 20
LITTLE_FREE = 2 << 30
OLDEST_POSTGRESQL = 15
_QUEUE_LATE = timedelta(minutes=30)


def folder(_parts: Parts, site: Site) -> Finding:
    """Check the data folder's rights and the free space under it."""
    if not site.data.is_dir():
        return fail("data", f"there is no data folder at {site.data}", "diwan init")
    rights = stat.S_IMODE(site.data.stat().st_mode)
    if rights & 0o077:
        return fail("data", f"{site.data} is open to others (mode {rights:04o})", f"chmod 700 {site.data}")
    free = shutil.disk_usage(site.data).free
    shown = f"{site.data}, {free / (1 << 30):.1f} GiB free"
    if free < LEAST_FREE:
        return fail("data", shown, "free some space: below 256 MiB nothing more should be taken")
    return warn("data", shown, "free some space soon") if free < LITTLE_FREE else ok("data", shown)


def secret(_parts: Parts, site: Site) -> Finding:
    """Check what opens the key file: a passphrase, or a file of ours outside the data folder that only we can read."""
    path = site.secret_file
    if site.keys.token_module:
        return ok("secret", "the keys are in a token")
    if site.keys.passphrase:
        return ok("secret", "the key file is opened by a passphrase")
    if path.resolve().is_relative_to(site.data.resolve()):
        return fail("secret", f"{path} lies inside the data folder", "move it out and set keys.secret_file")
    if not path.is_file():
        return fail("secret", f"{path} is missing", "restore it from its own backup, or diwan init for a new start")
    rights = stat.S_IMODE(path.stat().st_mode)
    if rights & 0o077:
        return fail("secret", f"{path} is open to others (mode {rights:04o})", f"chmod 600 {path}")
    return ok("secret", f"{path}, outside the data folder")


def key_file(parts: Parts, site: Site) -> Finding:
    """Check that the token opens with its PIN, or the key file with the secret."""
    parts[KeyStore]
    if site.keys.token_module:
        return ok("keys", f"the token {site.keys.token_label} opens")
    rights = stat.S_IMODE(site.keys_file.stat().st_mode)
    if rights & 0o077:
        return fail("keys", f"{site.keys_file} is open to others (mode {rights:04o})", f"chmod 600 {site.keys_file}")
    return ok("keys", f"{site.keys_file} opens")


def database(_parts: Parts, site: Site) -> Finding:
    """Check that the database answers, is of a known version and at the newest revision."""
    kind = "SQLite" if site.database_url.startswith("sqlite") else "PostgreSQL"
    if kind == "SQLite" and not Path(site.database_url.removeprefix("sqlite:///")).exists():
        return fail("database", "there is no database", "diwan init")
    if kind == "PostgreSQL":
        major = _postgresql_major(site)
        if major < OLDEST_POSTGRESQL:
            return fail("database", f"PostgreSQL {major}", "move to PostgreSQL 15 or newer: pg_dump there, psql here")
        kind = f"PostgreSQL {major}"
    found, newest = migrate.current(site.database_url), migrate.newest()
    if found != newest:
        return fail("database", f"{kind} at revision {found or 'none'}, newest is {newest}", "diwan db upgrade")
    return ok("database", f"{kind} at revision {found}")


def content(parts: Parts, site: Site) -> Finding:
    """Check that the content store takes a blob, gives it back and lets it go."""
    if not site.data.is_dir():
        return fail("content", "there is no data folder", "diwan init")
    store, blob = parts[ContentStore], new_id()
    store.put(blob, [b"doctor"])
    try:
        with store.open(blob) as stream:
            sound = stream.read() == b"doctor"
    finally:
        store.delete(blob)
    if not sound:
        return fail("content", f"{site.content_folder} gives back other bytes", "check the disk")
    return ok("content", f"{site.content_folder} can be written")


def certificate(parts: Parts, site: Site) -> Finding:
    """Check that the gateway gets a certificate: the configured files, or one of our own authority."""
    for path in filter(None, (site.gateway.tls_certificate, site.gateway.tls_key)):
        if not Path(path).is_file():
            return fail("certificate", f"{path} is missing", "correct gateway.tls_certificate and gateway.tls_key")
    if site.gateway.tls_certificate:
        return ok("certificate", site.gateway.tls_certificate)
    with parts[Database].read(OPERATOR) as uow:
        entity_service.gateway_certificate(uow, keys=parts[Keyring], dns_names=[site.gateway.hostname])
    return ok("certificate", "our own authority makes it")


def queue(parts: Parts, _site: Site) -> Finding:
    """Check that nothing has been due for long."""
    with parts[Database].read(OPERATOR) as uow:
        waiting, oldest = uow.session.execute(
            select(func.count(), func.coalesce(func.min(OutboxItem.next_at), uow.now))
            .where(OutboxItem.state.in_([ItemState.QUEUED, ItemState.SENDING]))
        ).one()  # fmt: skip
        late = uow.now - oldest
    if late > _QUEUE_LATE:
        shown = f"{waiting} waiting, the oldest due since {int(late.total_seconds() // 60)} minutes"
        return warn("queue", shown, "see that diwan relay runs, and why: diwan queue list")
    return ok("queue", f"{waiting} waiting")


def _postgresql_major(site: Site) -> int:
    plain = Database(site.database_url)
    try:
        with plain.read(OPERATOR) as uow:
            return int(uow.session.scalar(text("SHOW server_version_num")) or 0) // 10_000
    finally:
        plain.dispose()
