"""What checking the log costs beside a bare scan of its table, and what the tree costs beside writing entries.

    python -m bench.bench_log [--events 10000000] [--folder DIR]

Entries are written by raw inserts into SQLite (a tenth issue a letter and commit to its row, the others read), then, in
the same run: every row read once by the driver, ``verify_log`` in one process and in two, and its peak of memory; then
entries are written 16 to a commit, with and without the follower beside that grows the tree and signs.
"""  # fmt: skip

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from config.settings import load
from crypto.digests import canonical
from edms.audit import checkpoints, tiles
from edms.audit.log_seal import LogSeal
from edms.audit.service import record
from edms.audit.verifying import verify_log
from edms.core.database import Database
from edms.operation.worker import be_nice
from edms.wiring import parts_of
from tests.factories.world import OPERATOR, World, make_world

_AT_ONCE = 10_000
_BODIES, _PEOPLE, _LETTERS = 40, 4000, 10
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Run it and print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--follow", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.follow:
        follow(asked.follow)
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        world = make_world(Path(folder))
        told = {**writing(world), **checking(world, asked.events)}
    if asked.json:
        sys.stdout.write(json.dumps(told) + "\n")
        return
    for name, value in told.items():
        sys.stdout.write(f"{name:32} {value}\n")


def checking(world: World, events: int) -> dict[str, Any]:
    """Fill the log up to so many entries, read it bare, and check it in one process and in two."""
    path = str(world.database.engine.url.database)
    began = time.perf_counter()
    fill(path, world, events)
    told: dict[str, Any] = {"events": events, "fill_seconds": round(time.perf_counter() - began, 1)}
    scan(path)  # the file is in memory then, if it has room there
    bare, bare_cpu = _timed(lambda: scan(path))
    told |= {"bare_scan_seconds": round(bare, 2), "bare_scan_cpu_seconds": round(bare_cpu, 2)}
    for processes in (2, 1):
        seconds, cpu = _timed(lambda count=processes: _check(world, events, count))  # type: ignore[misc]
        told |= {
            f"verify_{processes}_seconds": round(seconds, 2), f"verify_{processes}_to_scan": round(seconds / bare, 2),
            f"verify_{processes}_cpu_to_scan": round(cpu / bare_cpu, 2), f"peak_mb_{processes}": _peak_mb("SELF"),
        }  # fmt: skip
    again, _ = _timed(lambda: scan(path))
    return {**told, "children_peak_mb": _peak_mb("CHILDREN"), "bare_scan_again_seconds": round(again, 2)}


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long some work took and how much of the processors, that of its processes too."""
    began, used = time.perf_counter(), os.times()
    work()
    after = os.times()
    return time.perf_counter() - began, sum(after[:4]) - sum(used[:4])


def _check(world: World, events: int, processes: int) -> None:
    seal = world.parts[LogSeal]
    with world.database.read(OPERATOR) as uow:
        report = verify_log(
            uow, origin=seal.origin, public_der=seal.public_key(), progress=lambda _done: None,
            url=world.database.url, processes=processes,
        )  # fmt: skip
    wrong = [fault.what for fault in report.faults]
    if wrong or report.events != events:
        raise SystemExit(f"the log that was made is not whole: {wrong[:3]}")


def scan(path: str) -> None:
    """Read every column of every entry once, in order."""
    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute(
            "SELECT seq, entry, entry_hash, at, act, actor, employee_id, entity_id, object_type, object_id"
            " FROM events ORDER BY seq"
        )
        while cursor.fetchmany(_AT_ONCE):
            pass


def fill(path: str, world: World, events: int) -> None:
    """Add entries by raw inserts until the log has so many."""
    insert = (
        "INSERT INTO events (seq, at, act, actor, employee_id, entity_id, object_type, object_id, entry, entry_hash)"
        " VALUES (?,?,?,?,?,?,?,?,?,?)"
    )
    world.database.dispose()  # nobody else has the file open: it is filled without a journal
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        (last,) = connection.execute("SELECT last_seq FROM event_head").fetchone()
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'events' AND sql LIKE 'CREATE INDEX%'"
        ).fetchall()
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for name, _ in indexes:  # built again at the end: ten times quicker
            connection.execute(f"DROP INDEX {name}")
        rows = _rows(world, last, events)
        connection.executemany(insert, rows)
        connection.execute("UPDATE event_head SET last_seq = ?", (events,))
        for _, sql in indexes:
            connection.execute(sql)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")


def _rows(world: World, last: int, events: int) -> Iterator[tuple[object, ...]]:
    people = [str(UUID(int=(7 << 76) | number)) for number in range(_PEOPLE)]
    digest = sha256(b"a row").hexdigest()
    for seq in range(last + 1, events + 1):
        about = f"018f0000-0000-7000-8000-{seq // _LETTERS:012x}"
        at = _BEGAN + timedelta(milliseconds=200 * seq)
        person, issues = people[seq % _PEOPLE], seq % _LETTERS == 0
        act, tail = ("letters.issued", f',"of":["letters/{about}"],"row":"{digest}"') if issues else ("codes.view", "")
        stored = (
            f'{{"act":"{act}","actor":"login:{seq % _PEOPLE}","at":"{at.isoformat()}","client":"10.0.0.1",'
            f'"employee":"{person}","entity":"{world.entity_a.id}","facts":{{"copy":"{seq:014d}"}},"id":"{about}",'
            f'"object":"letter"{tail},"seq":{seq},"session":"{person}"}}'
        ).encode()
        if seq % 100_000 == 0 and canonical(json.loads(stored)) != stored:
            raise SystemExit("an entry of this bench is not canonical")
        yield (
            seq, at.replace(tzinfo=None).isoformat(" ", "microseconds"), act, f"login:{seq % _PEOPLE}",
            person.replace("-", ""), world.entity_a.id.hex, "letter", about.replace("-", ""), stored,
            sha256(stored).digest(),
        )  # fmt: skip


def writing(world: World, commits: int = 400, each: int = 16) -> dict[str, Any]:
    """Write entries, 16 to a commit, in turns with and without a process beside that grows the tree and signs."""
    alone, beside = [], []
    checkpoints.follow(world.database, world.parts[LogSeal], now=True)  # makes the key
    for _ in range(3):
        alone.append(_written(world.database, commits, each))
        with _follower(world):
            beside.append(_written(world.database, commits, each))
    return {
        "write_us_an_entry": round(min(alone) / commits / each * 1e6, 1),
        "write_with_tree_us_an_entry": round(min(beside) / commits / each * 1e6, 1),
        "tree_to_plain": round(min(beside) / min(alone), 3),
    }


@contextmanager
def _follower(world: World) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.bench_log", "--follow", str(world.settings.data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()  # it has begun
        try:
            yield
        finally:
            child.terminate()


def follow(data: Path) -> None:
    """Be the worker of an installation: its followers of the log alone, looking once a second."""
    parts = parts_of(load(None, {"DIWAN_DATA": str(data)}))
    be_nice()
    sys.stdout.write("began\n")
    sys.stdout.flush()
    while True:
        checkpoints.follow(parts[Database], parts[LogSeal])
        tiles.follow(parts[Database])
        time.sleep(1)


def _written(database: Database, commits: int, each: int) -> float:
    began = time.perf_counter()
    for _ in range(commits):
        with database.work(OPERATOR) as uow:
            for number in range(each):
                record(uow, "bench.made", "letter", None, number=number)
    return time.perf_counter() - began


def _peak_mb(who: str) -> int:
    return int(resource.getrusage(getattr(resource, f"RUSAGE_{who}")).ru_maxrss) // 1024


if __name__ == "__main__":
    main()
