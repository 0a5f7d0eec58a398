"""The verbs of a letter up to its signature: draft, save, attach, submit, return, sign."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from crypto import codes
from crypto.digests import canonical, sha256
from crypto.errors import BadCode
from crypto.signatures import new_signing_key, public_of, verify
from crypto.signatures import sign as sign_bytes
from edms.audit.service import record
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from edms.core.ids import new_id
from edms.entities.keyring import Keyring
from edms.entities.models import Employee
from edms.letters import attachments as files
from edms.letters import body as bodies
from edms.letters import queries
from edms.letters.checks import LetterText, check
from edms.letters.models import Addressee, Attachment, Letter, Reference, Signature, SigningKey, Version
from edms.letters.rules import DRAFT, SIGN, AddresseeRole, State, after
from edms.registry.rules import Direction


def draft(uow: UnitOfWork, text: LetterText) -> Letter:
    """Begin a letter of the actor's body; nothing is numbered. Raises Invalid with every finding."""
    uow.actor.require(DRAFT)
    if uow.actor.entity_id is None:
        raise Forbidden("letters.no-entity")
    check(uow, text)
    letter = Letter(
        entity_id=uow.actor.entity_id,
        direction=Direction.OUTGOING,
        state=State.DRAFT,
        author_id=uow.actor.employee_id,
        created_at=uow.now,
        changed_at=uow.now,
        version=0,
        kind=text.kind,
        sensitivity=text.sensitivity,
        precedence=text.precedence,
        id=new_id(),
    )
    uow.session.add(letter)
    _store(uow, letter, text)
    record(uow, "letters.drafted", "letter", letter.id, row=letter)
    return letter


def save(uow: UnitOfWork, letter_id: UUID, text: LetterText, *, expected_version: int) -> Letter:
    """Save a new version of a draft; Conflict ``letters.older-draft`` when somebody saved in between."""
    letter = _own_draft(uow, letter_id, "save")
    if letter.version != expected_version:
        raise Conflict("letters.older-draft", yours=expected_version, newest=letter.version)
    check(uow, text)
    _store(uow, letter, text)
    record(uow, "letters.saved", "letter", letter.id, row=letter, version=letter.version)
    return letter


def attach(
    uow: UnitOfWork,
    letter_id: UUID,
    name: str,
    data: bytes,
    *,
    limits: files.Limits,
    store: ContentStore,
    keys: Keyring,
) -> Attachment:
    """Add a file of any type to a draft, kept byte for byte; raises Invalid ``letters.attachment-…``."""
    letter = _own_draft(uow, letter_id, "save")
    name = files.clean_name(name)
    files.inspect(name, data, limits)
    present = queries.attachments(uow, letter.id)
    if len(present) >= limits.count:
        raise Invalid("letters.too-many-attachments", limit=limits.count)
    if sum(each.size for each in present) + len(data) > limits.letter_mb << 20:
        raise Invalid("letters.attachments-too-large", limit=limits.letter_mb)
    if any(each.name == name for each in present):
        raise Invalid("letters.attachment-name-taken", name=name)
    stored = content.put(uow, data, kind="attachment", entities=[letter.entity_id], store=store, keys=keys)
    attachment = Attachment(
        letter_id=letter.id,
        entity_id=letter.entity_id,
        file_id=stored.id,
        size=len(data),
        position=max((each.position for each in present), default=0) + 1,
        media_type=files.media_type(name),
        name=name,
        hash=sha256(data).hex(),
    )
    uow.session.add(attachment)
    letter.changed_at = uow.now
    uow.flush()
    record(uow, "letters.attached", "letter", letter.id, row=attachment, size=len(data))
    return attachment


def detach(uow: UnitOfWork, letter_id: UUID, attachment_id: UUID) -> None:
    """Take a file off a draft."""
    letter = _own_draft(uow, letter_id, "save")
    found = uow.session.get(Attachment, attachment_id)
    if found is None or found.letter_id != letter.id:
        raise NotFound("letters.no-attachment")
    uow.session.delete(found)
    letter.changed_at = uow.now
    record(uow, "letters.detached", "letter", letter.id)


def discard(uow: UnitOfWork, letter_id: UUID) -> None:
    """Delete a draft; no number was spent."""
    letter = _own_draft(uow, letter_id, "delete")
    letter.state = State.DELETED
    record(uow, "letters.discarded", "letter", letter.id, row=letter)


def submit(uow: UnitOfWork, letter_id: UUID) -> Letter:
    """Hand a draft to the post that signs it; raises Invalid with what is still missing."""
    letter = _own_draft(uow, letter_id, "submit")
    problems = []
    if not any(each.role == AddresseeRole.TO for each in queries.addressees(uow, letter.id)):
        problems.append(Problem("to", "letters.no-addressee"))
    if letter.signer_post_id is None:
        problems.append(Problem("signer", "letters.no-signer"))
    if bodies.is_empty(queries.newest_version(uow, letter.id).text["body"]):
        problems.append(Problem("body", "letters.body-empty"))
    if problems:
        raise Invalid("letters.incomplete", tuple(problems))
    _move(uow, letter, "submit")
    letter.return_reason = ""
    record(uow, "letters.submitted", "letter", letter.id, row=letter)
    return letter


def return_(uow: UnitOfWork, letter_id: UUID, reason: str) -> Letter:
    """Send a submitted or signed letter back to its author with a reason; a signature on it lapses."""
    letter = queries.letter_for_update(uow, letter_id)
    _require_post(uow, letter)
    if not reason.strip():
        raise Invalid("letters.reason-missing", (Problem("reason", "letters.reason-missing"),))
    _move(uow, letter, "return")
    letter.return_reason = reason.strip()
    signed = queries.signature(uow, letter.id)
    if signed is not None:
        signed.revoked_at = uow.now
    record(uow, "letters.returned", "letter", letter.id, row=letter)
    return letter


def sign(uow: UnitOfWork, letter_id: UUID, *, keys: Keyring) -> Signature:
    """Sign a submitted letter's newest version and its attachments' hashes, as the holder of the signing post.

    Raises Forbidden ``letters.not-your-post`` when the actor does not hold that post today.
    """
    letter = queries.letter_for_update(uow, letter_id)
    uow.actor.require(SIGN)
    post_id = _require_post(uow, letter)
    if uow.actor.employee_id is None:
        raise Forbidden("letters.not-your-post")
    _move(uow, letter, "sign")
    digest = signed_hash(uow, letter)
    private, public = _signing_key(uow, keys)
    signature = Signature(
        letter_id=letter.id,
        entity_id=letter.entity_id,
        version_no=letter.version,
        employee_id=uow.actor.employee_id,
        post_id=post_id,
        signed_at=uow.now,
        signed_hash=digest,
        signature=sign_bytes(private, digest),
        public_key=public,
    )
    uow.session.add(signature)
    uow.flush()
    record(uow, "letters.signed", "letter", letter.id, row=signature, version=letter.version)
    return signature


def signed_hash(uow: UnitOfWork, letter: Letter) -> bytes:
    """Return SHA-256 over the canonical form of what a signature covers: the version and every attachment."""
    version = queries.newest_version(uow, letter.id)
    attached = [{"name": a.name, "sha256": a.hash, "size": a.size} for a in queries.attachments(uow, letter.id)]
    return sha256(
        canonical({"letter": str(letter.id), "version": version.no, "text": version.text, "attachments": attached})
    )


def valid_signature(uow: UnitOfWork, letter: Letter) -> Signature:
    """Return the signature in force, verified; Conflict ``letters.signature-invalid`` when it does not hold."""
    found = queries.signature(uow, letter.id)
    if found is None or found.version_no != letter.version:
        raise Conflict("letters.not-signed")
    digest = signed_hash(uow, letter)
    if digest != found.signed_hash or not verify(found.public_key, digest, found.signature):
        raise Conflict("letters.signature-invalid")
    return found


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


def _store(uow: UnitOfWork, letter: Letter, text: LetterText) -> None:
    letter.kind, letter.sensitivity, letter.precedence = text.kind, int(text.sensitivity), text.precedence
    letter.subject = " ".join(text.subject.split())
    letter.unit_id, letter.signer_post_id = text.unit_id, text.signer_post_id
    letter.version += 1
    letter.changed_at = uow.now
    uow.flush()
    for table in (Addressee, Reference):
        uow.session.execute(delete(table).where(table.letter_id == letter.id))
    for place, each in enumerate(text.addressees):
        uow.session.add(
            Addressee(
                letter_id=letter.id,
                entity_id=letter.entity_id,
                recipient_id=each.entity_id,
                role=each.role,
                purpose=each.purpose.strip(),
                position=place,
            )
        )
    for place, words in enumerate(filter(None, map(str.strip, text.references))):
        uow.session.add(
            Reference(
                letter_id=letter.id,
                entity_id=letter.entity_id,
                text=words,
                position=place,
                document_code=_referred_code(uow, words),
            )
        )
    uow.session.add(
        Version(
            letter_id=letter.id,
            entity_id=letter.entity_id,
            no=letter.version,
            text=_snapshot(letter, text),
            author_id=uow.actor.employee_id,
            created_at=uow.now,
        )
    )
    uow.flush()


def _referred_code(uow: UnitOfWork, words: str) -> str | None:
    """Return the document code when a reference is one that the writer may see; else it stays free text."""
    try:
        code = codes.parse(words, year=uow.now.year)
    except BadCode:
        return None
    try:
        return queries.letter_by_code(uow, code.digits).document_code
    except NotFound:
        return None


def _snapshot(letter: Letter, text: LetterText) -> dict[str, Any]:
    return {
        "kind": str(text.kind),
        "subject": letter.subject,
        "body": bodies.clean(text.body),
        "sensitivity": int(text.sensitivity),
        "precedence": str(text.precedence),
        "addressees": [[str(a.entity_id), str(a.role), a.purpose] for a in text.addressees],
        "references": list(text.references),
        "signer": str(text.signer_post_id or ""),
    }


def _own_draft(uow: UnitOfWork, letter_id: UUID, verb: str) -> Letter:
    uow.actor.require(DRAFT)
    letter = queries.letter_for_update(uow, letter_id)
    if after(letter.state, verb) is None:
        raise Conflict("letters.not-a-draft")
    if letter.author_id != uow.actor.employee_id:
        raise Forbidden("letters.not-yours")
    return letter


def _move(uow: UnitOfWork, letter: Letter, verb: str) -> None:
    state = after(letter.state, verb)
    if state is None:
        raise Conflict("letters.wrong-state", state=letter.state)
    letter.state = state
    letter.changed_at = uow.now


def _require_post(uow: UnitOfWork, letter: Letter) -> UUID:
    if letter.signer_post_id is None or letter.signer_post_id not in uow.actor.post_ids:
        raise Forbidden("letters.not-your-post")
    return letter.signer_post_id


def _entity(uow: UnitOfWork) -> UUID:
    if uow.actor.entity_id is None:
        raise Forbidden("letters.no-entity")
    return uow.actor.entity_id
