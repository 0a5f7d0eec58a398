"""Keeping what a writer has typed before he saves it: one row for each form, put aside when the letter is saved."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid
from edms.letters import queries
from edms.letters.body import MAX_CHARACTERS
from edms.letters.models import UnfinishedForm
from edms.letters.rules import DRAFT, State

MOST_FORMS = 20
"""New letters that one person may leave unfinished; the oldest one goes when there are more."""
LARGEST = 2 * MAX_CHARACTERS
"""Characters of a form that are kept, as JSON."""


def keep(
    uow: UnitOfWork, form: UUID, fields: dict[str, Any], *, letter_id: UUID | None, version: int, revision: int
) -> UnfinishedForm:
    """Keep what a form holds now; ``version`` and ``revision`` are those that its writer began from.

    Raises Conflict ``letters.older-draft`` when the letter was saved, or kept from another tab, in between, and Invalid
    ``letters.body-too-long``. Only the first keeping of a form is an event.
    """
    uow.actor.require(DRAFT)
    entity, employee = uow.actor.entity_id, uow.actor.employee_id
    if entity is None or employee is None:
        raise Forbidden("letters.no-entity")
    if len(json.dumps(fields, ensure_ascii=False)) > LARGEST:
        raise Invalid("letters.body-too-long", limit=MAX_CHARACTERS)
    if letter_id is not None:
        form = letter_id
        _require_newest(uow, letter_id, version)
    row = kept(uow, form, lock=True)
    if revision != (row.revision if row is not None else 0):
        raise Conflict("letters.older-draft", yours=revision, newest=row.revision if row is not None else 0)
    if row is None:
        if letter_id is None:
            _make_room(uow)
        row = UnfinishedForm(id=form, entity_id=entity, employee_id=employee, letter_id=letter_id, revision=0)
        record(uow, "letters.form-kept", "letter", letter_id)
    row.version, row.revision, row.saved_at = version, row.revision + 1, uow.now
    row.fields = fields
    uow.session.add(row)
    uow.flush()
    return row


def kept(uow: UnitOfWork, form: UUID | None, *, lock: bool = False) -> UnfinishedForm | None:
    """Return what the actor's own form holds unsaved, or None."""
    if form is None or uow.actor.employee_id is None:
        return None
    query = select(UnfinishedForm).where(
        UnfinishedForm.id == form, UnfinishedForm.employee_id == uow.actor.employee_id,
        UnfinishedForm.entity_id == uow.actor.entity_id,
    )  # fmt: skip
    return uow.session.scalars(query.with_for_update() if lock else query).one_or_none()


def unfinished(uow: UnitOfWork) -> Sequence[UnfinishedForm]:
    """Return the actor's new letters that were never saved, the last one first."""
    return uow.session.scalars(
        select(UnfinishedForm)
        .where(
            UnfinishedForm.employee_id == uow.actor.employee_id, UnfinishedForm.entity_id == uow.actor.entity_id,
            UnfinishedForm.letter_id.is_(None),
        )
        .order_by(UnfinishedForm.saved_at.desc())
    ).all()  # fmt: skip


def put_aside(uow: UnitOfWork, form: UUID | None) -> None:
    """Forget what a form holds unsaved: it was saved, or its writer dropped it."""
    row = kept(uow, form, lock=True)
    if row is not None:
        uow.session.delete(row)
        uow.flush()


def _require_newest(uow: UnitOfWork, letter_id: UUID, version: int) -> None:
    letter = queries.letter(uow, letter_id)
    if letter.state != State.DRAFT:
        raise Conflict("letters.not-a-draft")
    if letter.author_id != uow.actor.employee_id:
        raise Forbidden("letters.not-yours")
    if letter.version != version:
        raise Conflict("letters.older-draft", yours=version, newest=letter.version)


def _make_room(uow: UnitOfWork) -> None:
    """Leave the newest forms but one, as one is about to be added."""
    for row in unfinished(uow)[MOST_FORMS - 1 :]:
        uow.session.delete(row)
