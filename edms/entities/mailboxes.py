"""Further addresses of bodies, each with a name in ASCII for servers that know no other (RFC 6531 §3.2)."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from edms.audit import service as audit
from edms.core.arabic import normalize
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from edms.entities.models import Entity, Installation, Mailbox
from edms.entities.rules import BUILT_IN_MAILBOXES, KEEP_ENTITIES, KEEP_MAILBOXES, SERVER, clean_alias, clean_mailbox


def mailboxes_of(uow: UnitOfWork, entity_id: UUID) -> list[Mailbox]:
    """Return a body's further mailboxes by name; the built-in ones and its people's are not among them."""
    query = select(Mailbox).where(Mailbox.entity_id == entity_id).order_by(Mailbox.local)
    return list(uow.session.scalars(query))


def add_mailbox(uow: UnitOfWork, body: Entity, local: str, alias: str = "") -> Mailbox:
    """Give a body a mailbox and return it; ``alias`` is needed for a name that is not ASCII.

    Raises Invalid ``entities.bad-mailbox`` with what is wrong: signs that readers cannot see or tell apart, a name or
    alias that the body has already, or one that differs from such a name by spelling alone.
    """
    _require(uow, body)
    name = clean_mailbox(local)
    second = clean_alias(alias) if alias.strip() else name if name and name.isascii() else None
    problems = []
    if name is None:
        problems.append(Problem("local", "entities.bad-mailbox-name"))
    if second is None:
        problems.append(Problem("alias", "entities.bad-mailbox-alias"))
    if name is not None and second is not None:
        problems += _clashes(uow, body, name, second)
    if problems or name is None or second is None:
        raise Invalid("entities.bad-mailbox", tuple(problems))
    row = Mailbox(entity_id=body.id, local=name, alias=second, created_at=uow.now)
    uow.session.add(row)
    uow.flush()
    audit.record(uow, "entities.mailbox-added", "mailbox", row.id, entity_id=body.id, row=row)
    return row


def remove_mailbox(uow: UnitOfWork, body: Entity, local: str) -> None:
    """Take a mailbox away, by its name or alias; NotFound ``entities.unknown-mailbox``."""
    _require(uow, body)
    name = clean_mailbox(local)
    row = next((one for one in mailboxes_of(uow, body.id) if name in {one.local, one.alias}), None)
    if row is None:
        raise NotFound("entities.unknown-mailbox", mailbox=local[:64])
    audit.record(uow, "entities.mailbox-removed", "mailbox", row.id, entity_id=body.id, gone=row)
    uow.session.delete(row)
    uow.flush()


def take_mailboxes(uow: UnitOfWork, body: Entity, told: Sequence[tuple[str, str]]) -> None:
    """Replace what is known of a peer's body by (name, alias) of its mailboxes."""
    rows = mailboxes_of(uow, body.id)
    if {(row.local, row.alias) for row in rows} == set(told):
        return
    for row in rows:
        uow.session.delete(row)
    uow.flush()
    uow.session.add_all(
        Mailbox(entity_id=body.id, local=local, alias=alias, created_at=uow.now) for local, alias in dict(told).items()
    )
    uow.flush()


def may_keep_mailboxes(uow: UnitOfWork, body: Entity) -> bool:
    """Tell whether the actor keeps a body's mailboxes: its administrator, or the centre."""
    actor = uow.actor
    return actor.may(KEEP_ENTITIES) or (actor.may(KEEP_MAILBOXES) and actor.entity_id == body.id)


def _require(uow: UnitOfWork, body: Entity) -> None:
    uow.actor.require(KEEP_MAILBOXES)
    if not may_keep_mailboxes(uow, body):
        raise Forbidden("core.forbidden", permission=KEEP_ENTITIES.name)
    serving = uow.session.get_one(Installation, body.installation_id)
    if not serving.is_home and serving.kind != SERVER:
        raise Conflict("entities.served-elsewhere", entity=body.code)


def _clashes(uow: UnitOfWork, body: Entity, name: str, alias: str) -> list[Problem]:
    taken = {normalize(one): one for one in BUILT_IN_MAILBOXES}
    for row in mailboxes_of(uow, body.id):
        taken.update({normalize(one): one for one in (row.local, row.alias)})
    found = [("local", name)] if name == alias else [("local", name), ("alias", alias)]
    return [
        Problem(where, "entities.mailbox-taken", mailbox=taken[normalize(text)])
        for where, text in found
        if normalize(text) in taken
    ]
