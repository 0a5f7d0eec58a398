"""Reads of leak cases: an auditor's own body's, all for the operator; and of what a look-up compares with."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, select

from edms.audit.queries import last_seq
from edms.codes.models import IssuedCopy
from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden, NotFound
from edms.entities.models import Employee, Entity
from edms.letters.models import Letter
from edms.letters.queries import visible
from edms.verification.leak_rules import MOST_CODES, LookUpState, RequestState
from edms.verification.models import (
    LeakCase,
    LeakFinding,
    LeakImage,
    LeakLookUp,
    LeakNote,
    NamePolicy,
    NameRequest,
)
from edms.verification.rules import TRACE

_OPERATOR = "system:operator"


@dataclass(frozen=True, slots=True)
class Original:
    """A file that copies were issued of: its letter as a body holds it, and whose key opens it."""

    file_id: UUID
    letter_id: UUID
    entity_id: UUID
    document_code: str


def scope(actor: Actor) -> UUID | None:
    """Return the body whose copies and cases an auditor may know, None for the operator, who may know all."""
    actor.require(TRACE)
    if _OPERATOR in actor.roles:
        return None
    if actor.entity_id is None:
        raise Forbidden("core.forbidden", permission=TRACE.name)
    return actor.entity_id


def _cases(actor: Actor) -> Select[LeakCase]:
    within = scope(actor)
    query = select(LeakCase)
    return query if within is None else query.where(LeakCase.entity_id == within)


def cases(uow: UnitOfWork, *, before: UUID | None = None, limit: int = 51) -> Sequence[LeakCase]:
    """Return cases, the newest first, after the paging position ``before``."""
    query = _cases(uow.actor)
    if before is not None:
        query = query.where(LeakCase.id < before)
    return uow.session.scalars(query.order_by(LeakCase.id.desc()).limit(limit)).all()


def case(uow: UnitOfWork, case_id: UUID, *, to_change: bool = False) -> LeakCase:
    """Return a case; NotFound whether it is missing or another body's."""
    query = _cases(uow.actor).where(LeakCase.id == case_id)
    found = uow.session.scalars(query.with_for_update() if to_change else query).one_or_none()
    if found is None:
        raise NotFound("leaks.no-case")
    return found


def last_number(uow: UnitOfWork, entity_id: UUID) -> int:
    """Return the number of a body's newest case, 0 before the first."""
    return uow.session.scalar(select(func.max(LeakCase.number)).where(LeakCase.entity_id == entity_id)) or 0


def images(uow: UnitOfWork, case_id: UUID) -> Sequence[LeakImage]:
    """Return the files of a case in the order they came."""
    return uow.session.scalars(select(LeakImage).where(LeakImage.case_id == case_id).order_by(LeakImage.id)).all()


def image(uow: UnitOfWork, case_id: UUID, image_id: UUID) -> LeakImage:
    """Return a file of a case; NotFound when it is none of this case."""
    found = uow.session.get(LeakImage, image_id)
    if found is None or found.case_id != case_id:
        raise NotFound("leaks.no-file")
    return found


def look_ups(uow: UnitOfWork, case_id: UUID) -> Sequence[LeakLookUp]:
    """Return the look-ups of a case, the newest first."""
    return uow.session.scalars(
        select(LeakLookUp).where(LeakLookUp.case_id == case_id).order_by(LeakLookUp.id.desc()).limit(50)
    ).all()


def busy(uow: UnitOfWork, case_id: UUID) -> LeakLookUp | None:
    """Return the look-up of a case that waits or is under way."""
    waiting = LeakLookUp.state.in_((LookUpState.QUEUED, LookUpState.RUNNING))
    return uow.session.scalars(
        select(LeakLookUp).where(LeakLookUp.case_id == case_id, waiting).limit(1)
    ).first()  # fmt: skip


def findings(
    uow: UnitOfWork, case_id: UUID
) -> Sequence[tuple[LeakFinding, IssuedCopy, Entity, Employee]]:  # fmt: skip
    """Return the findings of all look-ups of a case with copy, body and person, the surest first."""
    rows = uow.session.execute(
        select(LeakFinding, IssuedCopy, Entity, Employee)
        .join(IssuedCopy, IssuedCopy.id == LeakFinding.copy_id)
        .join(Entity, Entity.id == IssuedCopy.entity_id)
        .join(Employee, Employee.id == IssuedCopy.employee_id)
        .where(LeakFinding.case_id == case_id)
        .order_by(LeakFinding.id)
    )
    found = [(finding, copy, entity, employee) for finding, copy, entity, employee in rows]
    return sorted(found, key=lambda row: float(row[0].chance or 1))


def finding(uow: UnitOfWork, case_id: UUID, finding_id: UUID) -> LeakFinding:
    """Return a finding of a case; NotFound when it is none of this case."""
    found = uow.session.get(LeakFinding, finding_id)
    if found is None or found.case_id != case_id:
        raise NotFound("leaks.no-finding")
    return found


def name_requests(uow: UnitOfWork, case_id: UUID) -> Sequence[NameRequest]:
    """Return the requests to open names in a case, the oldest first."""
    return uow.session.scalars(
        select(NameRequest).where(NameRequest.case_id == case_id).order_by(NameRequest.id)
    ).all()  # fmt: skip


def asked(uow: UnitOfWork, finding_id: UUID) -> NameRequest | None:
    """Return the request on a finding that nobody has answered yet."""
    return uow.session.scalars(
        select(NameRequest).where(NameRequest.finding_id == finding_id, NameRequest.state == RequestState.ASKED)
    ).first()


def notes(uow: UnitOfWork, case_id: UUID) -> Sequence[LeakNote]:
    """Return the notes of a case, the oldest first."""
    return uow.session.scalars(select(LeakNote).where(LeakNote.case_id == case_id).order_by(LeakNote.id)).all()


def policy(uow: UnitOfWork, entity_id: UUID) -> NamePolicy | None:
    """Return what a body has decided about the opening of names, None before it decided anything."""
    return uow.session.get(NamePolicy, entity_id)


def by_two(uow: UnitOfWork, entity_id: UUID) -> bool:
    """Say whether a body's auditors open names by two."""
    found = policy(uow, entity_id)
    return found is not None and found.by_two


def copies_by_code(uow: UnitOfWork, codes: Sequence[str], within: UUID | None) -> Sequence[IssuedCopy]:
    """Return the issued copies with these codes, of one body where ``within`` names it."""
    query = select(IssuedCopy).where(IssuedCopy.code.in_(list(codes)[:MOST_CODES]))
    if within is not None:
        query = query.where(IssuedCopy.entity_id == within)
    return uow.session.scalars(query.order_by(IssuedCopy.id)).all()


def originals_of_copies(uow: UnitOfWork, copies: Sequence[IssuedCopy]) -> list[Original]:
    """Return the files that copies are of, each once."""
    letters = {one.id: one for one in uow.session.scalars(
        select(Letter).where(Letter.id.in_({copy.letter_id for copy in copies}))
    )}  # fmt: skip
    found = {
        copy.file_id: Original(copy.file_id, copy.letter_id, letters[copy.letter_id].entity_id, copy.document_code)
        for copy in copies if copy.letter_id in letters
    }  # fmt: skip
    return list(found.values())


def originals_of_letters(uow: UnitOfWork, document_codes: Sequence[str]) -> list[Original]:
    """Return the files of letters that the actor may read of which marked copies were issued, each once."""
    rows = uow.session.execute(
        select(IssuedCopy.file_id, Letter.id, Letter.entity_id, IssuedCopy.document_code)
        .join(Letter, Letter.id == IssuedCopy.letter_id)
        .where(Letter.document_code.in_(list(document_codes)), visible(uow.actor), IssuedCopy.mark_key != "")
        .distinct()
        .limit(500)
    )
    found = {file_id: Original(file_id, letter, entity, code) for file_id, letter, entity, code in rows}
    return list(found.values())


def letters_known(uow: UnitOfWork, document_codes: Sequence[str]) -> list[str]:
    """Return those document codes whose letters the actor may read."""
    wanted = select(Letter.document_code).where(Letter.document_code.in_(list(document_codes)), visible(uow.actor))
    return [code for code in uow.session.scalars(wanted.distinct()) if code is not None]


def marked_copies(uow: UnitOfWork, file_id: UUID, within: UUID | None) -> Sequence[IssuedCopy]:
    """Return the copies of a file that carry hidden marks, of one body's people where ``within`` names it."""
    query = select(IssuedCopy).where(IssuedCopy.file_id == file_id, IssuedCopy.mark_key != "")
    if within is not None:
        query = query.where(IssuedCopy.entity_id == within)
    return uow.session.scalars(query.order_by(IssuedCopy.id)).all()


def may_read(uow: UnitOfWork, document_code: str) -> bool:
    """Say whether the actor may read a letter: pages of it are shown to nobody else."""
    wanted = select(Letter.id).where(Letter.document_code == document_code, visible(uow.actor)).limit(1)
    return uow.session.scalar(wanted) is not None


def most_issued(uow: UnitOfWork) -> int:
    """Return a number that is no smaller than that of all copies ever issued, at no cost that grows with them.

    Each copy was given out by an act of its own, and the log numbers its entries without a gap.
    """
    return last_seq(uow)
