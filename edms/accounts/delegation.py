"""Deputies (الإنابة): the holder of a signing post, or who keeps the body's staff, names one for some days."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from edms.accounts import queries
from edms.accounts.models import Account, Delegation
from edms.accounts.rules import DELEGATE, KEEP_ACCOUNTS, KEEP_ALL_ACCOUNTS, LONGEST_DELEGATION
from edms.accounts.step_up import require_step_up
from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from edms.entities import queries as entities
from edms.entities.models import Employee, Post
from edms.entities.rules import CLEARANCES


@dataclass(frozen=True, slots=True)
class NewDelegation:
    """Who is to sign for a post from one day to another (both included); no ``kinds`` means all."""

    post_id: UUID
    deputy_id: UUID
    valid_from: date
    valid_to: date
    reason: str
    max_sensitivity: int
    kinds: frozenset[str] = frozenset()


def delegate(uow: UnitOfWork, new: NewDelegation) -> Delegation:
    """Name a deputy of the same body for a signing post.

    A deputy cannot name another: only who holds the post by appointment, the body's administrator (never for himself)
    or the operator can. Raises Invalid ``accounts.bad-delegation`` with every problem, StepUpNeeded, Forbidden.
    """
    uow.actor.require(DELEGATE)
    require_step_up(uow)
    post = _post(uow, new.post_id)
    holder = _holder(uow, post)
    deputy, account = _deputy(uow, new.deputy_id, post.entity_id)
    _refuse_own_gain(uow, post, deputy)
    problems = [*_date_problems(uow, new), *_person_problems(new, holder, deputy, account)]
    if not new.reason.strip():
        problems.append(Problem("reason", "accounts.delegation-reason-missing"))
    if problems or holder is None or deputy is None:
        raise Invalid("accounts.bad-delegation", tuple(problems))
    if _overlapping(uow, new):
        raise Conflict("accounts.delegation-overlaps", employee=deputy.code)
    made = Delegation(
        entity_id=post.entity_id, post_id=post.id, holder_id=holder.id, deputy_id=deputy.id,
        kinds=" ".join(sorted(new.kinds)), max_sensitivity=new.max_sensitivity, valid_from=new.valid_from,
        valid_to=new.valid_to, created_at=uow.now, created_by=uow.actor.name,
    )  # fmt: skip
    made.reason = new.reason.strip()
    uow.session.add(made)
    uow.flush()
    audit.record(
        uow, "accounts.delegated", "delegation", made.id, entity_id=post.entity_id, row=made, holder=holder.code,
        deputy=deputy.code, valid_from=made.valid_from.isoformat(), valid_to=made.valid_to.isoformat(),
    )  # fmt: skip
    return made


def revoke(uow: UnitOfWork, delegation_id: UUID) -> Delegation:
    """End a delegation at once; what was signed under it stays signed."""
    require_step_up(uow)
    found = delegation(uow, delegation_id)
    if not may_revoke(uow, found):
        raise Forbidden("core.forbidden", permission=DELEGATE.name)
    if found.revoked_at is not None or found.valid_to < uow.today:
        raise Conflict("accounts.delegation-ended")
    found.revoked_at, found.revoked_by = uow.now, uow.actor.name
    uow.flush()
    audit.record(
        uow, "accounts.delegation-revoked", "delegation", found.id, entity_id=found.entity_id, row=found
    )  # fmt: skip
    return found


def delegation(uow: UnitOfWork, delegation_id: UUID) -> Delegation:
    """Return a delegation that the actor may know of: holder, deputy or who keeps the body; NotFound otherwise."""
    found = uow.session.get(Delegation, delegation_id)
    if found is None or not (
        _keeps(uow, found.entity_id) or uow.actor.employee_id in {found.holder_id, found.deputy_id}
    ):
        raise NotFound("accounts.unknown-delegation")
    return found


def may_revoke(uow: UnitOfWork, found: Delegation) -> bool:
    """Say whether the actor may end a delegation: its holder, and who keeps the body."""
    return _keeps(uow, found.entity_id) or uow.actor.employee_id == found.holder_id


def delegable_posts(uow: UnitOfWork, entity_id: UUID) -> list[Post]:
    """Return the signing posts for which the actor may name a deputy."""
    every = _keeps(uow, entity_id)
    return [post for post in entities.signing_posts(uow, entity_id) if every or post.id in uow.actor.post_ids]


def visible_delegations(uow: UnitOfWork, entity_id: UUID) -> list[Delegation]:
    """Return a body's delegations for who keeps it, else those that concern the actor."""
    if _keeps(uow, entity_id):
        return list(queries.delegations(uow, entity_id))
    if uow.actor.employee_id is None or uow.actor.entity_id != entity_id:
        return []
    return list(queries.delegations(uow, entity_id, concerning=uow.actor.employee_id))


def state_of(row: Delegation, day: date) -> str:
    """Return where a delegation stands on a day: ``revoked``, ``ended``, ``coming`` or ``now``."""
    if row.revoked_at is not None:
        return "revoked"
    if row.valid_to < day:
        return "ended"
    return "coming" if row.valid_from > day else "now"


def _keeps(uow: UnitOfWork, entity_id: UUID) -> bool:
    return uow.actor.may(KEEP_ALL_ACCOUNTS) or (uow.actor.may(KEEP_ACCOUNTS) and uow.actor.entity_id == entity_id)


def _post(uow: UnitOfWork, post_id: UUID) -> Post:
    """Return a signing post for which the actor may name a deputy; NotFound for any other."""
    found = uow.session.get(Post, post_id)
    if found is None or found.id not in {post.id for post in delegable_posts(uow, found.entity_id)}:
        raise NotFound("entities.unknown-post")
    return found


def _holder(uow: UnitOfWork, post: Post) -> Employee | None:
    held = entities.holders(uow, post.id, uow.today)
    return next((one for one in held if one.id == uow.actor.employee_id), held[0] if len(held) == 1 else None)


def _deputy(uow: UnitOfWork, deputy_id: UUID, entity_id: UUID) -> tuple[Employee | None, Account | None]:
    """Return a person of the body with the account; nobody of another body is known here."""
    account = queries.account_of_employee(uow, deputy_id)
    if account is None or account.entity_id != entity_id:
        return None, None
    return uow.session.get(Employee, deputy_id), account


def _refuse_own_gain(uow: UnitOfWork, post: Post, deputy: Employee | None) -> None:
    if deputy is not None and deputy.id == uow.actor.employee_id and post.id not in uow.actor.post_ids:
        raise Forbidden("accounts.delegate-yourself")


def _date_problems(uow: UnitOfWork, new: NewDelegation) -> Iterable[Problem]:
    if new.valid_from < uow.today:
        yield Problem("valid_from", "accounts.delegation-past")
    if new.valid_to < new.valid_from:
        yield Problem("valid_to", "accounts.delegation-backwards")
    elif new.valid_to - new.valid_from > LONGEST_DELEGATION:
        yield Problem("valid_to", "accounts.delegation-too-long", n=LONGEST_DELEGATION.days)


def _person_problems(
    new: NewDelegation, holder: Employee | None, deputy: Employee | None, account: Account | None
) -> Iterable[Problem]:
    if holder is None:
        yield Problem("post", "accounts.post-without-holder")
    if deputy is None or account is None or not account.active:
        yield Problem("deputy", "accounts.unknown-deputy")
    elif holder is not None and deputy.id == holder.id:
        yield Problem("deputy", "accounts.deputy-is-holder")
    elif new.max_sensitivity > deputy.clearance:
        yield Problem("max_sensitivity", "accounts.deputy-clearance")
    if new.max_sensitivity not in CLEARANCES:
        yield Problem("max_sensitivity", "entities.bad-clearance")


def _overlapping(uow: UnitOfWork, new: NewDelegation) -> bool:
    query = select(Delegation.id).where(
        Delegation.post_id == new.post_id, Delegation.deputy_id == new.deputy_id, Delegation.revoked_at.is_(None),
        Delegation.valid_from <= new.valid_to, Delegation.valid_to >= new.valid_from,
    )  # fmt: skip
    return uow.session.scalar(query.limit(1)) is not None
