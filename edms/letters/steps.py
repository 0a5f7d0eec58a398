"""One step of a letter from state to state, taken by nobody but whom the step belongs to."""

from dataclasses import dataclass
from uuid import UUID

from edms.core.actor import Actor, Deputyship
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


@dataclass(frozen=True, slots=True)
class Authority:
    """By what right the actor signs a letter: for the own post, or as the deputy of its holder."""

    post_id: UUID
    deputyship: Deputyship | None = None

    @property
    def on_behalf_of(self) -> str | None:
        """The employee code of the post's holder where a deputy acts; every event of the act says it."""
        return self.deputyship.holder_code if self.deputyship else None


def signing_authority(actor: Actor, letter: Letter) -> Authority | None:
    """Return by what right an actor may sign a letter or send it back today, None when by none."""
    if letter.signer_post_id is None or actor.employee_id is None:
        return None
    if letter.signer_post_id in actor.post_ids:
        return Authority(letter.signer_post_id) if "signatory" in actor.roles else None
    found = actor.deputyship(letter.signer_post_id, letter.kind, letter.sensitivity)
    return Authority(letter.signer_post_id, found) if found is not None else None


def require_authority(uow: UnitOfWork, letter: Letter) -> Authority:
    """Return by what right the actor signs a letter today; Forbidden ``letters.not-your-post`` when by none."""
    found = signing_authority(uow.actor, letter)
    if found is None:
        raise Forbidden("letters.not-your-post")
    return found


def on_behalf_of(actor: Actor, letter: Letter) -> str | None:
    """Return on whose behalf an actor acts on a letter: the employee code of the post's holder, else None."""
    found = signing_authority(actor, letter)
    return found.on_behalf_of if found else None
