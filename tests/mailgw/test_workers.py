"""Several gateway processes behind the same ports: all serve, a dead one comes back, none outlives its parent."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailgw.envelope import Door
from mailgw.workers import reserved
from tests.factories.world import World, make_world
from tests.mailgw.processes import SECONDS, start, stop, until
from tests.mailgw.test_server import until as read_until


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[tuple[World, "subprocess.Popen[bytes]", int]]:
    """Yield a world, its gateway of two workers, and the port that they share."""
    world = make_world(tmp_path)
    process = start(world, "receive", DIWAN_GATEWAY_PROCESSES="2", DIWAN_GATEWAY_PORT="0", DIWAN_GATEWAY_LOOP="uvloop")
    try:
        told = world.settings.run_folder / "gateway.json"
        assert until(lambda: told.exists() or process.poll() is not None, 2 * SECONDS)
        yield world, process, json.loads(told.read_text())["port"]
    finally:
        stop(process)


def workers(process: "subprocess.Popen[bytes]") -> set[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return {int(number) for number in listed.split()}


def greeted(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=20)
    assert b"220 " in read_until(sock, b"ESMTP\r\n")
    return sock


def is_gone(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_workers_share_the_port_come_back_and_drain(gateway: tuple[World, "subprocess.Popen[bytes]", int]) -> None:
    world, process, port = gateway
    first = workers(process)
    assert len(first) == 2
    assert until(lambda: listeners(port) == 2)
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    assert until(lambda: len(workers(process) - {victim}) == 2)
    assert until(lambda: listeners(port) == 2)
    with greeted(port) as idle:
        process.send_signal(signal.SIGTERM)
        assert read_until(idle, b"\r\n").startswith(b"421 4.3.2")
    assert process.wait(SECONDS) == 0
    assert not (world.settings.run_folder / "gateway.json").exists()


def listeners(port: int) -> int:
    """Count the sockets that listen on a port; each worker has one of its own."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[3] == "0A" and int(row[1].partition(":")[2], 16) == port for row in rows)


def test_workers_end_when_their_parent_is_killed(gateway: tuple[World, "subprocess.Popen[bytes]", int]) -> None:
    _, process, port = gateway
    orphans = workers(process)
    with greeted(port) as idle:
        process.kill()
        process.wait(SECONDS)
        assert read_until(idle, b"\r\n").startswith(b"421 4.3.2")
    assert until(lambda: all(map(is_gone, orphans)))


def test_port_of_somebody_else_is_refused() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(OSError, match="in use"), reserved("127.0.0.1", {Door.PEERS: taken}):
            pass


def test_reserved_ports_stay_ours_and_take_no_connection() -> None:
    with reserved("127.0.0.1", {Door.PEERS: 0, Door.SUBMISSION: 0}) as ports:
        assert len(set(ports.values())) == 2
        for port in ports.values():
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), 1)
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))
