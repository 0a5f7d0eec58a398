"""Messages are read in children: the answers are those of the reader itself, and nothing that a child does is fatal."""

import asyncio
import os
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from edms.core.errors import Unavailable
from edms.core.ids import new_id
from edms.dispatch.package import LetterPackage, UntypedMessage
from mailgw import parsers as parsers_module
from mailgw.message import read_message
from mailgw.parser_values import Answer, dump, load
from mailgw.parsers import AT_ONCE, Parsers, Reading, Turns
from tests.mailgw import arrivals
from tests.mailgw.packages import letter_package, receipt
from tests.mailgw.processes import until
from tests.mailgw.test_message import compose

WRITTEN = Path("/tmp/written-by-a-parser")
PLAIN = b"From: <diwan@interior.test>\r\nSubject: plain\r\n\r\n" + b"a line of an ordinary mail\r\n" * 360


@pytest.fixture(scope="module")
def bad() -> Iterator[Parsers]:
    """Children that do what a message tells them, with a second each."""
    pool = Parsers(children=2, seconds=1, module="tests.mailgw.bad_child")
    read(pool, PLAIN)
    yield pool
    pool.close()


def read(pool: Parsers, raw: bytes, source: UUID | None = None) -> Reading[bytes]:
    def keep(part: bytes | Iterable[bytes]) -> bytes:
        return part if isinstance(part, bytes) else b"".join(part)

    return pool.read(len(raw), lambda: (raw,), keep=keep, source=source)


def told(word: str) -> bytes:
    return f"Subject: {word}\r\n\r\nx\r\n".encode()


@pytest.mark.parametrize("attachment", [b"", b"\r\n.\r\n" * 1_000_000], ids=["small", "large"])
def test_a_letter_comes_back_whole(attachment: bytes) -> None:
    from edms.dispatch.package import make_part

    first = letter_package().parts
    raw = compose(letter_package(parts=(*first, make_part("attachment", "x", "text/plain", attachment))))
    whole, reading = read_message(raw), read(arrivals.parsers(), raw)
    assert isinstance(whole, LetterPackage)
    assert isinstance(reading.message, LetterPackage)
    assert reading.parts == tuple(part.content for part in whole.parts)
    again = zip(reading.message.parts, reading.parts, strict=True)
    assert replace(reading.message, parts=tuple(replace(part, content=kept) for part, kept in again)) == whole


@pytest.mark.parametrize(
    "raw", [PLAIN, b"", b"\r\n\r\n", b"a" * 300_000, b"Content-Type: message/rfc822\r\n\r\n" * 3000], ids=range(5)
)
def test_a_child_says_what_the_reader_says(raw: bytes) -> None:
    assert read(arrivals.parsers(), raw).message == read_message(raw)


@pytest.mark.parametrize(("word", "least"), [("spin", 0.9), ("sleep", 3.9)])
def test_a_child_that_takes_too_long_is_ended(bad: Parsers, word: str, least: float) -> None:
    start = time.monotonic()
    assert read(bad, told(word)).message == UntypedMessage(("message.too-slow",), opaque=True)
    assert least < time.monotonic() - start < 20
    assert read(bad, PLAIN).message == read_message(PLAIN)


@pytest.mark.parametrize("word", ["crash", "eat", "recurse", "lie", "write", "flood", "fork"])
def test_a_child_that_fails_leaves_an_opaque_message(bad: Parsers, word: str) -> None:
    if word == "fork" and os.geteuid() == 0:
        pytest.skip("root may start as many processes as it likes")
    assert read(bad, told(word)).message == UntypedMessage(("message.unreadable",), opaque=True)
    assert not WRITTEN.exists() or WRITTEN.stat().st_size == 0
    assert read(bad, PLAIN).message == read_message(PLAIN)


def test_many_threads_share_few_children(bad: Parsers) -> None:
    wrong: list[object] = []

    def work(number: int) -> None:
        word = ("crash", "fine", "eat", "lie")[number % 4]
        message = read(bad, told(word)).message
        if not isinstance(message, UntypedMessage) or (message.subject == "fine") != (word == "fine"):
            wrong.append(message)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_child_killed_from_outside_costs_no_message(bad: Parsers) -> None:
    read(bad, PLAIN)
    for pid in children_of(nursery_of(bad)):
        os.kill(pid, signal.SIGKILL)
    assert read(bad, PLAIN).message == read_message(PLAIN)


def test_a_killed_nursery_is_replaced(bad: Parsers) -> None:
    read(bad, PLAIN)
    os.kill(nursery_of(bad), signal.SIGKILL)
    bad._nursery.started._process.wait()  # type: ignore[union-attr]
    for word in ("crash", "crash"):
        read(bad, told(word))
    assert read(bad, PLAIN).message == read_message(PLAIN)


def test_a_pool_that_was_closed_reads_again_and_does_not_wait_for_ever() -> None:
    pool = Parsers(children=1)
    pool.close()
    pool.close()
    try:
        assert isinstance(read(pool, PLAIN).message, UntypedMessage)
    finally:
        pool.close()


@pytest.mark.parametrize("message", ["plain", "letter"])
def test_a_child_that_read_for_a_person_is_not_used_again(message: str) -> None:
    pool = Parsers(children=1)
    try:
        read(pool, PLAIN, new_id())
        for raw in (PLAIN if message == "plain" else compose(), PLAIN):
            before = set(children_of(nursery_of(pool)))
            read(pool, raw)
            assert until(lambda: before.isdisjoint(children_of(nursery_of(pool))))  # noqa: B023 - asked at once
    finally:
        nursery = nursery_of(pool)
        pool.close()
    assert children_of(nursery) == []


def test_a_child_that_read_for_one_installation_reads_for_no_other() -> None:
    near, far = new_id(), new_id()
    pool = Parsers(children=1)
    try:
        seen = []
        for source, raw in ((near, PLAIN), (near, compose()), (near, compose()), (far, PLAIN), (near, compose())):
            read(pool, raw, source)
            seen.append(set(children_of(nursery_of(pool))))
        assert seen[0] == seen[1] == seen[2]
        assert seen[3].isdisjoint(seen[2])
        assert seen[4].isdisjoint(seen[3])
    finally:
        pool.close()


def test_children_that_cannot_start_are_our_fault_and_not_the_message_s() -> None:
    pool = Parsers(module="tests.mailgw.no_such_child")
    with pytest.raises(Unavailable):
        read(pool, PLAIN)
    pool.close()


def test_the_message_waits_for_a_free_child_but_not_for_ever(bad: Parsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsers_module, "WAITING", 0.2)
    threads = [threading.Thread(target=read, args=(bad, told("sleep"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 10
    while bad._idle.free and time.monotonic() < end:
        time.sleep(0.01)
    with pytest.raises(Unavailable):
        read(bad, PLAIN)
    for thread in threads:
        thread.join()


def test_what_a_reader_raises_while_it_keeps_a_part_is_raised() -> None:
    def keep(part: object) -> None:
        raise Unavailable("content.store-failed")

    raw = compose()
    with pytest.raises(Unavailable):
        arrivals.parsers().read(len(raw), lambda: (raw,), keep=keep)
    assert read(arrivals.parsers(), PLAIN).message == read_message(PLAIN)


def test_having_a_small_message_read_apart_costs_the_gateway_little() -> None:
    pool = arrivals.parsers()

    def cost(one: Callable[[], object]) -> float:
        before = time.thread_time()
        one()
        return time.thread_time() - before

    apart = statistics.median(cost(lambda: read(pool, PLAIN)) for _ in range(100))
    in_process = statistics.median(cost(lambda: read_message(PLAIN)) for _ in range(100))
    assert apart < 5 * in_process, f"{apart * 1000:.2f} ms, in process {in_process * 1000:.2f} ms"


@pytest.mark.parametrize("message", [letter_package(859, parts=()), receipt(), UntypedMessage(("a.b",), text="نص\n")])
def test_values_come_back_from_json(message: object) -> None:
    answer = Answer(message)  # type: ignore[arg-type]
    assert load(Answer, dump(answer)) == answer


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"kind":"registered"', b'"kind":"burnt"'),
        (b'"kind":"registered"', b'"kind":7'),
        (b'"register_number":"2026/123"', b'"register_number":["2026"]'),
        (b'"register_number":"2026/123"', b'"register_number":"\\ud800"'),
        (b'"register_number":"2026/123"', b'"number":""'),
        (b'"":"Receipt"', b'"":"Answer"'),
        (b'"":"Receipt"', b'"":["Receipt"]'),
        (b'"seal":null', b'"seal":{}'),
        (b'"at":"2026', b'"at":"x2026'),
        (b"{", b"[[[[" * 100_000),
        (b"{", b"\xff"),
    ],
)
def test_nothing_else_is_read_from_json(old: bytes, new: bytes) -> None:
    octets = dump(Answer(receipt()))
    assert old in octets
    with pytest.raises(ValueError):  # noqa: PT011  # whatever is wrong, it is one kind of error
        load(Answer, octets.replace(old, new, 1))


def nursery_of(pool: Parsers) -> int:
    assert pool._nursery.started is not None
    return pool._nursery.started.pid


def children_of(pid: int) -> list[int]:
    """Return the living children of a process."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [int(number) for number, state in rows if not state.startswith("Z")]


def test_large_messages_leave_a_child_and_threads_for_small_ones() -> None:
    async def run() -> tuple[int, int]:
        turns, large, small, most = Turns(2), [0], [0], [0, 0]

        async def one(size: int, count: list[int], kind: int) -> None:
            async with turns.of(size):
                count[0] += 1
                most[kind] = max(most[kind], count[0])
                await asyncio.sleep(0.01)
                count[0] -= 1

        await asyncio.gather(*(one(2 << 20, large, 0) for _ in range(5)), *(one(10, small, 1) for _ in range(30)))
        return most[0], most[1]

    at_once_large, at_once_small = asyncio.run(run())
    assert at_once_large == 1
    assert 1 < at_once_small <= AT_ONCE
