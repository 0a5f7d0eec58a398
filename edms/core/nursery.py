"""A nursery: a process that has loaded what readers of hostile files need and forks a child for each of them.

The nursery itself never sees a file. It is told on standard input (a SOCK_SEQPACKET socket) to fork a child onto a
socket that comes with the order (``F number``) or to kill one (``K number``), and ends its children when the process
that started it is gone. Loading takes a second, forking takes milliseconds.
"""

import gc
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from edms.core.confinement import CHILD_ENVIRONMENT

_START_SECONDS: Final = 60.0
_HOME: Final = str(Path(__file__).resolve().parents[2])


class NurseryLost(Exception):
    """The nursery did not start, or has ended."""


class Nursery:
    """A nursery seen from the process that started it; safe to use from any number of threads.

    ``module`` is what it runs, which calls ``attend``.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._numbers = count(1)
        self._ready = threading.Lock()
        self._is_ready = False
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own module, arguments of our own settings
                [sys.executable, "-P", "-m", module, *arguments],
                stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", close_fds=True,
                env={"PYTHONPATH": _HOME, "PATH": os.defpath, **CHILD_ENVIRONMENT},
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def fork(self) -> tuple[int, socket.socket]:
        """Order a child once the nursery is ready: its number and connection; raises NurseryLost."""
        with self._ready:
            if not self._is_ready:
                self._orders.settimeout(_START_SECONDS)
                try:
                    self._is_ready = self._orders.recv(16) == b"ready"
                except OSError:
                    self._is_ready = False
        if not self._is_ready:
            raise NurseryLost
        return self.fork_ahead()

    def fork_ahead(self) -> tuple[int, socket.socket]:
        """Order a child without waiting for it; raises NurseryLost."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        number = next(self._numbers)
        with theirs:
            try:
                socket.send_fds(self._orders, [b"F %d" % number], [theirs.fileno()])
            except OSError:
                ours.close()
                raise NurseryLost from None
        return number, ours

    def kill(self, number: int) -> None:
        """Order a child's end, whatever it is doing; raises NurseryLost."""
        try:
            self._orders.send(b"K %d" % number)
        except OSError:
            raise NurseryLost from None

    def lives(self) -> bool:
        """Tell whether it still runs."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it and its children."""
        self._orders.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class KeptNursery:
    """A nursery that is started when it is asked for, and anew when it has ended; for any number of threads."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._start = partial(Nursery, module, *arguments)
        self._changing = threading.Lock()
        self.started: Nursery | None = None

    def born(self) -> Nursery:
        """Return a nursery that lives; it may still be loading."""
        with self._changing:
            if self.started is not None and not self.started.lives():
                self.started.end()
                self.started = None
            if self.started is None:
                self.started = self._start()
            return self.started

    def end(self) -> None:
        """End it, where there is one; whoever asks after that starts another."""
        with self._changing:
            if self.started is not None:
                self.started.end()
                self.started = None


def attend(serve: Callable[[socket.socket], None]) -> None:
    """Be the nursery until the process that started it is gone; each child does ``serve`` with its connection."""
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(limit, (0, 0))
    for ending in (signal.SIGINT, signal.SIGTERM):  # told to the whole group; we are ended by whoever started us
        signal.signal(ending, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    orders = socket.socket(fileno=0)
    children: dict[str, int] = {}
    orders.send(b"ready")
    while True:
        told, descriptors, _, _ = socket.recv_fds(orders, 64, 1)
        _bury(children)
        order, _, number = told.decode("ascii").partition(" ")
        if order == "F":
            children[number] = _fork(orders, descriptors[0], serve)
        elif number in children:
            os.kill(children[number], signal.SIGKILL)
        elif not told:
            break
    for pid in children.values():
        os.kill(pid, signal.SIGKILL)


def _bury(children: dict[str, int]) -> None:
    """Forget the children that have ended, so that no order meets another process under an old number."""
    for number, pid in tuple(children.items()):
        if os.waitpid(pid, os.WNOHANG)[0]:
            del children[number]


def _fork(orders: socket.socket, descriptor: int, serve: Callable[[socket.socket], None]) -> int:
    pid = os.fork()
    if pid:
        os.close(descriptor)
        return pid
    try:
        orders.close()
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        serve(socket.socket(fileno=descriptor))
    finally:  # whatever it was: nothing of it may reach the nursery's own loop
        os._exit(0)
