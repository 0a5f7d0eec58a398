"""Comparing the rows of today with what the log says of them last: what was changed, taken away or added behind it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import MetaData, Table, select

from crypto.errors import CryptoError
from edms.audit.reporting import Progress, Report
from edms.audit.service import values_hash
from edms.core.database import UnitOfWork

_AT_ONCE = 500
Row = dict[str, Any]
Moving = Callable[[Row], bool]


def verify_rows(
    uow: UnitOfWork,
    report: Report,
    *,
    tables: MetaData,
    whole: Collection[str],
    moving: Mapping[str, Moving],
    progress: Progress,
) -> Mapping[str, int]:
    """Compare each row that the log commits to with the database; return how many were compared, by table.

    ``whole`` are tables of which every row must be in the log; ``moving`` says of a table which of its rows (columns by
    name) change by themselves at the moment and are passed over.
    """
    compared: Counter[str] = Counter()
    done = 0
    for name, some in groupby(sorted(report.rows), key=lambda row: row.partition("/")[0]):
        table, known = tables.tables.get(name), list(some)
        if table is None:
            report.blame(f"the log speaks of a table {name} that there is none of")
            continue
        for chunk in _chunks(known):
            compared[name] += _compare(uow, report, table, chunk, moving.get(name))
            done += len(chunk)
            progress(done)
    for name in sorted(whole):
        _find_added(uow, report, tables.tables[name])
    return compared


def _compare(uow: UnitOfWork, report: Report, table: Table, names: Sequence[str], moving: Moving | None) -> int:
    (key,) = table.primary_key
    rows = _read(uow, table, [UUID(name.partition("/")[2]) for name in names])
    found, count = {f"{table.name}/{row[key.name]}": row for row in rows}, 0
    for name in names:
        row = found.get(name)
        if row is None:
            report.blame(f"{name} is in the log and cannot be found in the database")
        elif moving is None or not moving(row):
            count += 1
            if _hash(row) != report.rows[name]:
                report.blame(f"{name} is not as the last act on it left it")
    return count


def _read(uow: UnitOfWork, table: Table, keys: Sequence[UUID]) -> Iterator[Row]:
    """Yield rows; where one of many holds what no column of its kind can hold, each is read by itself."""
    (key,) = table.primary_key
    try:
        yield from [row._asdict() for row in uow.session.execute(select(table).where(key.in_(keys)))]
    except (ValueError, TypeError):
        if len(keys) > 1:
            for each in keys:
                yield from _read(uow, table, [each])


def _hash(row: Row) -> bytes:
    try:
        return values_hash(row)
    except CryptoError:  # a fraction where a whole number belongs: nothing of ours writes that
        return b""


def _find_added(uow: UnitOfWork, report: Report, table: Table) -> None:
    (key,) = table.primary_key
    for value in uow.session.scalars(select(key).order_by(key), execution_options={"yield_per": 1000}):
        if f"{table.name}/{value}" not in report.rows:
            report.blame(f"{table.name}/{value} is in the database and not in the log")


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE))
