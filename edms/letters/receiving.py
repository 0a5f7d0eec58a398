"""Taking a letter that arrived into the receiving body's own papers, with its incoming number."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from crypto.codes import normalize_verification_code
from crypto.digests import sha256
from crypto.errors import BadCode
from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict
from edms.core.ids import new_id
from edms.dispatch import service as dispatch
from edms.dispatch.package import LetterPackage, UntypedMessage
from edms.letters.models import Attachment, Letter, Reference, Version
from edms.letters.rules import RECEIVE, Kind, Precedence, Sensitivity, State
from edms.registry import service as registry
from edms.registry.rules import Direction


def receive(
    uow: UnitOfWork,
    package: LetterPackage,
    *,
    entity_id: UUID,
    sender_id: UUID,
    files: Sequence[UUID],
) -> tuple[Letter, bool]:
    """Register an incoming letter in one body, as :func:`receive_all`; returns the letter and whether it is new.

    Raises Conflict ``registry.year-closed``.
    """
    before = _received_before(uow, [entity_id], package.document_code)
    found = before or receive_all(uow, package, entity_ids=[entity_id], sender_id=sender_id, files=files)
    if not found:
        raise Conflict("registry.year-closed")
    return found[entity_id], not before


def receive_all(
    uow: UnitOfWork,
    package: LetterPackage,
    *,
    entity_ids: Sequence[UUID],
    sender_id: UUID,
    files: Sequence[UUID],
) -> dict[UUID, Letter]:
    """Register an incoming letter in each of some bodies and give it each body's next incoming number.

    ``files`` are the stored files of ``package.parts`` in their order, already wrapped for the bodies. A body that has
    the same document keeps its first registration (DHX.Duplicate); one whose year is closed is left out.
    """
    uow.actor.require(RECEIVE)
    found = _received_before(uow, entity_ids, package.document_code)
    day = uow.today
    new = [entity_id for entity_id in entity_ids if entity_id not in found]
    numbers = registry.take_incoming_numbers(uow, new, day.year)
    made = {entity_id: _letter_of(uow, package, entity_id, sender_id, files) for entity_id in numbers}
    for entity_id, letter in made.items():
        letter.registered_at, letter.register_number = uow.now, numbers[entity_id].written
    uow.flush()
    for entity_id, letter in made.items():
        _add_parts(uow, letter, package, files)
        registry.enter(uow, entity_id, numbers[entity_id], letter.id, entry_date=day)
        record(
            uow,
            "letters.registered",
            "letter",
            letter.id,
            entity_id=entity_id,
            row=letter,
            code=letter.document_code,
            number=numbers[entity_id].number,
            year=day.year,
        )
    uow.flush()
    if package.kind == Kind.REPLY:
        for letter in made.values():
            _settle_asked(uow, letter, package.references)
    return {**found, **made}


def number_of(uow: UnitOfWork, letter_id: UUID) -> str:
    """Return the register number of a letter, for the gateway's answer to a repeat."""
    return uow.session.get_one(Letter, letter_id).register_number


def receive_untyped(
    uow: UnitOfWork,
    message: UntypedMessage,
    *,
    entity_id: UUID,
    sender_id: UUID,
    raw_file: UUID,
    raw_size: int,
    raw_hash: bytes,
) -> Letter:
    """Register mail of a registered body that carries no valid package; its original is kept as an attachment."""
    uow.actor.require(RECEIVE)
    letter = _new_letter(uow, entity_id, sender_id, message.subject or message.message_id or "-", None)
    letter.sensitivity = int(Sensitivity.RESTRICTED)
    uow.flush()
    _add_text(uow, letter, message.text)
    _attach(uow, letter, raw_file, 0, "original.eml", "message/rfc822", raw_size, raw_hash.hex())
    _register(uow, letter)
    return letter


def _received_before(uow: UnitOfWork, entity_ids: Sequence[UUID], document_code: str) -> dict[UUID, Letter]:
    """Return which bodies already have a document, with their letters."""
    found: dict[UUID, Letter] = {}
    for at in range(0, len(entity_ids), 500):
        rows = uow.session.scalars(
            select(Letter).where(
                Letter.entity_id.in_(entity_ids[at : at + 500]),
                Letter.direction == Direction.INCOMING,
                Letter.document_code == document_code,
            )
        )
        found.update((row.entity_id, row) for row in rows)
    return found


def _letter_of(
    uow: UnitOfWork, package: LetterPackage, entity_id: UUID, sender_id: UUID, files: Sequence[UUID]
) -> Letter:
    """Return a body's row of a package, added to the unit of work."""
    letter = _new_letter(uow, entity_id, sender_id, package.subject, package.package_id)
    letter.kind = package.kind if package.kind in tuple(Kind) else Kind.LETTER
    letter.sensitivity = _sensitivity(package.sensitivity)
    letter.precedence = package.precedence if package.precedence in tuple(Precedence) else Precedence.ORDINARY
    letter.document_code, letter.number, letter.letter_date = package.document_code, package.number, package.date
    _keep_verification(letter, package.verification_code)
    for part, file_id in zip(package.parts, files, strict=True):
        if part.role == "letter":
            letter.rendition_id, letter.rendition_hash = file_id, bytes.fromhex(part.sha256)
    return letter


def _add_parts(uow: UnitOfWork, letter: Letter, package: LetterPackage, files: Sequence[UUID]) -> None:
    """Add what hangs on a letter's row, which is in the database by now: text, attachments, references."""
    _add_text(uow, letter, package.body_text)
    for place, (part, file_id) in enumerate(zip(package.parts, files, strict=True)):
        if part.role == "attachment":
            _attach(uow, letter, file_id, place, part.name, part.media_type, part.size, part.sha256)
    for place, words in enumerate(package.references):
        uow.session.add(
            Reference(
                letter_id=letter.id,
                entity_id=letter.entity_id,
                text=words,
                position=place,
                document_code=words if len(words) == 18 and words.isdigit() else None,
            )
        )


def _new_letter(uow: UnitOfWork, entity_id: UUID, sender_id: UUID, subject: str, package_id: UUID | None) -> Letter:
    letter = Letter(
        id=new_id(),
        entity_id=entity_id,
        direction=Direction.INCOMING,
        state=State.REGISTERED,
        sender_id=sender_id,
        created_at=uow.now,
        changed_at=uow.now,
        package_id=package_id,
        kind=Kind.LETTER,
        sensitivity=0,
        precedence=Precedence.ORDINARY,
    )
    letter.subject = subject[:300]
    uow.session.add(letter)
    return letter


def _add_text(uow: UnitOfWork, letter: Letter, text: str) -> None:
    uow.session.add(
        Version(letter_id=letter.id, entity_id=letter.entity_id, no=1, text={"text": text}, created_at=uow.now)
    )


def _register(uow: UnitOfWork, letter: Letter) -> None:
    uow.flush()
    day = uow.today
    register = registry.register_of(uow, letter.entity_id, Direction.INCOMING)
    entry = registry.allocate(uow, register, day.year, letter.id, entry_date=day)
    letter.registered_at = uow.now
    letter.register_number = f"{entry.year}/{entry.number}"
    uow.flush()
    record(
        uow,
        "letters.registered",
        "letter",
        letter.id,
        entity_id=letter.entity_id,
        row=letter,
        code=letter.document_code,
        number=entry.number,
        year=entry.year,
    )


def _attach(
    uow: UnitOfWork, letter: Letter, file_id: UUID, place: int, name: str, media: str, size: int, digest: str
) -> None:
    uow.session.add(
        Attachment(
            letter_id=letter.id,
            entity_id=letter.entity_id,
            file_id=file_id,
            position=place,
            name=name,
            media_type=media,
            size=size,
            hash=digest,
        )
    )


def _settle_asked(uow: UnitOfWork, letter: Letter, references: Sequence[str]) -> None:
    """Settle the consignment that this reply answers: the sender's fact «settled»."""
    for code in references:
        asked = uow.session.scalars(
            select(Letter).where(
                Letter.entity_id == letter.entity_id,
                Letter.direction == Direction.OUTGOING,
                Letter.document_code == code,
            )
        ).one_or_none()
        if asked is not None and letter.sender_id is not None:
            dispatch.settle(uow, asked.id, letter.sender_id)


def _keep_verification(letter: Letter, code: str) -> None:
    try:
        normal = normalize_verification_code(code)
    except BadCode:
        return  # the sender's printed code is unreadable: the letter is then verified by its file alone
    letter.verification_code = code
    letter.verification_digest = sha256(normal.encode())


def _sensitivity(name: str) -> int:
    """Return the level of a wire name; an unknown one counts as the highest, never as the lowest."""
    try:
        return int(Sensitivity[name.upper()])
    except KeyError:
        return int(Sensitivity.TOP_SECRET)
