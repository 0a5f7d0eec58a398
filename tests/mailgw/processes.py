"""Gateways and relays of worlds as real processes, for tests that kill them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from edms.entities import exchange
from tests.factories.world import OPERATOR, World, make_world
from tests.zygote import ROOT, Zygote

SECONDS = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def two_worlds(folder: Path) -> tuple[World, World]:
    """Return two installations that know each other: A's letters go to B's bodies over SMTP."""
    north = make_world(folder / "north", name="north", gateway_port=free_port())
    south = make_world(
        folder / "south",
        name="south",
        gateway_port=free_port(),
        first_serial=300_000,
        domains=("basra.gov.example", "maysan.gov.example"),
    )
    for told, hearing in ((north, south), (south, north)):
        with told.database.work(OPERATOR) as uow:
            document = exchange.export_installation(uow, keys=told.keyring)
        with hearing.database.work(OPERATOR) as uow:
            exchange.import_installation(uow, document, keys=hearing.keyring)
    return north, south


def environment(world: World, fail: str = "", **more: str) -> dict[str, str]:
    """Return the variables of a process of an installation; ``fail`` is a plan for its fail points."""
    settings = world.settings
    return {
        **os.environ, "DIWAN_DATA": str(settings.data), "DIWAN_GATEWAY_PORT": str(settings.gateway.port),
        "DIWAN_GATEWAY_SUBMISSION_PORT": "0", "DIWAN_GATEWAY_IMPLICIT_TLS_PORT": "0",
        "DIWAN_DATABASE_URL": settings.database.url, "DIWAN_RELAY_BACKOFF_MINUTES": "0",
        "DIWAN_RELAY_POLL_SECONDS": "0.1", "MAILGW_FAIL": fail, **more,
    }  # fmt: skip


def fork(zygote: Zygote, world: World, verb: str, *, fail: str = "", **more: str) -> int:
    """Start one process of an installation as ``start`` does, as a fork, and return its id."""
    log = world.settings.data / f"{verb}.log"
    return zygote.start(verb, environ=environment(world, fail, **more), out=log)


def start(
    world: World, verb: str, *, fail: str = "", log: Path | None = None, **more: str
) -> "subprocess.Popen[bytes]":
    """Start one process of an installation; ``fail`` is a plan for its fail points, ``more`` are variables."""
    output = (log or world.settings.data / f"{verb}.log").open("ab")
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "mailgw", verb], env=environment(world, fail, **more), cwd=ROOT,
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    finally:
        output.close()


def stop(process: "subprocess.Popen[bytes]") -> int:
    """End a process by SIGTERM and return its status."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class Cast:
    """The processes that run, kept from one test to the next: starting one takes longer than all it does."""

    def __init__(self) -> None:
        self._running: dict[tuple[int, str], subprocess.Popen[bytes]] = {}

    def run(self, world: World, verb: str) -> None:
        """See that a healthy process runs; a gateway listens when this returns."""
        known = self._running.get((id(world), verb))
        if known is None or known.poll() is not None:
            self._begin(world, verb, "")

    def run_until_killed(self, world: World, verb: str, point: str) -> "subprocess.Popen[bytes]":
        """Replace a process by one that kills itself at a fail point."""
        self.end(world, verb)
        return self._begin(world, verb, f"{point}:kill")

    def end(self, world: World, verb: str) -> None:
        """Stop a process if it runs."""
        known = self._running.pop((id(world), verb), None)
        if known is not None:
            stop(known)

    def close(self) -> None:
        """Stop all."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            stop(process)

    def _begin(self, world: World, verb: str, fail: str) -> "subprocess.Popen[bytes]":
        process = self._running[id(world), verb] = start(world, verb, fail=fail)
        if verb == "receive":
            assert until(lambda: listens(world.settings.gateway.port) or process.poll() is not None)
        return process


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def until(condition: Callable[[], object], seconds: float = SECONDS) -> bool:
    """Wait until the condition holds; False when it does not in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
