"""Inner keys are UUIDv7 (RFC 9562 §5.7) and grow strictly within a process."""

import threading
import time
from uuid import RFC_4122

import pytest

from edms.core.ids import NIL, new_id


def test_ids_are_version_7_of_the_rfc_variant() -> None:
    made = new_id()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made != NIL


def test_ids_carry_the_milliseconds_of_their_making() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id().int >> 80
    assert before <= made <= time.time_ns() // 1_000_000 + 1_000


def test_ids_grow_strictly_over_threads() -> None:
    made: list[list[int]] = [[] for _ in range(8)]

    def make(into: list[int]) -> None:
        into.extend(new_id().int for _ in range(2_000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(into == sorted(into) for into in made)
    assert len({value for into in made for value in into}) == 16_000


def test_ids_grow_when_the_clock_jumps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = new_id()
    monkeypatch.setattr("edms.core.ids.time.time_ns", time.monotonic_ns)
    assert new_id() > first


def test_sixty_two_bits_are_random() -> None:
    low = [new_id().int & ((1 << 62) - 1) for _ in range(500)]
    assert len(set(low)) == 500
    assert max(low) >> 58 and min(low) >> 61 == 0  # noqa: PT018
