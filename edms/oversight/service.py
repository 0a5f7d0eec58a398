"""What an auditor looks at is noted before it is shown: who searched what, which letter's life, which code."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from edms.audit.models import Event
from edms.audit.queries import sealed_size
from edms.audit.service import facts_of, record
from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.entities.models import Employee, Entity
from edms.letters.models import Letter
from edms.oversight import queries
from edms.oversight.rules import REFUSALS, SEE_LOG, Place, Search


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the log as a page shows it; ``letter`` is None where the auditor may not know of it.

    ``refused`` is the outcome, ``sealed`` whether a checkpoint covers the entry.
    """

    seq: int
    at: datetime
    act: str
    actor: str
    who: Employee | None
    body: Entity | None
    object_type: str
    object_id: UUID | None
    letter: Letter | None
    about: str
    refused: bool
    sealed: bool
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def copy(self) -> str:
        """The code of the copy that the entry speaks of, if it speaks of one."""
        return str(self.facts.get("copy") or "")


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search: its lines and where the next one begins, None at the end."""

    lines: tuple[Line, ...]
    onward: Place | None


def search(uow: UnitOfWork, wanted: Search, *, after: Place | None = None, limit: int) -> Found:
    """Return a page of the log, newest first; the caller notes the look with ``note_search``. Raises Forbidden."""
    uow.actor.require(SEE_LOG)
    found, onward = queries.search(uow, wanted, after=after, limit=limit)
    return Found(tuple(lines(uow, found)), onward)


def lines(uow: UnitOfWork, events: Sequence[Event]) -> list[Line]:
    """Return entries with the people, bodies and letters that they name; a fixed number of reads."""
    people = entities.employees_by_ids(uow, [each.employee_id for each in events])
    bodies = entities.entities_by_ids(uow, [each.entity_id for each in events])
    letters = queries.letters_by_ids(uow, _keys(events, "letter"))
    owners = queries.owners(uow, _keys(events, "account"))
    people_named = entities.employees_by_ids(uow, [*_keys(events, "employee"), *owners.values()])
    named = {**people_named, **{key: people_named[owner] for key, owner in owners.items()}}
    about = entities.entities_by_ids(uow, _keys(events, "entity"))
    sealed = sealed_size(uow)
    return [
        Line(
            each.seq, each.at, each.act, each.actor, people.get(each.employee_id) if each.employee_id else None,
            bodies.get(each.entity_id) if each.entity_id else None, each.object_type, each.object_id,
            letters.get(each.object_id) if each.object_id and each.object_type == "letter" else None,
            _about(each, named, about), is_refused(each), each.seq <= sealed, facts_of(each),
        )
        for each in events
    ]  # fmt: skip


def is_refused(event: Event) -> bool:
    """Say whether the outcome of an act was that something was refused, failed or found wrong."""
    return event.act in REFUSALS or (event.act == "audit.verified" and facts_of(event).get("ok") is False)


def note_search(uow: UnitOfWork, wanted: Search, found: int, *, act: str = "oversight.searched") -> None:
    """Note what was searched for: codes and days, never words. Raises Forbidden."""
    uow.actor.require(SEE_LOG)
    record(
        uow, act, "log", None, employee=wanted.employee_code or None, body=wanted.entity_code or None,
        letter=wanted.letter_code or None, kind=str(wanted.kind) if wanted.kind else None, of=wanted.act or None,
        day_from=wanted.day_from.isoformat() if wanted.day_from else None,
        day_to=wanted.day_to.isoformat() if wanted.day_to else None, found=found,
    )  # fmt: skip


def note(
    uow: UnitOfWork, act: str, kind: str, about: UUID | None, /, *, entity_id: UUID | None = None,
    **facts: str | int | bool | None,
) -> None:  # fmt: skip
    """Note another look of an auditor, as an event of the body ``entity_id`` (by default the own). Raises Forbidden."""
    uow.actor.require(SEE_LOG)
    record(uow, act, kind, about, entity_id=entity_id, row=None, rows=(), gone=None, **facts)


def _keys(events: Iterable[Event], kind: str) -> set[UUID]:
    return {each.object_id for each in events if each.object_type == kind and each.object_id is not None}


def _about(event: Event, named: dict[UUID, Employee], bodies: dict[UUID, Entity]) -> str:
    """Return the name of the person or body that an entry is about."""
    if event.object_id is None:
        return ""
    if event.object_type in {"employee", "account"} and event.object_id in named:
        person = named[event.object_id]
        return f"{person.name} {person.code}"
    return bodies[event.object_id].name_ar if event.object_type == "entity" and event.object_id in bodies else ""
