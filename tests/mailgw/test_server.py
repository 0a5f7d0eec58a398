"""Connections that end, crowd, stall or never read; commits that outlive them; a gateway that drains."""

import asyncio
import os
import re
import socket
import ssl
import threading
import time

import pytest

from mailgw.envelope import Limits
from tests.mailgw.gateway import Sink, peer_tls, running_gateway

ENVELOPE = b"EHLO a.test\r\n", b"MAIL FROM:<diwan@interior.test>\r\nRCPT TO:<diwan@health.test>\r\nDATA\r\n"
CONTENT = b"From: <diwan@interior.test>\r\n\r\nx\r\n.\r\n"


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def until(sock: socket.socket, octets: bytes) -> bytes:
    found = b""
    while octets not in found:
        chunk = sock.recv(65536)
        if not chunk:
            break
        found += chunk
    return found


def in_data(port: int) -> ssl.SSLSocket:
    """Return a TLS connection that has just been answered 354."""
    sock = connect(port)
    until(sock, b"ESMTP\r\n")
    sock.sendall(b"EHLO a.test\r\n")
    until(sock, b"250 ENHANCEDSTATUSCODES\r\n")
    sock.sendall(b"STARTTLS\r\n")
    until(sock, b"\r\n")
    secure = peer_tls("far").wrap_socket(sock)
    secure.sendall(ENVELOPE[0])
    until(secure, b"250 ENHANCEDSTATUSCODES\r\n")
    secure.sendall(ENVELOPE[1])
    until(secure, b"354 ")
    return secure


def wait_for(condition: object, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.01)
    return False


class Closed:
    """What uvloop's transport is between its end and the word of it."""

    def write(self, _octets: bytes) -> None:
        raise RuntimeError("unable to perform operation; the handler is closed")


def test_drain_ends_though_a_connection_is_closed_already() -> None:
    with running_gateway(Sink()) as server, connect(server.port) as sock:
        until(sock, b"ESMTP\r\n")
        [connection] = server._connections
        connection._writer = Closed()  # type: ignore[assignment]
    assert server.connections == 0


@pytest.mark.parametrize("reset", [False, True])
def test_commit_survives_a_client_that_leaves(reset: bool) -> None:
    sink = Sink(lambda: asyncio.sleep(0.3))
    with running_gateway(sink) as server:
        sock = in_data(server.port)
        sock.sendall(CONTENT)
        time.sleep(0.1)
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        assert wait_for(lambda: len(sink.messages) == 1)


def test_half_closed_client_gets_all_its_replies() -> None:
    with running_gateway(Sink()) as server, connect(server.port) as sock:
        until(sock, b"ESMTP\r\n")
        sock.sendall(b"NOOP\r\nNOOP\r\n")
        sock.shutdown(socket.SHUT_WR)
        assert until(sock, b"never").count(b"250 2.0.0") == 2


def test_long_commit_has_no_timer() -> None:
    sink = Sink(lambda: asyncio.sleep(0.5))
    with running_gateway(sink, Limits(command_seconds=0.3, reply_seconds=0.3, data_idle_seconds=0.3)) as server:
        sock = in_data(server.port)
        sock.sendall(CONTENT)
        assert b"250 2.0.0" in until(sock, b"\r\n")
        sock.close()


def test_client_that_never_reads_is_dropped() -> None:
    limits = Limits(reply_seconds=0.3, idle_commands=10**9, errors=10**9)
    with running_gateway(Sink(), limits) as server, connect(server.port) as sock:
        until(sock, b"ESMTP\r\n")
        (connection,) = server._connections
        assert connection.transport is not None
        for end in (sock, connection.transport.get_extra_info("socket")):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF if end is sock else socket.SO_SNDBUF, 4096)
        sock.sendall(b"HELP\r\n" * 10_000)
        assert server.connections == 1
        assert wait_for(lambda: server.connections == 0)


def test_trickling_content_is_dropped() -> None:
    limits = Limits(data_rate_grace_seconds=0.2, data_octets_per_second=2000)
    with running_gateway(Sink(), limits) as server:
        sock = in_data(server.port)
        for _ in range(40):
            if not server.connections:
                break
            sock.send(b"x")
            time.sleep(0.02)
        assert wait_for(lambda: server.connections == 0, 1)
        sock.close()


def test_too_many_connections_are_told_421() -> None:
    with running_gateway(Sink(), Limits(connections_per_peer=2)) as server:
        first, second, third = connect(server.port), connect(server.port), connect(server.port)
        assert [until(sock, b"\r\n")[:3] for sock in (first, second)] == [b"220", b"220"]
        assert until(third, b"\r\n").startswith(b"421 4.7.0")
        for sock in (first, second, third):
            sock.close()
        assert wait_for(lambda: server.connections == 0)
        with connect(server.port) as again:
            assert until(again, b"\r\n").startswith(b"220")


def test_drain_tells_the_idle_and_finishes_the_busy() -> None:
    sink = Sink(lambda: asyncio.sleep(0.4))
    got: list[bytes] = []
    with running_gateway(sink) as server:
        busy, idle = in_data(server.port), connect(server.port)
        until(idle, b"ESMTP\r\n")
        busy.sendall(CONTENT)
        time.sleep(0.1)
        reader = threading.Thread(target=lambda: got.append(until(busy, b"421 4.3.2")))
        reader.start()
    reader.join(5)
    assert until(idle, b"\r\n").startswith(b"421 4.3.2")
    assert got[0].startswith(b"250 2.0.0")
    assert len(sink.messages) == 1
    busy.close()
    idle.close()


def test_honest_client_is_served_while_others_stall() -> None:
    with running_gateway(Sink(), Limits(connections_per_peer=200)) as server:
        stalled = [connect(server.port) for _ in range(50)]
        start = time.monotonic()
        sock = in_data(server.port)
        sock.sendall(CONTENT)
        assert b"250 2.0.0" in until(sock, b"\r\n")
        assert time.monotonic() - start < 1
        for other in (*stalled, sock):
            other.close()


def test_large_message_comes_byte_for_byte() -> None:
    sink = Sink()
    line = os.urandom(300).hex().encode() + b"\r\n"
    with running_gateway(sink) as server:
        sock = in_data(server.port)
        content = b"From: <diwan@interior.test>\r\n\r\n" + line * 8000
        sock.sendall(content + b".\r\n")
        assert b"250 2.0.0" in until(sock, b"\r\n")
        sock.close()
    assert sink.messages[0].raw == content
    assert server.budget.used == 0


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
def test_fault_of_ours_is_451_with_a_number_and_nothing_else(loop_name: str) -> None:
    async def fail() -> None:
        raise IndexError("secret of the exception")

    with running_gateway(Sink(fail), loop_name=loop_name) as server:
        sock = in_data(server.port)
        sock.sendall(CONTENT)
        answer = until(sock, b"\r\n")
        assert re.fullmatch(rb"451 4\.3\.0 .*the number [0-9a-f]{12}\r\n", answer)
        sock.sendall(b"NOOP\r\n")
        assert until(sock, b"\r\n").startswith(b"250 2.0.0")
        sock.close()
