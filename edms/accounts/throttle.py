"""Rate limits shared by all processes through the database; a stranger can slow a person down, never lock one out."""

import hashlib
import ipaddress
from datetime import timedelta

from sqlalchemy import select

from edms.accounts.models import Throttle
from edms.accounts.rules import Limits, delay_after
from edms.core.database import UnitOfWork

_MINUTE = timedelta(minutes=1)
_REMEMBERED = timedelta(days=90)


def count_attempt(uow: UnitOfWork, login: str, address: str, limits: Limits) -> timedelta | None:
    """Count one attempt to sign in before its password is looked at; return how long to wait when it comes too soon.

    Three limits (security.md §4): a login from one address, 5 a minute and then a delay that doubles up to an hour; a
    login from everywhere, 20 a minute; an address, 30 a minute. The second does not hold for an address from which
    that login has succeeded, so strangers cannot keep a person out. Attempts that are told to wait are not counted, and
    whoever has waited is heard: the delay after that one is longer.
    """
    name, network = _short(login), network_of(address)
    checks = [
        (f"pair:{name}:{network}", limits.pair_per_minute, limits.longest_delay),
        (f"address:{network}", limits.address_per_minute, _MINUTE),
    ]
    known = uow.session.get(Throttle, f"known:{name}:{network}")
    if known is None or known.since + _REMEMBERED < uow.now:
        checks.append((f"login:{name}", limits.login_per_minute, _MINUTE))
    rows = [(_locked(uow, key), allowed, longest) for key, allowed, longest in checks]
    waits = [row.blocked_until - uow.now for row, _, _ in rows if row.blocked_until and row.blocked_until > uow.now]
    if waits:
        return max(waits)
    for row, allowed, longest in rows:
        _roll(uow, row, longest)
        row.count += 1
        delay = delay_after(row.count + 1, allowed, longest)
        if delay:
            row.blocked_until = uow.now + delay
    uow.flush()
    return None


def forget_attempts(uow: UnitOfWork, login: str, address: str) -> None:
    """After a success: forgive the pair's attempts and this one of the address, and remember the address as known."""
    name, network = _short(login), network_of(address)
    pair = uow.session.get(Throttle, f"pair:{name}:{network}")
    if pair is not None:
        uow.session.delete(pair)
    row = uow.session.get(Throttle, f"address:{network}")
    if row is not None and row.count > 0:
        row.count -= 1
        row.blocked_until = None
    known = _locked(uow, f"known:{name}:{network}")
    known.since = uow.now
    uow.flush()


def network_of(address: str) -> str:
    """Return what one subscriber holds: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _locked(uow: UnitOfWork, key: str) -> Throttle:
    row = uow.session.scalars(select(Throttle).where(Throttle.key == key).with_for_update()).one_or_none()
    if row is None:
        row = Throttle(key=key, count=0, since=uow.now)
        uow.session.add(row)
        uow.flush()
    return row


def _roll(uow: UnitOfWork, row: Throttle, longest: timedelta) -> None:
    """Begin a new minute; a count whose delay grows is kept until nothing happened for as long as the longest delay."""
    if row.blocked_until is None:
        end = row.since + _MINUTE
    else:
        end = row.blocked_until + (longest if longest > _MINUTE else timedelta())
    if end <= uow.now:
        row.count, row.since, row.blocked_until = 0, uow.now, None


def _short(login: str) -> str:
    """Return a short digest of what was typed as login: people type passwords there, so it is not kept."""
    return hashlib.sha256(login.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()[:24]
