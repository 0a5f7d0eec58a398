"""The certificates of this installation: the seal of each body, and the gateway's for TLS."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from crypto.certificates import chain_pem, issue_certificate, private_key_pem
from crypto.signatures import new_signing_key, public_of
from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Unavailable
from edms.core.ids import new_id
from edms.entities import queries
from edms.entities.keyring import Keyring
from edms.entities.models import EntitySeal

_SEAL_DAYS = 3 * 365
_GATEWAY_DAYS = 30
_SKEW = timedelta(minutes=5)


def ensure_seal(uow: UnitOfWork, entity_id: UUID, *, keys: Keyring) -> tuple[EntitySeal, bytes]:
    """Return a body's seal in force and its private key (PKCS#8 DER), made on first use and after three years.

    Only a writing unit of work can make one. Raises Unavailable ``entities.not-served-here`` for a peer's body.
    """
    entity, home = queries.entity(uow, entity_id), queries.home(uow)
    if entity.installation_id != home.id:
        raise Unavailable("entities.not-served-here", entity=entity.code)
    seal = queries.seal_of(uow, entity_id)
    if seal is not None:
        version = int.from_bytes(seal.private_key_wrapped[:2], "big")
        wrapped = seal.private_key_wrapped[2:]
        return seal, keys.unwrap(uow.session, entity_id, version, wrapped, _context(entity_id, seal.id))
    private, key = new_signing_key(), new_id()
    certificate = issue_certificate(
        keys.keys, home.ca_certificate, public_key=public_of(private), common_name=entity.name_ar,
        organization=entity.name_ar, serial_number_attr=entity.code, usage="seal",
        not_before=uow.now - _SKEW, days=_SEAL_DAYS,
    )  # fmt: skip
    version, wrapped = keys.wrap(uow.session, entity_id, private, _context(entity_id, key))
    seal = EntitySeal(
        id=key, entity_id=entity_id, certificate=certificate, valid_from=uow.now,
        private_key_wrapped=version.to_bytes(2, "big") + wrapped,
        valid_to=uow.now - _SKEW + timedelta(days=_SEAL_DAYS),
    )  # fmt: skip
    uow.session.add(seal)
    uow.flush()
    audit.record(uow, "entities.seal-made", "seal", seal.id, entity_id=entity_id, row=seal, entity_code=entity.code)
    return seal, private


def gateway_certificate(
    uow: UnitOfWork, *, keys: Keyring, dns_names: Sequence[str], ips: Sequence[str] = ()
) -> tuple[bytes, bytes]:
    """Return (certificate chain, private key) as PEM for TLS on both sides: a fresh key, 30 days, nothing stored."""
    home = queries.home(uow)
    private = new_signing_key()
    certificate = issue_certificate(
        keys.keys, home.ca_certificate, public_key=public_of(private), organization=home.name,
        common_name=dns_names[0] if dns_names else home.name, serial_number_attr=None, usage="server",
        dns_names=dns_names, ips=ips, not_before=uow.now - _SKEW, days=_GATEWAY_DAYS,
    )  # fmt: skip
    return chain_pem(certificate, home.ca_certificate), private_key_pem(private)


def _context(entity_id: UUID, seal_id: UUID) -> bytes:
    return f"edms/1/seal|{entity_id}|{seal_id}".encode()
