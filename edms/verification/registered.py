"""Verdicts on letters that the register knows, with the facts that policy allows, and the note of each look-up."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.letters import queries as letters
from edms.letters.models import Letter
from edms.letters.rules import Sensitivity
from edms.registry.rules import Direction
from edms.verification.rules import MOST_NAMES, Answer, Facts, Signed, Verdict


def registered(
    uow: UnitOfWork, rows: Sequence[Letter], reasons: tuple[str, ...], *, signed: Signed | None = None
) -> Verdict:
    """Return the verdict on a letter by its rows, the sender's own first: void before superseded before authentic."""
    letter = rows[0]
    void_at = min((each.void_at for each in rows if each.void_at), default=None)
    facts = _facts(uow, letter, pages=max(each.pages for each in rows), void_at=void_at)
    answer, why = Answer.AUTHENTIC, reasons
    if void_at:
        answer, why = Answer.VOID, ("verification.void", *reasons)
    elif letter.superseded_at:
        answer, why = Answer.SUPERSEDED, ("verification.superseded", *reasons)
    return Verdict(answer, why, letter.document_code, facts, signed)


def signed_of(signed: Signed) -> dict[str, Any]:
    """Return what a paper's seal proves as JSON values, without the picture of the paper."""
    return {
        "issuer": signed.issuer, "issuer_code": signed.issuer_code, "number": signed.number,
        "date": signed.day.isoformat(), "pages": signed.pages, "subject": signed.subject or None,
        "recipients": signed.recipients, "recipient_names": list(signed.names), "text": signed.text,
        "missing_words": list(signed.missing),
    }  # fmt: skip


def noted(uow: UnitOfWork, verdict: Verdict, letter: Letter | None, means: str) -> Verdict:
    """Note the look-up in the log of the letter's body: what was answered, never who asked."""
    record(
        uow, "verification.looked-up", "letter", letter.id if letter else None,
        entity_id=letter.entity_id if letter else None, verdict=str(verdict.answer), means=means,
    )  # fmt: skip
    return verdict


def _facts(uow: UnitOfWork, letter: Letter, *, pages: int, void_at: datetime | None) -> Facts:
    body = entities.entity(uow, letter.sender_id or letter.entity_id)
    ordinary = letter.sensitivity == Sensitivity.ORDINARY
    outgoing = letter.direction == Direction.OUTGOING
    addressed = letters.addressees(uow, letter.id) if outgoing else ()
    told = [each.recipient_id for each in addressed[:MOST_NAMES]] if ordinary else []
    known = entities.entities_by_ids(uow, told)
    return Facts(
        issuer=body.name_ar, issuer_code=body.code, number=letter.number, day=letter.letter_date, pages=pages,
        recipients=len(addressed) if outgoing else None, names=tuple(known[each].name_ar for each in told),
        subject=letter.subject if ordinary else "", void_at=void_at, signed_at=letter.issued_at,
        superseded_at=letter.superseded_at, superseded_by=letter.superseded_by or "",
    )  # fmt: skip
