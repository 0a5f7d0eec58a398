"""Taking a letter that arrived into the receiving body's own papers, with its incoming number."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from crypto.codes import normalize_verification_code
from crypto.digests import sha256
from crypto.errors import BadCode
from edms.audit.service import record
from edms.core.database import Base, UnitOfWork
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
    new = [entity_id for entity_id in entity_ids if entity_id not in found]
    letters = [_letter_of(uow, package, entity_id, sender_id, files) for entity_id in new]
    parts = [_parts_of(uow, letter, package, files) for letter in letters]
    made = {letter.entity_id: letter for letter in _register_all(uow, letters, parts) if letter is not None}
    if package.kind == Kind.REPLY:
        for letter in made.values():
            _settle_asked(uow, letter, package.references)
    return {**found, **made}


def number_of(uow: UnitOfWork, letter_id: UUID) -> str:
    """Return the register number of a letter."""
    return uow.session.get_one(Letter, letter_id).register_number


def numbers_of(uow: UnitOfWork, letter_ids: Sequence[UUID]) -> dict[UUID | None, str]:
    """Return the register numbers of letters, for the gateway's answers to repeats, in one query."""
    if not letter_ids:
        return {}
    rows = uow.session.execute(select(Letter.id, Letter.register_number).where(Letter.id.in_(letter_ids)))
    return {row.id: row.register_number for row in rows}


@dataclass(frozen=True, slots=True)
class UntypedArrival:
    """Mail of a registered body that carries no valid package; the original becomes an attachment."""

    message: UntypedMessage
    entity_id: UUID
    sender_id: UUID
    raw_file: UUID
    raw_size: int
    raw_hash: bytes


def receive_untyped(uow: UnitOfWork, arrival: UntypedArrival) -> Letter:
    """Register one as :func:`receive_untyped_all` does; raises Conflict ``registry.year-closed``."""
    (letter,) = receive_untyped_all(uow, [arrival])
    if letter is None:
        raise Conflict("registry.year-closed")
    return letter


def receive_untyped_all(uow: UnitOfWork, arrivals: Sequence[UntypedArrival]) -> list[Letter | None]:
    """Register ordinary mail of registered bodies in the order given; None where the body's year is closed."""
    uow.actor.require(RECEIVE)
    letters, parts = [], []
    for one in arrivals:
        subject = one.message.subject or one.message.message_id or "-"
        letter = _new_letter(uow, one.entity_id, one.sender_id, subject, None)
        letter.sensitivity = int(Sensitivity.RESTRICTED)
        letters.append(letter)
        original = _attachment(
            letter, one.raw_file, 0, "original.eml", "message/rfc822", one.raw_size, one.raw_hash.hex()
        )
        parts.append([_text(uow, letter, one.message.text), original])
    return _register_all(uow, letters, parts)


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
    """Return a body's row of a package."""
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


def _parts_of(uow: UnitOfWork, letter: Letter, package: LetterPackage, files: Sequence[UUID]) -> list[Base]:
    """Return what hangs on a letter's row: text, attachments, references."""
    found: list[Base] = [_text(uow, letter, package.body_text)]
    for place, (part, file_id) in enumerate(zip(package.parts, files, strict=True)):
        if part.role == "attachment":
            found.append(_attachment(letter, file_id, place, part.name, part.media_type, part.size, part.sha256))
    for place, words in enumerate(package.references):
        code = words if len(words) == 18 and words.isdigit() else None
        found.append(
            Reference(letter_id=letter.id, entity_id=letter.entity_id, position=place, document_code=code, text=words)
        )
    return found


def _register_all(uow: UnitOfWork, letters: Sequence[Letter], parts: Sequence[Sequence[Base]]) -> list[Letter | None]:
    """Give new letters the next incoming numbers of their bodies and store them with their parts, all at once."""
    day = uow.today
    numbers = registry.take_incoming_numbers(uow, [letter.entity_id for letter in letters], day.year)
    made = [(letter, number, rows) for letter, number, rows in zip(letters, numbers, parts, strict=True) if number]
    for letter, number, _ in made:
        letter.registered_at, letter.register_number = uow.now, number.written
    uow.insert([letter for letter, _, _ in made])
    uow.insert([row for _, _, rows in made for row in rows])
    entries = registry.enter_all(
        uow, [(letter.entity_id, number, letter.id) for letter, number, _ in made], entry_date=day
    )
    for (letter, number, _), entry in zip(made, entries, strict=True):
        record(
            uow,
            "letters.registered",
            "letter",
            letter.id,
            entity_id=letter.entity_id,
            row=letter,
            rows=[entry],
            code=letter.document_code,
            number=number.number,
            year=day.year,
        )
    return [letter if number else None for letter, number in zip(letters, numbers, strict=True)]


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
    return letter


def _text(uow: UnitOfWork, letter: Letter, text: str) -> Version:
    return Version(letter_id=letter.id, entity_id=letter.entity_id, no=1, text={"text": text}, created_at=uow.now)


def _attachment(letter: Letter, file_id: UUID, place: int, name: str, media: str, size: int, digest: str) -> Attachment:
    return Attachment(
        letter_id=letter.id, entity_id=letter.entity_id, file_id=file_id, position=place, name=name, media_type=media,
        size=size, hash=digest,
    )  # fmt: skip


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
