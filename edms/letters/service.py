"""The verbs of a letter up to its signature: draft, save, attach, submit, return, sign."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete

from crypto import codes
from crypto.digests import sha256
from crypto.errors import BadCode
from edms.audit.service import record
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from edms.core.ids import new_id
from edms.entities.keyring import Keyring
from edms.letters import attachments as files
from edms.letters import body as bodies
from edms.letters import queries
from edms.letters.checks import LetterText, check
from edms.letters.drafting import missing
from edms.letters.models import Addressee, Attachment, Letter, Reference, Version
from edms.letters.rules import DRAFT, State, after
from edms.letters.signing import sign, signed_content, valid_signature
from edms.letters.steps import move, require_authority
from edms.registry.rules import Direction

__all__ = [
    "attach", "detach", "discard", "draft", "return_", "save", "sign", "signed_content", "submit", "valid_signature",
]  # fmt: skip


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
    record(uow, "letters.attached", "letter", letter.id, row=attachment, rows=[letter], size=len(data))
    return attachment


def detach(uow: UnitOfWork, letter_id: UUID, attachment_id: UUID) -> None:
    """Take a file off a draft."""
    letter = _own_draft(uow, letter_id, "save")
    found = uow.session.get(Attachment, attachment_id)
    if found is None or found.letter_id != letter.id:
        raise NotFound("letters.no-attachment")
    uow.session.delete(found)
    letter.changed_at = uow.now
    record(uow, "letters.detached", "letter", letter.id, row=letter, gone=found)


def discard(uow: UnitOfWork, letter_id: UUID) -> None:
    """Delete a draft; no number was spent."""
    letter = _own_draft(uow, letter_id, "delete")
    letter.state = State.DELETED
    record(uow, "letters.discarded", "letter", letter.id, row=letter)


def submit(uow: UnitOfWork, letter_id: UUID) -> Letter:
    """Hand a draft to the post that signs it; raises Invalid with what is still missing."""
    letter = _own_draft(uow, letter_id, "submit")
    problems = missing(uow, letter)
    if problems:
        raise Invalid("letters.incomplete", problems)
    move(uow, letter, "submit")
    letter.return_reason = ""
    record(uow, "letters.submitted", "letter", letter.id, row=letter)
    return letter


def return_(uow: UnitOfWork, letter_id: UUID, reason: str) -> Letter:
    """Send a submitted or signed letter back to its author with a reason; a signature on it lapses."""
    letter = queries.letter_for_update(uow, letter_id)
    authority = require_authority(uow, letter)
    if not reason.strip():
        raise Invalid("letters.reason-missing", (Problem("reason", "letters.reason-missing"),))
    move(uow, letter, "return")
    letter.return_reason, letter.returned_version = reason.strip(), letter.version
    signed = queries.signature(uow, letter.id)
    if signed is not None:
        signed.revoked_at = uow.now
    record(uow, "letters.returned", "letter", letter.id, row=letter, on_behalf_of=authority.on_behalf_of)
    return letter


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
