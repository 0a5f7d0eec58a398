"""Rewrapping the keys of files on SQLite, beside a bare reading and writing of the same rows; and what the vault costs.

    python bench/bench_keys.py [--keys 4000000] [--bodies 859]

The wraps are as Diwan stores them: the outer part is real, the inner one (which a rotation does not open) random octets
of its length. The bare run reads and writes the same rows in the same batches, without any cipher.
"""

import argparse
import secrets
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy.orm import Session

from crypto.encryption import new_key
from edms.content.service import wrap_context
from edms.core.ids import new_id
from edms.entities import service as entities
from edms.entities.rules import EntityType, NewEntity
from edms.operation import rewrapping, rotation, wrap_rows
from tests.factories.world import OPERATOR, World, make_world

_INNER = 61
_PER_FILE = 2


def main() -> None:
    """Build the rows, rotate every body's key, and say how long each took."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--keys", type=int, default=400_000)
    asked.add_argument("--bodies", type=int, default=859)
    told = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder))
        bodies = _bodies(world, told.bodies)
        begun = time.perf_counter()
        _fill(world, bodies, told.keys)
        _say(f"{told.keys} wraps of {len(bodies)} bodies made in {time.perf_counter() - begun:.0f} s")
        bare = _bare(world, told.keys)
        with world.database.work(OPERATOR) as uow:
            rotation.rotate_owners(uow, bodies, keys=world.keyring)
        begun = time.perf_counter()
        done = rewrapping.rewrap_all(world.database, OPERATOR, keys=world.keyring)
        took = time.perf_counter() - begun
        assert done.files == told.keys, done
        minutes = 4e6 / told.keys * took / 60
        _say(f"rewrapped: {took:.1f} s, {told.keys / took:,.0f} keys a second; 4 million take {minutes:.1f} min")
        _say(f"bare read and write of the same rows: {bare:.1f} s; ratio {took / bare:.2f}")
        begun = time.perf_counter()
        _, count = rotation.rotate_root(world.database, OPERATOR, keys=world.keyring, run_folder=Path(folder))
        _say(f"root rotation: {count} keys in {time.perf_counter() - begun:.2f} s")
        _vault(world, bodies)


def _bodies(world: World, count: int) -> list[UUID]:
    """Register so many bodies; returns their inner keys."""
    rows = [
        NewEntity(
            name_ar=f"دائرة {number}", type=EntityType.DIRECTORATE, mail_domain=f"d{number}.gov.example",
            short_mark=f"د{number}", valid_from=date(2020, 1, 1),
        )
        for number in range(count)
    ]  # fmt: skip
    with world.database.work(OPERATOR) as uow:
        return [entities.add_entity(uow, row, keys=world.keyring).id for row in rows]


def _rows(world: World, session: Session, bodies: list[UUID], count: int) -> Iterator[tuple[str, str, int, bytes]]:
    for number in range(count // _PER_FILE):
        file_id = new_id()
        for place in range(_PER_FILE):
            owner = bodies[(number * _PER_FILE + place) % len(bodies)]
            context = wrap_context(file_id, owner)
            version, wrap = world.keyring.wrap(session, owner, secrets.token_bytes(_INNER), context)
            yield file_id.hex, owner.hex, version, wrap


def _fill(world: World, bodies: list[UUID], count: int) -> None:
    with (
        world.database.read(OPERATOR) as uow,
        sqlite3.connect(world.settings.data / "diwan.sqlite3") as connection,
    ):
        connection.executemany("INSERT INTO file_keys VALUES (?, ?, ?, ?)", _rows(world, uow.session, bodies, count))
    connection.close()


def _bare(world: World, count: int) -> float:
    """Read and write all rows as a rotation does, without opening anything; returns the seconds."""
    begun, seen = time.perf_counter(), 0
    with world.database.read(OPERATOR) as uow:
        place = wrap_rows.start(uow.session.connection())
    while True:
        with world.database.read(OPERATOR) as uow:
            rows = wrap_rows.following(uow, place, rewrapping.BATCH)
        if not rows:
            break
        with world.database.work(OPERATOR) as uow:
            wrap_rows.write(uow, [(file, body, older, older, wrap) for file, body, older, wrap in rows])
        place, seen = (rows[-1][0], rows[-1][1]), seen + len(rows)
    assert seen == count
    return time.perf_counter() - begun


def _vault(world: World, bodies: list[UUID]) -> None:
    """Time a wrap without and with an item, ."""
    owner, rounds = bodies[0], 20_000
    with world.database.work(OPERATOR) as uow:
        for label, item in (("without", False), ("with", True)):
            ids = [new_id() for _ in range(rounds)]
            begun = time.perf_counter()
            for one in ids:
                world.keyring.wrap(uow.session, owner, new_key(), b"c", item=one if item else None)
            _say(f"wrap {label} the vault: {(time.perf_counter() - begun) / rounds * 1e6:.1f} us")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
