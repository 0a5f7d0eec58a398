"""The relay's client against our own gateway on loopback."""

import asyncio
import time

from mailgw.address import Address
from mailgw.client import ConnectionPool, Result, Route, deliver
from mailgw.envelope import Limits
from mailgw.message import compose_letter, read_message
from tests.mailgw.gateway import Sink, peer_tls, running_gateway
from tests.mailgw.packages import NOON, letter_package

SENDER = Address("diwan", "interior.test")
HEALTH = Address("diwan", "health.test")


def letter() -> bytes:
    return compose_letter(
        letter_package(),
        mail_from=SENDER,
        recipients_header="<diwan@health.test>",
        message_id="1@interior.test",
        date=NOON,
        hostname="mail.far.test",
    )


def send(
    port: int, recipients: list[Address], raw: bytes, times: int = 1, peer: str = "far"
) -> list[dict[Address, Result]]:
    async def run() -> list[dict[Address, Result]]:
        pool, route = ConnectionPool(), Route("127.0.0.1", port, peer_tls(peer), "mail.far.test")
        found = [await deliver(pool, route, mail_from=SENDER, recipients=recipients, raw=raw) for _ in range(times)]
        await pool.close()
        return found

    return asyncio.run(run())


def test_letter_arrives_byte_for_byte() -> None:
    sink, raw = Sink(), letter()
    with running_gateway(sink) as server:
        (results,) = send(server.port, [HEALTH], raw)
    assert results[HEALTH].outcome == "ok"
    assert sink.messages[0].raw == raw
    assert read_message(sink.messages[0].raw) == letter_package()


def test_each_recipient_has_its_own_answer() -> None:
    unknown, paused = Address("diwan", "gmail.test"), Address("diwan", "paused.test")
    sink = Sink()
    with running_gateway(sink) as server:
        (results,) = send(server.port, [HEALTH, unknown, paused], letter())
    assert {a: (r.code, r.enhanced, r.outcome) for a, r in results.items()} == {
        HEALTH: (250, "2.0.0", "ok"),
        unknown: (550, "5.7.1", "permanent"),
        paused: (450, "4.2.1", "transient"),
    }


def test_connection_is_kept_over_messages() -> None:
    sink = Sink()
    with running_gateway(sink, Limits(connections=1)) as server:
        results = send(server.port, [HEALTH], letter(), times=5)
    assert [r[HEALTH].outcome for r in results] == ["ok"] * 5


def test_unreachable_peer_is_transient() -> None:
    (results,) = send(1, [HEALTH], letter())
    assert (results[HEALTH].code, results[HEALTH].enhanced, results[HEALTH].outcome) == (421, "", "transient")


def test_peer_without_registered_certificate_is_refused() -> None:
    with running_gateway(Sink()) as server:
        (results,) = send(server.port, [HEALTH], letter(), peer="stranger")
    assert results[HEALTH].code == 530


def test_own_message_with_bare_newline_never_leaves() -> None:
    (results,) = send(1, [HEALTH], b"From: <diwan@interior.test>\r\n\r\nx\n.\r\ny\r\n")
    assert results[HEALTH].outcome == "permanent"


def test_unexpected_fault_of_the_handler_is_451_with_an_id() -> None:
    async def fail() -> None:
        raise IndexError("secret")

    with running_gateway(Sink(fail)) as server:
        (results,) = send(server.port, [HEALTH], letter())
    assert (results[HEALTH].code, results[HEALTH].enhanced) == (451, "4.3.0")
    assert "secret" not in results[HEALTH].text


def test_kept_connection_costs_little() -> None:
    sink, raw = Sink(), letter()
    with running_gateway(sink, Limits(messages=1000)) as server:
        before = time.process_time()
        send(server.port, [HEALTH], raw, times=60)
        kept = (time.process_time() - before) / 60
        before = time.process_time()
        for _ in range(20):
            send(server.port, [HEALTH], raw)
        fresh = (time.process_time() - before) / 20
    assert kept < fresh / 2, f"{kept * 1000:.1f} ms for a message, {fresh * 1000:.1f} with its own session"
