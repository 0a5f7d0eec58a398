"""What the follower reads: new events by entity, and letters as documents of an index, one query for a whole batch."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import Row, Select, and_, func, select

from edms.audit.models import Event, EventHead
from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.letters.body import from_markup, plain_text
from edms.letters.models import Addressee, Attachment, Letter, Version
from edms.letters.rules import NUMBERED, Sensitivity, acl_of_letter
from edms.registry.rules import Direction
from edms.search.index import IndexDocument
from edms.search.rules import INDEXED_ACTS

_CHUNK = 500
_SHELVES = tuple((direction, state) for direction in Direction for state in sorted(NUMBERED))


@dataclass(frozen=True, slots=True)
class Change:
    """What a batch of events comes to in one entity's index."""

    documents: list[IndexDocument] = field(default_factory=list)
    deleted: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far a walk over an entity's letters has come: shelf (direction and state) and the last letter on it."""

    shelf: int = 0
    after: UUID | None = None


def next_events(uow: UnitOfWork, position: int, limit: int) -> tuple[int, list[tuple[UUID, UUID | None]]]:
    """Return the number of the last of the next ``limit`` events, and (letter, entity) of those that matter here."""
    rows = uow.session.execute(
        select(Event.seq, Event.act, Event.object_id, Event.entity_id)
        .where(Event.seq > position)
        .order_by(Event.seq)
        .limit(limit)
    ).all()
    changed = {object_id: entity for _, act, object_id, entity in rows if act in INDEXED_ACTS and object_id}
    return (rows[-1].seq if rows else position), list(changed.items())


def events_of_entity(
    uow: UnitOfWork, entity_id: UUID, position: int, upto: int, limit: int
) -> tuple[int, list[tuple[UUID, UUID | None]]]:
    """Return the same of one entity, no further than event ``upto``; the number is ``upto`` when that was all."""
    rows = uow.session.execute(
        select(Event.seq, Event.object_id)
        .where(Event.entity_id == entity_id, Event.act.in_(INDEXED_ACTS), Event.seq > position, Event.seq <= upto)
        .order_by(Event.seq)
        .limit(limit)
    ).all()
    changed: dict[UUID, UUID | None] = dict.fromkeys((id for _, id in rows if id), entity_id)
    return (rows[-1].seq if len(rows) == limit else upto), list(changed.items())


def last_events(uow: UnitOfWork, upto: int, entity_ids: Sequence[UUID] | None = None) -> dict[UUID, int]:
    """Return the number of each entity's last event, up to ``upto``, that its index must hold."""
    found: dict[UUID, int] = {}
    query = (
        select(Event.entity_id, func.max(Event.seq))
        .where(Event.act.in_(INDEXED_ACTS), Event.entity_id.is_not(None), Event.seq <= upto)
        .group_by(Event.entity_id)
    )
    for part in [None] if entity_ids is None else _chunks(entity_ids):
        narrowed = query if part is None else query.where(Event.entity_id.in_(part))
        found.update((entity, seq) for entity, seq in uow.session.execute(narrowed) if entity)
    return found


def newest_event(uow: UnitOfWork) -> int:
    """Return the number of the newest event."""
    return uow.session.scalar(select(EventHead.last_seq)) or 0


def changes(uow: UnitOfWork, changed: Sequence[tuple[UUID, UUID | None]]) -> dict[UUID, Change]:
    """Return what events about letters come to, by the entity whose letter it is."""
    found: dict[UUID, Change] = {}
    seen: set[UUID] = set()
    for part in _chunks([letter_id for letter_id, _ in changed]):
        rows = uow.session.execute(_letters().where(Letter.id.in_(part))).all()
        for entity_id, document in _documents(uow, rows):
            seen.add(document.id)
            found.setdefault(entity_id, Change()).documents.append(document)
    for letter_id, entity in changed:
        if letter_id not in seen and entity is not None:
            found.setdefault(entity, Change()).deleted.append(letter_id)
    return found


def letters_page(
    uow: UnitOfWork, entity_id: UUID, mark: Bookmark, limit: int
) -> tuple[list[IndexDocument], Bookmark | None]:
    """Return up to ``limit`` of an entity's letters from ``mark`` on, and where to go on; None when that was the last.

    A letter that changes its state meanwhile may be missed: its event brings it.
    """
    direction, state = _SHELVES[mark.shelf]
    query = _letters().where(Letter.entity_id == entity_id, Letter.direction == direction, Letter.state == state)
    if mark.after:
        query = query.where(Letter.id > mark.after)
    rows = uow.session.execute(query.order_by(Letter.id).limit(limit)).all()
    documents = [document for _, document in _documents(uow, rows)]
    if len(rows) == limit:
        return documents, Bookmark(mark.shelf, rows[-1][0].id)
    following = mark.shelf + 1
    return documents, Bookmark(following) if following < len(_SHELVES) else None


def letter_counts(uow: UnitOfWork, *, entity_id: UUID | None = None, at_least: int = 1) -> dict[UUID, int]:
    """Return how many letters belong into each entity's index, of entities with ``at_least`` so many."""
    number = func.count()
    query = select(Letter.entity_id, number).where(Letter.state.in_(sorted(NUMBERED))).group_by(Letter.entity_id)
    if entity_id:
        query = query.where(Letter.entity_id == entity_id)
    rows = uow.session.execute(query.having(number >= at_least))
    return {row[0]: row[1] for row in rows}


def recipients(uow: UnitOfWork, letter_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Return to which bodies some letters are addressed or copied, in their order."""
    found: dict[UUID, list[UUID]] = {}
    query = select(Addressee.letter_id, Addressee.recipient_id).where(Addressee.letter_id.in_(letter_ids))
    for letter_id, recipient in uow.session.execute(query.order_by(Addressee.position)):
        found.setdefault(letter_id, []).append(recipient)
    return found


def day_of(letter: Letter) -> date:
    """Return a letter's own date; of mail that names none, the day (UTC) on which it was registered."""
    return letter.letter_date or (letter.registered_at or letter.created_at).date()


def _letters() -> Select[Letter, Version]:
    return (
        select(Letter, Version)
        .join(Version, and_(Version.letter_id == Letter.id, Version.no == Letter.version))
        .where(Letter.state.in_(sorted(NUMBERED)))
    )


def _documents(uow: UnitOfWork, rows: Sequence[Row[Letter, Version]]) -> Iterator[tuple[UUID, IndexDocument]]:
    """Write letters as documents; everything beside them comes in one query of each kind."""
    ids = [letter.id for letter, _ in rows]
    addressed = recipients(uow, ids)
    files: dict[UUID, list[str]] = {}
    for attachment in uow.session.scalars(select(Attachment).where(Attachment.letter_id.in_(ids))):
        files.setdefault(attachment.letter_id, []).append(attachment.name)
    others = {recipient for each in addressed.values() for recipient in each}
    others |= {letter.sender_id for letter, _ in rows if letter.sender_id}
    names = entities.entities_by_ids(uow, sorted(others))
    for letter, version in rows:
        parties = [letter.sender_id] if letter.sender_id else addressed.get(letter.id, [])
        known = [names[party] for party in parties if party in names]
        yield (
            letter.entity_id,
            _document(
                letter,
                version.text,
                [name for each in known for name in (each.name_ar, each.name_en)],
                files.get(letter.id, []),
            ),
        )


def _document(letter: Letter, text: dict[str, object], parties: Iterable[str], files: Iterable[str]) -> IndexDocument:
    """Write one letter as a document; at the highest level the words of body and attachments stay out of the index."""
    words = [] if letter.sensitivity >= Sensitivity.TOP_SECRET else [_words(text), *files]
    numbers = (letter.number, letter.register_number, letter.document_code or "")
    return IndexDocument(
        id=letter.id, subject=letter.subject, body="\n".join(words), numbers=tuple(filter(None, numbers)),
        parties=tuple(filter(None, parties)),
        day=day_of(letter), direction=letter.direction,
        kind=letter.kind, sensitivity=letter.sensitivity,
        acl=acl_of_letter(letter.sensitivity, letter.author_id, letter.signer_post_id),
    )  # fmt: skip


def _words(text: dict[str, object]) -> str:
    body = text.get("body")
    return plain_text(body if isinstance(body, list) else from_markup(str(text.get("text", ""))))


def _chunks(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for at in range(0, len(ids), _CHUNK):
        yield ids[at : at + _CHUNK]
