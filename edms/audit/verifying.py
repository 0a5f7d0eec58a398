"""Checking the whole log in one pass: each entry, its number, its columns, the tree, every checkpoint, the witness."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import Any, Final

from sqlalchemy import text

from crypto.checkpoints import KeyChain, TreeHead, opened
from crypto.cosignatures import WitnessKey, cosigned_at
from crypto.errors import SignatureInvalid
from crypto.merkle import Tree
from edms.audit.entries import COLUMNS, HEIGHT, Run, Same, check_run, hole
from edms.audit.reporting import Progress, Report
from edms.core.actor import system_actor
from edms.core.database import Database, UnitOfWork

MANY: Final = 200_000
"""Entries from which on a second process is worth its start."""
_WIDTH: Final = 1 << HEIGHT
_RUNS: Final = 8
_SELECT: Final = f"SELECT seq, entry, entry_hash, {', '.join(COLUMNS)} FROM events"  # noqa: S608
_ENTRIES: Final = text(f"{_SELECT} ORDER BY seq")
_RANGE: Final = text(f"{_SELECT} WHERE seq > :after AND seq <= :until ORDER BY seq")
_ENDS: Final = text("SELECT min(seq), max(seq) FROM events")
_CHECKPOINTS: Final = text("SELECT size, root, note FROM log_checkpoints ORDER BY size")
_HEAD: Final = text("SELECT last_seq FROM event_head")


def verify_log(
    uow: UnitOfWork, *, origin: str, public_der: bytes | KeyChain, kept: Sequence[TreeHead] = (), progress: Progress,
    witnesses: Sequence[WitnessKey] = (), url: str = "", processes: int = 1,
) -> Report:  # fmt: skip
    """Check entries, numbers, columns and checkpoints; ``kept`` are checkpoints that others kept (a witness).

    One pass over the entries. What stays in memory is some 300 octets for each row that an entry commits to, nothing
    for an entry. ``progress`` is told how many entries are done. With ``processes`` above 1 a log of more than 200,000
    entries is read by so many, each with a connection of its own to ``url``: only what is committed is seen then.
    """
    report = Report()
    heads = [(head, "checkpoint") for head in _signed(uow, report, origin, public_der, witnesses)]
    report.checkpoints = len(heads)
    heads += [(head, "checkpoint of the witness") for head in kept]
    marks = sorted(heads, key=lambda mark: mark[0].size)
    sizes = sorted({head.size for head, _ in marks})
    low, high = uow.session.execute(_ENDS).one()
    counted = uow.session.scalar(_HEAD)
    many = processes > 1 and url and high is not None and high >= MANY and low == 1
    runs = _shared(url, high, sizes, processes) if many else _read(uow, sizes)
    seq, good, unbroken = 0, True, True
    for run in runs:
        _take(report, run, seq)
        unbroken = unbroken and run.first in {None, seq + 1}
        while unbroken and good and marks and marks[0][0].size in run.trees:
            head, kind = marks.pop(0)
            good = _fits(report, head, kind, report.tree.joined(run.trees[head.size], HEIGHT))
        if unbroken:
            report.tree = report.tree.joined(run.tree, HEIGHT)
        seq, unbroken = run.last if run.count else seq, unbroken and run.whole
        progress(report.events)
    if counted != seq:
        report.blame(f"the log's counter stands at {counted}, its last entry is {seq}", seq + 1)
    if marks and good and unbroken:
        head, kind = marks[0]
        report.blame(
            f"the {kind} speaks of {head.size} entries, the log has {report.events}: its end was cut off, or the"
            " database was put back",
            report.events + 1,
        )
    return report


def _take(report: Report, run: Run, seq: int) -> None:
    """Add to the report what a run found; ``seq`` is the last number before it."""
    if run.first is not None and run.first != seq + 1:
        report.blame(*hole(seq + 1, run.first))
    for fault in run.faults:
        report.blame(fault.what, fault.seq)
    report.more += run.more
    report.events += run.count
    for name, digest in run.rows.items():
        if digest is None:
            report.rows.pop(name, None)
        else:
            report.rows[name] = digest


def _read(uow: UnitOfWork, sizes: Sequence[int], after: int = 0, until: int | None = None) -> Iterator[Run]:
    """Check the entries in runs, in this process; with ``until`` only those after one number up to another."""
    same, seq = Same(uow.session.connection().dialect), after
    for rows in _rows(uow, after, until):
        run = check_run(rows, seq, sizes, same)
        seq = run.last
        yield run


def _rows(uow: UnitOfWork, after: int, until: int | None) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield entries as the driver gives them, 8,192 at a time; SQLAlchemy's rows would cost as much as reading them."""
    connection = uow.session.connection()
    statement, values = (_ENTRIES, {}) if until is None else (_RANGE, {"after": after, "until": until})
    if connection.dialect.name != "sqlite":
        yield from uow.session.execute(statement, values, execution_options={"yield_per": _WIDTH}).partitions(_WIDTH)
        return
    cursor = connection.connection.cursor()
    try:
        cursor.execute(str(statement), values)
        while rows := cursor.fetchmany(_WIDTH):
            yield rows
    finally:
        cursor.close()


def _shared(url: str, last: int, sizes: Sequence[int], processes: int) -> Iterator[Run]:
    """Check the entries up to ``last`` in several processes; the runs come in their order, few of them at a time."""
    step = _WIDTH * _RUNS
    begins = iter(range(0, last, step))
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_open, initargs=(url,)) as pool:

        def submit(begin: int) -> "Future[list[Run]]":
            end = min(begin + step, last)
            return pool.submit(_check_range, begin, end, [size for size in sizes if begin < size <= end])

        waiting = deque(submit(begin) for begin in islice(begins, 2 * processes))
        while waiting:
            yield from waiting.popleft().result()
            waiting.extend(submit(begin) for begin in islice(begins, 1))


_opened: list[Database] = []


def _open(url: str) -> None:
    """Open the database in a process that was started for checking."""
    _opened.append(Database(url, pool_size=1))


def _check_range(begin: int, end: int, sizes: Sequence[int]) -> list[Run]:
    with _opened[0].read(system_actor("operator")) as uow:
        return list(_read(uow, sizes, begin, end))


def _fits(report: Report, head: TreeHead, kind: str, tree: Tree) -> bool:
    """Compare the tree with a checkpoint of its size; what is told already within its range is not told twice."""
    if head.root == tree.root():
        report.sealed = max(report.sealed, head.size)
        return True
    told = any(fault.seq is not None and report.sealed < fault.seq <= head.size for fault in report.faults)
    report.blame(
        f"entries {report.sealed + 1} to {head.size} are not those that the {kind} was signed over",
        None if told else report.sealed + 1,
    )
    return False


def _signed(
    uow: UnitOfWork, report: Report, origin: str, public_der: bytes | KeyChain, witnesses: Sequence[WitnessKey]
) -> list[TreeHead]:
    """Return the checkpoints that are what the log's key signed."""
    found = []
    for size, root, note in uow.session.execute(_CHECKPOINTS):
        try:
            head = opened(str(note), public_der)
        except SignatureInvalid:
            report.blame(f"the checkpoint of {size} entries was not signed by the log's key")
            continue
        if head == TreeHead(origin, size, root):
            found.append(head)
            _count_cosignatures(report, head, str(note), witnesses)
        else:
            report.blame(f"the checkpoint of {size} entries says something else in its columns than in its note")
    return found


def _count_cosignatures(report: Report, head: TreeHead, note: str, witnesses: Sequence[WitnessKey]) -> None:
    for key in witnesses:
        try:
            if cosigned_at(note, key) is not None:
                report.cosigned = max(report.cosigned, head.size)
        except SignatureInvalid:
            report.blame(f"the cosignature of {key.name} on the checkpoint of {head.size} entries is not its own")
