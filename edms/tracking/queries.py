"""Reads of a letter's way: facts per recipient with their totals, the timeline of its own body, its readers.

The caller has found the letter through ``letters.queries.letter``: who may read it may follow it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, or_, select, true

from edms.audit.models import Event
from edms.core.database import UnitOfWork
from edms.dispatch.models import DeliveryAttempt, OutboxItem
from edms.dispatch.rules import OPEN, ItemState, PackageKind
from edms.entities import queries as entities
from edms.entities.models import Assignment, Entity, Post
from edms.intake.models import ReceivedMessage
from edms.letters.models import Letter
from edms.registry.rules import Direction
from edms.tracking.rules import (
    LIFE,
    MOST_EVENTS,
    READING,
    SEE_READERS,
    Person,
    Reader,
    RecipientFacts,
    Show,
    Step,
    Totals,
    trouble_of,
)

_STOPPED = (ItemState.REFUSED, ItemState.FAILED, ItemState.CANCELLED)
_CHUNK = 500


def totals(uow: UnitOfWork, letter: Letter) -> Totals:
    """Count the recipients of a letter by fact, in one walk over its consignments."""
    stopped = OutboxItem.state.in_(_STOPPED)
    row = uow.session.execute(
        select(
            func.count(), func.count(OutboxItem.taken_at), func.count(OutboxItem.delivered_at),
            func.count(OutboxItem.opened_at), func.count(OutboxItem.registered_at), func.count(OutboxItem.settled_at),
            func.coalesce(func.sum(case((stopped, 1), else_=0)), 0),
            func.coalesce(func.sum(case((_shown(Show.WAITING), 1), else_=0)), 0),
        ).where(*_consignments(letter))
    ).one()  # fmt: skip
    return Totals(*(int(value) for value in row))


def facts(
    uow: UnitOfWork,
    letter: Letter,
    *,
    show: Show = Show.ALL,
    offset: int = 0,
    limit: int | None = None,
    locale: str = "ar",
) -> tuple[RecipientFacts, ...]:
    """Return what is known of each recipient, in the order of the letter; two or three statements.

    Bodies are named in the language of ``locale``.
    """
    rows = uow.session.execute(
        select(OutboxItem, Entity)
        .join(Entity, Entity.id == OutboxItem.recipient_id)
        .where(*_consignments(letter), _shown(show))
        .order_by(OutboxItem.id)
        .offset(offset)
        .limit(limit)
    ).all()
    asked = [item.id for item, _ in rows if item.attempts and item.state in OPEN]
    replies = _last_replies(uow, asked)
    return tuple(_facts_of(item, body, locale, replies.get(item.id, item.refusal)) for item, body in rows)


def timeline(uow: UnitOfWork, letter: Letter) -> tuple[Step, ...]:
    """Return what happened to a letter in its own body, oldest first; of others' reading only what may be seen."""
    rows = uow.session.execute(
        select(Event.at, Event.act, Event.employee_id)
        .where(Event.object_id == letter.id, Event.entity_id == letter.entity_id, Event.act.in_(LIFE))
        .order_by(Event.seq)
        .limit(MOST_EVENTS)
    ).all()
    people = _people(uow, letter.entity_id, [who for _, _, who in rows])
    steps = [Step(at, act.partition(".")[2], people.get(who, Person())) for at, act, who in rows]
    if letter.direction == Direction.INCOMING:
        steps.insert(0, Step(_arrival(uow, letter), "arrived", Person()))
    steps += [Step(each.first, each.kind, each.who, each.times) for each in readers(uow, letter)]
    return tuple(sorted(steps, key=lambda step: step.at))


def readers(uow: UnitOfWork, letter: Letter) -> tuple[Reader, ...]:
    """Return who opened, printed, downloaded or exported a letter, by first time; without the right only oneself."""
    mine = true() if uow.actor.may(SEE_READERS) else Event.employee_id == uow.actor.employee_id
    rows = uow.session.execute(
        select(Event.employee_id, Event.act, func.min(Event.at), func.max(Event.at), func.count())
        .where(Event.object_id == letter.id, Event.entity_id == letter.entity_id, Event.act.in_(READING), mine)
        .group_by(Event.employee_id, Event.act)
    ).all()
    people = _people(uow, letter.entity_id, [row[0] for row in rows])
    found: dict[tuple[UUID | None, str], Reader] = {}
    for who, act, first, last, times in rows:
        key, new = (who, READING[act]), Reader(people.get(who, Person()), READING[act], first, last, times)
        old = found.get(key, new)
        found[key] = Reader(new.who, new.kind, min(old.first, first), max(old.last, last), max(old.times, times))
    return tuple(sorted(found.values(), key=lambda reader: reader.first))


def _consignments(letter: Letter) -> tuple[ColumnElement[bool], ...]:
    return (OutboxItem.letter_id == letter.id, OutboxItem.kind == PackageKind.LETTER)


def _shown(show: Show) -> ColumnElement[bool]:
    if show is Show.REGISTERED:
        return OutboxItem.registered_at.is_not(None)
    if show is Show.STOPPED:
        return OutboxItem.state.in_(_STOPPED)
    if show is Show.WAITING:
        return OutboxItem.registered_at.is_(None) & OutboxItem.state.not_in(_STOPPED)
    return true()


def _facts_of(item: OutboxItem, body: Entity, locale: str, words: str) -> RecipientFacts:
    far = item.far or {}
    return RecipientFacts(
        entity_id=body.id, entity_code=body.code, entity_name=body.name(locale), role=item.role, state=item.state,
        taken=item.taken_at, delivered=item.delivered_at, opened=item.opened_at, registered=item.registered_at,
        far_number=item.far_number, far_unit=far.get("unit", ""),
        settled=item.settled_at, refused=item.refused_at, attempts=item.attempts,
        next_at=item.next_at if item.state == ItemState.QUEUED else None,
        trouble=trouble_of(item.state, item.attempts, words, far),
    )  # fmt: skip


def _last_replies(uow: UnitOfWork, items: Sequence[UUID]) -> dict[UUID, str]:
    """Return the last answer to each of some consignments that are tried again."""
    found: dict[UUID, str] = {}
    for place in range(0, len(items), _CHUNK):
        rows = uow.session.execute(
            select(DeliveryAttempt.item_id, DeliveryAttempt.reply)
            .where(DeliveryAttempt.item_id.in_(items[place : place + _CHUNK]))
            .order_by(DeliveryAttempt.at)
        )
        found.update((item, reply) for item, reply in rows)
    return found


def _arrival(uow: UnitOfWork, letter: Letter) -> datetime:
    received = uow.session.scalar(
        select(func.min(ReceivedMessage.received_at)).where(ReceivedMessage.letter_id == letter.id)
    )
    return received or letter.created_at


def _people(uow: UnitOfWork, entity_id: UUID, ids: Iterable[UUID | None]) -> dict[UUID | None, Person]:
    """Return people by inner key with the posts that they hold in a body today."""
    wanted = {one for one in ids if one is not None}
    day = uow.today
    posts: dict[UUID, list[str]] = {}
    held = select(Assignment.employee_id, Post).join(Post, Post.id == Assignment.post_id)
    held = held.where(
        Assignment.employee_id.in_(wanted), Post.entity_id == entity_id, Assignment.valid_from <= day,
        or_(Assignment.valid_to.is_(None), Assignment.valid_to >= day),
    )  # fmt: skip
    for employee_id, post in uow.session.execute(held):
        posts.setdefault(employee_id, []).append(post.title)
    people = entities.employees_by_ids(uow, list(wanted))
    return {key: Person(one.name, " · ".join(posts.get(key, ())), one.code) for key, one in people.items()}
