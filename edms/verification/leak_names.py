"""Four eyes: where a body says so, the name of a finding is opened only when a second auditor has agreed."""

from uuid import UUID

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden
from edms.verification import leak_queries
from edms.verification.leak_cases import reason_of
from edms.verification.leak_rules import SET_NAME_POLICY, CaseState, RequestState
from edms.verification.models import LeakFinding, NamePolicy, NameRequest
from edms.verification.rules import TRACE


def is_open(finding: LeakFinding) -> bool:
    """Say whether a finding's name may be told."""
    return not finding.by_two or finding.opened_at is not None


def set_policy(uow: UnitOfWork, by_two: bool) -> NamePolicy:
    """Decide for the actor's body whether names are opened by two; findings made before keep what held for them.

    Raises Forbidden for anybody but the body's administrator.
    """
    uow.actor.require(SET_NAME_POLICY)
    entity_id = uow.actor.entity_id
    if entity_id is None:
        raise Forbidden("core.forbidden", permission=SET_NAME_POLICY.name)
    found = leak_queries.policy(uow, entity_id)
    if found is None:
        found = NamePolicy(entity_id=entity_id, by_two=by_two, changed_at=uow.now)
        uow.session.add(found)
    found.by_two, found.changed_at, found.changed_by_id = by_two, uow.now, uow.actor.employee_id
    uow.flush()
    record(uow, "leaks.name-policy-set", "entity", entity_id, entity_id=entity_id, row=found, by_two=by_two)
    return found


def ask_name(uow: UnitOfWork, case_id: UUID, finding_id: UUID, reason: str) -> NameRequest:
    """Ask a second auditor to agree that the name be opened.

    Raises Conflict ``leaks.name-open`` or ``leaks.name-asked``, ``leaks.case-closed``; Invalid ``leaks.bad-reason``.
    """
    employee_id = _person(uow)
    finding = _finding(uow, case_id, finding_id)
    if is_open(finding):
        raise Conflict("leaks.name-open")
    if leak_queries.asked(uow, finding_id) is not None:
        raise Conflict("leaks.name-asked")
    asked = NameRequest(
        entity_id=finding.entity_id, case_id=case_id, finding_id=finding.id, state=RequestState.ASKED,
        asked_at=uow.now, asked_by_id=employee_id,
    )  # fmt: skip
    asked.reason = reason_of(reason)
    uow.session.add(asked)
    uow.flush()
    record(uow, "leaks.name-asked", "leak-case", case_id, entity_id=finding.entity_id, row=asked)
    return asked


def agree(uow: UnitOfWork, case_id: UUID, finding_id: UUID) -> NameRequest:
    """Agree as the second auditor: the name is open from now on.

    Raises Conflict ``leaks.name-not-asked``, Forbidden ``leaks.own-request`` to the one who asked.
    """
    asked, finding = _asked_by_another(uow, case_id, finding_id)
    asked.state, asked.decided_at, asked.decided_by_id = RequestState.AGREED, uow.now, uow.actor.employee_id
    finding.opened_at = uow.now
    uow.flush()
    record(uow, "leaks.name-opened", "leak-case", case_id, entity_id=finding.entity_id, row=asked, rows=(finding,))
    return asked


def refuse(uow: UnitOfWork, case_id: UUID, finding_id: UUID, reason: str) -> NameRequest:
    """Refuse as the second auditor, with a reason; the name stays closed and may be asked for again.

    Raises as ``agree`` does, and Invalid ``leaks.bad-reason``.
    """
    asked, finding = _asked_by_another(uow, case_id, finding_id)
    asked.answer = reason_of(reason)
    asked.state, asked.decided_at, asked.decided_by_id = RequestState.REFUSED, uow.now, uow.actor.employee_id
    uow.flush()
    record(uow, "leaks.name-refused", "leak-case", case_id, entity_id=finding.entity_id, row=asked)
    return asked


def _asked_by_another(uow: UnitOfWork, case_id: UUID, finding_id: UUID) -> tuple[NameRequest, LeakFinding]:
    employee_id = _person(uow)
    finding = _finding(uow, case_id, finding_id)
    asked = leak_queries.asked(uow, finding_id)
    if asked is None:
        raise Conflict("leaks.name-not-asked")
    if asked.asked_by_id == employee_id:
        raise Forbidden("leaks.own-request")
    return asked, finding


def _finding(uow: UnitOfWork, case_id: UUID, finding_id: UUID) -> LeakFinding:
    """Return a finding of an open case; the case's row is locked, so that two answers follow one another."""
    case = leak_queries.case(uow, case_id, to_change=True)
    if case.state != CaseState.OPEN:
        raise Conflict("leaks.case-closed")
    return leak_queries.finding(uow, case_id, finding_id)


def _person(uow: UnitOfWork) -> UUID:
    uow.actor.require(TRACE)
    if uow.actor.employee_id is None:
        raise Forbidden("core.forbidden", permission=TRACE.name)
    return uow.actor.employee_id
