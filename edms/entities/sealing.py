"""Seals of bodies: made here on first use with a key that stays in the key store, or noted from a peer's letter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from crypto.certificates import (
    chain_pem,
    is_issued_by,
    issue_certificate,
    private_key_pem,
    public_key_of,
    serial_of,
)
from crypto.digests import sha256
from crypto.signatures import new_signing_key, public_of
from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Unavailable
from edms.entities import peers, queries
from edms.entities.authority import SKEW, authority_chain, issue, validity
from edms.entities.keyring import Keyring
from edms.entities.models import EntitySeal, Installation
from edms.entities.rules import SERVER

SEAL_DAYS = 3 * 365
_GATEWAY_DAYS = 30
_KEY_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class SealInForce:
    """A seal that signs now: ``keys.keys.sign(key_name, data)`` gives the DER signature (ECDSA P-256, SHA-256).

    ``certificate`` and ``chain`` are DER, the issuing authority first and the root last; ``key_id`` names the seal on
    paper (8 bytes).
    """

    id: UUID
    entity_code: str
    key_name: str
    certificate: bytes
    chain: tuple[bytes, ...]
    key_id: bytes


def key_id_of(certificate: bytes) -> bytes:
    """Return what a paper seal names a certificate by: the first 8 bytes of the SHA-256 of its DER."""
    return sha256(certificate)[:_KEY_ID_BYTES]


def ensure_seal(uow: UnitOfWork, entity_id: UUID, *, keys: Keyring) -> SealInForce:
    """Return a body's seal in force, made on first use, after three years and after a revocation.

    Only a writing unit of work can make one. Raises Unavailable ``entities.not-served-here`` for a peer's body.
    """
    entity, home = queries.entity(uow, entity_id), queries.home(uow)
    if entity.installation_id != home.id:
        raise Unavailable("entities.not-served-here", entity=entity.code)
    chain = authority_chain(uow)
    seal = queries.seal_of(uow, entity_id)
    if seal is None or seal.key_name is None:
        made = uow.session.scalar(select(func.count()).select_from(EntitySeal).where(EntitySeal.entity_id == entity_id))
        name = f"seal-{entity.code[:6]}-{(made or 0) + 1}"
        keys.keys.create(name)
        issued = issue(
            uow, "seal", public_key=keys.keys.public_key(name), name=entity.name_ar, organization=entity.name_ar,
            code=entity.code, days=SEAL_DAYS, keys=keys, key_name=name, entity_id=entity_id,
        )  # fmt: skip
        seal = _keep(uow, entity_id, issued.certificate, key_name=name)
        audit.record(uow, "entities.seal-made", "seal", seal.id, entity_id=entity_id, row=seal, entity_code=entity.code)
    return SealInForce(seal.id, entity.code, seal.key_name or "", seal.certificate, chain, seal.key_id)


def seal_in_force(uow: UnitOfWork, entity_id: UUID) -> SealInForce | None:
    """Return a body's seal in force, or None where :func:`ensure_seal` would have to make one."""
    entity, seal = queries.entity(uow, entity_id), queries.seal_of(uow, entity_id)
    if seal is None or seal.key_name is None:
        return None
    return SealInForce(seal.id, entity.code, seal.key_name, seal.certificate, authority_chain(uow), seal.key_id)


@dataclass(frozen=True, slots=True)
class TrustedSeal:
    """A seal that papers may name by ``key_id`` (8 bytes): whose it is, its key (SubjectPublicKeyInfo DER), its times.

    ``installation`` is the name of the one whose authority certified it.
    """

    key_id: bytes
    public_key: bytes
    entity_code: str
    entity_name: str
    valid_from: datetime
    valid_to: datetime
    revoked_at: datetime | None
    installation: str


def trust_list(uow: UnitOfWork) -> list[TrustedSeal]:
    """Return every seal that was made here or noted from peers, expired and revoked ones too, oldest first.

    A seal that is not in force any more still proves what it signed before.
    """
    bodies = {one.id: one for one in queries.all_entities(uow)}
    names = {one.id: one.name for one in queries.installations(uow)}
    rows = uow.session.scalars(select(EntitySeal).order_by(EntitySeal.valid_from, EntitySeal.id))
    return [
        TrustedSeal(
            row.key_id, public_key_of(row.certificate), bodies[row.entity_id].code, bodies[row.entity_id].name_ar,
            row.valid_from, row.valid_to, row.revoked_at, names[bodies[row.entity_id].installation_id],
        )
        for row in rows
    ]  # fmt: skip


def note_seal(uow: UnitOfWork, entity_id: UUID, certificate: bytes, chain: Sequence[bytes] = ()) -> EntitySeal | None:
    """Keep the seal that a peer's genuine letter carried, so that its papers verify here; returns it when it is new.

    ``chain`` is what came with it; the issuing authority in it is kept when the peer's root certified it. Nothing is
    noted of our own bodies, nor where certificate, issuing authority and root of the body's installation do not hold.
    """
    body = queries.entity(uow, entity_id)
    peer = uow.session.get_one(Installation, body.installation_id)
    if peer.is_home or peer.kind == SERVER:
        return None
    key_id = key_id_of(certificate)
    if uow.session.scalar(select(EntitySeal.id).where(EntitySeal.key_id == key_id)) is not None:
        return None
    candidates = [each for each in (peer.issuing_certificate, *chain) if each]
    issuing = next((each for each in candidates if is_issued_by(certificate, each)), None)
    if issuing is None or not is_issued_by(issuing, peer.ca_certificate):
        return None
    if issuing != peer.issuing_certificate:
        peer.issuing_certificate = issuing
    seal = _keep(uow, entity_id, certificate, key_name=None)
    seal.revoked_at = peers.revoked_at(peer, seal.serial)
    uow.flush()
    audit.record(
        uow, "authority.seal-noted", "seal", seal.id, entity_id=entity_id, row=seal, rows=[peer], entity_code=body.code
    )
    return seal


def gateway_certificate(
    uow: UnitOfWork, *, keys: Keyring, dns_names: Sequence[str], ips: Sequence[str] = ()
) -> tuple[bytes, bytes]:
    """Return (certificate chain, private key) as PEM for TLS on both sides: a fresh key, 30 days, nothing stored.

    The chain is the gateway's certificate and the issuing authority's; the other side has the root.
    """
    home = queries.home(uow)
    issuing, _ = authority_chain(uow)
    private = new_signing_key()
    certificate = issue_certificate(
        keys.keys, issuing, public_key=public_of(private), organization=home.name,
        common_name=dns_names[0] if dns_names else home.name, serial_number_attr=None, usage="server",
        dns_names=dns_names, ips=ips, not_before=uow.now - SKEW, days=_GATEWAY_DAYS, signer=home.issuing_key,
    )  # fmt: skip
    return chain_pem(certificate, issuing), private_key_pem(private)


def _keep(uow: UnitOfWork, entity_id: UUID, certificate: bytes, *, key_name: str | None) -> EntitySeal:
    begin, end = validity(certificate)
    seal = EntitySeal(
        entity_id=entity_id, key_name=key_name, key_id=key_id_of(certificate), serial=serial_of(certificate),
        certificate=certificate, valid_from=begin, valid_to=end,
    )  # fmt: skip
    uow.session.add(seal)
    uow.flush()
    return seal
