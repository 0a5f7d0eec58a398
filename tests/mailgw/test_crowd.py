"""A hundred and twenty clients that idle, never read, or trickle slow nobody down, and are gone within the limits."""

import base64
import contextlib
import multiprocessing
import smtplib
import socket
import ssl
import struct
import time
from multiprocessing.connection import Connection

import pytest

from mailgw.envelope import Door, Limits
from mailgw.server import Server
from tests.mailgw.gateway import PASSWORD, Sink, gateway_tls, peer_tls, running_gateway
from tests.mailgw.test_server import CONTENT, connect, in_data, until, wait_for

IDLE, NEVER_READING, TRICKLING = 50, 50, 20
DEAF = b"HELP\r\n" * 50
LIMITS = Limits(
    connections=500, connections_per_peer=500, connections_per_body=500, command_seconds=3, reply_seconds=3,
    data_rate_grace_seconds=2, data_octets_per_second=2000, idle_commands=10**9, errors=10**9,
)  # fmt: skip


class Crowd:
    """The bad clients, in a process of their own, so that they take no time from the gateway's but what they may."""

    def __init__(self) -> None:
        gateway_tls()  # the certificates, that both sides know the same
        forking = multiprocessing.get_context("fork")
        self._told, theirs = forking.Pipe()
        self._process = forking.Process(target=be_a_crowd, args=(theirs,), daemon=True)
        self._process.start()

    def enter(self, port: int) -> None:
        """Return when all are connected."""
        self._told.send(port)
        assert self._told.poll(60)
        assert self._told.recv() == "connected"

    def misbehave(self) -> None:
        """Let them begin."""
        self._told.send("go")

    def end(self) -> None:
        """End those that are left."""
        self._process.kill()
        self._process.join()


def be_a_crowd(told: Connection) -> None:
    """Connect to the port that is told, and on the next word do what each does until nobody is left."""
    port = told.recv()
    living: list[tuple[socket.socket, bytes]] = [(in_data(port), b"x") for _ in range(TRICKLING)]
    living += [(connect(port), b"") for _ in range(IDLE)]
    living += [(deaf(port), DEAF) for _ in range(NEVER_READING)]
    told.send("connected")
    told.recv()
    for sock, _ in living:
        sock.setblocking(False)
    while living:
        time.sleep(0.1)
        living = [(sock, octets) for sock, octets in living if is_heard(sock, octets)]


def deaf(port: int) -> socket.socket:
    """Return a connection whose side of the kernel takes little that nobody reads."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    return sock


def is_heard(sock: socket.socket, octets: bytes) -> bool:
    """Send ``octets`` and read, unless deaf; False when the gateway has dropped the client."""
    try:
        if octets:
            sock.send(octets)
        return octets == DEAF or sock.recv(4096) != b""
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return True
    except OSError:
        return False


def honest_message(server: Server) -> float:
    start = time.monotonic()
    sock = in_data(server.port)
    sock.sendall(CONTENT)
    assert b"250 2.0.0" in until(sock, b"\r\n")
    sock.close()
    return time.monotonic() - start


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
def test_honest_client_is_served_in_a_second_beside_a_crowd_that_ends(loop_name: str) -> None:
    crowd = Crowd()
    try:
        with running_gateway(Sink(), LIMITS, loop_name=loop_name) as server:
            crowd.enter(server.port)
            crowd.misbehave()
            taken = [honest_message(server) for _ in range(5)]
            assert wait_for(lambda: server.connections == 0, 20), server.connections
    finally:
        crowd.end()
    assert max(taken) < 1, taken


def signed_in(server: Server) -> smtplib.SMTP_SSL:
    client = smtplib.SMTP_SSL("127.0.0.1", server.ports[Door.IMPLICIT], context=peer_tls("none"), timeout=10)
    client.ehlo()
    given = base64.b64encode(f"\0salim\0{PASSWORD}".encode()).decode()  # smtplib's own login speaks ASCII only
    code, text = client.docmd("AUTH", f"PLAIN {given}")
    if code != 235:
        client.close()
        raise smtplib.SMTPResponseException(code, text)
    return client


@pytest.mark.parametrize("limit", ["connections_per_account", "connections_per_body"])
def test_one_person_or_body_too_many_is_told_421(limit: str) -> None:
    with running_gateway(Sink(), Limits(**{limit: 2})) as server:
        first, second = signed_in(server), signed_in(server)
        with pytest.raises(smtplib.SMTPResponseException) as refusal:
            signed_in(server)
        assert (refusal.value.smtp_code, str(refusal.value.smtp_error)[2:7]) == (421, "4.7.0")
        first.quit()
        assert wait_for(lambda: server.connections == 1)
        third = signed_in(server)
        assert third.noop()[0] == 250
        second.close()
        third.close()


def test_one_installation_too_many_is_told_421_after_its_handshake() -> None:
    with running_gateway(Sink(), Limits(connections_per_body=1)) as server:
        first = in_data(server.port)
        with smtplib.SMTP("127.0.0.1", server.port, timeout=10) as second:
            second.starttls(context=peer_tls("far"))
            code, text = second.ehlo()
            assert (code, text[:5]) == (421, b"4.7.0")
        first.close()


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
def test_handshake_that_never_begins_is_counted_and_dropped(loop_name: str) -> None:
    limits = Limits(connections_per_peer=2, reply_seconds=1)
    with running_gateway(Sink(), limits, loop_name=loop_name) as server:
        port = server.ports[Door.IMPLICIT]
        silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(2)]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as third:
            assert third.recv(1) == b""
        start = time.monotonic()
        for sock in silent:
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(1) == b""
            sock.close()
        assert time.monotonic() - start < 5
        assert wait_for(lambda: not server._handshakes)
        client = signed_in(server)
        assert client.quit()[0] == 221


def client_hello() -> bytes:
    """Return the first message of a TLS handshake."""
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        peer_tls("far").wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    return out.read()


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
@pytest.mark.parametrize("said", ["nothing", "garbage", "half", "hello"])
@pytest.mark.parametrize("abruptly", [False, True], ids=["ends", "breaks"])
def test_a_client_that_is_gone_after_starttls_is_forgotten(loop_name: str, said: str, abruptly: bool) -> None:
    hello = client_hello()
    octets = {"nothing": b"", "garbage": b"nothing of TLS\r\n", "half": hello[:20], "hello": hello}[said]
    with running_gateway(Sink(), Limits(drain_seconds=20), loop_name=loop_name) as server:
        for pause in (0, 0.02, 0.1):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
                until(sock, b"ESMTP\r\n")
                sock.sendall(b"EHLO a.test\r\n")
                until(sock, b"250 ENHANCEDSTATUSCODES\r\n")
                sock.sendall(b"STARTTLS\r\n")
                until(sock, b"\r\n")
                sock.sendall(octets)
                time.sleep(pause)
                if abruptly:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert wait_for(lambda: server.connections == 0), server.connections
        start = time.monotonic()
    assert time.monotonic() - start < 5


def test_drain_does_not_wait_for_handshakes() -> None:
    with running_gateway(Sink(), Limits(drain_seconds=20)) as server:
        silent = socket.create_connection(("127.0.0.1", server.ports[Door.IMPLICIT]), timeout=10)
        assert wait_for(lambda: bool(server._handshakes))
        start = time.monotonic()
    assert time.monotonic() - start < 5
    silent.close()


def test_garbage_at_the_tls_door_ends_nothing_else() -> None:
    with running_gateway(Sink()) as server:
        with socket.create_connection(("127.0.0.1", server.ports[Door.IMPLICIT]), timeout=10) as sock:
            sock.sendall(b"EHLO plain.test\r\n")
            assert until(sock, b"never")[:1] in {b"", b"\x15"}  # closed, perhaps after a TLS alert
        client = signed_in(server)
        assert client.quit()[0] == 221


def test_slow_honest_upload_is_heard_to_its_end() -> None:
    sink = Sink()
    limits = Limits(command_seconds=1, reply_seconds=1, data_idle_seconds=1, data_rate_grace_seconds=0.5)
    with running_gateway(sink, limits) as server:
        sock = in_data(server.port)
        sock.sendall(b"From: <diwan@interior.test>\r\n\r\n")
        for _ in range(8):  # longer than every timer, and faster than the floor
            sock.sendall((b"x" * 78 + b"\r\n") * 20)
            time.sleep(0.25)
        sock.sendall(b".\r\n")
        assert b"250 2.0.0" in until(sock, b"\r\n")
        sock.close()
    assert len(sink.messages) == 1
