"""Checking a run of entries: each number, hash, content and column, what it says of rows, and the tree over them."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Dialect

from crypto.merkle import Tree, levels
from edms.audit.models import Event
from edms.audit.reporting import MOST_FAULTS, Fault

COLUMNS: Final = ("at", "act", "actor", "employee_id", "entity_id", "object_type", "object_id")
HEIGHT: Final = 13
"""A run holds two to this power entries: 8,192."""
_TEXT: Final = r'"[^"\\\x00-\x1f]*+"'  # a string without escapes
_VALUE: Final = rf"(?:{_TEXT}|0|-?[1-9][0-9]*+|true|false|null)"
_KEY: Final = r'(?:null|"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")'
_NAME: Final = r'"[a-z_]+/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"'
_HASH: Final = r'"[0-9a-f]{64}"'
_CAUGHT: Final = r'"([^"\\\x00-\x1f]*+)"'
_USUAL: Final = re.compile(
    rf'\{{"act":{_CAUGHT},"actor":{_CAUGHT},"at":{_CAUGHT},"client":{_TEXT},"employee":{_KEY},"entity":{_KEY},'
    rf'"facts":\{{(?:{_TEXT}:{_VALUE}(?:,{_TEXT}:{_VALUE})*+)?\}},"id":{_KEY},"object":{_CAUGHT},'
    rf'(?:"of":\[({_NAME}(?:,{_NAME})*+)\],)?(?:"row":({_HASH}),)?(?:"rows":\[({_HASH}(?:,{_HASH})*+)\],)?'
    rf'"seq":([1-9][0-9]*+),"session":(?:null|{_TEXT})\}}'
)
"""The form of an entry as ``record`` writes it when no text needs an escape: read at a third of the cost of JSON."""
_ROW: Final = re.compile(r"[a-z_]+/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Bound = Callable[[dict[str, Any]], list[Any]]


@dataclass(slots=True)
class Run:
    """What was found in some entries that follow one another; ``first`` and ``last`` are their numbers.

    ``tree`` is over those from the first up to the first hole, ``whole`` says that there was none, before the first
    neither; ``trees`` are the trees at the sizes that were asked for, counted from the beginning of the log. ``rows``
    maps names to the last hash in the run, None for a row that is gone.
    """

    first: int | None = None
    last: int = 0
    count: int = 0
    whole: bool = True
    tree: Tree = field(default_factory=Tree)
    trees: dict[int, Tree] = field(default_factory=dict)
    rows: dict[str, bytes | None] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    more: int = 0

    def blame(self, what: str, seq: int) -> None:
        """Note a fault; beyond a hundred they are counted."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(what, seq))
        else:
            self.more += 1


def check_run(rows: Iterable[Sequence[Any]], after: int, marks: Sequence[int], same: "Same") -> Run:
    """Check entries given as number, entry, hash and the columns for queries, in the driver's own values.

    ``after`` is the number before the first, ``marks`` are sizes of trees that are wanted.
    """
    run, leaves, seq = Run(), list[bytes](), after
    for number, entry, entry_hash, *columns in rows:
        run.count += 1
        run.first = number if run.first is None else run.first
        if number != seq + 1:
            run.whole = False
            if run.count > 1:
                run.blame(*hole(seq + 1, number))
        seq = number
        if not isinstance(entry, bytes):
            run.blame(f"entry {seq} is not stored as octets", seq)
            run.whole = False
            continue
        if sha256(entry).digest() != entry_hash:
            run.blame(f"the content of entry {seq} does not fit its hash", seq)
        try:
            text = entry.decode()
            if not same.quick(text, seq, columns, run.rows):
                _look(run, seq, json.loads(text), columns, same)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            run.blame(f"entry {seq} cannot be read", seq)
        if run.whole:
            leaves.append(sha256(b"\x00" + entry).digest())
    run.last = seq if run.count else 0
    over = levels(leaves)
    run.tree = over.tree(len(leaves))
    run.trees = {mark: over.tree(mark - after) for mark in marks if after < mark <= after + len(leaves)}
    return run


def hole(expected: int, found: int) -> tuple[str, int]:
    """Return the words for a number that does not follow, and the number that they are about."""
    if found < expected:
        return f"entry {found} has a number that is never given", found
    which = f"entry {expected} is" if found == expected + 1 else f"entries {expected} to {found - 1} are"
    return f"{which} missing", expected


def _look(run: Run, seq: int, told: dict[str, Any], columns: list[Any], same: "Same") -> None:
    """Compare an entry with its number and its query columns, and keep what it says of rows."""
    if told["seq"] != seq:
        run.blame(f"what stands as entry {seq} was written as entry {told['seq']}", seq)
    expected = same.bound(told)
    if columns != expected:
        wrong = [name for name, one, other in zip(COLUMNS, columns, expected, strict=True) if one != other]
        run.blame(f"entry {seq} says something else than its columns for queries ({', '.join(wrong)})", seq)
    if "gone" in told:
        hash(told["gone"])
        run.rows[told["gone"]] = None
    if "of" in told:
        if not all(map(_ROW.fullmatch, told["of"])):
            raise ValueError("not the names of rows")
        hashes = [*([told["row"]] if "row" in told else []), *told.get("rows", ())]
        run.rows.update(zip(told["of"], map(bytes.fromhex, hashes), strict=True))


class Same:
    """Compares what an entry says with the columns for queries, as a database's driver gives them."""

    def __init__(self, dialect: Dialect) -> None:
        self.bound = _binder(dialect)
        self._text = dialect.name == "sqlite"  # times and keys come as text there

    def quick(self, text: str, seq: int, columns: list[Any], rows: dict[str, bytes | None]) -> bool:
        """Say whether an entry is of the usual form, with its number and its columns; its rows are kept in ``rows``.

        Where this says no, the entry is to be read as JSON to know what is wrong with it, if anything is.
        """
        found = _USUAL.fullmatch(text) if self._text else None
        if found is None:
            return False
        act, actor, at, employee, entity, about, kind, of, row, others, number = found.groups()
        if not (
            columns == [_moment(at), act, actor, _plain(employee), _plain(entity), kind, _key(about)]
            and number == str(seq)
            and len(actor) <= 60
        ):
            return False
        if of is not None:
            names, hashes = of[1:-1].split('","'), [*([row[1:-1]] if row else ()), *_several(others)]
            if len(names) != len(hashes):
                return False
            rows.update(zip(names, map(bytes.fromhex, hashes), strict=True))
        return True


def _several(hashes: str | None) -> list[str]:
    return hashes[1:-1].split('","') if hashes else []


def _key(value: str | None) -> str | None:
    return value.replace("-", "") if value is not None else None


_plain = lru_cache(8192)(_key)  # the same people and bodies come again and again


@lru_cache(64)
def _moment(value: str) -> str:
    """Return a moment as SQLite keeps it; anything that is not written as entries write it comes back as it is."""
    if value[-6:] != "+00:00" or value[10:11] != "T":
        return value
    day, clock = value[:10], value[11:-6]
    return f"{day} {clock}" if len(clock) == 15 else f"{day} {clock}.000000"


def _binder(dialect: Dialect) -> Bound:
    """Return what puts an entry's members into the form that the driver gives the columns of queries in."""
    types = {name: Event.__table__.c[name].type.dialect_impl(dialect) for name in ("at", "object_id")}
    time, key = (kind.bind_processor(dialect) or _same for kind in types.values())

    @lru_cache(1024)
    def at(value: str) -> Any:
        return time(datetime.fromisoformat(value))

    def once(value: str | None) -> Any:
        return None if value is None else key(UUID(value))

    often = lru_cache(8192)(once)
    return lambda told: [
        at(told["at"]), told["act"], told["actor"][:60], often(told["employee"]), often(told["entity"]), told["object"],
        once(told["id"]),
    ]  # fmt: skip


def _same(value: Any) -> Any:
    return value
