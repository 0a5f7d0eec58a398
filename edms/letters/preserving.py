"""Evidence that keeps a sealed letter provable for decades: kept after the file, never inside it.

Why it is kept so: docs/decisions/evidence-beside-the-original.md.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from edms.audit.service import record
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, NotFound
from edms.entities.keyring import Keyring
from edms.letters import queries
from edms.letters.models import Letter, Preservation

COMPLETE = "B-LTA"


@dataclass(frozen=True, slots=True)
class PreservationPlan:
    """When a letter's evidence is sealed for the archive, and how long before its stamp ends it is renewed."""

    archive_after: timedelta = timedelta(days=365)
    renew_before: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class PreservationState:
    """What is kept of a letter's evidence, for its page; ``problem`` is the code of why the last try failed."""

    level: str
    waits_for_stamp: bool
    problem: str
    extended_at: datetime | None
    stamp_ends_at: datetime | None


def begin_preservation(uow: UnitOfWork, letter: Letter, digest: bytes, level: str) -> None:
    """Note that a sealed file is to get its evidence, by the worker, from now on."""
    uow.session.add(Preservation(rendition_hash=digest, letter_id=letter.id, level=level, goal="LT", due_at=uow.now))


def preservation_of(uow: UnitOfWork, rendition_hash: bytes | None) -> Preservation | None:
    """Return what is kept after a sealed file, by the file's SHA-256."""
    return uow.session.scalars(select(Preservation).where(Preservation.rendition_hash == rendition_hash)).one_or_none()


def state_of(uow: UnitOfWork, letter: Letter) -> PreservationState | None:
    """Return the state of a letter's evidence; None for one that has no sealed file."""
    found = preservation_of(uow, letter.rendition_hash) if letter.rendition_hash else None
    if found is None:
        return None
    return PreservationState(found.level, found.level == "B-B", found.problem, found.extended_at, found.stamp_ends_at)


def want(uow: UnitOfWork, letter: Letter, goal: str) -> Preservation | None:
    """Ask for the evidence of a letter to reach ``LT`` or ``LTA`` now; nothing happens when it has."""
    if letter.rendition_hash is None:
        return None
    found = preservation_of(uow, letter.rendition_hash)
    if found is None:
        found = Preservation(rendition_hash=letter.rendition_hash, letter_id=letter.id, level="", goal=goal)
        found.due_at = uow.now
        uow.session.add(found)
        uow.flush()
    elif goal == "LTA" and found.level != COMPLETE:
        found.goal, found.due_at, found.failures = goal, uow.now, 0
    return found


def archive(uow: UnitOfWork, letter_id: UUID) -> Preservation:
    """Have a numbered letter's evidence sealed for the archive by the next step of the worker.

    Raises NotFound ``letters.no-rendition``, Conflict ``letters.archived-already``.
    """
    letter = queries.letter(uow, letter_id)
    found = want(uow, letter, "LTA")
    if found is None:
        raise NotFound("letters.no-rendition")
    if found.level == COMPLETE:
        raise Conflict("letters.archived-already")
    record(uow, "letters.archived", "letter", letter.id, entity_id=letter.entity_id, row=found)
    return found


def with_evidence(uow: UnitOfWork, letter: Letter, *, store: ContentStore, keys: Keyring) -> bytes:
    """Return a letter's sealed PDF with its evidence behind it, and note that it was exported.

    Raises NotFound ``letters.no-rendition`` before it is issued, ``letters.no-evidence`` while there is none.
    """
    if letter.rendition_id is None:
        raise NotFound("letters.no-rendition")
    found = preservation_of(uow, letter.rendition_hash)
    if found is None or not found.suffix:
        raise NotFound("letters.no-evidence")
    record(uow, "letters.exported", "letter", letter.id, entity_id=letter.entity_id, level=found.level)
    original = content.read(uow, letter.rendition_id, entity_id=letter.entity_id, store=store, keys=keys)
    return original + found.suffix
