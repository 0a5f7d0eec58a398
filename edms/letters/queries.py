"""Reads of letters; every one goes through ``visible``, so that what an actor may not read does not exist for him."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true

from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.letters.models import Addressee, Attachment, Destruction, Letter, Opening, Reference, Signature, Version
from edms.letters.rules import NUMBERED, OFFICE_ROLES, READ, AddresseeRole, Sensitivity, State
from edms.registry.models import RegisterEntry

_NUMBERED = tuple(sorted(NUMBERED))


def visible(actor: Actor) -> ColumnElement[bool]:
    """Return the condition under which ``actor`` may know of a letter (security.md §4: role × class × relation).

    A numbered letter: offices (registry, signatories, auditors) up to their clearance; its author, the post that
    signed it and the deputy who did always; everybody of the body when it is ordinary. An unfinished one: its author;
    the post that is to sign it, or its deputy within what was delegated, once submitted; the registry once signed.
    """
    if "system:operator" in actor.roles:
        return true()
    if actor.entity_id is None or not actor.may(READ):
        return false()
    own = or_(
        Letter.author_id == actor.employee_id, Letter.signer_post_id.in_(actor.post_ids), _signed_by(actor)
    )  # fmt: skip
    office = not actor.roles.isdisjoint(OFFICE_ROLES)
    numbered = and_(
        Letter.state.in_(_NUMBERED),
        or_(
            own,
            Letter.sensitivity <= actor.clearance if office else Letter.sensitivity == int(Sensitivity.ORDINARY),
        ),
    )
    unfinished = or_(
        and_(Letter.author_id == actor.employee_id, Letter.state.in_((State.DRAFT, State.SUBMITTED, State.SIGNED))),
        and_(to_sign_by(actor), Letter.state.in_((State.SUBMITTED, State.SIGNED))),
        and_(
            Letter.state == State.SIGNED,
            Letter.sensitivity <= actor.clearance,
            true() if "registry" in actor.roles else false(),
        ),
    )
    return and_(Letter.entity_id == actor.entity_id, or_(numbered, unfinished))


def to_sign_by(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that a letter is for a post of the actor's, or for one whose deputy the actor is."""
    found: list[ColumnElement[bool]] = [Letter.signer_post_id.in_(actor.post_ids)]
    for each in actor.deputyships:
        within = and_(Letter.signer_post_id == each.post_id, Letter.sensitivity <= each.max_sensitivity)
        found.append(and_(within, Letter.kind.in_(each.kinds)) if each.kinds else within)
    return or_(*found)


def _signed_by(actor: Actor) -> ColumnElement[bool]:
    return (
        select(Signature.id)
        .where(
            Signature.letter_id == Letter.id, Signature.employee_id == actor.employee_id,
            Signature.revoked_at.is_(None),
        )
        .exists()
    )  # fmt: skip


def letter(uow: UnitOfWork, letter_id: UUID) -> Letter:
    """Return a letter that the actor may read; NotFound whether it is missing or merely not his."""
    return _one(uow, select(Letter).where(Letter.id == letter_id))


def letter_for_update(uow: UnitOfWork, letter_id: UUID) -> Letter:
    """Return a letter with its row locked (PostgreSQL; SQLite has one writer anyway)."""
    return _one(uow, select(Letter).where(Letter.id == letter_id).with_for_update(of=Letter, key_share=True))


def letter_by_code(uow: UnitOfWork, document_code: str) -> Letter:
    """Return the actor's own letter of a document code; the outgoing one first when the body sent it to itself."""
    return _one(uow, select(Letter).where(Letter.document_code == document_code).order_by(Letter.direction.desc()))


def incoming_by_code(uow: UnitOfWork, entity_id: UUID, document_code: str | None) -> Letter | None:
    """Return a body's incoming letter of a document code, for the acts of the system (not for showing it)."""
    if document_code is None:
        return None
    return uow.session.scalars(
        select(Letter).where(
            Letter.entity_id == entity_id, Letter.direction == "incoming", Letter.document_code == document_code
        )
    ).one_or_none()


def _one(uow: UnitOfWork, query: Select[Letter]) -> Letter:
    found = uow.session.scalars(query.where(visible(uow.actor)).limit(1)).first()
    if found is None:
        raise NotFound("letters.not-found")
    return found


def letters(
    uow: UnitOfWork,
    *,
    direction: str | None = None,
    states: Sequence[str] = (),
    before: UUID | None = None,
    limit: int = 51,
    since: date | None = None,
    mine: bool = False,
    unread: bool = False,
    to_sign: bool = False,
) -> Sequence[Letter]:
    """Return letters, newest first, after the paging position ``before`` (an id: ids grow with time).

    ``mine``: written by the actor; ``unread``: not opened yet by the actor; ``to_sign``: for the actor to sign.
    """
    query = select(Letter).where(visible(uow.actor), Letter.state != State.DELETED)
    if direction:
        query = query.where(Letter.direction == direction)
    if states:
        query = query.where(Letter.state.in_(states))
    if before:
        query = query.where(Letter.id < before)
    if since:
        query = query.where(Letter.letter_date >= since)
    if mine:
        query = query.where(Letter.author_id == uow.actor.employee_id)
    if unread:
        query = query.where(~_opened(uow.actor))
    if to_sign:
        query = query.where(to_sign_by(uow.actor))
    return uow.session.scalars(query.order_by(Letter.id.desc()).limit(limit)).all()


def count(
    uow: UnitOfWork,
    *,
    direction: str,
    states: Sequence[str],
    cap: int = 1000,
    mine: bool = False,
    unread: bool = False,
    to_sign: bool = False,
) -> int:
    """Count letters up to ``cap``, so that a badge never costs a walk over millions; filters as of ``letters``."""
    query = select(Letter.id).where(visible(uow.actor), Letter.direction == direction, Letter.state.in_(states))
    if mine:
        query = query.where(Letter.author_id == uow.actor.employee_id)
    if unread:
        query = query.where(~_opened(uow.actor))
    if to_sign:
        query = query.where(to_sign_by(uow.actor))
    return uow.session.scalar(select(func.count()).select_from(query.limit(cap).subquery())) or 0


def opened_by(uow: UnitOfWork, letter_ids: Sequence[UUID]) -> set[UUID]:
    """Return which of some letters the actor has opened."""
    return set(
        uow.session.scalars(
            select(Opening.letter_id).where(
                Opening.letter_id.in_(letter_ids), Opening.employee_id == uow.actor.employee_id
            )
        )
    )


def _opened(actor: Actor) -> ColumnElement[bool]:
    return (
        select(Opening.letter_id)
        .where(Opening.letter_id == Letter.id, Opening.employee_id == actor.employee_id)
        .exists()
    )


def visible_ids(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, Letter]:
    """Return those of some letters that the actor may read (search re-checks its hits with it)."""
    rows = uow.session.scalars(select(Letter).where(Letter.id.in_(ids), visible(uow.actor)))
    return {row.id: row for row in rows}


def destruction(uow: UnitOfWork, letter_id: UUID) -> Destruction | None:
    """Return the certificate that a letter was, or is being, destroyed."""
    return uow.session.scalars(select(Destruction).where(Destruction.letter_id == letter_id)).one_or_none()


def destructions(uow: UnitOfWork, letter_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return why those of some letters were destroyed that were."""
    found = select(Destruction.letter_id, Destruction.reason).where(Destruction.letter_id.in_(letter_ids))
    return {letter_id: reason for letter_id, reason in uow.session.execute(found) if letter_id is not None}


def newest_version(uow: UnitOfWork, letter_id: UUID) -> Version:
    """Return the last saved version of a letter."""
    return uow.session.scalars(
        select(Version).where(Version.letter_id == letter_id).order_by(Version.no.desc()).limit(1)
    ).one()


def version(uow: UnitOfWork, letter_id: UUID, number: int) -> Version | None:
    """Return one of the saved versions of a letter."""
    return uow.session.scalars(
        select(Version).where(Version.letter_id == letter_id, Version.no == number)
    ).one_or_none()


def addressees(uow: UnitOfWork, letter_id: UUID) -> Sequence[Addressee]:
    """Return a letter's addressees in their order."""
    return uow.session.scalars(
        select(Addressee).where(Addressee.letter_id == letter_id).order_by(Addressee.position)
    ).all()


def attachments(uow: UnitOfWork, letter_id: UUID) -> Sequence[Attachment]:
    """Return a letter's attachments in their order."""
    return uow.session.scalars(
        select(Attachment).where(Attachment.letter_id == letter_id).order_by(Attachment.position)
    ).all()


def attachment(uow: UnitOfWork, letter_id: UUID, attachment_id: UUID) -> Attachment:
    """Return one attachment of a letter that the caller has found visible; NotFound ``letters.no-attachment``."""
    found = uow.session.get(Attachment, attachment_id)
    if found is None or found.letter_id != letter_id:
        raise NotFound("letters.no-attachment")
    return found


def attachment_counts(uow: UnitOfWork, letter_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return how many attachments some letters have; a letter without any is not in it."""
    rows = uow.session.execute(
        select(Attachment.letter_id, func.count())
        .where(Attachment.letter_id.in_(letter_ids))
        .group_by(Attachment.letter_id)
    )
    return {row[0]: row[1] for row in rows}


def first_addressees(uow: UnitOfWork, letter_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, int]]:
    """Return the first addressee (the body's inner key) of some letters and how many others there are."""
    chosen = Addressee.letter_id.in_(letter_ids)
    rows = uow.session.execute(
        select(Addressee.letter_id, Addressee.recipient_id).where(chosen, Addressee.position == 0)
    )
    first = {row[0]: row[1] for row in rows}
    counted = uow.session.execute(
        select(Addressee.letter_id, func.count())
        .where(chosen, Addressee.role == AddresseeRole.TO)
        .group_by(Addressee.letter_id)
    )
    return {letter_id: (first[letter_id], number - 1) for letter_id, number in counted if letter_id in first}


def newest_versions(uow: UnitOfWork, letters: Sequence[Letter]) -> dict[UUID, Version]:
    """Return the last saved versions of some letters in one read."""
    rows = uow.session.scalars(
        select(Version)
        .join(Letter, and_(Letter.id == Version.letter_id, Letter.version == Version.no))
        .where(Letter.id.in_([each.id for each in letters]))
    )
    return {row.letter_id: row for row in rows}


def opening(uow: UnitOfWork, letter_id: UUID) -> Opening | None:
    """Return when the actor first opened a letter."""
    if uow.actor.employee_id is None:
        return None
    return uow.session.get(Opening, (letter_id, uow.actor.employee_id))


def is_opened(uow: UnitOfWork, letter_id: UUID) -> bool:
    """Say whether anybody of the body has opened a letter."""
    return uow.session.scalar(select(Opening.letter_id).where(Opening.letter_id == letter_id).limit(1)) is not None


def register_entry(uow: UnitOfWork, letter_id: UUID) -> RegisterEntry | None:
    """Return the register entry of a letter that the caller has found visible."""
    return uow.session.scalars(select(RegisterEntry).where(RegisterEntry.letter_id == letter_id)).one_or_none()


def referred_letters(uow: UnitOfWork, codes: Sequence[str]) -> dict[str, Letter]:
    """Return the letters that references name by document code, where the actor may read them."""
    rows = uow.session.scalars(
        select(Letter).where(Letter.document_code.in_(codes), visible(uow.actor)).order_by(Letter.direction)
    )
    return {row.document_code: row for row in rows if row.document_code}


def own_by_codes(uow: UnitOfWork, entity_id: UUID, codes: Sequence[str]) -> dict[str, Letter]:
    """Return a body's letters by document code, for what the system prints; incoming before outgoing."""
    if not codes:
        return {}
    rows = uow.session.scalars(
        select(Letter)
        .where(Letter.entity_id == entity_id, Letter.document_code.in_(codes))
        .order_by(Letter.direction.desc())
    )
    return {row.document_code: row for row in rows if row.document_code}


def references(uow: UnitOfWork, letter_id: UUID) -> Sequence[Reference]:
    """Return the earlier letters that a letter refers to."""
    return uow.session.scalars(
        select(Reference).where(Reference.letter_id == letter_id).order_by(Reference.position)
    ).all()


def signature(uow: UnitOfWork, letter_id: UUID) -> Signature | None:
    """Return the signature in force on a letter."""
    return uow.session.scalars(
        select(Signature).where(Signature.letter_id == letter_id, Signature.revoked_at.is_(None))
    ).one_or_none()


def register_lines(
    uow: UnitOfWork, *, entity_id: UUID, direction: str, day_from: date, day_to: date, limit: int = 2000
) -> list[tuple[RegisterEntry, Letter, bool]]:
    """Return a body's entries of some days in order of number, each with its letter and whether the actor may read it.

    No number is left out of a register: of a letter that the actor may not read only number and date are shown.
    """
    readable = visible(uow.actor).label("readable")
    rows = uow.session.execute(
        select(RegisterEntry, Letter, readable)
        .join(Letter, Letter.id == RegisterEntry.letter_id)
        .where(
            RegisterEntry.entity_id == entity_id,
            RegisterEntry.direction == direction,
            RegisterEntry.entry_date.between(day_from, day_to),
        )
        .order_by(RegisterEntry.year, RegisterEntry.number)
        .limit(limit)
    )
    return [(entry, held, bool(may)) for entry, held, may in rows]
