"""Programs as forks of one process that has imported everything, for tests that start dozens of them.

``python -m tests.zygote PROGRAM`` (``mailgw`` or ``diwan``) reads a line of JSON for each: one with ``arguments``,
``environ`` and ``files`` (of standard input, output and error) forks and is answered by the process id, one with
``wait`` (a process id) by its status once it has ended. Each fork is a process of its own, killed by SIGKILL like any
other.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

_LATER = (
    "crypto.cms_judging", "edms.letters.copies", "edms.letters.issuing", "edms.operation.doctor", "edms.wiring",
)  # fmt: skip
"""What commands load when they run."""

ROOT = Path(__file__).resolve().parents[1]


class Zygote:
    """The process that forks; close it at the end. Safe to use from several threads."""

    def __init__(self, program: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.zygote", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._asking = threading.Lock()

    def start(
        self, *arguments: str, environ: Mapping[str, str], out: Path, err: Path | None = None, given: Path | None = None
    ) -> int:
        """Start one process and return its id; what it says is added to the files, ``given`` is its input."""
        files = [str(given or os.devnull), str(out), str(err or out)]
        return self._ask({"arguments": arguments, "environ": dict(environ), "files": files})

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
        with self._asking:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())


def serve(program: str) -> None:
    """Answer until the input ends."""
    main = _mailgw() if program == "mailgw" else _diwan()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if "wait" in asked:
            answer = os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                _become(program, asked)
                _end(main)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _mailgw() -> Callable[[], int | None]:
    from mailgw.__main__ import main

    return main


def _diwan() -> Callable[[], int | None]:
    from edms import commands

    for name in (*(place.partition(":")[0] for place in commands.COMMANDS.values()), *_LATER):
        import_module(name)
    return commands.main


def _end(main: Callable[[], int | None]) -> None:
    """Run a program to its end as the interpreter would."""
    status: object = 1
    try:
        status = main() or 0
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        if isinstance(status, str):
            sys.stderr.write(f"{status}\n")
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 0)


def _become(program: str, asked: dict[str, Any]) -> None:
    """Be what was asked for: environment, arguments, files."""
    os.environ.clear()
    os.environ.update(asked["environ"])
    sys.argv = [program, *asked["arguments"]]
    for number, (name, mode) in enumerate(zip(asked["files"], ("rb", "ab", "ab"), strict=True)):
        with Path(name).open(mode) as file:
            os.dup2(file.fileno(), number)


if __name__ == "__main__":
    serve(sys.argv[1])
