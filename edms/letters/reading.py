"""Opening a letter, which is an event and clears its unread mark."""

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden
from edms.letters import queries
from edms.letters.closing import tell_opened
from edms.letters.models import Letter, Opening


def note_opening(uow: UnitOfWork, letter: Letter) -> bool:
    """Note that the actor opened a letter and return whether it was the first time (unread marks come from it).

    The first person of the receiving body who opens it is what the sender is told as the fact «opened».
    """
    if uow.actor.employee_id is None:
        raise Forbidden("codes.person-required")
    first = queries.opening(uow, letter.id) is None
    if first:
        if not queries.is_opened(uow, letter.id):
            tell_opened(uow, letter)
        uow.session.add(Opening(letter_id=letter.id, employee_id=uow.actor.employee_id, opened_at=uow.now))
        uow.flush()
    record(uow, "letters.opened", "letter", letter.id, entity_id=letter.entity_id, first=first)
    return first
