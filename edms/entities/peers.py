"""What peers' authorities have taken back: their lists, believed when their own root stands behind them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from crypto.certificates import is_issued_by
from crypto.errors import SignatureInvalid
from crypto.revocation import RevocationList, read_crl
from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, Problem
from edms.entities import queries
from edms.entities.models import Entity, EntitySeal, Installation, IssuedCertificate
from edms.entities.rules import KEEP_INSTALLATIONS


def take_crl(uow: UnitOfWork, peer: Installation, crl: bytes, *, issuing: bytes | None = None) -> bool:
    """Keep a peer's newer list and mark the seals that it names; returns False for one that is not newer.

    ``issuing`` is another issuing authority of the peer, where it has changed. Raises Invalid ``authority.bad-crl``
    for a list that does not hold under the peer's root.
    """
    signer = issuing or peer.issuing_certificate
    if signer is None or not is_issued_by(signer, peer.ca_certificate):
        raise _bad(peer)
    try:
        found = read_crl(crl, signer)
    except SignatureInvalid:
        raise _bad(peer) from None
    if signer == peer.issuing_certificate and peer.crl is not None:
        known = list_of(peer)
        if known is not None and known.number >= found.number:
            return False
    peer.issuing_certificate, peer.crl = signer, crl
    uow.flush()
    changed, marked = _mark(uow, peer, found)
    audit.record(uow, "authority.peer-list-taken", "installation", peer.id, row=peer, rows=changed, revoked=marked)
    return True


def import_crl(uow: UnitOfWork, crl: bytes) -> Installation:
    """Keep a list that an operator brought, for the peer whose authority signed it, and return that peer.

    Raises Invalid ``authority.bad-crl`` when no peer's did, Conflict ``authority.crl-not-newer``.
    """
    uow.actor.require(KEEP_INSTALLATIONS)
    for peer in queries.authorities(uow):
        if peer.is_home or peer.issuing_certificate is None:
            continue
        try:
            read_crl(crl, peer.issuing_certificate)
        except SignatureInvalid:
            continue
        if not take_crl(uow, peer, crl):
            raise Conflict("authority.crl-not-newer", installation=peer.name)
        return peer
    raise Invalid("authority.bad-crl", (Problem("file", "authority.bad-crl", installation="—"),), installation="—")


def crls(uow: UnitOfWork) -> list[bytes]:
    """Return every list that is known here (DER): ours of both levels, and the peers'."""
    found: list[bytes] = []
    for one in queries.authorities(uow):
        found += [each for each in (one.root_crl, one.crl) if each]
    return found


def list_of(peer: Installation) -> RevocationList | None:
    """Return the parsed list of an installation, None while there is none or it is another authority's."""
    if peer.crl is None or peer.issuing_certificate is None:
        return None
    try:
        return read_crl(peer.crl, peer.issuing_certificate)
    except SignatureInvalid:
        return None


def revoked_certificates(uow: UnitOfWork) -> dict[str, datetime]:
    """Return every certificate that is known to be revoked, ours and peers', by serial number with the time."""
    rows = uow.session.execute(
        select(IssuedCertificate.serial, IssuedCertificate.revoked_at).where(IssuedCertificate.revoked_at.is_not(None))
    )
    found = {serial: at for serial, at in rows if at is not None}
    for one in queries.authorities(uow):
        known = None if one.is_home else list_of(one)
        found.update({entry.serial: entry.at for entry in known.revoked.values()} if known else {})
    return found


def revoked_at(peer: Installation, serial: str) -> datetime | None:
    """Return since when a peer's certificate is revoked, by the list that is known here."""
    found = list_of(peer)
    entry = found.revoked.get(serial) if found else None
    return entry.at if entry else None


def _mark(uow: UnitOfWork, peer: Installation, found: RevocationList) -> tuple[list[EntitySeal], int]:
    """Return the seals that the list changed, and how many are revoked."""
    seals: Sequence[EntitySeal] = uow.session.scalars(
        select(EntitySeal).join(Entity, Entity.id == EntitySeal.entity_id).where(Entity.installation_id == peer.id)
    ).all()
    changed, count = [], 0
    for seal in seals:
        entry = found.revoked.get(seal.serial)
        at = entry.at if entry else None
        if seal.revoked_at != at:
            seal.revoked_at = at
            changed.append(seal)
        count += entry is not None
    uow.flush()
    return changed, count


def _bad(peer: Installation) -> Invalid:
    return Invalid(
        "authority.bad-crl", (Problem("file", "authority.bad-crl", installation=peer.name),), installation=peer.name
    )
