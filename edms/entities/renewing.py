"""The ceremony with the root's key: certifying the issuing authority again, with its key or with another one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from crypto.certificates import CA_ISSUING, public_key_of
from crypto.root_file import RootKey
from edms.audit import service as audit
from edms.core.database import Base, UnitOfWork
from edms.core.errors import Conflict
from edms.entities import queries
from edms.entities.authority import certify_clock, certify_issuing
from edms.entities.keyring import Keyring
from edms.entities.models import EntitySeal, IssuedCertificate
from edms.entities.revoking import keep_crl
from edms.entities.rules import KEEP_AUTHORITY


@dataclass(frozen=True, slots=True)
class RootAccess:
    """Where ``diwan init`` put the root's file, and how such a file is opened (a path, and a secret of its own)."""

    file: Path
    open: Callable[[Path, bytes | None], RootKey] = field(repr=False)


def renew(uow: UnitOfWork, *, root: RootKey, keys: Keyring, replace_key: bool = False) -> None:
    """Certify the issuing authority for five more years, the clock with it, and make the root's list anew.

    With ``replace_key`` the issuing key is one that others know: a new one takes its place, the old authority stands in
    the root's list, and all that it issued counts as revoked; seals and signatures are certified again on their next
    use. Raises Conflict ``authority.wrong-root`` for a key that is not our root's.
    """
    uow.actor.require(KEEP_AUTHORITY)
    home = queries.home(uow)
    if root.public_key() != public_key_of(home.ca_certificate):
        raise Conflict("authority.wrong-root")
    taken_back: list[Base] = []
    if replace_key:
        taken_back = _take_back_all(uow, home.issuing_key or CA_ISSUING)
        home.issuing_key = _free_name(uow)
        keys.keys.create(home.issuing_key)
        home.crl = None
    certify_issuing(uow, home, root=root, keys=keys)
    certify_clock(uow, keys=keys)
    keep_crl(uow, keys=keys)
    audit.record(uow, "authority.renewed", "installation", home.id, row=home, rows=taken_back, replaced=replace_key)


def _take_back_all(uow: UnitOfWork, issuing_key: str) -> list[Base]:
    """Mark the authority of that key and everything under it as revoked; return the rows that this changes."""
    rows = uow.session.scalars(
        select(IssuedCertificate).where(
            (IssuedCertificate.issuer_key == issuing_key) | (IssuedCertificate.key_name == issuing_key),
            IssuedCertificate.revoked_at.is_(None),
        )
    ).all()
    for row in rows:
        row.revoked_at, row.reason = uow.now, "cACompromise"
    seals = uow.session.scalars(
        select(EntitySeal).where(EntitySeal.key_name.is_not(None), EntitySeal.revoked_at.is_(None))
    ).all()
    for seal in seals:
        seal.revoked_at = uow.now
    uow.flush()
    return [*rows, *seals]


def _free_name(uow: UnitOfWork) -> str:
    used = set(uow.session.scalars(select(IssuedCertificate.key_name).where(IssuedCertificate.usage == "issuing")))
    return f"{CA_ISSUING}-{len(used) + 1}"
