"""A person's signature over a letter: what it covers, how it is made and whether it still holds."""

from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from crypto.certificates import serial_of
from crypto.cms_signatures import sign_detached
from crypto.digests import canonical, sha256
from crypto.errors import CryptoError
from crypto.signatures import new_signing_key, public_of
from crypto.signatures import sign as sign_bytes
from edms.accounts.step_up import means_of, require_step_up
from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden
from edms.entities import queries as entities
from edms.entities.authority import authority_chain, person_certificate
from edms.entities.keyring import Keyring
from edms.entities.models import Employee, IssuedCertificate
from edms.letters import queries
from edms.letters.models import Letter, Signature, SigningKey
from edms.letters.rules import SIGN, AddresseeRole, Sensitivity
from edms.letters.steps import move, require_authority

FORMAT: Final = "diwan/signed-letter/1"
_BY_INNER_KEY: Final = frozenset({"addressees", "signer", "sensitivity"})
"""Parts of a version's text that the content says with codes or words of its own."""


def sign(uow: UnitOfWork, letter_id: UUID, *, keys: Keyring, seen: str = "") -> Signature:
    """Sign a submitted letter's newest version and its attachments, for the own post or as the deputy of its holder.

    ``seen`` is the ``fingerprint`` of what was before the signer's eyes. Raises Forbidden ``letters.not-your-post``,
    StepUpNeeded, Conflict ``letters.changed-since-seen``.
    """
    letter = queries.letter_for_update(uow, letter_id)
    uow.actor.require(SIGN)
    authority = require_authority(uow, letter)
    require_step_up(uow)
    move(uow, letter, "sign")
    if seen and seen != fingerprint(uow, letter):
        raise Conflict("letters.changed-since-seen")
    employee = _signer_key_lock(uow)
    private, public = _signing_key(uow, employee, keys)
    certificate, chain = person_certificate(uow, employee, public, keys=keys)
    holder = authority.deputyship.holder_id if authority.deputyship else None
    signature = Signature(
        letter_id=letter.id, entity_id=letter.entity_id, version_no=letter.version, employee_id=employee,
        post_id=authority.post_id, on_behalf_of_id=holder, means=means_of(uow.actor), signed_at=uow.now,
    )  # fmt: skip
    signed = _content(uow, letter, signature)
    signature.signed_hash, signature.certificate = sha256(signed), certificate
    signature.signature = sign_detached(
        signed, sign=partial(sign_bytes, private), certificate=certificate, chain=chain, when=uow.now
    )
    uow.session.add(signature)
    uow.flush()
    record(
        uow, "letters.signed", "letter", letter.id, row=signature, version=letter.version, means=signature.means,
        on_behalf_of=authority.on_behalf_of,
    )  # fmt: skip
    return signature


def fingerprint(uow: UnitOfWork, letter: Letter) -> str:
    """Return 32 hex digits that change with anything that a signature on the letter would cover, but the signer."""
    return sha256(canonical(_substance(uow, letter))).hex()[:32]


def signed_content(uow: UnitOfWork, letter: Letter) -> bytes:
    """Return the canonical JSON that the signature in force on a letter covers; Conflict ``letters.not-signed``."""
    return _content(uow, letter, _in_force(uow, letter))


def signed_hash(uow: UnitOfWork, letter: Letter) -> bytes:
    """Return SHA-256 over what the signature in force covers."""
    return sha256(signed_content(uow, letter))


def valid_signature(uow: UnitOfWork, letter: Letter) -> Signature:
    """Return the signature in force, verified; Conflict ``letters.signature-invalid`` when it does not hold.

    It holds when it covers the letter as it stands, was made by the person named, whose certificate leads to our root
    and was not revoked before the signature was made.
    """
    found = _in_force(uow, letter)
    content = _content(uow, letter, found)
    if sha256(content) != found.signed_hash or not _holds(uow, found, content):
        raise Conflict("letters.signature-invalid")
    return found


def _holds(uow: UnitOfWork, found: Signature, content: bytes) -> bool:
    from crypto.cms_judging import verify_detached

    _, root = authority_chain(uow)
    try:
        told = verify_detached(content, found.signature, [root])
    except CryptoError:
        return False
    person = entities.employees_by_ids(uow, [found.employee_id])[found.employee_id]
    issued = uow.session.scalars(
        select(IssuedCertificate).where(
            IssuedCertificate.employee_id == person.id, IssuedCertificate.serial == serial_of(told.certificate)
        )
    ).one_or_none()
    return (
        told.genuine
        and told.signer_serial == person.code
        and told.certificate == found.certificate
        and abs(told.signed_at - found.signed_at) < timedelta(seconds=1)
        and issued is not None
        and (issued.revoked_at is None or issued.revoked_at > found.signed_at)
    )


def _in_force(uow: UnitOfWork, letter: Letter) -> Signature:
    found = queries.signature(uow, letter.id)
    if found is None or found.version_no != letter.version:
        raise Conflict("letters.not-signed")
    return found


def _content(uow: UnitOfWork, letter: Letter, signature: Signature) -> bytes:
    return canonical({**_substance(uow, letter), "signer": _signer(uow, signature)})


def _substance(uow: UnitOfWork, letter: Letter) -> dict[str, Any]:
    """Return everything that is before a signer's eyes, with public codes in place of inner keys.

    The text of the version is taken whole, so that whatever a letter learns to say later is covered too.
    """
    version = queries.newest_version(uow, letter.id)
    addressed = queries.addressees(uow, letter.id)
    bodies = entities.entities_by_ids(uow, [letter.entity_id, *(each.recipient_id for each in addressed)])
    return {
        "format": FORMAT,
        "letter": str(letter.id),
        "version": version.no,
        "sender": bodies[letter.entity_id].code,
        "sensitivity": Sensitivity(letter.sensitivity).name.lower(),
        "to": [bodies[each.recipient_id].code for each in addressed if each.role == AddresseeRole.TO],
        "copies": [
            {"entity": bodies[each.recipient_id].code, "purpose": each.purpose}
            for each in addressed
            if each.role == AddresseeRole.COPY
        ],
        "text": {key: value for key, value in version.text.items() if key not in _BY_INNER_KEY},
        "referred": [
            {"text": each.text, "document_code": each.document_code} for each in queries.references(uow, letter.id)
        ],
        "attachments": [
            {"name": each.name, "sha256": each.hash, "size": each.size} for each in queries.attachments(uow, letter.id)
        ],
    }


def _signer(uow: UnitOfWork, signature: Signature) -> dict[str, str]:
    holder = signature.on_behalf_of_id
    people = entities.employees_by_ids(uow, [signature.employee_id, *([holder] if holder else [])])
    told = {"employee": people[signature.employee_id].code, "post": entities.post(uow, signature.post_id).title}
    return told | ({"on_behalf_of": people[holder].code} if holder else {})


def signing_context(employee: UUID) -> bytes:
    """Return what the wrap of a person's private key is bound to."""
    return f"edms/1/signing|{employee}".encode()


def _signer_key_lock(uow: UnitOfWork) -> UUID:
    """Return the signing person, locked: one key for a person, whoever asks first."""
    if uow.actor.employee_id is None or uow.actor.entity_id is None:
        raise Forbidden("letters.person-required")
    person = select(Employee.id).where(Employee.id == uow.actor.employee_id)
    return uow.session.scalars(person.with_for_update(key_share=True)).one()


def _signing_key(uow: UnitOfWork, employee: UUID, keys: Keyring) -> tuple[bytes, bytes]:
    """Return a person's private and public key (DER), made and wrapped under the body's key at the first signature."""
    context = signing_context(employee)
    held = uow.session.get(SigningKey, employee)
    if held is not None:
        version = int.from_bytes(held.private_key_wrapped[:2], "big")
        wrapped = held.private_key_wrapped[2:]
        return keys.unwrap(uow.session, held.entity_id, version, wrapped, context), held.public_key
    entity = uow.actor.entity_id
    assert entity is not None
    private = new_signing_key()
    version, wrapped = keys.wrap(uow.session, entity, private, context)
    held = SigningKey(
        employee_id=employee,
        entity_id=entity,
        private_key_wrapped=version.to_bytes(2, "big") + wrapped,
        public_key=public_of(private),
        created_at=uow.now,
    )
    uow.session.add(held)
    return private, held.public_key
