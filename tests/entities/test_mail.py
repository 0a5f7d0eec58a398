"""What the gateway knows of bodies: servers of their own, mailboxes, suspension, and what peers are told of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edms.core.errors import Conflict, Forbidden, Invalid, NotFound
from edms.entities import dkim_keys, exchange, mailboxes, queries, servers, suspending
from edms.entities.models import Entity
from edms.entities.rules import clean_host, clean_mailbox
from tests.factories.world import OPERATOR, World, make_world

BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


def certificate(*usages: x509.ObjectIdentifier, days: int = 30) -> bytes:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.moe.gov.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=90))
    builder = builder.not_valid_after(now + timedelta(days=days))
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def add(world: World, pem: bytes, **told: Any) -> None:
    with world.database.work(OPERATOR) as uow:
        body = queries.entity(uow, world.entity_b.id)
        values = {"name": "وزارة التربية", "host": "mail.moe.gov.example", "port": 2525, **told}
        servers.add_server(uow, [body], certificate=pem, **values)


def body_b(world: World) -> Entity:
    with world.database.read(OPERATOR) as uow:
        return queries.entity(uow, world.entity_b.id)


def problems(refused: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [one.code.removeprefix("entities.") for one in refused.value.problems]


def test_a_body_moves_behind_its_own_server_and_back(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        dkim_keys.signing_keys(uow, world.entity_b.id)
    pem = certificate(*BOTH)
    add(world, pem)
    add(world, pem, host="[::1]", port=25)
    with world.database.read(OPERATOR) as uow:
        (row,) = servers.servers(uow)
        assert (row.kind, row.gateway_host, row.gateway_port, row.is_home) == ("server", "::1", 25, False)
        assert [one.code for one in servers.bodies_behind(uow, row)] == [world.entity_b.code]
        assert row not in queries.authorities(uow)
        assert all(key.revoked_at for key in dkim_keys.dkim_keys_of(uow, world.entity_b.id))
    with pytest.raises(Conflict, match="server-certificate-changed"):
        add(world, certificate(*BOTH))
    add(world, certificate(*BOTH), replace_certificate=True)
    with world.database.work(OPERATOR) as uow:
        assert [one.id for one in servers.remove_server(uow, "وزارة التربية", keys=world.keyring)] == [
            world.entity_b.id
        ]
        assert servers.servers(uow) == []
        assert queries.entity(uow, world.entity_b.id).installation_id == queries.home(uow).id
        with pytest.raises(NotFound, match="unknown-server"):
            servers.remove_server(uow, "home", keys=world.keyring)


def test_an_unfit_server_is_refused_with_every_finding(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        add(world, b"none", name="home", host="a b", port=0)
    assert problems(refused) == ["installation-name-taken", "bad-host", "bad-port", "bad-server-certificate"]
    for pem, code in (
        (certificate(ExtendedKeyUsageOID.SERVER_AUTH), "server-certificate-purpose"),
        (certificate(days=-1), "server-certificate-expired"),
        (certificate() + certificate(), "bad-server-certificate"),
    ):
        with pytest.raises(Invalid) as refused:
            add(world, pem)
        assert problems(refused) == [code]
    pem = certificate()
    add(world, pem)
    with pytest.raises(Invalid) as refused:
        add(world, pem, name="another")
    assert problems(refused) == ["server-certificate-taken"]
    with world.database.work(world.actor("a", "administrator")) as uow, pytest.raises(Forbidden):
        servers.add_server(uow, [], name="x", host="x.example", port=25, certificate=pem)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("الموارد.البشرية", "الموارد.البشرية"),
        (" HR-1 ", "hr-1"),
        ("شعبة_١", "شعبة_١"),
        ("أ", "أ"),
        ("محـمد", None),
        ("مُحمد", None),
        ("ab\u200fc", None),
        ("a\u202eb", None),
        ("hrالموارد", None),
        ("\u0430dmin", None),
        ("شعبة١2", None),
        ("ﷺ", None),
        ("ﻣﺤﻤﺪ", None),
        ("a..b", None),
        (".a", None),
        ("a b", None),
        ("a@b", None),
        ("", None),
        ("ا" * 33, None),
    ],
)
def test_a_mailbox_is_what_every_reader_takes_for_the_same_name(written: str, kept: str | None) -> None:
    assert clean_mailbox(written) == kept


def test_hosts() -> None:
    assert clean_host(" MAIL.body.example ") == "mail.body.example"
    assert (clean_host("127.0.0.1"), clean_host("[::1]"), clean_host("localhost")) == ("127.0.0.1", "::1", "localhost")
    assert clean_host("a b") is None


def test_an_administrator_keeps_the_own_bodys_mailboxes(world: World) -> None:
    with world.database.work(world.actor("b", "administrator")) as uow:
        body = queries.entity(uow, world.entity_b.id)
        assert mailboxes.add_mailbox(uow, body, "الموارد", "HR").alias == "hr"
        assert mailboxes.add_mailbox(uow, body, "Legal").alias == "legal"
        for local, alias, codes in (
            ("الموارد", "hr2", ["mailbox-taken"]),
            ("legal2", "hr", ["mailbox-taken"]),
            ("دیوان", "office", ["mailbox-taken"]),  # the Persian ya
            ("القانونية", "", ["bad-mailbox-alias"]),
            ("القـانونية", "x", ["bad-mailbox-name"]),
            ("diwan", "", ["mailbox-taken"]),
        ):
            with pytest.raises(Invalid) as refused:
                mailboxes.add_mailbox(uow, body, local, alias)
            assert problems(refused) == codes
        mailboxes.remove_mailbox(uow, body, "hr")
        with pytest.raises(NotFound, match="unknown-mailbox"):
            mailboxes.remove_mailbox(uow, body, "الموارد")
        assert [row.local for row in mailboxes.mailboxes_of(uow, body.id)] == ["legal"]
        with pytest.raises(Forbidden):
            mailboxes.add_mailbox(uow, queries.entity(uow, world.entity_a.id), "x")


def test_mail_is_suspended_for_a_reason_and_resumed(world: World) -> None:
    with world.database.work(world.actor("centre", "centre")) as uow:
        body = queries.entity(uow, world.entity_b.id)
        with pytest.raises(Invalid, match="bad-suspension"):
            suspending.suspend_mail(uow, body, " \u200f ")
        suspending.suspend_mail(uow, body, "خادم مخترق")
        with pytest.raises(Conflict, match="mail-suspended"):
            suspending.suspend_mail(uow, body, "again")
    assert body_b(world).mail_suspended_at is not None
    with world.database.read(OPERATOR) as uow:
        assert queries.entity(uow, world.entity_b.id).mail_suspension == "خادم مخترق"
    with world.database.work(OPERATOR) as uow:
        body = queries.entity(uow, world.entity_b.id)
        suspending.resume_mail(uow, body)
        with pytest.raises(Conflict, match="mail-not-suspended"):
            suspending.resume_mail(uow, body)
    assert body_b(world).mail_suspended_at is None
    with world.database.work(world.actor("b", "administrator")) as uow, pytest.raises(Forbidden):
        suspending.suspend_mail(uow, queries.entity(uow, world.entity_b.id), "x")


def test_peers_are_told_keys_and_mailboxes_and_an_older_file_changes_nothing(tmp_path: Path) -> None:
    here = make_world(tmp_path / "one")
    peer = make_world(
        tmp_path / "two", name="north", first_serial=200_000, domains=("a.north.example", "b.north.example")
    )

    def told() -> dict[str, Any]:
        with peer.database.work(OPERATOR) as uow:
            found: dict[str, Any] = json.loads(json.dumps(exchange.export_installation(uow, keys=peer.keyring)))
        return found

    def take(data: dict[str, Any]) -> tuple[list[tuple[str, bool, bool]], list[tuple[str, str]]]:
        with here.database.work(OPERATOR) as uow:
            exchange.import_installation(uow, data, keys=here.keyring)
        with here.database.read(OPERATOR) as uow:
            body = queries.entity_by_code(uow, peer.entity_a.code)
            keys = dkim_keys.dkim_keys_of(uow, body.id)
            shown = [(one.selector, one.revoked_at is None, one.private_key_sealed is None) for one in keys]
            return shown, [(one.local, one.alias) for one in mailboxes.mailboxes_of(uow, body.id)]

    with peer.database.work(OPERATOR) as uow:
        body = queries.entity(uow, peer.entity_a.id)
        dkim_keys.signing_keys(uow, body.id)
        mailboxes.add_mailbox(uow, body, "الموارد", "hr")
    first = [("diwan-1-ed25519", True, True), ("diwan-1-rsa", True, True)]
    data = told()
    assert take(data) == (first, [("الموارد", "hr")])
    old = json.loads(json.dumps(data))
    for one in old["entities"]:
        del one["dkim"], one["mailboxes"]
    assert take(old) == (first, [("الموارد", "hr")])
    with peer.database.work(OPERATOR) as uow:
        body = queries.entity(uow, peer.entity_a.id)
        dkim_keys.revoke_key(uow, body, "diwan-1-rsa")
        mailboxes.remove_mailbox(uow, body, "hr")
    assert take(told()) == ([first[0], ("diwan-1-rsa", False, True)], [])
    data["entities"][0]["dkim"] = [{"selector": "x", "key": "AAAA"}]
    data["entities"][0]["mailboxes"] = [{"local": "محـمد", "alias": "m"}]
    with pytest.raises(Invalid) as refused:
        take(data)
    assert problems(refused) == ["bad-dkim-key", "bad-mailbox-name"]
