"""The writer's queue: groups, pieces that fail alone, a writer that dies or hangs, too much that waits."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from edms.core.errors import Unavailable
from mailgw import together
from mailgw.together import Together


def test_what_waits_is_done_together_and_a_piece_fails_alone() -> None:
    groups: list[list[int]] = []
    gate = threading.Event()

    def perform(work: Sequence[int]) -> list[int | Exception]:
        groups.append(list(work))
        gate.wait(10)
        return [ValueError(str(one)) if one == 3 else one * 10 for one in work]

    async def run() -> list[int | BaseException]:
        writer: Together[int, int] = Together(perform, most=3)
        tasks = [asyncio.ensure_future(writer.do(one)) for one in range(6)]
        await asyncio.sleep(0.05)
        gate.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        await writer.close()
        return found

    found = asyncio.run(run())
    assert groups == [[0], [1, 2, 3], [4, 5]]
    assert isinstance(found.pop(3), ValueError)
    assert found == [0, 10, 20, 40, 50]


def test_what_is_announced_is_waited_for_and_makes_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[list[int]] = []

    def perform(work: Sequence[int]) -> list[int]:
        groups.append(list(work))
        return list(work)

    async def run() -> None:
        writer: Together[int, int] = Together(perform, most=10)

        async def prepared(number: int, seconds: float, *, fails: bool = False) -> int:
            with writer.preparing():
                await asyncio.sleep(seconds)
            return 0 if fails else await writer.do(number)

        with monkeypatch.context() as patched:
            patched.setattr(together, "GATHER_SECONDS", 30.0)  # nothing but the announcements may begin a group
            found = await asyncio.gather(
                prepared(1, 0), prepared(2, 0.02), prepared(3, 0.05), prepared(4, 0.08, fails=True)
            )
            assert [*found] == [1, 2, 3, 0]
            assert await writer.do(5) == 5  # nobody else is announced: at once
        assert groups == [[1, 2, 3], [5]]
        with writer.preparing():  # what never comes is not waited for
            assert await asyncio.wait_for(writer.do(6), 5) == 6
        await writer.close()

    asyncio.run(run())
    assert groups == [[1, 2, 3], [5], [6]]


def test_a_full_group_waits_for_nobody() -> None:
    async def run() -> list[int]:
        writer: Together[int, int] = Together(list, most=3)
        with writer.preparing():
            found = await asyncio.gather(*(writer.do(number) for number in range(3)))
        await writer.close()
        return [*found]

    assert asyncio.run(run()) == [0, 1, 2]


def test_a_piece_heavier_than_a_group_is_done_alone() -> None:
    async def run() -> list[int]:
        writer: Together[int, int] = Together(list, most=3)
        found = await asyncio.gather(writer.do(1, 5), writer.do(2, 1))
        await writer.close()
        return [*found]

    assert asyncio.run(run()) == [1, 2]


def test_who_waits_for_a_writer_that_dies_hears_of_it_and_the_next_is_served() -> None:
    def perform(work: Sequence[int]) -> list[int]:
        if work[0] == 0:
            raise SystemExit
        return list(work)

    async def run() -> tuple[BaseException, int]:
        writer: Together[int, int] = Together(perform, most=3)
        (error,) = await asyncio.gather(writer.do(0), return_exceptions=True)
        assert isinstance(error, BaseException)
        found = await writer.do(1)
        await writer.close()
        return error, found

    error, found = asyncio.run(run())
    assert isinstance(error, Unavailable)
    assert found == 1


def test_a_writer_that_hangs_is_not_waited_for_and_takes_no_more() -> None:
    gate = threading.Event()

    def perform(work: Sequence[int]) -> list[int]:
        gate.wait(10)
        return list(work)

    async def run() -> None:
        writer: Together[int, int] = Together(perform, most=3, patience=0.1)
        assert not writer.crowded
        with pytest.raises(Unavailable, match="writer-late"):
            await writer.do(1)
        found = [writer.crowded]
        gate.set()
        assert await writer.do(2) == 2
        assert [*found, writer.crowded] == [True, False]
        await writer.close()

    asyncio.run(run())


def test_no_more_waits_than_may() -> None:
    gate = threading.Event()

    def perform(work: Sequence[int]) -> list[int]:
        gate.wait(10)
        return list(work)

    async def run() -> None:
        writer: Together[int, int] = Together(perform, most=1, most_waiting=2)
        tasks = [asyncio.ensure_future(writer.do(one)) for one in range(3)]
        await asyncio.sleep(0.02)
        assert writer.crowded
        with pytest.raises(Unavailable, match="writer-crowded"):
            await writer.do(9)
        gate.set()
        assert await asyncio.gather(*tasks) == [0, 1, 2]
        await writer.close()

    asyncio.run(run())
