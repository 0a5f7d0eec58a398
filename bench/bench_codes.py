"""Copy codes among a million: numbers that were drawn twice, and how long a look-up takes, beside a bare SELECT.

Run ``python bench/bench_codes.py [COPIES]``. The copies are rows of one letter; each look-up is what an auditor's page
does, with its event and its commit (full sync), every second one of a code that was never issued.
"""

import secrets
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crypto.codes import copy_code, new_copy_number
from edms.codes.models import IssuedCopy
from edms.core.ids import new_id
from edms.verification.tracing import look_up_typed
from tests.factories.issued import downloaded_copy, issued_letter
from tests.factories.world import OPERATOR, World, make_world

LOOK_UPS = 2000
_AT_ONCE = 20_000


def main() -> None:
    """Fill a registry of copies and look codes up in it."""
    copies = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder))
        begun = time.monotonic()
        codes, again = fill(world, copies)
        expected = copies**2 / 2 / 10**11
        say(f"{copies:,} copies, no two with one number; {again} draws were repeated (about {expected:.1f} expected)")
        say(f"{time.monotonic() - begun:.0f} s to store them")
        asked = [secrets.choice(codes) if at % 2 else copy_code(new_copy_number()) for at in range(LOOK_UPS)]
        known = set(codes)
        times, found = timed(asked, lambda code: look_up_typed(world.database, OPERATOR, code) is not None)
        assert found == [code in known for code in asked]
        bare = sqlite3.connect(str(world.database.engine.url.database))
        peer, _ = timed(asked, lambda code: bare.execute(_SELECT, (code,)).fetchone() is not None)
        bare.close()
        say(f"look-up with its event: {shown(times)}   goal: p99 under 200 ms")
        say(f"bare SELECT by code:    {shown(peer)}")
        world.database.dispose()


_SELECT = "SELECT entity_id, employee_id FROM issued_copies WHERE code = ?"


def fill(world: World, copies: int) -> tuple[list[str], int]:
    """Store copies with random numbers; return their codes, and how many draws met a number that was taken."""
    letter = issued_letter(world)
    _, first = downloaded_copy(world, letter, ("a", "employee"))
    codes, again = {first.code}, 0
    while len(codes) < copies:
        code = copy_code(new_copy_number())
        again += code in codes
        codes.add(code)
    for some in lots([code for code in codes if code != first.code]):
        with world.database.work(OPERATOR) as uow:
            uow.insert_values(
                IssuedCopy,
                [
                    {
                        "id": new_id(), "code": code, "letter_id": first.letter_id, "file_id": first.file_id,
                        "entity_id": first.entity_id, "employee_id": first.employee_id, "act": code,
                        "document_code": first.document_code, "issued_at": uow.now, "client": "",
                        "content_hash": first.content_hash, "issued_hash": first.issued_hash,
                        "letter_version": first.letter_version, "mark_key": first.mark_key,
                        "mark_version": first.mark_version,
                    }
                    for code in some
                ],
            )  # fmt: skip
    return list(codes), again


def lots(codes: list[str]) -> Iterator[list[str]]:
    """Yield codes in lots."""
    for start in range(0, len(codes), _AT_ONCE):
        yield codes[start : start + _AT_ONCE]


def timed(codes: list[str], ask: Callable[[str], bool]) -> tuple[list[float], list[bool]]:
    """Return for each code the seconds that asking took, sorted, and what was answered, in order."""
    times, answers = [], []
    for code in codes:
        begun = time.perf_counter()
        answers.append(ask(code))
        times.append(time.perf_counter() - begun)
    return sorted(times), answers


def shown(times: list[float]) -> str:
    """Write the median, the 99th percentile and the longest in milliseconds."""
    at = [times[len(times) // 2], times[len(times) * 99 // 100], times[-1]]
    return "p50 {:.2f} ms, p99 {:.2f} ms, longest {:.2f} ms".format(*(1000 * one for one in at))


def say(line: str) -> None:
    """Write a line of the result."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
