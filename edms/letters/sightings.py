"""What a signatory has had before the eyes in one session: a batch signs nothing else."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict
from edms.letters.models import Letter, Sighting
from edms.letters.signing import fingerprint

MOST_PAGES: Final = 60
"""Bits of a mask; letters that are longer are seen when their first sixty pages are."""


def note_page(uow: UnitOfWork, letter: Letter, number: int, pages: int) -> None:
    """Note that the actor opened page ``number`` (from 1) of ``pages`` as the letter stands now.

    A letter that has changed since begins anew. When the last page was opened the event says so.
    """
    if uow.actor.session_id is None or not 1 <= number <= min(pages, MOST_PAGES):
        return
    print_ = bytes.fromhex(fingerprint(uow, letter))
    query = select(Sighting).where(Sighting.letter_id == letter.id, Sighting.session_id == uow.actor.session_id)
    held = uow.session.scalars(query.with_for_update()).one_or_none()
    if held is None:
        held = Sighting(letter_id=letter.id, session_id=uow.actor.session_id, pages=pages, mask=0, fingerprint=print_)
        uow.session.add(held)
    if held.fingerprint != print_ or held.pages != pages:
        held.fingerprint, held.pages, held.mask = print_, pages, 0
    before = _whole(held)
    held.mask, held.seen_at = held.mask | 1 << (number - 1), uow.now
    uow.flush()
    if _whole(held) and not before:
        record(uow, "letters.seen-for-signing", "letter", letter.id, pages=pages, version=letter.version)


def seen_in_session(uow: UnitOfWork, letter_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the fingerprints of what the actor has seen whole in this session, of some letters."""
    if uow.actor.session_id is None:
        return {}
    rows = uow.session.scalars(
        select(Sighting).where(Sighting.letter_id.in_(letter_ids), Sighting.session_id == uow.actor.session_id)
    )
    return {row.letter_id: row.fingerprint.hex() for row in rows if _whole(row)}


def require_seen(uow: UnitOfWork, letter: Letter, seen: str) -> None:
    """Raise Conflict ``letters.changed-since-seen`` or ``letters.not-seen`` unless all pages were opened as now."""
    if seen != fingerprint(uow, letter):
        raise Conflict("letters.changed-since-seen")
    if seen_in_session(uow, [letter.id]).get(letter.id) != seen:
        raise Conflict("letters.not-seen")


def _whole(row: Sighting) -> bool:
    wanted = (1 << min(row.pages, MOST_PAGES)) - 1
    return row.mask & wanted == wanted
