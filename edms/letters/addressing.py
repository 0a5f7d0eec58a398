"""Finding the bodies that a letter may be addressed to, by name or code as a person types them."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from crypto import codes
from crypto.errors import BadCode
from edms.core.arabic import bare, fold_digits, words
from edms.core.database import UnitOfWork
from edms.core.errors import Problem
from edms.entities import queries as entities
from edms.entities.models import Entity

MATCHES = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """A body that may be chosen; ``code`` is its 8 digits."""

    id: UUID
    code: str
    name: str
    name_en: str = ""


def choice(entity: Entity) -> Choice:
    """Return a body as a choice."""
    return Choice(entity.id, entity.code, entity.name_ar, entity.name_en)


def others(uow: UnitOfWork) -> list[Entity]:
    """Return every body that may be addressed today, the actor's own left out, in order of code."""
    day = uow.today
    return [
        each
        for each in entities.all_entities(uow)
        if each.id != uow.actor.entity_id and (each.valid_to is None or each.valid_to >= day)
    ]


def by_codes(uow: UnitOfWork, wanted: Collection[str]) -> dict[str, Choice]:
    """Return bodies by their 8-digit codes; unknown codes are left out."""
    listed = list(dict.fromkeys(wanted))
    found: dict[str, Choice] = {}
    for at in range(0, len(listed), 500):
        rows = uow.session.scalars(select(Entity).where(Entity.code.in_(listed[at : at + 500])))
        found.update((row.code, choice(row)) for row in rows)
    return found


def find(uow: UnitOfWork, typed: str, *, but: Collection[str] = ()) -> list[Choice]:
    """Return bodies whose name holds every typed word (by its beginning), best first; or the body of a typed code."""
    wanted = words(typed)
    if not wanted:
        return []
    try:
        digits = codes.parse(typed).digits
    except BadCode:
        digits = ""
    ranked = []
    for each in others(uow):
        if each.code in but:
            continue
        if digits and each.code == digits:
            return [choice(each)]
        rank = _rank(wanted, [*words(each.name_ar), *words(each.name_en)])
        if rank is not None:
            ranked.append((rank, len(each.name_ar), each.code, each))
    ranked.sort(key=lambda row: row[:3])
    return [choice(each) for *_, each in ranked[:MATCHES]]


def resolve(uow: UnitOfWork, typed: str, *, field: str, but: Collection[str] = ()) -> Choice | Problem:
    """Return the one body that ``typed`` names by its code or its full name, else what to tell the writer."""
    found = find(uow, typed, but=but)
    exact = [each for each in found if words(each.name) == words(typed)]
    if len(exact) == 1 or len(found) == 1:
        return (exact or found)[0]
    if found:
        return Problem(field, "letters.addressee-unclear", typed=typed)
    try:
        digits = codes.parse(typed).digits
    except BadCode:
        return _bad_code(uow, typed, field)
    own = by_codes(uow, [digits]).get(digits)
    if own is not None and own.id == uow.actor.entity_id:
        return Problem(field, "letters.own-entity")
    return Problem(field, "letters.addressee-not-found", typed=typed)


def _rank(wanted: list[str], name: list[str]) -> int | None:
    """Return how far into a name the typed words stand, or None when one of them is not in it."""
    total = 0
    for word in wanted:
        place = next((at for at, held in enumerate(name) if held.startswith(word) or bare(held).startswith(word)), None)
        if place is None:
            return None
        total += place
    return total


def _bad_code(uow: UnitOfWork, typed: str, field: str) -> Problem:
    """Tell a mistyped code from an unknown name; two neighbouring digits exchanged are put right as a question."""
    digits = re.sub(r"[\s./-]", "", fold_digits(typed))
    if not digits.isdigit():
        return Problem(field, "letters.addressee-not-found", typed=typed)
    exchanged = [digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :] for at in range(len(digits) - 1)]
    meant = by_codes(uow, [code for code in exchanged if code != digits])
    if len(meant) == 1:
        found = next(iter(meant.values()))
        return Problem(
            field, "letters.bad-code-suggested", typed=typed, suggestion=codes.format_code(found.code), name=found.name
        )
    return Problem(field, "letters.bad-entity-code", typed=typed)
