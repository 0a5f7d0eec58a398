"""Whether every register has the numbers 1 to the last of each year, each once."""

from sqlalchemy import func, select

from edms.core.database import UnitOfWork
from edms.registry.models import RegisterEntry, RegisterYear


def numbers_missing(uow: UnitOfWork) -> list[str]:
    """Return what is wrong with the numbers of each register and year, in plain English; nothing when all is well."""
    entries = {
        (register, year): (count, first, last)
        for register, year, count, first, last in uow.session.execute(
            select(
                RegisterEntry.register_id, RegisterEntry.year, func.count(), func.min(RegisterEntry.number),
                func.max(RegisterEntry.number),
            ).group_by(RegisterEntry.register_id, RegisterEntry.year)
        )
    }  # fmt: skip
    given = {
        (register, year): last
        for register, year, last in uow.session.execute(
            select(RegisterYear.register_id, RegisterYear.year, RegisterYear.last_number)
        )
    }
    found = []
    for register, year in sorted(entries.keys() | given.keys()):
        last = given.get((register, year), 0)
        count, lowest, highest = entries.get((register, year), (0, 1, 0))
        if (count, lowest, highest) != (last, 1, last):
            told = f"{count} entries from {lowest} to {highest}, its counter is at {last}"
            found.append(f"register {register} of {year} has {told}")
    return found
