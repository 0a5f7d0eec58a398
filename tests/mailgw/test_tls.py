"""Handshakes both ways with the certificates that bodies' servers have: made by themselves, or by an authority."""

import ssl
from collections.abc import Mapping
from uuid import UUID

import pytest

from mailgw.tls import client_context, is_pinned, peer_installation, server_context
from tests.mailgw.certs import Installation, installation, self_signed

OURS = installation("here")
BODY = UUID(int=7)
OTHERS = {UUID(int=8): installation("far").ca, UUID(int=9): self_signed("far").ca}
SERVERS = [
    pytest.param(self_signed("body"), self_signed("body").certificate, id="self-signed"),
    pytest.param(installation("body"), installation("body").ca, id="under-its-authority"),
    pytest.param(installation("body"), installation("body").certificate, id="issued-and-pinned"),
]


def holders(authorities: Mapping[UUID, bytes]) -> dict[bytes, UUID]:
    return {ssl.PEM_cert_to_DER_cert(pem.decode()): owner for owner, pem in authorities.items()}


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Let two contexts meet in memory; returns what the client and the server have of the connection."""
    wires = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(wires[0], wires[1], server_hostname="mail.body.test"),
        server.wrap_bio(wires[1], wires[0], server_side=True),
    )
    waiting = [*ends, ends[1]]  # the server reads the client's certificate last
    while waiting:
        end = waiting.pop(0)
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(end)
    return ends


@pytest.mark.parametrize(("body", "registered"), SERVERS)
def test_a_bodys_server_is_known_by_its_certificate_when_it_comes(body: Installation, registered: bytes) -> None:
    known = {**OTHERS, BODY: registered}
    server = server_context(OURS.certificate, OURS.key, known.values())
    _, connection = shake_hands(client_context(body.certificate, body.key, OURS.ca), server)
    assert peer_installation(connection, holders(known)) == BODY


@pytest.mark.parametrize(("body", "registered"), SERVERS)
def test_a_bodys_server_is_believed_by_its_certificate_when_we_come(body: Installation, registered: bytes) -> None:
    """An authority may issue for many hosts, so there the name counts too."""
    server = server_context(body.certificate, body.key, [OURS.ca])
    connection, heard = shake_hands(client_context(OURS.certificate, OURS.key, registered), server)
    pinned = ssl.PEM_cert_to_DER_cert(registered.decode())
    assert is_pinned(connection, pinned, "mail.body.test")
    assert is_pinned(connection, pinned, "mail.other.test") == (registered == body.certificate)
    assert peer_installation(heard, holders({BODY: OURS.ca})) == BODY


@pytest.mark.parametrize(("body", "registered"), SERVERS)
@pytest.mark.parametrize("shown", [self_signed("stranger"), installation("stranger")], ids=["self-signed", "issued"])
def test_a_stranger_gets_no_connection_either_way(body: Installation, registered: bytes, shown: Installation) -> None:
    server = server_context(OURS.certificate, OURS.key, [registered])
    with pytest.raises(ssl.SSLError):
        shake_hands(client_context(shown.certificate, shown.key, OURS.ca), server)
    server = server_context(shown.certificate, shown.key, [OURS.ca])
    with pytest.raises(ssl.SSLError):
        shake_hands(client_context(OURS.certificate, OURS.key, registered), server)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_gets_no_ticket_with_which_it_could_come_without_its_certificate(version: ssl.TLSVersion) -> None:
    client = client_context(OURS.certificate, OURS.key, OURS.ca)
    client.maximum_version = version
    server = server_context(OURS.certificate, OURS.key, [OURS.ca])
    connection, heard = shake_hands(client, server)
    heard.write(b"220 hello\r\n")
    assert connection.read(64) == b"220 hello\r\n"  # tickets of TLS 1.3 come before it
    assert connection.version() == heard.version()
    assert connection.session is None or not connection.session.has_ticket
