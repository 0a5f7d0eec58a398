"""A person's signature over a letter: what it covers, how it is made and whether it still holds."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from crypto.digests import canonical, sha256
from crypto.signatures import new_signing_key, public_of, verify
from crypto.signatures import sign as sign_bytes
from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.entities.models import Employee
from edms.letters import queries
from edms.letters.models import Letter, Signature, SigningKey
from edms.letters.rules import SIGN, AddresseeRole, Sensitivity
from edms.letters.steps import move, require_signing_post

FORMAT: Final = "diwan/signed-letter/1"


def sign(uow: UnitOfWork, letter_id: UUID, *, keys: Keyring) -> Signature:
    """Sign a submitted letter's newest version and its attachments' hashes, as the holder of the signing post.

    Raises Forbidden ``letters.not-your-post`` when the actor does not hold that post today.
    """
    letter = queries.letter_for_update(uow, letter_id)
    uow.actor.require(SIGN)
    post_id = require_signing_post(uow, letter)
    if uow.actor.employee_id is None:
        raise Forbidden("letters.not-your-post")
    move(uow, letter, "sign")
    private, public = _signing_key(uow, keys)
    signature = Signature(
        letter_id=letter.id,
        entity_id=letter.entity_id,
        version_no=letter.version,
        employee_id=uow.actor.employee_id,
        post_id=post_id,
        signed_at=uow.now,
        public_key=public,
    )
    content = _content(uow, letter, signature)
    signature.signed_hash = sha256(content)
    signature.signature = sign_bytes(private, content)
    uow.session.add(signature)
    uow.flush()
    record(uow, "letters.signed", "letter", letter.id, row=signature, version=letter.version)
    return signature


def signed_content(uow: UnitOfWork, letter: Letter) -> bytes:
    """Return the canonical JSON that the signature in force on a letter covers; Conflict ``letters.not-signed``."""
    return _content(uow, letter, _in_force(uow, letter))


def signed_hash(uow: UnitOfWork, letter: Letter) -> bytes:
    """Return SHA-256 over what the signature in force covers."""
    return sha256(signed_content(uow, letter))


def valid_signature(uow: UnitOfWork, letter: Letter) -> Signature:
    """Return the signature in force, verified; Conflict ``letters.signature-invalid`` when it does not hold."""
    found = _in_force(uow, letter)
    content = _content(uow, letter, found)
    if sha256(content) != found.signed_hash or not verify(found.public_key, content, found.signature):
        raise Conflict("letters.signature-invalid")
    return found


def _in_force(uow: UnitOfWork, letter: Letter) -> Signature:
    found = queries.signature(uow, letter.id)
    if found is None or found.version_no != letter.version:
        raise Conflict("letters.not-signed")
    return found


def _content(uow: UnitOfWork, letter: Letter, signature: Signature) -> bytes:
    """Return everything that was before the signer's eyes, with public codes in place of inner keys.

    The text of the version is taken whole, so that whatever a letter learns to say later is covered too.
    """
    version = queries.newest_version(uow, letter.id)
    addressed = queries.addressees(uow, letter.id)
    bodies = entities.entities_by_ids(uow, [letter.entity_id, *(each.recipient_id for each in addressed)])
    signer = entities.employees_by_ids(uow, [signature.employee_id])[signature.employee_id]
    text = {key: value for key, value in version.text.items() if key not in {"addressees", "signer", "sensitivity"}}
    return canonical(
        {
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
            "text": text,
            "referred": [
                {"text": each.text, "document_code": each.document_code} for each in queries.references(uow, letter.id)
            ],
            "attachments": [
                {"name": each.name, "sha256": each.hash, "size": each.size}
                for each in queries.attachments(uow, letter.id)
            ],
            "signer": _signer(uow, signature, signer),
        }
    )


def _signer(uow: UnitOfWork, signature: Signature, signer: Employee) -> dict[str, Any]:
    return {"employee": signer.code, "post": entities.post(uow, signature.post_id).title}


def _signing_key(uow: UnitOfWork, keys: Keyring) -> tuple[bytes, bytes]:
    employee, entity = uow.actor.employee_id, uow.actor.entity_id
    if employee is None or entity is None:
        raise Forbidden("letters.person-required")
    context = f"edms/1/signing|{employee}".encode()
    # one key for a person, whoever asks first
    uow.session.execute(select(Employee.id).where(Employee.id == employee).with_for_update(key_share=True))
    held = uow.session.get(SigningKey, employee)
    if held is not None:
        version = int.from_bytes(held.private_key_wrapped[:2], "big")
        wrapped = held.private_key_wrapped[2:]
        return keys.unwrap(uow.session, held.entity_id, version, wrapped, context), held.public_key
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
