"""Stock phrases (صيغ جاهزة): a built-in set in both languages, and what each body adds of its own."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden, Invalid, NotFound, Problem
from edms.letters.models import StockPhrase
from edms.letters.rules import DRAFT, KEEP_TEMPLATES

MAX_TEXT = 1_000
MAX_PHRASES = 300


class Place(StrEnum):
    """Where in a letter a phrase usually stands."""

    OPENING = "opening"
    TEXT = "text"
    CLOSING = "closing"


def msgid(text: str) -> str:
    """Mark a phrase: its English form is its msgid, the Arabic one is in the catalogue."""
    return text


BUILT_IN: Final[dict[Place, tuple[str, ...]]] = {
    Place.OPENING: (
        msgid("With our best regards,"),
        msgid("With reference to your letter no. … of …,"),
        msgid("Further to our letter no. … of …,"),
        msgid("Pursuant to the provisions of …,"),
        msgid("As the public interest requires,"),
    ),
    Place.TEXT: (
        msgid("Please be informed that …"),
        msgid("We send you enclosed …"),
        msgid("Please take the necessary action and let us know."),
        msgid("Please give us your opinion on the above."),
        msgid("Please answer within … days of the date of this letter."),
        msgid("We remind you of our letter mentioned above, which has not been answered yet."),
    ),
    Place.CLOSING: (
        msgid("For your information and the necessary action, with thanks."),
        msgid("For your kind information, with our appreciation."),
        msgid("With our thanks and appreciation."),
    ),
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """A stored phrase of a body."""

    id: UUID
    place: str
    text: str


def phrases(uow: UnitOfWork) -> list[Phrase]:
    """Return the phrases of the actor's own body, by place, then by words."""
    if not uow.actor.may(KEEP_TEMPLATES):
        uow.actor.require(DRAFT)
    rows = uow.session.scalars(select(StockPhrase).where(StockPhrase.entity_id == uow.actor.entity_id))
    order = {place: number for number, place in enumerate(Place)}
    found = [Phrase(row.id, row.place, row.text) for row in rows]
    return sorted(found, key=lambda each: (order.get(Place(each.place), 9), each.text))


def add(uow: UnitOfWork, place: str, text: str) -> UUID:
    """Add a phrase to the actor's body; raises Invalid for an empty or long one, or one too many."""
    uow.actor.require(KEEP_TEMPLATES)
    if uow.actor.entity_id is None:
        raise Forbidden("letters.no-entity")
    checked = _checked(place, text)
    count = select(func.count()).select_from(StockPhrase).where(StockPhrase.entity_id == uow.actor.entity_id)
    if (uow.session.scalar(count) or 0) >= MAX_PHRASES:
        raise Invalid("letters.invalid", (Problem("phrase", "letters.too-many-phrases", limit=MAX_PHRASES),))
    row = StockPhrase(entity_id=uow.actor.entity_id, place=place, text=checked, changed_at=uow.now)
    uow.session.add(row)
    uow.flush()
    record(uow, "letters.phrase-added", "stock-phrase", row.id, row=row)
    return row.id


def change(uow: UnitOfWork, phrase_id: UUID, place: str, text: str) -> None:
    """Replace a phrase of the actor's body."""
    uow.actor.require(KEEP_TEMPLATES)
    row = _row(uow, phrase_id)
    row.place, row.text, row.changed_at = place, _checked(place, text), uow.now
    uow.flush()
    record(uow, "letters.phrase-changed", "stock-phrase", row.id, row=row)


def remove(uow: UnitOfWork, phrase_id: UUID) -> None:
    """Take a phrase away."""
    uow.actor.require(KEEP_TEMPLATES)
    row = _row(uow, phrase_id)
    uow.session.delete(row)
    uow.flush()
    record(uow, "letters.phrase-removed", "stock-phrase", phrase_id, gone=row)


def _checked(place: str, text: str) -> str:
    problems = []
    clean = "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
    if not clean:
        problems.append(Problem("phrase", "letters.phrase-empty"))
    if len(clean) > MAX_TEXT:
        problems.append(Problem("phrase", "letters.phrase-too-long", limit=MAX_TEXT))
    if place not in tuple(Place):
        problems.append(Problem("place", "letters.unknown-place"))
    if problems:
        raise Invalid("letters.invalid", tuple(problems))
    return clean


def _row(uow: UnitOfWork, phrase_id: UUID) -> StockPhrase:
    found = uow.session.get(StockPhrase, phrase_id)
    if found is None or found.entity_id != uow.actor.entity_id:
        raise NotFound("letters.no-phrase")
    return found
