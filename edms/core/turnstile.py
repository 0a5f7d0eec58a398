"""Fair queues: a lock that threads get in order of arrival, and the turnstile before SQLite's single writer."""

import fcntl
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FairLock:
    """A lock that threads get first come, first served (``threading.Lock`` promises no order)."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        """Wait for the turn; who is interrupted while waiting leaves the queue."""
        gate = threading.Lock()
        gate.acquire()
        with self._mutex:
            self._waiting.append(gate)
            if self._waiting[0] is gate:
                gate.release()
        try:
            gate.acquire()
        except BaseException:
            self._leave(gate)
            raise

    def __exit__(self, *_: object) -> None:
        """Let the next one through."""
        self._leave(self._waiting[0])

    def _leave(self, gate: threading.Lock) -> None:
        with self._mutex:
            was_first = self._waiting[0] is gate
            self._waiting.remove(gate)
            if was_first and self._waiting:
                self._waiting[0].release()


class Turnstile:
    """Lets one writer through at a time, first come first served.

    SQLite itself lets waiting writers poll with growing sleeps, so that under 50 writers some wait for seconds.
    Threads wait here in a queue; the front thread of each process then waits in the kernel's queue of ``flock``.
    """

    def __init__(self, lock_file: Path) -> None:
        self._path = lock_file
        self._queue = FairLock()
        self._held_by: int | None = None

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Hold the turn for the block; a thread that already holds it is refused, as it would wait for itself."""
        if self._held_by == threading.get_ident():
            raise RuntimeError("a unit of work is already open in this thread")
        with self._queue:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._held_by = threading.get_ident()
                yield
            finally:
                self._held_by = None
                os.close(descriptor)
