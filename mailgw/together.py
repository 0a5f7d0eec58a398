"""Group commit: work that waits for one writer is done together, so that many messages share one fsync."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

Work = TypeVar("Work")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Waiting(Generic[Work, Result]):
    work: Work
    weight: int
    answer: "asyncio.Future[Result]"


class Together(Generic[Work, Result]):
    """Hands all work that waits, up to ``most`` in weight, to ``perform`` in one call of a thread.

    ``perform`` returns a result for each, in order, all or nothing. When it raises, each piece is tried alone, so a
    piece that cannot be done fails alone; its exception is what :meth:`do` raises.
    """

    def __init__(self, perform: Callable[[Sequence[Work]], Sequence[Result]], *, most: int) -> None:
        self._perform = perform
        self._most = most
        self._queue: asyncio.Queue[_Waiting[Work, Result]] = asyncio.Queue()
        self._left_over: _Waiting[Work, Result] | None = None
        self._runner = asyncio.get_running_loop().create_task(self._run())

    async def do(self, work: Work, weight: int = 1) -> Result:
        """Wait until ``work`` has been done durably and return its result."""
        waiting: _Waiting[Work, Result] = _Waiting(work, weight, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(waiting)
        return await waiting.answer

    async def close(self) -> None:
        """Stop; call it when nothing is waiting any more."""
        self._runner.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._runner

    async def _run(self) -> None:
        while True:
            batch = await self._next()
            try:
                answers = await asyncio.to_thread(self._perform, [waiting.work for waiting in batch])
            except Exception as error:
                if len(batch) == 1:
                    _fail(batch[0], error)
                else:
                    for waiting in batch:
                        await self._alone(waiting)
            else:
                for waiting, answer in zip(batch, answers, strict=True):
                    if not waiting.answer.done():
                        waiting.answer.set_result(answer)

    async def _alone(self, waiting: _Waiting[Work, Result]) -> None:
        try:
            (answer,) = await asyncio.to_thread(partial(self._perform, [waiting.work]))
        except Exception as error:
            _fail(waiting, error)
        else:
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    async def _next(self) -> list[_Waiting[Work, Result]]:
        batch = [self._left_over or await self._queue.get()]
        self._left_over = None
        weight = batch[0].weight
        while not self._queue.empty():
            waiting = self._queue.get_nowait()
            if weight + waiting.weight > self._most:
                self._left_over = waiting
                break
            batch.append(waiting)
            weight += waiting.weight
        return batch


def _fail(waiting: _Waiting[Work, Result], error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
