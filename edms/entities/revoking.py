"""What the authority takes back: revoked certificates, the lists and the answers that tell of them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import select

from crypto.certificates import issue_certificate, load_certificate
from crypto.keystore import KeyStore
from crypto.revocation import REASONS, Answer, Revoked, answer_ocsp, make_crl, read_crl
from crypto.root_file import RootKey
from crypto.stored_key import StoredKey
from edms.audit import service as audit
from edms.core.columns import SEALER
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from edms.entities import queries
from edms.entities.keyring import Keyring
from edms.entities.models import EntitySeal, Installation, IssuedCertificate
from edms.entities.rules import KEEP_AUTHORITY

CRL_VALID, CRL_RENEWED = timedelta(hours=24), timedelta(hours=12)
OCSP_VALID = timedelta(hours=1)
OCSP_KEY = "ocsp"


def revoke(uow: UnitOfWork, serial: str, reason: str) -> IssuedCertificate:
    """Take back a certificate; the list that names it is made in the same transaction.

    A body whose seal it was gets a new one on need.

    Raises NotFound ``authority.unknown-serial``, Conflict ``authority.revoked-already``, Invalid
    ``authority.bad-reason``.
    """
    uow.actor.require(KEEP_AUTHORITY)
    if reason not in REASONS:
        raise Invalid("authority.bad-reason", (Problem("reason", "authority.bad-reason", reason=reason),))
    row = uow.session.scalars(
        select(IssuedCertificate).where(IssuedCertificate.serial == serial.replace(":", "").upper())
    ).one_or_none()
    if row is None or row.usage == "issuing":
        raise NotFound("authority.unknown-serial", serial=serial)
    if row.revoked_at is not None:
        raise Conflict("authority.revoked-already", serial=row.serial)
    _revoke(uow, row, reason)
    keep_crl(uow, keys=_keyring(uow))
    return row


def revoke_person(uow: UnitOfWork, employee_id: UUID, *, entity_id: UUID | None = None) -> int:
    """Take back a person's certificates (those of one body, where given) and return how many there were."""
    query = select(IssuedCertificate).where(
        IssuedCertificate.employee_id == employee_id, IssuedCertificate.usage == "person",
        IssuedCertificate.revoked_at.is_(None), IssuedCertificate.valid_to > uow.now,
    )  # fmt: skip
    if entity_id is not None:
        query = query.where(IssuedCertificate.entity_id == entity_id)
    rows = list(uow.session.scalars(query))
    for row in rows:
        _revoke(uow, row, "affiliationChanged")
    if rows:
        keep_crl(uow, keys=_keyring(uow))
    return len(rows)


def current_crl(uow: UnitOfWork, *, keys: Keyring) -> bytes:
    """Return the issuing authority's list (DER), good for 24 hours and made anew after 12 or after a revocation.

    A reading unit of work makes one without keeping it. Raises Unavailable ``authority.no-issuing``.
    """
    home = queries.home(uow)
    if home.issuing_certificate is None or home.issuing_key is None:
        raise Unavailable("authority.no-issuing")
    number = 0
    if home.crl is not None:
        known = read_crl(home.crl, home.issuing_certificate)
        number = known.number
        if not home.crl_stale and known.made_at <= uow.now < known.made_at + CRL_RENEWED:
            return home.crl
    rows = uow.session.scalars(
        select(IssuedCertificate)
        .where(IssuedCertificate.revoked_at.is_not(None), IssuedCertificate.issuer_key == home.issuing_key)
        .order_by(IssuedCertificate.revoked_at, IssuedCertificate.serial)
    )
    signer = StoredKey(keys.keys, home.issuing_key)
    return make_crl(signer, home.issuing_certificate, map(_entry, rows), now=uow.now, valid=CRL_VALID, after=number)


def keep_crl(uow: UnitOfWork, *, keys: Keyring) -> bytes:
    """Return the list as ``current_crl`` does and keep it, so that all processes give out the same."""
    home = queries.home(uow)
    found = current_crl(uow, keys=keys)
    if found != home.crl or home.crl_stale:
        home.crl, home.crl_stale = found, False
        uow.flush()
        audit.record(uow, "authority.list-made", "installation", home.id, row=home)
    return found


def ocsp_response(uow: UnitOfWork, request: bytes, *, keys: Keyring) -> bytes:
    """Return the signed answer (DER) to an OCSP request about certificates of our issuing authority.

    Raises Unavailable ``authority.no-issuing``.
    """
    home = queries.home(uow)
    if home.issuing_certificate is None or home.issuing_key is None:
        raise Unavailable("authority.no-issuing")

    def status(serials: Sequence[str]) -> dict[str, Answer]:
        rows = uow.session.scalars(
            select(IssuedCertificate).where(
                IssuedCertificate.serial.in_(serials), IssuedCertificate.issuer_key == home.issuing_key
            )
        )
        return {row.serial: _entry(row) if row.revoked_at else "good" for row in rows}

    keys.keys.create(OCSP_KEY)
    responder = _responder(keys.keys, home.issuing_certificate, home.issuing_key, home.name, uow.today)
    return answer_ocsp(
        request, issuer=home.issuing_certificate, responder=responder, sign=partial(keys.keys.sign, OCSP_KEY),
        status=status, now=uow.now, valid=OCSP_VALID,
    )  # fmt: skip


def _responder(keys: KeyStore, issuing: bytes, issuing_key: str, name: str, day: date) -> bytes:
    """Return a certificate for the responder's key, good for three days: nobody need ask about it."""
    begin = datetime.combine(day, time(), UTC) - timedelta(days=1)
    return issue_certificate(
        keys, issuing, public_key=keys.public_key(OCSP_KEY), common_name=f"{name} OCSP", organization=name,
        serial_number_attr=None, usage="ocsp", not_before=begin, days=3, signer=issuing_key,
    )  # fmt: skip


def keep_root_crl(uow: UnitOfWork, home: Installation, *, root: RootKey) -> None:
    """Make the root's list of revoked issuing authorities, good for as long as the one in office: so long no ceremony
    is needed, and one that becomes necessary makes a list with a higher number.
    """  # fmt: skip
    uow.flush()
    rows = uow.session.scalars(
        select(IssuedCertificate).where(
            IssuedCertificate.revoked_at.is_not(None), IssuedCertificate.usage == "issuing"
        ).order_by(IssuedCertificate.revoked_at)
    )  # fmt: skip
    end = load_certificate(home.issuing_certificate or home.ca_certificate).not_valid_after_utc
    number = read_crl(home.root_crl, home.ca_certificate).number if home.root_crl else 0
    home.root_crl = make_crl(
        root.private, home.ca_certificate, map(_entry, rows), now=uow.now, valid=end - uow.now, after=number
    )


def _keyring(uow: UnitOfWork) -> Keyring:
    """Return the keys that the unit of work seals its columns with."""
    found = uow.session.info[SEALER]
    assert isinstance(found, Keyring)
    return found


def _entry(row: IssuedCertificate) -> Revoked:
    assert row.revoked_at is not None
    return Revoked(row.serial, row.revoked_at, row.reason or "unspecified")


def _revoke(uow: UnitOfWork, row: IssuedCertificate, reason: str) -> None:
    row.revoked_at, row.reason = uow.now, reason
    seals, home = (
        uow.session.scalars(select(EntitySeal).where(EntitySeal.serial == row.serial)).all(),
        queries.home(uow),
    )
    for seal in seals:
        seal.revoked_at = uow.now
    home.crl_stale = True
    uow.flush()
    audit.record(
        uow, "authority.revoked", "certificate", row.id, entity_id=row.entity_id, row=row, rows=[*seals, home],
        serial=row.serial, reason=reason,
    )  # fmt: skip
