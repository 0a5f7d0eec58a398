"""Verbs of accounts: kept, signed in to, given to staff by table, and acted for on the command line."""

from sqlalchemy import select

from edms.accounts import queries
from edms.accounts.keeping import (
    change_password,
    disable_account,
    enable_account,
    may_take_password,
    must_change_password,
    open_account,
    own_account,
    set_password,
    set_roles,
    wrong_old_password,
)
from edms.accounts.rules import ACT_FOR_OTHERS
from edms.accounts.sessions import (
    FAILED,
    Attempt,
    Proof,
    SignInRefused,
    actor_for_token,
    begin_sign_in,
    check_password,
    confirm_sign_in,
    finish_sign_in,
    finish_with_code,
    sign_out,
    sign_out_everywhere,
    touch_session,
)
from edms.accounts.staffing import (
    NewPerson,
    add_person,
    change_person,
    check_staff,
    give_post,
    hash_passwords,
    import_staff,
)
from edms.accounts.step_up import StepUpRefused
from edms.audit import service as audit
from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.entities.models import Employee

__all__ = [
    "FAILED", "Attempt", "NewPerson", "Proof", "SignInRefused", "StepUpRefused", "actor_for_token", "actor_of_employee",
    "add_person", "begin_sign_in", "change_password", "change_person", "check_password", "check_staff",
    "confirm_sign_in", "disable_account", "enable_account", "finish_sign_in", "finish_with_code", "give_post",
    "hash_passwords", "import_staff", "may_take_password", "must_change_password", "open_account", "own_account",
    "set_password", "set_roles", "sign_out", "sign_out_everywhere", "touch_session", "wrong_old_password",
]  # fmt: skip


def actor_of_employee(uow: UnitOfWork, employee_code_or_login: str) -> Actor:
    """Return who an employee is, for ``--as`` on the command line; an event says that the operator acted so.

    Raises NotFound ``accounts.no-account`` when there is no such person or the account is closed.
    """
    uow.actor.require(ACT_FOR_OTHERS)
    written = employee_code_or_login.strip()
    account = queries.account_by_login(uow, written)
    if account is None:
        code = "".join(one for one in written if one.isdigit())
        person = uow.session.scalars(select(Employee).where(Employee.code == code)).one_or_none()
        account = queries.account_of_employee(uow, person.id) if person else None
    if account is None or not account.active:
        raise NotFound("accounts.no-account", employee=written)
    employee = uow.session.get_one(Employee, account.employee_id)
    audit.record(
        uow, "accounts.acted-for", "account", account.id, entity_id=account.entity_id, employee_code=employee.code
    )
    return queries.actor_of(uow, account, employee, client="command line")
