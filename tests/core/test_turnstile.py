"""The queue of writers: first come, first served, over threads and processes; no turn is lost with its holder."""

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edms.core.turnstile import Turnstile

WAIT = 30.0


def until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not fact():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.001)


def test_fifty_threads_pass_in_order_of_arrival(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path / "writer")
    passed: list[int] = []

    def go(number: int) -> None:
        with turnstile.pass_through():
            passed.append(number)

    threads = [threading.Thread(daemon=True, target=go, args=(number,)) for number in range(50)]
    with turnstile.pass_through():
        for arrived, thread in enumerate(threads, start=2):
            thread.start()
            until(lambda arrived=arrived: len(turnstile._queue._waiting) == arrived)  # type: ignore[misc]
    for thread in threads:
        thread.join(WAIT)
    assert passed == list(range(50))


def test_no_thread_waits_much_longer_than_the_others(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path / "writer")
    waits: list[float] = []
    start = threading.Barrier(50)

    def go() -> None:
        start.wait(WAIT)
        for _ in range(6):
            arrived = time.perf_counter()
            with turnstile.pass_through():
                waits.append(time.perf_counter() - arrived)
                time.sleep(0.001)

    threads = [threading.Thread(daemon=True, target=go) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert len(waits) == 300
    assert max(waits) < 3 * statistics.median(waits)


def test_only_one_is_inside_at_a_time(tmp_path: Path) -> None:
    one, other = Turnstile(tmp_path / "writer"), Turnstile(tmp_path / "writer")  # as two processes would have them
    inside, most = 0, 0

    def go(turnstile: Turnstile) -> None:
        nonlocal inside, most
        for _ in range(50):
            with turnstile.pass_through():
                inside += 1
                most = max(most, inside)
                time.sleep(0.0002)
                inside -= 1

    threads = [threading.Thread(daemon=True, target=go, args=(each,)) for each in (one, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert most == 1


def test_a_thread_that_holds_the_turn_is_refused_a_second(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path / "writer")
    with turnstile.pass_through():
        with pytest.raises(RuntimeError, match="already open"), turnstile.pass_through():
            pass
        assert len(turnstile._queue._waiting) == 1
    with turnstile.pass_through():
        pass


def test_an_error_inside_passes_the_turn_on(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path / "writer")
    with pytest.raises(ZeroDivisionError), turnstile.pass_through():
        raise ZeroDivisionError
    with turnstile.pass_through():
        pass
    assert not turnstile._queue._waiting


def test_a_lock_file_that_cannot_be_opened_blocks_nobody_behind(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path / "missing" / "writer")
    for _ in range(2):
        with pytest.raises(FileNotFoundError), turnstile.pass_through():
            pass
    (tmp_path / "missing").mkdir()
    with turnstile.pass_through():
        pass


def test_an_interrupted_wait_leaves_the_queue(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path / "writer")
    release, held = threading.Event(), threading.Event()

    def hold() -> None:
        with turnstile.pass_through():
            held.set()
            release.wait(WAIT)

    holder = threading.Thread(daemon=True, target=hold)
    holder.start()
    held.wait(WAIT)
    before = signal.signal(signal.SIGALRM, _interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt), turnstile.pass_through():
            pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    release.set()
    holder.join(WAIT)
    with turnstile.pass_through():
        pass


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


_CHILD = """
import sys
from pathlib import Path
from edms.core.turnstile import Turnstile
with Turnstile(Path(sys.argv[1])).pass_through():
    print("inside", flush=True)
    sys.stdin.read()
"""


def child(lock: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2], env=dict(os.environ),
    )  # fmt: skip


def test_another_process_waits_and_a_killed_one_frees_the_turn(tmp_path: Path) -> None:
    lock = tmp_path / "writer"
    turnstile = Turnstile(lock)
    passed = threading.Event()

    def go() -> None:
        with turnstile.pass_through():
            passed.set()

    with child(lock) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "inside\n"
        waiting = threading.Thread(daemon=True, target=go)
        waiting.start()
        assert not passed.wait(0.3)
        process.send_signal(signal.SIGKILL)
        assert passed.wait(WAIT)
        waiting.join(WAIT)
        assert process.wait(WAIT) == -signal.SIGKILL
