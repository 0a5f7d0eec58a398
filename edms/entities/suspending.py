"""Suspending a body's mail and resuming it: the gateway takes none for it and none from it meanwhile."""

from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, Problem
from edms.entities.models import Entity
from edms.entities.rules import LONGEST_REASON, SUSPEND_MAIL, clean_name


def suspend_mail(uow: UnitOfWork, body: Entity, reason: str) -> None:
    """Suspend a body's mail from the gateway's next command on; senders are told to try again later.

    Raises Invalid ``entities.bad-suspension`` without a reason, Conflict ``entities.mail-suspended`` the second time.
    """
    uow.actor.require(SUSPEND_MAIL)
    why = clean_name(reason)
    if not why or len(why) > LONGEST_REASON:
        problem = Problem("reason", "entities.bad-suspension", limit=LONGEST_REASON)
        raise Invalid("entities.bad-suspension", (problem,), limit=LONGEST_REASON)
    if body.mail_suspended_at is not None:
        raise Conflict("entities.mail-suspended", entity=body.code)
    body.mail_suspended_at = uow.now
    body.mail_suspension = why
    uow.flush()
    audit.record(uow, "entities.mail-suspended", "entity", body.id, entity_id=body.id, row=body, code=body.code)


def resume_mail(uow: UnitOfWork, body: Entity) -> None:
    """Let a body's mail go again; Conflict ``entities.mail-not-suspended``."""
    uow.actor.require(SUSPEND_MAIL)
    if body.mail_suspended_at is None:
        raise Conflict("entities.mail-not-suspended", entity=body.code)
    body.mail_suspended_at = None
    body.mail_suspension = ""
    uow.flush()
    audit.record(uow, "entities.mail-resumed", "entity", body.id, entity_id=body.id, row=body, code=body.code)
