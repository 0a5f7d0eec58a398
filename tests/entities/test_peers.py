"""What peers revoke: brought by hand, by the exchange or fetched, believed under their root and never older."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner

from crypto.certificates import chain_pem, serial_of
from crypto.root_file import open_root_file
from edms.core.errors import Conflict, Invalid
from edms.entities import authority, authority_commands, commands, exchange, peers, queries, renewing, revoking, service
from edms.entities.models import Installation
from edms.entities.peer_lists import PeerLists
from edms.entities.sealing import SealInForce, note_seal, trust_list
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture
def peer(tmp_path: Path) -> World:
    return make_world(
        tmp_path / "two", name="north", first_serial=200_000, domains=("health.north.example", "schools.north.example")
    )


@pytest.fixture
def world(tmp_path: Path, peer: World) -> World:
    """An installation that knows the peer."""
    made = make_world(tmp_path / "one")
    with made.database.work(OPERATOR) as uow:
        exchange.import_installation(uow, told_by(peer), keys=made.keyring)
    return made


def told_by(world: World) -> dict[str, Any]:
    with world.database.work(OPERATOR) as uow:
        told: dict[str, Any] = json.loads(json.dumps(exchange.export_installation(uow, keys=world.keyring)))
    return told


def seal_of(world: World) -> SealInForce:
    with world.database.work(world.actor("a", "head")) as uow:
        return service.ensure_seal(uow, world.entity_a.id, keys=world.keyring)


def noted(world: World, peer: World, seal: SealInForce) -> bool:
    with world.database.work(OPERATOR) as uow:
        body = queries.entity_by_code(uow, peer.entity_a.code)
        return note_seal(uow, body.id, seal.certificate, seal.chain) is not None


def revoked(peer: World, certificate: bytes) -> bytes:
    """Revoke at the peer and return its new list."""
    with peer.database.work(OPERATOR) as uow:
        authority.revoke(uow, serial_of(certificate), "keyCompromise")
        return revoking.keep_crl(uow, keys=peer.keyring)


def known(world: World, seal: SealInForce) -> Any:
    with world.database.read(OPERATOR) as uow:
        return {one.key_id: one for one in trust_list(uow)}.get(seal.key_id)


def test_a_seal_of_a_peer_is_noted_once_and_stands_in_the_trust_list(world: World, peer: World) -> None:
    seal = seal_of(peer)
    assert [noted(world, peer, seal), noted(world, peer, seal)] == [True, False]
    found = known(world, seal)
    assert (found.entity_code, found.installation, found.revoked_at) == (peer.entity_a.code, "north", None)
    assert found.public_key == peer.keys.public_key(seal.key_name)


def test_a_seal_that_another_authority_made_is_not_noted(world: World, peer: World, tmp_path: Path) -> None:
    stranger = make_world(tmp_path / "three", name="x", first_serial=500_000, domains=("x.example", "y.example"))
    assert not noted(world, peer, seal_of(stranger))
    assert not noted(world, peer, seal_of(world))
    with world.database.work(OPERATOR) as uow:
        own = queries.entity_by_code(uow, world.entity_a.code)
        assert note_seal(uow, own.id, seal_of(peer).certificate) is None


def test_a_list_that_is_brought_marks_the_seal_noted_before_and_after(world: World, peer: World) -> None:
    first = seal_of(peer)
    assert noted(world, peer, first)
    crl = revoked(peer, first.certificate)
    with world.database.work(OPERATOR) as uow:
        assert peers.import_crl(uow, crl).name == "north"
    assert known(world, first).revoked_at is not None
    second = seal_of(peer)
    assert noted(world, peer, second)
    assert known(world, second).revoked_at is None


def test_a_list_known_first_marks_a_seal_that_comes_later(world: World, peer: World) -> None:
    seal = seal_of(peer)
    crl = revoked(peer, seal.certificate)
    with world.database.work(OPERATOR) as uow:
        peers.import_crl(uow, crl)
    assert noted(world, peer, seal)
    assert known(world, seal).revoked_at is not None


def test_an_older_or_foreign_list_is_refused_and_changes_nothing(world: World, peer: World) -> None:
    seal = seal_of(peer)
    noted(world, peer, seal)
    with world.database.read(OPERATOR) as uow:
        older = queries.installations(uow)[1].crl
    crl = revoked(peer, seal.certificate)
    assert older is not None
    with world.database.work(OPERATOR) as uow:
        peers.import_crl(uow, crl)
    for wrong, refusal in ((older, Conflict), (crl, Conflict), (b"x", Invalid), (crl[:-1], Invalid)):
        with pytest.raises(refusal), world.database.work(OPERATOR) as uow:
            peers.import_crl(uow, wrong)
    with world.database.work(OPERATOR) as uow:
        own = revoking.keep_crl(uow, keys=world.keyring)
    with pytest.raises(Invalid, match=r"authority\.bad-crl"), world.database.work(OPERATOR) as uow:
        peers.import_crl(uow, own)
    assert known(world, seal).revoked_at is not None


def test_the_commands_carry_a_list_from_one_installation_to_another(world: World, peer: World, tmp_path: Path) -> None:
    seal = seal_of(peer)
    noted(world, peer, seal)
    run = CliRunner().invoke
    shown = run(authority_commands.group, ["list", "--usage", "seal", "--json"], obj=peer.parts)
    serial = json.loads(shown.output)[0]["serial"]
    told = run(authority_commands.group, ["revoke", serial, "--reason", "superseded", "--json"], obj=peer.parts)
    assert json.loads(told.output)["reason"] == "superseded"
    file = str(tmp_path / "north.crl")
    assert run(authority_commands.group, ["crl", "-o", file], obj=peer.parts).exit_code == 0
    taken = run(commands.installation, ["crl", file], obj=world.parts)
    assert taken.output == "north: 1 revoked.\n"
    assert known(world, seal).revoked_at is not None


def test_the_authority_is_shown_exported_and_renewed_by_command(peer: World, tmp_path: Path) -> None:
    run = CliRunner().invoke
    shown = json.loads(run(authority_commands.group, ["show", "--json"], obj=peer.parts).output)
    assert shown["root_file_here"]
    assert shown["crl"]["revoked"] == 0
    assert "carry it" in run(authority_commands.group, ["show"], obj=peer.parts).output
    exported = tmp_path / "ca.pem"
    assert (
        shown["root"]["fingerprint"]
        in run(authority_commands.group, ["export", "-o", str(exported)], obj=peer.parts).output
    )
    with peer.database.read(OPERATOR) as uow:
        issuing, root = authority.authority_chain(uow)
    assert exported.read_bytes() == chain_pem(root, issuing)
    moved = peer.settings.root_file.rename(tmp_path / "stick.root")
    renewed = run(authority_commands.group, ["renew", "--root", str(moved), "--json"], obj=peer.parts)
    assert renewed.exit_code == 0, renewed.exception
    after = json.loads(run(authority_commands.group, ["show", "--json"], obj=peer.parts).output)
    assert (after["root"], after["root_file_here"]) == (shown["root"], False)
    assert after["issuing"]["serial"] == json.loads(renewed.output)["issuing"]["serial"] != shown["issuing"]["serial"]


@contextmanager
def serving(pages: Mapping[str, tuple[str, bytes]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = pages.get(self.path, ("text/html", b"?"))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/authority"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def pages_of(peer: World) -> dict[str, tuple[str, bytes]]:
    with peer.database.work(OPERATOR) as uow:
        issuing, root = authority.authority_chain(uow)
        crl = revoking.keep_crl(uow, keys=peer.keyring)
    return {
        "/authority/crl": ("application/pkix-crl", crl),
        "/authority/certificates": ("application/pem-certificate-chain", chain_pem(root, issuing)),
    }


def point_to(world: World, url: str) -> None:
    with world.database.work(OPERATOR) as uow:
        queries.installations(uow)[1].authority_url = url


def test_the_worker_fetches_what_a_peer_revoked(world: World, peer: World) -> None:
    seal = seal_of(peer)
    noted(world, peer, seal)
    revoked(peer, seal.certificate)
    now = [0.0]
    lists = PeerLists(world.database, world.keyring, clock=lambda: now[0])
    with serving(pages_of(peer)) as url:
        point_to(world, url)
        assert [lists.step(), lists.step()] == [1, 0]
    assert known(world, seal).revoked_at is not None


def test_the_worker_follows_a_peer_to_its_new_issuing_authority(world: World, peer: World) -> None:
    seal = seal_of(peer)
    noted(world, peer, seal)
    root = open_root_file(peer.settings.root_file, peer.settings.secret_file.read_bytes())
    with peer.database.work(OPERATOR) as uow:
        renewing.renew(uow, root=root, keys=peer.keyring, replace_key=True)
    with serving(pages_of(peer)) as url:
        point_to(world, url)
        assert PeerLists(world.database, world.keyring).step() == 1
    with peer.database.read(OPERATOR) as uow:
        issuing, _ = authority.authority_chain(uow)
    with world.database.read(OPERATOR) as uow:
        assert queries.installations(uow)[1].issuing_certificate == issuing
    assert noted(world, peer, seal_of(peer))


def test_a_peer_that_is_away_or_says_something_else_is_asked_again_later(world: World, peer: World) -> None:
    now = [0.0]
    lists = PeerLists(world.database, world.keyring, clock=lambda: now[0])
    with serving({}) as url:
        point_to(world, url)
        assert lists.step() == 0
    assert lists.step() == 0
    with serving(pages_of(world)) as url:  # the right form, of another authority
        point_to(world, url)
        now[0] += 1900
        assert lists.step() == 0
    seal = seal_of(peer)
    noted(world, peer, seal)
    revoked(peer, seal.certificate)
    with serving(pages_of(peer)) as url:
        point_to(world, url)
        assert lists.step() == 0
        now[0] += 1900
        assert lists.step() == 1


def test_the_worker_makes_our_own_list_in_time(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        queries.home(uow).crl = None
    PeerLists(world.database, world.keyring).step()
    with world.database.read(OPERATOR) as uow:
        assert queries.home(uow).crl is not None


def test_another_root_forgets_the_lists_of_the_old_one(world: World, peer: World, tmp_path: Path) -> None:
    another = make_world(
        tmp_path / "again", name="north", first_serial=200_000,
        domains=("health.north.example", "schools.north.example"),
    )  # fmt: skip
    with world.database.work(OPERATOR) as uow:
        exchange.import_installation(uow, told_by(another), keys=world.keyring, replace_root=True)
    with world.database.read(OPERATOR) as uow:
        found: Installation = queries.installations(uow)[1]
        assert peers.list_of(found) is not None
    assert noted(world, another, seal_of(another))
    assert not noted(world, another, seal_of(peer))
