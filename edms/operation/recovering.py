"""What officers recover: the secret that opens the key file, and a copy of the key file as it was."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cbor2

from crypto.errors import CryptoError, KeyUnavailable
from crypto.keystore_file import FileKeyStore
from crypto.recovery import Officer, OfficerKey, make_recovery, note_of, recover, same_secret
from edms.audit.service import record
from edms.core.actor import Actor
from edms.core.database import Database
from edms.core.errors import Conflict, EdmsError, Unavailable
from edms.core.folders import sync_folder
from edms.entities.rules import KEEP_KEYS
from edms.operation.site import Site
from edms.wiring import key_secret


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was in a recovery file."""

    secret: bytes = field(repr=False)
    key_file: bytes = field(repr=False)


def create(database: Database, actor: Actor, site: Site, officers: Sequence[Officer]) -> str:
    """Return a recovery file for five officers; it holds no vault, so that what is destroyed stays so.

    Raises Unavailable ``keys.recovery-token`` when the keys are in a token, which has a backup of its own; what
    :func:`crypto.recovery.make_recovery` raises.
    """
    if site.keys.token_module:
        raise Unavailable("keys.recovery-token")
    secret = key_secret(site.keys.passphrase, site.secret_file)
    FileKeyStore(site.keys_file, secret)  # it is the one that opens them
    with database.work(actor) as uow:
        uow.actor.require(KEEP_KEYS)
        payload = cbor2.dumps({"secret": secret, "key_file": site.keys_file.read_bytes()})
        made = make_recovery(
            officers,
            payload,
            note={"installation": site.installation.name, "made": uow.now.isoformat(timespec="minutes")},
        )
        told = note_of(made)
        record(
            uow, "keys.recovery-made", "keys", None, recovery=told["id"],
            officers=" ".join(one.fingerprint for one in officers),
        )  # fmt: skip
    return made


def opened(text: str, officers: Sequence[OfficerKey]) -> Recovered:
    """Open a recovery file by three officers; raises KeyUnavailable as :func:`crypto.recovery.recover` does."""
    found = cbor2.loads(recover(text, officers))
    return Recovered(found["secret"], found["key_file"])


def drill(database: Database, actor: Actor, site: Site, text: str, officers: Sequence[OfficerKey]) -> tuple[int, ...]:
    """See whether three officers can restore today; writes nothing but the event, and returns the root versions.

    Raises Conflict ``keys.recovery-old`` when the secret is another one by now; what ``opened`` raises.
    """
    problem = ""
    try:
        found = opened(text, officers)
        if not same_secret(found.secret, key_secret(site.keys.passphrase, site.secret_file)):
            raise Conflict("keys.recovery-old")
        return FileKeyStore(site.keys_file, found.secret).roots()
    except (CryptoError, EdmsError) as error:
        problem = error.code
        raise
    finally:
        with database.work(actor) as uow:
            uow.actor.require(KEEP_KEYS)
            names = " ".join(sorted({one.fingerprint for one in officers}))
            record(uow, "keys.recovery-drill", "keys", None, ok=not problem, problem=problem, officers=names)


def restore(site: Site, text: str, officers: Sequence[OfficerKey]) -> list[Path]:
    """Write the secret, and the key file where there is none; needs no database, and returns what was written.

    A key file that is there is kept: it is newer than the copy. Raises Conflict ``keys.secret-exists`` when there is
    another secret, KeyUnavailable ``keystore.wrong-secret`` when the key file that is there does not open by it.
    """
    found, written = opened(text, officers), []
    if site.keys_file.exists():
        FileKeyStore(site.keys_file, found.secret)
    if site.secret_file.exists() and not same_secret(site.secret_file.read_bytes(), found.secret):
        raise Conflict("keys.secret-exists", file=str(site.secret_file))
    for path, data in ((site.secret_file, found.secret), (site.keys_file, found.key_file)):
        if not path.exists():
            write_new(path, data)
            written.append(path)
    FileKeyStore(site.keys_file, found.secret)
    return written


def write_new(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads, durably, and never over another; Unavailable ``keys.cannot-write``."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except OSError as error:
        raise Unavailable("keys.cannot-write", file=str(path)) from error


def passphrase_in(path: Path) -> bytes:
    """Return the passphrase that is all of a file but the end of its line."""
    return read_text(path).removesuffix("\n").removesuffix("\r").encode()


def read_text(path: Path) -> str:
    """Return the text of a small file; raises KeyUnavailable ``recovery.not-a-file``."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyUnavailable("recovery.not-a-file") from error
