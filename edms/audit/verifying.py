"""Checking the whole log in one pass: each entry, its number, its columns, the tree, every checkpoint, the witness."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Dialect, text

from crypto.checkpoints import TreeHead, opened
from crypto.cosignatures import WitnessKey, cosigned_at
from crypto.errors import SignatureInvalid
from crypto.merkle import Tree, leaf_hash
from edms.audit.models import Event
from edms.core.database import UnitOfWork

MOST_FAULTS: Final = 100
_AT_ONCE: Final = 1000
_COLUMNS: Final = ("at", "act", "actor", "employee_id", "entity_id", "object_type", "object_id")
_ENTRIES: Final = text(f"SELECT seq, entry, entry_hash, {', '.join(_COLUMNS)} FROM events ORDER BY seq")  # noqa: S608
_CHECKPOINTS: Final = text("SELECT size, root, note FROM log_checkpoints ORDER BY size")
_HEAD: Final = text("SELECT last_seq FROM event_head")
_ROW: Final = re.compile(r"[a-z_]+/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: in plain English, with the number of the entry where it begins, if there is one."""

    what: str
    seq: int | None = None


@dataclass(slots=True)
class Report:
    """What a check found; ``rows`` maps the name of a row (``letters/0190…``) to the last hash that the log has of it.

    ``tree`` is that of the entries, up to the first hole; ``sealed`` is how many of them a checkpoint covers,
    ``cosigned`` how many one that a witness cosigned.
    ``faults`` holds the first hundred, ``more`` counts the others.
    """

    events: int = 0
    checkpoints: int = 0
    sealed: int = 0
    cosigned: int = 0
    tree: Tree = field(default_factory=Tree)
    faults: list[Fault] = field(default_factory=list)
    more: int = 0
    rows: dict[str, bytes] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.faults

    @property
    def first_bad(self) -> int | None:
        """The number of the first entry that something is wrong with, if a fault names one."""
        return min((fault.seq for fault in self.faults if fault.seq is not None), default=None)

    def blame(self, what: str, seq: int | None = None) -> None:
        """Note a fault."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(what, seq))
        else:
            self.more += 1


def verify_log(
    uow: UnitOfWork, *, origin: str, public_der: bytes, kept: Sequence[TreeHead] = (), progress: Progress,
    witnesses: Sequence[WitnessKey] = (),
) -> Report:  # fmt: skip
    """Check entries, numbers, columns and checkpoints; ``kept`` are checkpoints that others kept (a witness).

    One pass over the entries. What stays in memory is some 300 octets for each row that an entry commits to, nothing
    for an entry. ``progress`` is told how many entries are done.
    """
    report = Report()
    heads = [(head, "checkpoint") for head in _signed(uow, report, origin, public_der, witnesses)]
    report.checkpoints = len(heads)
    heads += [(head, "checkpoint of the witness") for head in kept]
    marks = iter(sorted(heads, key=lambda mark: mark[0].size))
    mark, fresh, good = next(marks, None), [], True
    for done, (seq, leaf) in enumerate(_leaves(uow, report), start=1):
        good = good and seq == done  # after a hole nothing can fit the tree
        if good:
            fresh.append(leaf)
        if done % _AT_ONCE == 0:
            report.tree, fresh = report.tree.grown(fresh), []
            progress(done)
        while good and mark and mark[0].size == done:
            report.tree, fresh = report.tree.grown(fresh), []
            good, mark = _fits(report, *mark), next(marks, None)
    report.tree = report.tree.grown(fresh)
    if mark and good:
        report.blame(
            f"the {mark[1]} speaks of {mark[0].size} entries, the log has {report.events}: its end was cut off, or the"
            " database was put back",
            report.events + 1,
        )
    return report


def _fits(report: Report, head: TreeHead, kind: str) -> bool:
    """Compare the tree with a checkpoint of its size; what is told already within its range is not told twice."""
    if head.root == report.tree.root():
        report.sealed = max(report.sealed, head.size)
        return True
    told = any(fault.seq is not None and fault.seq > report.sealed for fault in report.faults)
    report.blame(
        f"entries {report.sealed + 1} to {head.size} are not those that the {kind} was signed over",
        None if told else report.sealed + 1,
    )
    return False


def _signed(
    uow: UnitOfWork, report: Report, origin: str, public_der: bytes, witnesses: Sequence[WitnessKey]
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


def _leaves(uow: UnitOfWork, report: Report) -> Iterator[tuple[int, bytes]]:
    """Yield number and leaf hash of each entry, having looked at all that it says of itself."""
    bound, seq = _binder(uow.session.connection().dialect), 0
    for number, entry, entry_hash, *columns in uow.session.execute(_ENTRIES, execution_options={"yield_per": _AT_ONCE}):
        report.events += 1
        if number != seq + 1:
            _blame_hole(report, seq + 1, number)
        seq = number
        if not isinstance(entry, bytes):
            report.blame(f"entry {seq} is not stored as octets", seq)
            continue
        if sha256(entry).digest() != entry_hash:
            report.blame(f"the content of entry {seq} does not fit its hash", seq)
        try:
            _look(report, seq, json.loads(entry.decode()), columns, bound)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            report.blame(f"entry {seq} cannot be read", seq)
        yield seq, leaf_hash(entry)
    counted = uow.session.scalar(_HEAD)
    if counted != seq:
        report.blame(f"the log's counter stands at {counted}, its last entry is {seq}", seq + 1)


def _blame_hole(report: Report, expected: int, found: int) -> None:
    if found < expected:
        report.blame(f"entry {found} has a number that is never given", found)
    else:
        which = f"entry {expected} is" if found == expected + 1 else f"entries {expected} to {found - 1} are"
        report.blame(f"{which} missing", expected)


def _look(report: Report, seq: int, told: dict[str, Any], columns: list[Any], bound: "_Bound") -> None:
    """Compare an entry with its number and its query columns, and keep what it says of rows."""
    if told["seq"] != seq:
        report.blame(f"what stands as entry {seq} was written as entry {told['seq']}", seq)
    expected = bound(told)
    if columns != expected:
        wrong = [name for name, one, other in zip(_COLUMNS, columns, expected, strict=True) if one != other]
        report.blame(f"entry {seq} says something else than its columns for queries ({', '.join(wrong)})", seq)
    if "gone" in told:
        report.rows.pop(told["gone"], None)
    if "of" in told:
        if not all(map(_ROW.fullmatch, told["of"])):
            raise ValueError("not the names of rows")
        hashes = [*([told["row"]] if "row" in told else []), *told.get("rows", ())]
        report.rows.update(zip(told["of"], map(bytes.fromhex, hashes), strict=True))


_Bound = Callable[[dict[str, Any]], list[Any]]


def _same(value: Any) -> Any:
    return value


def _binder(dialect: Dialect) -> _Bound:
    """Return what puts an entry's members into the form that the driver gives the columns of queries in."""
    types = {name: Event.__table__.c[name].type.dialect_impl(dialect) for name in ("at", "object_id")}
    time, key = (kind.bind_processor(dialect) or _same for kind in types.values())

    @lru_cache(1024)
    def at(value: str) -> Any:
        return time(datetime.fromisoformat(value))

    def once(value: str | None) -> Any:
        return None if value is None else key(UUID(value))

    often = lru_cache(8192)(once)  # the same people and bodies come again and again
    return lambda told: [
        at(told["at"]), told["act"], told["actor"][:60], often(told["employee"]), often(told["entity"]), told["object"],
        once(told["id"]),
    ]  # fmt: skip
