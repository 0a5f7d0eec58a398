"""Issued copies a second by two processes on one database: read, marked, on record, out; fifty is the goal.

The peer is the same files handed out without any mark or record (read and decrypted alone). Run
``python bench/bench_copies.py [LETTERS] [database URL]``; each letter is copied 15 times.
"""

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from edms.content import service as content
from edms.core.actor import Actor
from edms.letters import copies, queries
from tests.factories import letters as make
from tests.factories.world import World, make_world

PROCESSES = 2
LIMIT = 50.0
ACTS: tuple[copies.Act, ...] = ("view", "download", "print")
READERS = ("employee", "colleague", "head", "registry", "administrator")


def handed_out(world: World, jobs: list[tuple[Actor, UUID, copies.Act]]) -> None:
    """Issue copies."""
    world.database.engine.dispose(close=False)  # connections are the parent's
    for actor, letter_id, act in jobs:
        copies.issue_sheet(world.database, actor, letter_id, act, store=world.store, keys=world.keyring)


def plain(world: World, jobs: list[tuple[Actor, UUID, copies.Act]]) -> None:
    """Read the same files and do nothing with them."""
    world.database.engine.dispose(close=False)
    for actor, letter_id, _ in jobs:
        with world.database.read(actor) as uow:
            letter = queries.letter(uow, letter_id)
            assert letter.rendition_id is not None
            content.read(uow, letter.rendition_id, entity_id=letter.entity_id, store=world.store, keys=world.keyring)


def rate(world: World, jobs: list[tuple[Actor, UUID, copies.Act]], act: object) -> float:
    """Return jobs a second by all processes together."""
    context = multiprocessing.get_context("fork")
    children = [
        context.Process(target=act, args=(world, jobs[place::PROCESSES]))  # type: ignore[arg-type]
        for place in range(PROCESSES)
    ]
    started = time.perf_counter()
    for child in children:
        child.start()
    for child in children:
        child.join()
    seconds = time.perf_counter() - started
    if any(child.exitcode for child in children):
        raise SystemExit("a process failed")
    return len(jobs) / seconds


def main() -> int:
    """Measure, print, and return 1 below the goal."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder), sys.argv[2] if len(sys.argv) > 2 else None)
        letters = [make.issued(world).letter_id for _ in range(count)]
        jobs = [(world.actor("a", who), letter, act) for letter in letters for act in ACTS for who in READERS]
        jobs = [job for job in jobs if job[0].roles & {"employee", "registry", "signatory"}]
        unmarked = rate(world, jobs, plain)
        issued = rate(world, jobs, handed_out)
        print(f"{len(jobs)} copies: {issued:.0f} a second, {issued / unmarked:.2f} of reading alone ({unmarked:.0f})")
        return 0 if issued >= LIMIT else 1


if __name__ == "__main__":
    raise SystemExit(main())
