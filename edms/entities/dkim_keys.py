"""The keys by which bodies' mail is signed: made here for bodies that are served here, told to us for all others."""

import re
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from crypto.dkim_keys import ALGORITHMS, DkimSigningKey, new_dkim_key, read_dkim_public
from crypto.errors import SignatureInvalid
from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, NotFound, Problem
from edms.entities import queries
from edms.entities.models import DkimKey, Entity
from edms.entities.rules import KEEP_DKIM_KEYS

Pairs = tuple[tuple[str, bytes, bytes], ...]
"""A key of each algorithm: (algorithm, PKCS#8 DER, SubjectPublicKeyInfo DER)."""

_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def fresh_pairs() -> Pairs:
    """Return new keys, not yet anybody's: a tenth of a second and more of work, best done before a transaction."""
    return tuple((algorithm, *new_dkim_key(algorithm)) for algorithm in ALGORITHMS)


def signing_keys(uow: UnitOfWork, entity_id: UUID, fresh: Pairs | None = None) -> tuple[DkimSigningKey, ...]:
    """Return the keys that sign a body's mail, Ed25519 before RSA; when there are none ``fresh`` ones become its own.

    Nothing for a body that is served elsewhere: its server signs. Only a writing unit of work can keep keys; for a
    reading one ask :func:`held_signing_keys` before.
    """
    held = held_signing_keys(uow, [entity_id]).get(entity_id)
    body = queries.entity(uow, entity_id)
    if held is not None or body.installation_id != queries.home(uow).id:
        return held or ()
    _make(uow, body, fresh or fresh_pairs())
    return held_signing_keys(uow, [entity_id])[entity_id]


def held_signing_keys(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, tuple[DkimSigningKey, ...]]:
    """Return the keys that sign bodies' mail now (the newest of each algorithm), for those bodies that have them."""
    rows = uow.session.execute(
        select(DkimKey, Entity.mail_domain)
        .join(Entity, Entity.id == DkimKey.entity_id)
        .where(
            DkimKey.entity_id.in_(set(ids)), DkimKey.private_key_sealed.is_not(None), DkimKey.revoked_at.is_(None)
        )
        .order_by(DkimKey.created_at, DkimKey.id)
    )  # fmt: skip
    newest: dict[UUID, dict[str, DkimSigningKey]] = {}
    for row, domain in rows:
        key = DkimSigningKey(domain, row.selector, row.algorithm, row.private_key)
        newest.setdefault(row.entity_id, {})[row.algorithm] = key
    return {
        owner: tuple(found[name] for name in ALGORITHMS if name in found) for owner, found in newest.items()
    }  # fmt: skip


def bodies_without_keys(uow: UnitOfWork) -> list[UUID]:
    """Return the bodies served here for which :func:`signing_keys` has made no keys yet."""
    ids = [body.id for body in queries.all_entities(uow, home_only=True)]
    ours = select(DkimKey.entity_id).where(DkimKey.private_key_sealed.is_not(None), DkimKey.revoked_at.is_(None))
    held = set(uow.session.scalars(ours))
    return [each for each in ids if each not in held]


def dkim_keys_of(uow: UnitOfWork, entity_id: UUID) -> list[DkimKey]:
    """Return all keys of a body, the revoked ones too, oldest first."""
    query = select(DkimKey).where(DkimKey.entity_id == entity_id).order_by(DkimKey.created_at, DkimKey.id)
    return list(uow.session.scalars(query))


def rotate_keys(uow: UnitOfWork, body: Entity) -> list[DkimKey]:
    """Make new keys of both algorithms, which sign from now on, and return them; the old ones still verify.

    Raises Conflict ``entities.served-elsewhere`` for a body whose mail is not signed here.
    """
    uow.actor.require(KEEP_DKIM_KEYS)
    if body.installation_id != queries.home(uow).id:
        raise Conflict("entities.served-elsewhere", entity=body.code)
    return _make(uow, body, fresh_pairs())


def add_key(uow: UnitOfWork, body: Entity, selector: str, told: bytes) -> DkimKey:
    """Keep a public key that the owner of a server told (PEM, DER or its DNS record) and return it.

    Raises Invalid ``entities.bad-dkim-key`` for a selector or key that is none, Conflict ``entities.served-here`` for a
    body whose keys are made here, ``entities.dkim-selector-taken`` for a selector of another key.
    """
    uow.actor.require(KEEP_DKIM_KEYS)
    if body.installation_id == queries.home(uow).id:
        raise Conflict("entities.served-here", entity=body.code)
    name, (algorithm, public) = clean_selector(selector), _read(told)
    found = _find(uow, body.id, name)
    if found is not None and (found.public_key != public or found.revoked_at is not None):
        raise Conflict("entities.dkim-selector-taken", selector=name)
    return found or _keep(uow, body, name, algorithm, public)


def revoke_key(uow: UnitOfWork, body: Entity, selector: str) -> DkimKey:
    """Let a key count no more, from the gateway's next command on; NotFound ``entities.unknown-dkim-key``."""
    uow.actor.require(KEEP_DKIM_KEYS)
    row = _find(uow, body.id, selector.strip().lower())
    if row is None or row.revoked_at is not None:
        raise NotFound("entities.unknown-dkim-key", selector=selector[:63])
    row.revoked_at = uow.now
    uow.flush()
    audit.record(uow, "entities.dkim-revoked", "dkim-key", row.id, entity_id=body.id, row=row, selector=row.selector)
    return row


def take_keys(uow: UnitOfWork, body: Entity, told: Sequence[tuple[str, str, bytes]]) -> None:
    """Replace what is known of a peer's body by its keys in force: (selector, algorithm, SubjectPublicKeyInfo DER)."""
    known = {row.selector: row for row in dkim_keys_of(uow, body.id)}
    for selector, algorithm, public in told:
        row = known.pop(selector, None)
        if row is None:
            _keep(uow, body, selector, algorithm, public)
        elif (row.public_key, row.revoked_at) != (public, None):
            row.algorithm, row.public_key, row.revoked_at = algorithm, public, None
            uow.flush()
            audit.record(uow, "entities.dkim-added", "dkim-key", row.id, entity_id=body.id, row=row, selector=selector)
    for row in known.values():
        if row.revoked_at is None:
            revoke_key(uow, body, row.selector)


def retire_keys(uow: UnitOfWork, body: Entity) -> None:
    """Let no key of a body count any more, as it has moved to where other keys are."""
    uow.actor.require(KEEP_DKIM_KEYS)
    for row in dkim_keys_of(uow, body.id):
        if row.revoked_at is None:
            revoke_key(uow, body, row.selector)


def clean_selector(text: str) -> str:
    """Return a selector in lower case (one DNS label); raises Invalid ``entities.bad-dkim-key``."""
    selector = text.strip().lower()
    if not _SELECTOR.match(selector):
        raise _bad("selector", "entities.bad-dkim-selector")
    return selector


def _read(told: bytes) -> tuple[str, bytes]:
    try:
        return read_dkim_public(told)
    except SignatureInvalid:
        raise _bad("key", "entities.bad-dkim-key") from None


def _make(uow: UnitOfWork, body: Entity, pairs: Pairs) -> list[DkimKey]:
    count = uow.session.scalar(select(func.count()).select_from(DkimKey).where(DkimKey.entity_id == body.id)) or 0
    number = count // len(ALGORITHMS) + 1
    return [
        _keep(uow, body, f"diwan-{number}-{algorithm}", algorithm, public, private)
        for algorithm, private, public in pairs
    ]


def _keep(
    uow: UnitOfWork, body: Entity, selector: str, algorithm: str, public: bytes, private: bytes | None = None
) -> DkimKey:
    row = DkimKey(
        entity_id=body.id, selector=selector, algorithm=algorithm, public_key=public, created_at=uow.now
    )  # fmt: skip
    if private is not None:
        row.private_key = private
    uow.session.add(row)
    uow.flush()
    audit.record(uow, "entities.dkim-added", "dkim-key", row.id, entity_id=body.id, row=row, selector=selector)
    return row


def _find(uow: UnitOfWork, entity_id: UUID, selector: str) -> DkimKey | None:
    query = select(DkimKey).where(DkimKey.entity_id == entity_id, DkimKey.selector == selector)
    return uow.session.scalars(query).one_or_none()


def _bad(where: str, code: str) -> Invalid:
    return Invalid("entities.bad-dkim-key", (Problem(where, code),))
