"""The worker: runs the followers of the event log in turn, for ever; a failing one waits and is tried again."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from edms.core.ids import new_id

log = structlog.get_logger(__name__)

NICENESS = 10
_DAY = 86_400.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0


@dataclass(frozen=True, slots=True)
class Follower:
    """Something that reads on from where it stopped: ``step`` does a bounded piece and returns how much it did."""

    name: str
    step: Callable[[], int]


@dataclass(slots=True)
class Daily:
    """Work that is done at the start and then once a day; what fails is tried again by the worker's patience."""

    work: Callable[[], object]
    clock: Callable[[], float] = time.monotonic
    _due: float = float("-inf")

    def step(self) -> int:
        """Do the work if a day has passed; there is never a rest of it."""
        if self.clock() >= self._due:
            self.work()
            self._due = self.clock() + _DAY
        return 0


@dataclass(slots=True)
class Aside:
    """Work whose pieces take long: each is done in a thread of its own, so that the other followers go on meanwhile.

    What a piece raises is raised by the next step, for the worker's patience. Never two pieces at once.
    """

    work: Callable[[], int]
    _thread: threading.Thread | None = None
    _error: Exception | None = None

    def step(self) -> int:
        """Begin the next piece unless one is under way; nothing is done yet when this returns."""
        if self._thread is not None and self._thread.is_alive():
            return 0
        error, self._error = self._error, None
        self._thread = None
        if error is not None:
            raise error
        self._thread = threading.Thread(target=self._run, name="aside", daemon=True)
        self._thread.start()
        return 0

    def _run(self) -> None:
        try:
            while self.work():
                pass
        except Exception as error:  # told to the worker, whose step raises it
            self._error = error


@dataclass(slots=True)
class _Patience:
    failures: int = 0
    due: float = 0.0


def run(followers: Sequence[Follower], *, stop: threading.Event, poll_seconds: float) -> None:
    """Step every follower until ``stop`` is set; while one has work left, no pause is made.

    A follower that raises is logged by an id, without what it read, and waits longer each time (up to 5 minutes).
    """
    patience = {follower.name: _Patience() for follower in followers}
    while not stop.is_set():
        done = sum(_step(follower, patience[follower.name]) for follower in followers if not stop.is_set())
        if not done:
            stop.wait(poll_seconds)


def catch_up(followers: Sequence[Follower]) -> int:
    """Step every follower until none has anything left; returns how much was done. What a follower raises goes on."""
    total = 0
    while done := sum(follower.step() for follower in followers):
        total += done
    return total


def be_nice() -> None:
    """Let pages and mail go first on a busy machine."""
    os.nice(NICENESS)


def _step(follower: Follower, patience: _Patience) -> int:
    if time.monotonic() < patience.due:
        return 0
    try:
        done = follower.step()
    except Exception as error:
        patience.failures += 1
        pause = min(_FIRST_PAUSE * 2.0 ** (patience.failures - 1), _LONGEST_PAUSE)
        patience.due = time.monotonic() + pause
        # only the kind and the place: the text of an error may quote what it was reading
        log.error(  # noqa: TRY400
            "follower failed",
            follower=follower.name,
            error_id=str(new_id()),
            kind=type(error).__name__,
            code=getattr(error, "code", ""),
            place=_place(error),
            pause=pause,
        )
        return 0
    patience.failures = 0
    return done


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
