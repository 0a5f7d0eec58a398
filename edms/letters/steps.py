"""One step of a letter from state to state, taken by nobody but whom the step belongs to."""

from uuid import UUID

from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden
from edms.letters.models import Letter
from edms.letters.rules import after


def move(uow: UnitOfWork, letter: Letter, verb: str) -> None:
    """Take a letter to the state that ``verb`` leads to; Conflict ``letters.wrong-state`` where it leads nowhere."""
    state = after(letter.state, verb)
    if state is None:
        raise Conflict("letters.wrong-state", state=letter.state)
    letter.state = state
    letter.changed_at = uow.now


def require_signing_post(uow: UnitOfWork, letter: Letter) -> UUID:
    """Return the post that signs a letter; Forbidden ``letters.not-your-post`` unless the actor signs for it today."""
    if letter.signer_post_id is None or letter.signer_post_id not in uow.actor.post_ids:
        raise Forbidden("letters.not-your-post")
    return letter.signer_post_id
