"""The internal authority: its root (offline), the issuing authority below it, and what that one issues and revokes."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from crypto.certificates import (
    CA_ISSUING,
    Usage,
    issue_certificate,
    issuing_certificate,
    load_certificate,
    public_key_of,
    root_certificate,
    serial_of,
)
from crypto.root_file import RootKey
from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Unavailable
from edms.entities import queries
from edms.entities.keyring import Keyring
from edms.entities.models import Installation, IssuedCertificate
from edms.entities.revoking import current_crl, keep_crl, keep_root_crl, ocsp_response, revoke, revoke_person

__all__ = [
    "authority_chain", "begin_authority", "certify_clock", "certify_issuing", "clock_certificate", "current_crl",
    "issue", "ocsp_response", "person_certificate", "revoke", "revoke_person", "validity",
]  # fmt: skip

ROOT_YEARS, ISSUING_YEARS = 20, 5
PERSON_DAYS, TSA_DAYS = 2 * 365, 5 * 366
TSA_KEY = "tsa"
SKEW = timedelta(minutes=5)


def begin_authority(uow: UnitOfWork, home: Installation, *, root: RootKey, keys: Keyring) -> None:
    """Give a new installation its root certificate and the issuing authority that works from then on."""
    home.ca_certificate = root_certificate(root.private, name=home.name, not_before=uow.now - SKEW, years=ROOT_YEARS)
    keys.keys.create(CA_ISSUING)
    home.issuing_key = CA_ISSUING
    certify_issuing(uow, home, root=root, keys=keys)
    certify_clock(uow, keys=keys)
    keep_crl(uow, keys=keys)


def certify_issuing(uow: UnitOfWork, home: Installation, *, root: RootKey, keys: Keyring) -> None:
    """Certify the issuing authority's key anew by the root, and make the root's list of revoked authorities."""
    name = home.issuing_key or CA_ISSUING
    certificate = issuing_certificate(
        root.private, home.ca_certificate, public_key=keys.keys.public_key(name), name=home.name,
        not_before=uow.now - SKEW, years=ISSUING_YEARS, pointers=keys.pointers,
    )  # fmt: skip
    home.issuing_certificate = certificate
    row = _row(uow, certificate, "issuing", "ca-root", key_name=name)
    keep_root_crl(uow, home, root=root)
    uow.flush()
    audit.record(uow, "authority.issuing-certified", "certificate", row.id, row=row, serial=row.serial)


def certify_clock(uow: UnitOfWork, *, keys: Keyring) -> IssuedCertificate:
    """Certify a key for time-stamps, for as long as the issuing authority lasts; never the key of a revoked one."""
    made = uow.session.scalar(
        select(func.count()).where(IssuedCertificate.usage == "tsa", IssuedCertificate.revoked_at.is_not(None))
    )
    name = f"{TSA_KEY}-{made + 1}" if made else TSA_KEY
    keys.keys.create(name)
    title = queries.home(uow).name
    return issue(
        uow, "tsa", public_key=keys.keys.public_key(name), name=f"{title} TSA", organization=title, code=None,
        days=TSA_DAYS, keys=keys, key_name=name,
    )  # fmt: skip


def clock_certificate(uow: UnitOfWork) -> IssuedCertificate:
    """Return the certificate that time-stamps are made under; Unavailable ``authority.no-clock`` without one."""
    found = uow.session.scalars(
        select(IssuedCertificate)
        .where(
            IssuedCertificate.usage == "tsa",
            IssuedCertificate.revoked_at.is_(None),
            IssuedCertificate.valid_to > uow.now,
        )
        .order_by(IssuedCertificate.valid_from.desc(), IssuedCertificate.id.desc())
    ).first()
    if found is None:
        raise Unavailable("authority.no-clock")
    return found


def authority_chain(uow: UnitOfWork) -> tuple[bytes, bytes]:
    """Return (issuing authority, root) as DER; Unavailable ``authority.no-issuing`` when there is no authority yet."""
    home = queries.home(uow)
    if home.issuing_certificate is None:
        raise Unavailable("authority.no-issuing")
    return home.issuing_certificate, home.ca_certificate


def issue(
    uow: UnitOfWork,
    usage: Usage,
    *,
    public_key: bytes,
    name: str,
    organization: str,
    code: str | None,
    days: int,
    keys: Keyring,
    key_name: str | None = None,
    entity_id: UUID | None = None,
    employee_id: UUID | None = None,
) -> IssuedCertificate:
    """Issue a certificate and keep it in the register of what the authority answers for.

    Raises Unavailable ``authority.no-issuing`` or ``authority.issuing-expired``.
    """
    home = queries.home(uow)
    issuing, _ = authority_chain(uow)
    if load_certificate(issuing).not_valid_after_utc <= uow.now:
        raise Unavailable("authority.issuing-expired")
    certificate = issue_certificate(
        keys.keys, issuing, public_key=public_key, common_name=name, organization=organization,
        serial_number_attr=code, usage=usage, not_before=uow.now - SKEW, days=days, signer=home.issuing_key,
        pointers=keys.pointers,
    )  # fmt: skip
    row = _row(
        uow, certificate, usage, home.issuing_key or CA_ISSUING,
        key_name=key_name, entity_id=entity_id, employee_id=employee_id,
    )  # fmt: skip
    uow.flush()
    audit.record(
        uow, "authority.issued", "certificate", row.id, entity_id=entity_id, row=row, serial=row.serial, usage=usage
    )
    return row


def person_certificate(
    uow: UnitOfWork, employee_id: UUID, public_key: bytes, *, keys: Keyring
) -> tuple[bytes, tuple[bytes, ...]]:
    """Return (certificate, chain) of a person for a P-256 key: the one in force, else a new one for two years.

    It names the person and, as organization, the actor's body (else the first one where the person holds a post), and
    is revoked when the person leaves that body.
    """
    employee = queries.employees_by_ids(uow, [employee_id])[employee_id]
    chain = authority_chain(uow)
    held = queries.assignments_of(uow, employee_id, uow.today)
    bodies = [one.entity_id for one in held]
    body_id = uow.actor.entity_id if uow.actor.entity_id in bodies else next(iter(bodies), None)
    known = select(IssuedCertificate).where(
        IssuedCertificate.employee_id == employee_id, IssuedCertificate.usage == "person",
        IssuedCertificate.revoked_at.is_(None), IssuedCertificate.valid_to > uow.now + timedelta(days=1),
        IssuedCertificate.entity_id == body_id,
    )  # fmt: skip
    for row in uow.session.scalars(known):
        if public_key_of(row.certificate) == public_key:
            return row.certificate, chain
    organization = queries.entity(uow, body_id).name_ar if body_id else queries.home(uow).name
    row = issue(
        uow, "person", public_key=public_key, name=employee.name, organization=organization, code=employee.code,
        days=PERSON_DAYS, keys=keys, entity_id=body_id, employee_id=employee_id,
    )  # fmt: skip
    return row.certificate, chain


def _row(
    uow: UnitOfWork,
    certificate: bytes,
    usage: str,
    issuer_key: str,
    *,
    key_name: str | None = None,
    entity_id: UUID | None = None,
    employee_id: UUID | None = None,
) -> IssuedCertificate:
    begin, end = validity(certificate)
    row = IssuedCertificate(
        serial=serial_of(certificate), usage=usage, issuer_key=issuer_key, key_name=key_name, entity_id=entity_id,
        employee_id=employee_id, certificate=certificate, valid_from=begin, valid_to=end,
    )  # fmt: skip
    uow.session.add(row)
    return row


def validity(certificate: bytes) -> tuple[datetime, datetime]:
    """Return from when and until when a certificate (DER) is valid, aware."""
    parsed = load_certificate(certificate)
    return parsed.not_valid_before_utc, parsed.not_valid_after_utc
