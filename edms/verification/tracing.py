"""Whose copy a paper is: the visible copy codes on a PDF, a scan or a photo, looked up in the registry of copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from edms.audit.service import record
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Forbidden, Invalid
from edms.verification import queries, sandbox, service
from edms.verification.rules import LARGEST_FILE, TRACE


@dataclass(frozen=True, slots=True)
class TracedCopy:
    """A copy in the registry: who received it, and by which layers of the paper it was found (``visible``).

    A visible code can be drawn by anybody, so no probability is stated for that layer.
    """

    copy_code: str
    document_code: str
    entity_code: str
    entity_name: str
    employee_code: str
    employee_name: str
    act: str
    issued_at: datetime
    layers: tuple[str, ...] = ("visible",)
    false_accusation_probability: float | None = None


def trace(database: Database, actor: Actor, data: bytes) -> tuple[TracedCopy, ...]:
    """Read the codes of a file and return the copies that the actor may know; each look-up is an event.

    Raises Forbidden, and Invalid ``verification.file-too-large`` or ``verification.unreadable``.
    """
    actor.require(TRACE)
    if len(data) > LARGEST_FILE:
        raise Invalid("verification.file-too-large", limit=LARGEST_FILE >> 20)
    codes = service.copy_codes(sandbox.read_symbols(data))
    with database.work(actor) as uow:
        return look_up(uow, codes)


def look_up(uow: UnitOfWork, codes: Sequence[str]) -> tuple[TracedCopy, ...]:
    """Return the issued copies of some codes: an auditor's own body's, the operator all."""
    uow.actor.require(TRACE)
    found = [
        TracedCopy(
            copy.code, copy.document_code, body.code, body.name_ar, person.code, person.name, copy.act, copy.issued_at
        )
        for copy, body, person in queries.copies(uow, codes, entity_id=_scope(uow.actor))
    ]
    record(uow, "verification.traced", "copy", None, read=len(codes), found=len(found))
    return tuple(found)


def _scope(actor: Actor) -> UUID | None:
    if "system:operator" in actor.roles:
        return None
    if actor.entity_id is None:
        raise Forbidden("core.forbidden", permission=TRACE.name)
    return actor.entity_id
