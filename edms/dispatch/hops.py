"""Next hops that cannot be reached: left alone for a while, then tried with one consignment while the others wait."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from edms.core.database import UnitOfWork
from edms.dispatch.models import NextHop
from edms.dispatch.rules import LEASE

Rest = Callable[[int], timedelta]
"""How long a next hop is left alone after so many failures in a row; zero: not yet."""


def never_rests(_failures: int) -> timedelta:
    """Leave no next hop alone."""
    return timedelta(0)


def wake(uow: UnitOfWork, installation_id: UUID) -> None:
    """Let a next hop that rests be tried now."""
    uow.session.execute(
        update(NextHop)
        .where(NextHop.installation_id == installation_id, NextHop.retry_at > uow.now)
        .values(retry_at=uow.now)
        .execution_options(synchronize_session=False)
    )


def take_probe(uow: UnitOfWork, installation_id: UUID) -> bool:
    """Become the one who tries a next hop that has rested; False when another relay is."""
    mine = uow.session.execute(
        update(NextHop)
        .where(NextHop.installation_id == installation_id, NextHop.retry_at <= uow.now)
        .values(retry_at=uow.now + LEASE, probing=True)
        .returning(NextHop.installation_id)
        .execution_options(synchronize_session=False)
    )
    return mine.first() is not None


def note(uow: UnitOfWork, reached: Iterable[UUID], missed: Sequence[tuple[UUID, str]], rest: Rest) -> frozenset[UUID]:
    """Write which next hops were reached and which were not (with the reason); returns those that now rest.

    What fails while a hop rests already was under way before: only the one that was to try it counts.
    """
    well = set(reached)
    if not well and not missed:
        return frozenset()
    found = uow.session.scalars(select(NextHop).order_by(NextHop.installation_id).with_for_update())
    troubled = {hop.installation_id: hop for hop in found}
    for one in well & troubled.keys():
        uow.session.delete(troubled[one])
    resting = set()
    for one, reason in missed:
        if one in well:
            continue
        hop = troubled.get(one)
        if hop is None:
            hop = troubled[one] = NextHop(installation_id=one, failures=0, since=uow.now, retry_at=None, probing=False)
            uow.session.add(hop)
        if hop.probing or hop.retry_at is None:
            hop.failures, hop.probing = hop.failures + 1, False
            wait = rest(hop.failures)
            hop.retry_at = uow.now + wait if wait else None
        hop.reason = reason[:200]
        if hop.retry_at is not None:
            resting.add(one)
    return frozenset(resting)
