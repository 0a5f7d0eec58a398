"""Group commit: work that waits for one writer is done together, so that many messages share one fsync."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from edms.core.errors import Unavailable

Work = TypeVar("Work")
Result = TypeVar("Result")

PATIENCE_SECONDS = 60.0
GATHER_SECONDS = 0.015
"""What a group waits at most for work that is nearly ready: less than a group of its own would cost it."""
MOST_WAITING = 2000


@dataclass(slots=True)
class _Waiting(Generic[Work, Result]):
    work: Work
    weight: int
    since: float
    answer: "asyncio.Future[Result]"


class Together(Generic[Work, Result]):
    """Hands all work that waits, up to ``most`` in weight, to ``perform`` in one call of a thread of its own.

    ``perform`` returns, in order, the result of each piece or the exception with which that piece failed alone; what it
    raises concerns all pieces. Nobody waits longer than ``patience`` seconds: whoever does hears Unavailable, though
    the work may yet be done, so a second try must do no harm.

    Work that is announced by ``preparing`` is waited for a moment (PostgreSQL calls it commit_delay): else the first of
    many that come at the same time would make a group of its own, and all others would wait for that.
    """

    def __init__(
        self, perform: Callable[[Sequence[Work]], Sequence[Result | Exception]], *, most: int,
        patience: float = PATIENCE_SECONDS, most_waiting: int = MOST_WAITING,
    ) -> None:  # fmt: skip
        self._perform = perform
        self._most = most
        self._patience = patience
        self._most_waiting = most_waiting
        self._queue: deque[_Waiting[Work, Result]] = deque()
        self._weight = 0
        self._under_way: list[_Waiting[Work, Result]] = []
        self._announced = 0
        self._gathering: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")

    @property
    def crowded(self) -> bool:
        """Tell whether more work would wait too long: too much does already, or the writer hangs."""
        late = bool(self._under_way) and self._loop.time() - self._under_way[0].since > self._patience
        return late or self._weight >= self._most_waiting

    async def do(self, work: Work, weight: int = 1) -> Result:
        """Wait until ``work`` has been done durably and return its result; raises Unavailable when that takes long."""
        if self._weight and self._weight + weight > self._most_waiting:
            raise Unavailable("gateway.writer-crowded")
        waiting: _Waiting[Work, Result] = _Waiting(work, weight, self._loop.time(), self._loop.create_future())
        self._queue.append(waiting)
        self._weight += weight
        self._gather()
        try:
            return await asyncio.wait_for(waiting.answer, self._patience)
        except TimeoutError as error:
            raise Unavailable("gateway.writer-late") from error

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Announce work that will be handed in at the end of this block, or not."""
        self._announced += 1
        try:
            yield
        finally:
            self._announced -= 1
            if not self._announced and self._gathering is not None:
                self._loop.call_soon(self._gather)  # after what was prepared has been handed in

    async def close(self) -> None:
        """Let what is under way end, and stop; call it when nothing is waiting any more."""
        deadline = time.monotonic() + self._patience
        while (self._under_way or self._queue) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _gather(self) -> None:
        """Begin the next group, or wait a moment for what is announced."""
        if self._under_way or not self._queue:
            return
        if not self._announced or self._weight >= self._most:
            self._begin()
        elif self._gathering is None:
            self._gathering = self._loop.call_later(GATHER_SECONDS, self._begin)

    def _begin(self) -> None:
        """Hand the next group to the thread, unless it is at work: what comes meanwhile makes the next group."""
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        if self._under_way or not self._queue:
            return
        weight = 0
        while self._queue and (not self._under_way or weight + self._queue[0].weight <= self._most):
            self._under_way.append(self._queue.popleft())
            weight += self._under_way[-1].weight
        self._weight -= weight
        work = [waiting.work for waiting in self._under_way]
        self._loop.run_in_executor(self._thread, self._perform, work).add_done_callback(self._done)

    def _done(self, performed: "asyncio.Future[Sequence[Result | Exception]]") -> None:
        group, self._under_way = self._under_way, []
        error = None if performed.cancelled() else performed.exception()
        if performed.cancelled() or not isinstance(error, Exception | None):
            error = Unavailable("gateway.writer-died")
        answers = [error] * len(group) if error is not None else performed.result()
        for waiting, answer in zip(group, answers, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(answer, BaseException):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)
        self._gather()
