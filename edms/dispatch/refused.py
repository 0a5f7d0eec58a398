"""What the gateway refused of a body's own mail, as its registry reads it: when, who, to whom, why, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, update

from edms.core.database import UnitOfWork
from edms.dispatch.models import Evidence, GatewayRefusal
from edms.dispatch.rules import SEE_REFUSALS

WHY: Final[dict[str, tuple[str, str]]] = {
    "smtp.recipient-unregistered": ("refused.recipient-unregistered", "refused.do-directory"),
    "smtp.recipient-elsewhere": ("refused.recipient-elsewhere", "refused.do-centre"),
    "smtp.mailbox-unknown": ("refused.mailbox-unknown", "refused.do-directory"),
    "smtp.recipient-suspended": ("refused.recipient-suspended", "refused.do-later"),
    "smtp.recipient-hidden": ("refused.recipient-hidden", "refused.do-recipients"),
    "smtp.sender-unregistered": ("refused.sender", "refused.do-own-address"),
    "smtp.sender-not-yours": ("refused.sender", "refused.do-own-address"),
    "smtp.sender-not-own": ("refused.sender", "refused.do-own-address"),
    "smtp.from-not-own": ("refused.sender", "refused.do-own-address"),
    "smtp.from-mismatch": ("refused.sender", "refused.do-own-address"),
    "smtp.from-count": ("refused.from", "refused.do-own-address"),
    "smtp.sender-field": ("refused.from", "refused.do-own-address"),
    "smtp.sender-suspended": ("refused.sender-suspended", "refused.do-centre"),
    "smtp.bcc": ("refused.hidden", "refused.do-recipients"),
    "smtp.resent": ("refused.resent", "refused.do-again"),
    "smtp.date-count": ("refused.date", "refused.do-clock"),
    "smtp.date-wrong": ("refused.date", "refused.do-clock"),
    "smtp.forged-header": ("refused.forged", "refused.do-help-desk"),
    "smtp.header-unreadable": ("refused.header", "refused.do-help-desk"),
    "smtp.loop": ("refused.loop", "refused.do-help-desk"),
    "smtp.null-sender-content": ("refused.report", "refused.do-help-desk"),
    "smtp.dkim-bad": ("refused.dkim", "refused.do-keys"),
    "smtp.dkim-missing": ("refused.dkim", "refused.do-keys"),
    "smtp.dkim-unregistered": ("refused.dkim", "refused.do-keys"),
    "smtp.auth-ended": ("refused.auth", "refused.do-password"),
    "smtp.tls-required": ("refused.unproved", "refused.do-help-desk"),
    "smtp.certificate-required": ("refused.unproved", "refused.do-help-desk"),
}
OTHER: Final = ("refused.other", "refused.do-help-desk")


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """One refusal in plain values; ``who`` is a login or a server, ``new`` until the registry has seen it."""

    id: UUID
    evidence_id: UUID
    at: datetime
    kind: str
    who: str
    peer: str
    recipients: tuple[str, ...]
    code: str
    why: str
    todo: str
    message_id: str
    message_hash: str
    new: bool


def refusals(uow: UnitOfWork, *, before: UUID | None = None, limit: int = 51) -> list[RefusedLine]:
    """Return what was refused of the actor's body, newest first."""
    uow.actor.require(SEE_REFUSALS)
    query = select(GatewayRefusal, Evidence).join(Evidence, Evidence.id == GatewayRefusal.evidence_id)
    if uow.actor.entity_id is not None:
        query = query.where(GatewayRefusal.entity_id == uow.actor.entity_id)
    if before is not None:
        query = query.where(GatewayRefusal.id < before)
    return [
        _line(row, proof) for row, proof in uow.session.execute(query.order_by(GatewayRefusal.id.desc()).limit(limit))
    ]


def count_new(uow: UnitOfWork, *, cap: int = 100) -> int:
    """Count the refusals that the registry of the actor's body has not seen, up to ``cap``."""
    unseen = select(GatewayRefusal.id).where(
        GatewayRefusal.entity_id == uow.actor.entity_id, GatewayRefusal.seen_at.is_(None)
    )
    return uow.session.scalar(select(func.count()).select_from(unseen.limit(cap).subquery())) or 0


def note_seen(uow: UnitOfWork, ids: Sequence[UUID]) -> None:
    """Note that the registry of the actor's body was shown some refusals."""
    uow.actor.require(SEE_REFUSALS)
    uow.session.execute(
        update(GatewayRefusal)
        .where(GatewayRefusal.id.in_(ids), GatewayRefusal.entity_id == uow.actor.entity_id,
               GatewayRefusal.seen_at.is_(None))
        .values(seen_at=uow.now)
    )  # fmt: skip


def _line(row: GatewayRefusal, proof: Evidence) -> RefusedLine:
    kind, _, who = row.who.partition(":")
    why, todo = WHY.get(proof.reason, OTHER)
    return RefusedLine(
        id=row.id, evidence_id=proof.id, at=proof.at, kind=kind, who=who, peer=row.peer,
        recipients=tuple(row.recipients.split()), code=proof.reason, why=why, todo=todo, message_id=proof.message_id,
        message_hash=(proof.message_hash or b"").hex(), new=row.seen_at is None,
    )  # fmt: skip
