"""Several gateway processes behind the same ports: started, watched, started again, drained together."""

import errno
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edms.operation import programs, running
from edms.operation.supervise import Program, Supervisor
from mailgw.envelope import Door
from mailgw.runfile import remove_gateway, write_gateway

PARENT = "MAILGW_PARENT"
"""The variable by which a worker knows that it is one: its parent's process number."""

GRACE_SECONDS = 24.0
_VARIABLES = {Door.PEERS: "PORT", Door.SUBMISSION: "SUBMISSION_PORT", Door.IMPLICIT: "IMPLICIT_TLS_PORT"}


def parent_of(environ: Mapping[str, str]) -> int | None:
    """Return the process that watches this one, or None when this one stands alone."""
    return int(environ[PARENT]) if environ.get(PARENT, "").isdecimal() else None


def supervise(
    count: int, host: str, doors: Mapping[Door, int], *, run_folder: Path, environ: Mapping[str, str]
) -> None:
    """Keep ``count`` workers behind ``doors`` until a signal; ``run/gateway.json`` tells the ports once they serve.

    Raises OSError when a port is used by another program, Unavailable when the workers do not come up.
    """
    with running.stopped_by_signals() as stop, reserved(host, doors) as ports:
        told = {f"DIWAN_GATEWAY_{_VARIABLES[door]}": str(port) for door, port in ports.items()}
        workers = [_worker(number, host, ports[Door.PEERS]) for number in range(1, count + 1)]
        supervisor = Supervisor(
            workers, environ={**environ, **told, PARENT: str(os.getpid())}, run_folder=run_folder, say=_say
        )
        try:
            supervisor.start()
            running.wait_ready(supervisor, stop)
            if not stop.is_set():
                write_gateway(run_folder, ports)
            running.watch(supervisor, stop)
        finally:
            remove_gateway(run_folder)
            supervisor.stop(GRACE_SECONDS)


@contextmanager
def reserved(host: str, doors: Mapping[Door, int]) -> Iterator[dict[Door, int]]:
    """Hold the port of each door without listening, and yield their numbers: for 0 a free one is chosen once for all.

    Raises OSError when somebody else is there already: with SO_REUSEPORT alone nobody would notice.
    """
    with ExitStack() as held:
        ports = {}
        for door, port in doors.items():
            if port and programs.is_taken(host, port):
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), f"{host}:{port}")
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            place = held.enter_context(socket.socket(family))
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            place.bind((host, port))
            ports[door] = int(place.getsockname()[1])
        yield ports


def _worker(number: int, host: str, port: int) -> Program:
    command = programs.mailgw_command("receive")
    return Program(f"gateway-{number}", command, lambda: programs.listens(host, port))


def _say(_name: str, line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
