"""Memory of one gateway process while many large messages arrive at once, and how long others wait meanwhile.

`python bench/bench_gateway_memory.py [--sessions 50] [--megabytes 25]` starts a real gateway (SQLite, TLS with client
certificates, full policy, parsing in children, durable commit), sends one large message on each session at the same
time, then four of 10 MB, while another session asks NOOP. It prints the peak of the gateway's resident memory
(``VmHWM``), of its children's, and the 99th percentile of NOOP. Goals: 300 MB without the children; 100 ms.
"""

import argparse
import base64
import multiprocessing
import os
import socket
import ssl
import statistics
import sys
import tempfile
import threading
import time
from email.utils import formatdate
from pathlib import Path

from sqlalchemy import func, select

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from edms.intake.models import ReceivedMessage
from mailgw.directory import read_snapshot
from mailgw.outgoing import RELAY
from mailgw.routes import Certificate
from mailgw.tls import client_context
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.processes import free_port, listens, start, stop, until

FIRST = b"EHLO bench.example\r\n"
ENVELOPE = b"MAIL FROM:<diwan@moh.gov.example> SIZE=%d\r\nRCPT TO:<diwan@moe.gov.example>\r\nDATA\r\n"
PATIENCE = 900
FORK = multiprocessing.get_context("fork")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--megabytes", type=int, default=25)
    wanted = parser.parse_args()
    os.environ |= {
        "DIWAN_GATEWAY_MAX_CONNECTIONS_PER_ADDRESS": "200",
        "DIWAN_GATEWAY_MAX_CONNECTIONS_PER_ENTITY": "200",
    }
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder), gateway_port=free_port())
        process = start(world, "receive")
        try:
            assert until(lambda: listens(world.settings.gateway.port))
            client = Client(world)
            client.send(message(1, 0))
            idle = resident(process.pid, "VmRSS")
            print(f"idle: gateway {idle:.0f} MB")
            report(process.pid, client, wanted.sessions, wanted.megabytes)
            report(process.pid, client, 4, 10)
            print(f"stored: {stored(world)} messages")
        finally:
            stop(process)


def report(pid: int, client: "Client", sessions: int, megabytes: int) -> None:
    """Send `sessions` messages at once, each on its own connection, and print what it cost."""
    messages = [message(megabytes, number) for number in range(sessions)]
    answers: multiprocessing.SimpleQueue[list[str]] = FORK.SimpleQueue()
    sender = FORK.Process(target=lambda: answers.put(together(client, messages)))
    begun = time.monotonic()
    sender.start()  # a process of its own: its threads would keep the one that measures from running
    with Watch(pid) as memory, Noops(client) as noops:
        codes = answers.get()
        seconds = time.monotonic() - begun
    sender.join()
    waits = sorted(noops.waits)
    print(
        f"{sessions} x {megabytes} MB at once: {seconds:.1f} s, answers {sorted(set(codes))}; gateway's peak "
        f"{resident(pid, 'VmHWM'):.0f} MB, children's peak {memory.children:.0f} MB together; NOOP median "
        f"{statistics.median(waits) * 1000:.1f} ms, p99 {waits[int(len(waits) * 0.99)] * 1000:.1f} ms, slowest "
        f"{waits[-1] * 1000:.1f} ms of {len(waits)}",
        flush=True,
    )


def together(client: "Client", messages: list[bytes]) -> list[str]:
    """Send all messages at once and return the codes answered."""
    ready, answers = threading.Barrier(len(messages)), []

    def one(raw: bytes) -> None:
        connection = client.connect()
        client.say(connection, ENVELOPE % len(raw), b"354")
        ready.wait(120)
        answers.append(client.say(connection, raw, b"\r\n")[:9].decode())
        connection.close()

    threads = [threading.Thread(target=one, args=(raw,)) for raw in messages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


class Client:
    """Connections under TLS with the installation's own certificate."""

    def __init__(self, world: World) -> None:
        with world.database.read(OPERATOR) as uow:
            register = read_snapshot(uow)
        pair = Certificate(world.database, world.keyring, RELAY, ["localhost"]).pair()
        self.tls = client_context(*pair, register.peers[register.home_id].authority_pem)
        self.port = world.settings.gateway.port

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        self.say(plain, b"", b"ESMTP")
        self.say(plain, FIRST, b"250 ")
        self.say(plain, b"STARTTLS\r\n", b"220 ")
        secure = self.tls.wrap_socket(plain)
        self.say(secure, FIRST, b"250 ")
        return secure

    def send(self, raw: bytes) -> None:
        connection = self.connect()
        self.say(connection, ENVELOPE % len(raw), b"354")
        answer = self.say(connection, raw, b"\r\n")
        assert answer.startswith(b"250"), answer
        connection.close()

    def say(self, connection: socket.socket, octets: bytes, awaited: bytes) -> bytes:
        view = memoryview(octets)
        for at in range(0, len(view), 1 << 18):
            connection.sendall(view[at : at + (1 << 18)])
        found = b""
        while awaited not in found:
            chunk = connection.recv(4096)
            assert chunk, found
            found += chunk
        return found


class Noops:
    """A session that asks NOOP fifty times a second and measures the answers."""

    def __init__(self, client: Client) -> None:
        self.client, self.waits = client, list[float]()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self) -> "Noops":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def run(self) -> None:
        while not self.over.is_set():
            connection = self.client.connect()
            for _ in range(150):
                begun = time.monotonic()
                self.client.say(connection, b"NOOP\r\n", b"\r\n")
                self.waits.append(time.monotonic() - begun)
                if self.over.wait(0.02):
                    break
            connection.close()


class Watch:
    """Samples the memory of a process's descendants; ``children`` is the greatest sum seen, in MB."""

    def __init__(self, pid: int) -> None:
        self.pid, self.children = pid, 0.0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def run(self) -> None:
        while not self.over.wait(0.1):
            self.children = max(self.children, sum(resident(each, "VmRSS") for each in descendants(self.pid)))


def descendants(pid: int) -> list[int]:
    try:
        direct = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return [*direct, *(one for each in direct for one in descendants(each))]


def resident(pid: int, field: str) -> float:
    """Return a figure of /proc/<pid>/status in MB, 0 for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith(f"{field}:")), 0.0)


def message(megabytes: int, number: int) -> bytes:
    """Return a mail with one attachment of random octets in base64, with its final dot."""
    content = base64.encodebytes(os.urandom(megabytes * 750_000)).replace(b"\n", b"\r\n")
    return (
        b"From: <diwan@moh.gov.example>\r\nTo: <diwan@moe.gov.example>\r\nSubject: bench\r\n"
        b"Message-ID: <%d.%d.%d@moh.gov.example>\r\nDate: %s\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: application/octet-stream; name="x.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n%s.\r\n'
        % (time.time_ns(), megabytes, number, formatdate().encode(), content)
    )


def stored(world: World) -> int:
    with world.database.read(OPERATOR) as uow:
        return uow.session.scalar(select(func.count()).select_from(ReceivedMessage)) or 0


if __name__ == "__main__":
    main()
