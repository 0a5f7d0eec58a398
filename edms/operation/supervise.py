"""Running the processes of one machine as children: started, watched, started again, stopped together."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edms.operation import locks

GRACE_SECONDS = 25.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_STEADY_SECONDS = 60.0
_HOPELESS = 3

Say = Callable[[str, str], object]


@dataclass(frozen=True, slots=True)
class Program:
    """A process to keep alive; ``ready`` tells whether it serves yet."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool] = lambda: True


@dataclass(slots=True)
class _Child:
    program: Program
    lock: int
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float = 0.0
    reader: threading.Thread | None = None
    was_ready: bool = False
    exits: list[int] = field(default_factory=list)


class Supervisor:
    """Keeps programs running; every line they write goes to ``say(name, line)``.

    Each child leads a process group of its own, so that Ctrl-C reaches only the supervisor and no grandchild survives.
    """

    def __init__(self, programs: Sequence[Program], *, environ: Mapping[str, str], run_folder: Path, say: Say) -> None:
        self._environ = dict(environ)
        self._say = say
        self._mutex = threading.RLock()
        self._stopping = False
        self._children = [_Child(program, locks.hold(run_folder, program.name)) for program in programs]

    def start(self) -> None:
        """Start every program."""
        for child in self._children:
            self._spawn(child)

    def look(self) -> None:
        """Start again what has died and whose pause is over; call it a few times a second."""
        with self._mutex:
            if self._stopping:
                return
            for child in self._children:
                if child.process is not None and child.process.poll() is not None:
                    self._died(child, child.process.returncode)
                elif child.process is None and time.monotonic() >= child.due:
                    self._spawn(child)

    def unready(self) -> list[str]:
        """Return the names of the programs that do not serve yet."""
        for child in self._children:
            alive = child.process is not None and child.process.poll() is None
            child.was_ready = child.was_ready or (alive and child.program.ready())
        return [child.program.name for child in self._children if not child.was_ready]

    def hopeless(self) -> list[str]:
        """Return the names of the programs that died several times without ever having served."""
        return [child.program.name for child in self._children if not child.was_ready and child.failures >= _HOPELESS]

    def process_ids(self) -> dict[str, int]:
        """Return the process number of each program that is alive."""
        return {
            child.program.name: child.process.pid
            for child in self._children
            if child.process is not None and child.process.poll() is None
        }

    def stop(self, grace: float = GRACE_SECONDS) -> None:
        """Ask every child to end, and kill whatever is left of their groups after ``grace`` seconds."""
        with self._mutex:
            self._stopping = True
        living = [child.process for child in self._children if child.process is not None]
        for process in living:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + grace
        for process in living:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for process in living:
            _kill_group(process)
            process.wait()
        for child in self._children:
            if child.reader is not None:
                child.reader.join(5)
            os.close(child.lock)
        self._children = []

    def _spawn(self, child: _Child) -> None:
        process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
            child.program.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=self._environ, start_new_session=True, pass_fds=(child.lock,),
        )  # fmt: skip
        child.process, child.started = process, time.monotonic()
        locks.sign(child.lock, process.pid)
        child.reader = threading.Thread(target=self._read, args=(child.program.name, process), daemon=True)
        child.reader.start()

    def _died(self, child: _Child, status: int) -> None:
        if child.process is not None:
            _kill_group(child.process)
        steady = time.monotonic() - child.started > _STEADY_SECONDS
        child.failures = 1 if steady else child.failures + 1
        pause = min(_FIRST_PAUSE * 2.0 ** (child.failures - 1), _LONGEST_PAUSE)
        child.process, child.due = None, time.monotonic() + pause
        self._say(child.program.name, f"ended ({_reason(status)}); starts again in {pause:g} s")

    def _read(self, name: str, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout as stream:
            for line in stream:
                self._say(name, line.decode("utf-8", "replace").rstrip())


def _reason(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit {status}"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
