"""The pages of bodies' mail: the centre suspends, keeps keys and servers; a body's administrator keeps mailboxes."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from flask import Flask
from flask.testing import FlaskClient

from crypto.certificates import read_pem
from crypto.dkim_keys import dkim_record, new_dkim_key
from edms.entities import dkim_keys, mailboxes, queries, servers
from edms.entities.models import Entity, Installation
from edms.entities.showing import shown_certificate
from tests.entities.test_mail import BOTH, certificate
from tests.factories.pages import make_app, post, sign_in
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.database.dispose()


@pytest.fixture
def app(world: World) -> Flask:
    return make_app(world)


@pytest.fixture
def centre(app: Flask, world: World) -> FlaskClient:
    return english(sign_in(app, world.logins["centre", "centre"]))


@pytest.fixture
def administrator(app: Flask, world: World) -> FlaskClient:
    return english(sign_in(app, world.logins["a", "administrator"]))


def english(client: FlaskClient) -> FlaskClient:
    assert post(client, "/language", {"lang": "en", "next": "/"}).status_code == 303
    return client


def body_a(world: World) -> Entity:
    with world.database.read(OPERATOR) as uow:
        return queries.entity(uow, world.entity_a.id)


def keys_of_a(world: World) -> dict[str, bool]:
    """Selectors of body A with whether they are in force."""
    with world.database.read(OPERATOR) as uow:
        return {row.selector: row.revoked_at is None for row in dkim_keys.dkim_keys_of(uow, world.entity_a.id)}


def the_server(world: World) -> tuple[Installation, list[str]]:
    """The one server, and the codes behind it."""
    with world.database.read(OPERATOR) as uow:
        (row,) = servers.servers(uow)
        return row, [body.code for body in servers.bodies_behind(uow, row)]


def told(world: World, pem: bytes, **values: str) -> dict[str, object]:
    return {"name": "Health", "host": "mail.moh.gov.example", "port": "2525", "certificate": pem.decode(),
            "bodies": f"{world.entity_a.code}\n{world.entity_b.mail_domain}\n", **values}  # fmt: skip


def test_the_centre_suspends_a_bodys_mail_with_a_reason_and_resumes_it(world: World, centre: FlaskClient) -> None:
    at = f"/entities/{world.entity_a.code}"
    assert "Suspend the mail" in centre.get(at).text
    refused = post(centre, f"{at}/suspend", {"reason": " "})
    assert refused.status_code == 422
    assert 'id="error-reason"' in refused.text
    assert body_a(world).mail_suspended_at is None
    long = post(centre, f"{at}/suspend", {"reason": "س" * 201})
    assert (long.status_code, "س" * 201 in long.text) == (422, True)
    assert post(centre, f"{at}/suspend", {"reason": "اشتباه باختراق"}).status_code == 303
    assert body_a(world).mail_suspended_at is not None
    page = centre.get(at).text
    assert "اشتباه باختراق" in page
    assert "Suspended" in page
    assert post(centre, f"{at}/suspend", {"reason": "x"}).status_code == 409
    assert post(centre, f"{at}/resume").status_code == 303
    assert body_a(world).mail_suspended_at is None
    assert post(centre, f"{at}/resume").status_code == 409


def test_the_administrator_sees_that_the_mail_is_suspended_but_not_why(
    world: World, centre: FlaskClient, administrator: FlaskClient
) -> None:
    at = f"/entities/{world.entity_a.code}"
    post(centre, f"{at}/suspend", {"reason": "سبب سري"})
    page = administrator.get(at).text
    assert "Ask the correspondence centre" in page
    assert "سبب سري" not in page
    assert "Resume the mail" not in page
    assert "DKIM" not in page


def test_the_keys_of_a_body_served_here_are_made_renewed_and_revoked(world: World, centre: FlaskClient) -> None:
    at = f"/entities/{world.entity_a.code}"
    assert "No keys yet" in centre.get(at).text
    assert "Make the keys" in centre.get(f"{at}/dkim/rotate").text
    assert keys_of_a(world) == {}, "looking makes none"
    assert post(centre, f"{at}/dkim/rotate").status_code == 303
    page = centre.get(at).text
    assert "v=DKIM1; k=ed25519; p=" in page
    assert f"diwan-1-rsa._domainkey.{world.entity_a.mail_domain}" in page
    assert "still verify" in centre.get(f"{at}/dkim/rotate").text
    post(centre, f"{at}/dkim/rotate")
    assert "diwan-1-rsa" in centre.get(f"{at}/dkim/diwan-1-rsa/revoke").text
    assert post(centre, f"{at}/dkim/diwan-1-rsa/revoke").status_code == 303
    assert keys_of_a(world) == {
        "diwan-1-ed25519": True, "diwan-1-rsa": False, "diwan-2-ed25519": True, "diwan-2-rsa": True
    }  # fmt: skip
    assert "diwan-1-rsa._domainkey" not in centre.get(at).text
    assert centre.get(f"{at}/dkim/diwan-1-rsa/revoke").status_code == 404
    assert post(centre, f"{at}/dkim/diwan-1-rsa/revoke").status_code == 404
    record = dkim_record("ed25519", new_dkim_key("ed25519")[1])
    assert post(centre, f"{at}/dkim/add", {"selector": "x", "key": record}).status_code == 409, "made here"


def test_a_server_is_registered_shown_changed_and_taken_away(world: World, centre: FlaskClient) -> None:
    assert "No body runs a mail server" in centre.get("/entities/servers").text
    assert world.entity_a.code in centre.get(f"/entities/servers/new?body={world.entity_a.code}").text
    pem = certificate(*BOTH)
    assert post(centre, "/entities/servers/new", told(world, pem)).status_code == 303
    row, codes = the_server(world)
    assert (row.gateway_host, row.gateway_port, codes) == (
        "mail.moh.gov.example", 2525, [world.entity_a.code, world.entity_b.code]
    )  # fmt: skip
    fingerprint = shown_certificate(read_pem(pem)[0]).fingerprint
    for page in ("/entities/servers", f"/entities/{world.entity_a.code}"):
        text = centre.get(page).text
        assert fingerprint in text
        assert "mail.moh.gov.example:2525" in text
        assert "Ends soon" in text
    assert pem.decode().strip() in centre.get(f"/entities/servers/{row.id}").text
    assert world.entity_b.name_ar in centre.get(f"/entities/servers/{row.id}/remove").text
    assert post(centre, f"/entities/servers/{row.id}/remove").status_code == 303
    assert "No body runs a mail server" in centre.get("/entities/servers").text
    assert centre.get(f"/entities/servers/{row.id}/remove").status_code == 404
    assert "This installation" in centre.get(f"/entities/{world.entity_a.code}").text


def test_another_certificate_counts_only_when_it_was_compared(world: World, centre: FlaskClient) -> None:
    post(centre, "/entities/servers/new", told(world, certificate(*BOTH)))
    other = certificate(*BOTH, days=90)
    der = load_pem_x509_certificate(other).public_bytes(Encoding.DER)
    asked = post(centre, "/entities/servers/new", {**told(world, b"", bodies=""), "file": (BytesIO(der), "new.der")})
    assert asked.status_code == 422
    assert 'name="replace"' in asked.text
    assert other.decode().strip() in asked.text, "a file that was read is kept as text"
    values = told(world, other, bodies="", replace="1")
    assert post(centre, "/entities/servers/new", values).status_code == 303
    row, codes = the_server(world)
    assert (row.ca_certificate, len(codes)) == (der, 2)


def test_an_unfit_server_is_shown_every_finding_and_keeps_what_was_typed(world: World, centre: FlaskClient) -> None:
    values = {"name": "home", "host": "a b", "port": "٩٩٩٩٩٩", "certificate": "مفتاح", "bodies": "12345678\nx.example"}
    refused = post(centre, "/entities/servers/new", values)
    assert refused.status_code == 422
    for field in ("name", "host", "port", "certificate", "bodies", "bodies-2"):
        assert f'id="error-{field}"' in refused.text
    for typed in values.values():
        assert typed in refused.text
    binary = post(centre, "/entities/servers/new", {**told(world, b""), "file": (BytesIO(b"\xff\x00"), "x.der")})
    assert (binary.status_code, 'id="error-certificate"' in binary.text) == (422, True)
    with world.database.read(OPERATOR) as uow:
        assert servers.servers(uow) == []


def test_a_key_of_a_bodys_own_server_is_added_and_bad_ones_are_refused(world: World, centre: FlaskClient) -> None:
    at = f"/entities/{world.entity_a.code}"
    post(centre, "/entities/servers/new", told(world, certificate(*BOTH)))
    assert "No key yet" in centre.get(at).text
    refused = post(centre, f"{at}/dkim/add", {"selector": "a b", "key": "none"})
    assert (refused.status_code, 'id="error-selector"' in refused.text, "none</textarea>" in refused.text) == (
        422, True, True
    )  # fmt: skip
    refused = post(centre, f"{at}/dkim/add", {"selector": "mail2026", "key": "none"})
    assert (refused.status_code, 'id="error-key"' in refused.text) == (422, True)
    records = [dkim_record("ed25519", new_dkim_key("ed25519")[1]) for _ in range(2)]
    assert post(centre, f"{at}/dkim/add", {"selector": "mail2026", "key": records[0]}).status_code == 303
    assert records[0] in centre.get(at).text
    file = (BytesIO(records[1].encode()), "mail.txt")
    taken = post(centre, f"{at}/dkim/add", {"selector": "mail2026", "key": "", "file": file})
    assert (taken.status_code, 'id="error-selector"' in taken.text) == (409, True)
    assert post(centre, f"{at}/dkim/rotate").status_code == 409, "its server makes them"
    assert keys_of_a(world) == {"mail2026": True}


def test_the_administrator_keeps_the_own_bodys_mailboxes(world: World, administrator: FlaskClient) -> None:
    at = f"/entities/{world.entity_a.code}/mailboxes"
    assert at in administrator.get(f"/entities/{world.entity_a.code}").text
    page = administrator.get(at).text
    for local in ("diwan", "ديوان", "postmaster"):
        assert f"{local}@{world.entity_a.mail_domain}" in page
    refused = post(administrator, at, {"local": "الموارد البشرية", "alias": "موارد"})
    assert (refused.status_code, 'id="error-local"' in refused.text, 'id="error-alias"' in refused.text) == (
        422, True, True
    )  # fmt: skip
    assert 'value="الموارد البشرية"' in refused.text
    assert 'id="error-local"' in post(administrator, at, {"local": "ديوان", "alias": "x"}).text
    assert post(administrator, at, {"local": "الموارد.البشرية", "alias": "hr"}).status_code == 303
    assert f"الموارد.البشرية@{world.entity_a.mail_domain}" in administrator.get(at).text
    assert "hr@" in administrator.get(f"{at}/hr/remove").text
    assert post(administrator, f"{at}/hr/remove").status_code == 303
    assert post(administrator, f"{at}/hr/remove").status_code == 404
    assert administrator.get(f"{at}/diwan/remove").status_code == 404, "built-in ones stay"
    with world.database.read(OPERATOR) as uow:
        assert mailboxes.mailboxes_of(uow, world.entity_a.id) == []


def test_mailboxes_of_other_bodies_are_the_centres_alone(
    world: World, administrator: FlaskClient, centre: FlaskClient
) -> None:
    at = f"/entities/{world.entity_b.code}/mailboxes"
    assert post(centre, at, {"local": "hr", "alias": ""}).status_code == 303
    assert centre.get(at).status_code == 200
    for path in (at, f"{at}/hr/remove"):
        assert administrator.get(path).status_code == 404
        assert post(administrator, path, {"local": "x"}).status_code == 404
    assert at not in administrator.get(f"/entities/{world.entity_b.code}").text
    with world.database.read(OPERATOR) as uow:
        assert [row.local for row in mailboxes.mailboxes_of(uow, world.entity_b.id)] == ["hr"]


def test_a_peers_body_is_shown_and_kept_where_it_is_served(world: World, centre: FlaskClient) -> None:
    with world.database.work(OPERATOR) as uow:
        peer = Installation(name="الجنوب", is_home=False, gateway_host="south.example", gateway_port=25,
                            ca_certificate=b"")  # fmt: skip
        uow.session.add(peer)
        uow.flush()
        queries.entity(uow, world.entity_a.id).installation_id = peer.id
    at = f"/entities/{world.entity_a.code}"
    page = centre.get(at).text
    assert "Another installation" in page
    assert f"{at}/dkim/" not in page
    assert "kept there" in centre.get(f"{at}/mailboxes").text
    assert post(centre, f"{at}/mailboxes", {"local": "hr"}).status_code == 409
    refused = post(centre, "/entities/servers/new", told(world, certificate(*BOTH)))
    assert (refused.status_code, 'id="error-bodies"' in refused.text) == (422, True)


@pytest.mark.parametrize("who", [("a", "administrator"), ("a", "registry"), ("a", "employee"), ("centre", "auditor")])
def test_only_the_centre_suspends_and_keeps_keys_and_servers(app: Flask, world: World, who: tuple[str, str]) -> None:
    client = sign_in(app, world.logins[who])
    at = f"/entities/{world.entity_a.code}"
    pages = [f"{at}/suspend", f"{at}/dkim/rotate", f"{at}/dkim/add", f"{at}/dkim/x/revoke", "/entities/servers/new"]
    for path in [*pages, "/entities/servers"]:
        assert client.get(path).status_code == 403, path
    for path in [*pages, f"{at}/resume"]:
        assert post(client, path, {"reason": "x"}).status_code == 403, path
    if who[1] != "administrator":
        assert client.get(f"{at}/mailboxes").status_code == 403
        assert post(client, f"{at}/mailboxes", {"local": "x"}).status_code == 403
        assert f"{at}/mailboxes" not in client.get(at).text
