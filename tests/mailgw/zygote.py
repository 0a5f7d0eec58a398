"""Gateways and relays as forks of one process that has imported everything: a kill test starts dozens of them.

``python -m tests.mailgw.zygote`` reads a line of JSON for each: one with ``verb``, ``environ`` and ``log`` forks and is
answered by the process id, one with ``wait`` (a process id) by its status once it has ended. Each fork is a process of
its own, killed by SIGKILL like any other.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.factories.world import World
from tests.mailgw.processes import ROOT, environment


class Zygote:
    """The process that forks; close it at the end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.mailgw.zygote"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def start(self, world: World, verb: str, *, fail: str = "", **more: str) -> int:
        """Start one process of an installation and return its id; ``more`` are variables."""
        log = world.settings.data / f"{verb}.log"
        return self._ask({"verb": verb, "environ": environment(world, fail, **more), "log": str(log)})

    def wait(self, pid: int) -> int:
        """Wait until a process has ended and return its status, negative for a signal."""
        return self._ask({"wait": pid})

    def kill(self, pid: int) -> None:
        """Kill a process at once."""
        os.kill(pid, signal.SIGKILL)
        self.wait(pid)

    def stop(self, pid: int) -> int:
        """End a process by SIGTERM."""
        os.kill(pid, signal.SIGTERM)
        return self.wait(pid)

    def close(self) -> None:
        """End the zygote itself."""
        self._process.communicate(timeout=30)

    def _ask(self, question: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def serve() -> None:
    """Answer until the input ends."""
    from mailgw.__main__ import main

    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if "wait" in asked:
            answer = os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                _become(asked)
                os._exit(main())
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _become(asked: dict[str, Any]) -> None:
    """Be what was asked for: environment, arguments, output."""
    os.environ.clear()
    os.environ.update(asked["environ"])
    sys.argv = ["mailgw", asked["verb"]]
    with Path(asked["log"]).open("ab") as log, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)


if __name__ == "__main__":
    serve()
