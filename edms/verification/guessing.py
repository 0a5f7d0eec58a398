"""Resists guessing: failures of one address are counted by the hour, in the database that all processes share."""

from edms.accounts.models import Throttle
from edms.accounts.throttle import network_of
from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Unavailable
from edms.verification.leak_rules import WRONG_CODES_AN_HOUR
from edms.verification.rules import FAILURES_AN_HOUR, FILES_AN_HOUR, HOUR


def require_welcome(uow: UnitOfWork, address: str) -> None:
    """Raise Unavailable ``verification.too-many`` with ``retry_after`` while an address has to wait."""
    row = uow.session.get(Throttle, _key("verify", address))
    if row is not None and row.blocked_until is not None and row.blocked_until > uow.now:
        raise Unavailable("verification.too-many", retry_after=int((row.blocked_until - uow.now).total_seconds()) + 1)


def count_failure(uow: UnitOfWork, address: str) -> None:
    """Count a code that led nowhere; the twentieth within an hour closes the address and raises the alarm."""
    row = _counted(uow, _key("verify", address))
    if row.count >= FAILURES_AN_HOUR:
        row.blocked_until = row.since + HOUR
        record(uow, "verification.guessing", "network", None, network=network_of(address), failures=row.count)


def count_file(uow: UnitOfWork, address: str) -> None:
    """Count a file handed in; raises Unavailable ``verification.too-many`` over the hour's limit."""
    row = _counted(uow, _key("verify-file", address))
    if row.count > FILES_AN_HOUR:
        raise Unavailable("verification.too-many", retry_after=int((row.since + HOUR - uow.now).total_seconds()) + 1)


def _key(kind: str, address: str) -> str:
    return f"{kind}:{network_of(address)}"


def _counted(uow: UnitOfWork, key: str) -> Throttle:
    row = uow.session.get(Throttle, key, with_for_update=True)
    if row is None:
        row = Throttle(key=key, count=0, since=uow.now)
        uow.session.add(row)
    if row.since + HOUR <= uow.now:
        row.count, row.since, row.blocked_until = 0, uow.now, None
    row.count += 1
    uow.flush()
    return row


def require_welcome_of_codes(uow: UnitOfWork) -> None:
    """Raise Unavailable ``verification.too-many-copy-codes`` while an auditor who tried too many codes has to wait."""
    row = uow.session.get(Throttle, _of_auditor(uow)) if uow.actor.employee_id else None
    if row is not None and row.blocked_until is not None and row.blocked_until > uow.now:
        wait = int((row.blocked_until - uow.now).total_seconds()) + 1
        raise Unavailable("verification.too-many-copy-codes", retry_after=wait)


def count_wrong_codes(uow: UnitOfWork, wrong: int) -> None:
    """Count copy codes that lead to nothing the auditor may know; the twentieth within an hour raises the alarm.

    The alarm is an event of the log, and the auditor looks nothing up until the hour is over. The operator of the
    machine, who has the database, is not counted.
    """
    for _ in range(wrong if uow.actor.employee_id else 0):
        row = _counted(uow, _of_auditor(uow))
        if row.count == WRONG_CODES_AN_HOUR:
            row.blocked_until = row.since + HOUR
            record(uow, "verification.copy-guessing", "employee", uow.actor.employee_id, wrong=row.count)
            return


def _of_auditor(uow: UnitOfWork) -> str:
    return f"copy-code:{uow.actor.employee_id}"
