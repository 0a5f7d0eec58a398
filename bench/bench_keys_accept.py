"""What the vault costs when mail is taken in: the accept transaction of ordinary mail that registers by rule.

    python bench/bench_keys_accept.py [--groups 30]

Two worlds take in the same mails in turn, ten in a transaction: one with a vault, one without (the peer).
"""

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from email.utils import format_datetime
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import update

from edms.core.clock import utc_now
from edms.entities import changing
from edms.entities.models import KeyHead
from edms.entities.rules import EntityChange
from mailgw.directory import read_snapshot
from mailgw.taking import Desk, Parcel, prepare, take_in
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.arrivals import desk_of, envelope

_GROUP = 10
_FROM, _TO = "moh.gov.example", "moe.gov.example"


@dataclass(frozen=True, slots=True)
class Side:
    """A world that takes mail in, and how long each group took (seconds, and seconds of processor)."""

    world: World
    desk: Desk
    took: list[float]
    worked: list[float]


def main() -> None:
    """Take the groups in by turns and print the medians."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--groups", type=int, default=30)
    groups = asked.parse_args().groups
    with tempfile.TemporaryDirectory() as folder:
        sides = {name: _side(Path(folder) / name, vault=name == "with") for name in ("without", "with")}
        for number in range(groups + 3):
            for side in sides.values():
                parcels = [_parcel(side, f"{number}-{each}") for each in range(_GROUP)]
                begun, working = time.perf_counter(), time.thread_time()
                answers = take_in(parcels, side.desk)
                side.took.append(time.perf_counter() - begun)
                side.worked.append(time.thread_time() - working)
                assert all(isinstance(answer, list) and answer[0].number for answer in answers), answers  # type: ignore[union-attr]
        _tell("of the clock", {name: side.took for name, side in sides.items()})
        _tell("of the processor", {name: side.worked for name, side in sides.items()})


def _tell(what: str, took: dict[str, list[float]]) -> None:
    cost = {name: median(every[3:]) / _GROUP * 1e3 for name, every in took.items()}
    told = f"accept, ms {what} a message: without {cost['without']:.2f}, with the vault {cost['with']:.2f}"
    sys.stdout.write(f"{told}; ratio {cost['with'] / cost['without']:.3f}\n")


def _side(folder: Path, *, vault: bool) -> Side:
    world = make_world(folder)
    with world.database.work(world.actor("b", "administrator")) as uow:
        changing.change_entity(uow, world.entity_b.id, EntityChange(registers_untyped=True))
    if not vault:
        with world.database.work(OPERATOR) as uow:
            uow.session.execute(update(KeyHead).values(vault_id=None))
    return Side(world, desk_of(world), [], [])


def _parcel(side: Side, name: str) -> Parcel:
    raw = (f"From: <diwan@{_FROM}>\r\nTo: <diwan@{_TO}>\r\nDate: {format_datetime(utc_now())}\r\n"
           f"Message-ID: <{name}@{_FROM}>\r\nSubject: test {name}\r\n\r\n{'text ' * 1000}\r\n").encode()  # fmt: skip
    with side.world.database.read(OPERATOR) as uow:
        register = read_snapshot(uow)
    return prepare(envelope(raw, _FROM, _TO), register.by_domain[_FROM], register, side.desk)


if __name__ == "__main__":
    main()
