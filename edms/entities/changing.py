"""Changing a registered body: its names, its mark, its last day, and how it registers arriving letters."""

from collections.abc import Iterator
from uuid import UUID

from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, Problem
from edms.entities import queries
from edms.entities.models import Entity
from edms.entities.rules import (
    CLEARANCES,
    KEEP_ENTITIES,
    LONGEST_MARK,
    LONGEST_NAME,
    SET_REGISTERING,
    EntityChange,
    clean_name,
)


def change_entity(uow: UnitOfWork, entity_id: UUID, change: EntityChange) -> Entity:
    """Change a body of this installation and return it.

    A body's administrator changes only how it registers; everything else is the centre's. A closed body keeps its
    letters, is addressed by no new letter and receives no mail from the day after its last one. Raises Invalid
    ``entities.bad-entity`` with the fields that break a rule, Conflict ``entities.served-elsewhere`` for a peer's body.
    """
    uow.actor.require(SET_REGISTERING if change.only_registering else KEEP_ENTITIES)
    body = queries.entity(uow, entity_id)
    if not uow.actor.may(KEEP_ENTITIES) and uow.actor.entity_id != body.id:
        raise Forbidden("core.forbidden", permission=KEEP_ENTITIES.name)
    if body.installation_id != queries.home(uow).id:
        raise Conflict("entities.served-elsewhere", entity=body.code)
    problems = tuple(_problems(body, change))
    if problems:
        raise Invalid("entities.bad-entity", problems)
    was_closed = body.valid_to is not None
    changed = [name for name, value in _wanted(change) if getattr(body, name) != value]
    for name, value in _wanted(change):
        setattr(body, name, value)
    uow.flush()
    if changed:
        act = "entities.changed"
        if "valid_to" in changed:
            act = "entities.reopened" if was_closed and body.valid_to is None else "entities.closed"
        audit.record(
            uow, act, "entity", body.id, entity_id=body.id, row=body, code=body.code, changed=" ".join(changed),
            by_rule=body.registers_by_rule, untyped=body.registers_untyped,
            last_day=body.valid_to.isoformat() if body.valid_to else None,
        )  # fmt: skip
    return body


def _wanted(change: EntityChange) -> Iterator[tuple[str, object]]:
    """Yield the columns that a change sets, with their values in stored form."""
    for name in ("name_ar", "name_en", "short_mark"):
        text: str | None = getattr(change, name)
        if text is not None:
            yield name, clean_name(text)
    if change.reopen or change.valid_to is not None:
        yield "valid_to", change.valid_to
    if change.registers_by_rule is not None:
        yield "registers_by_rule", change.registers_by_rule
    if change.registers_untyped is not None:
        yield "registers_untyped", change.registers_untyped
    if change.max_sensitivity is not None:
        yield "max_sensitivity", change.max_sensitivity


def _problems(body: Entity, change: EntityChange) -> Iterator[Problem]:
    if change.name_ar is not None and not 0 < len(clean_name(change.name_ar)) <= LONGEST_NAME:
        yield Problem("name_ar", "entities.bad-name", limit=LONGEST_NAME)
    if change.name_en is not None and len(clean_name(change.name_en)) > LONGEST_NAME:
        yield Problem("name_en", "entities.bad-name", limit=LONGEST_NAME)
    if change.short_mark is not None and len(clean_name(change.short_mark)) > LONGEST_MARK:
        yield Problem("short_mark", "entities.bad-mark", limit=LONGEST_MARK)
    if change.max_sensitivity is not None and change.max_sensitivity not in CLEARANCES:
        yield Problem("max_sensitivity", "entities.bad-clearance")
    if change.valid_to is not None and change.valid_to < body.valid_from:
        yield Problem("valid_to", "entities.ends-before-it-begins")
