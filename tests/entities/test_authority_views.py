"""The authority over HTTP, asked by OpenSSL and by hand: no session, right media types, never too often."""

import base64
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from crypto.certificates import chain_pem, read_pem, serial_of
from crypto.signatures import new_signing_key, public_of
from edms.entities import authority, authority_views
from edms.entities.allowance import Allowance
from edms.web import language
from tests.factories.pages import make_app, sign_in
from tests.factories.world import OPERATOR, World, make_world

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("authority"))
    yield made
    made.database.dispose()


@pytest.fixture(scope="module")
def client(world: World) -> FlaskClient:
    return make_app(world).test_client()


@pytest.fixture(autouse=True)
def _allowance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authority_views, "_allowance", Allowance())


@pytest.fixture(scope="module")
def people(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """PEM files: a good certificate, a revoked one, issuing authority and root."""
    folder = tmp_path_factory.mktemp("people")
    found: dict[str, Path] = {}
    for name, who in (("good", "head"), ("bad", "employee")):
        actor = world.actor("a", who)
        assert actor.employee_id is not None
        public = public_of(new_signing_key())
        with world.database.work(actor) as uow:
            der, chain = authority.person_certificate(uow, actor.employee_id, public, keys=world.keyring)
        found[name] = folder / f"{name}.pem"
        found[name].write_bytes(chain_pem(der))
        if name == "bad":
            with world.database.work(OPERATOR) as uow:
                authority.revoke(uow, serial_of(der), "keyCompromise")
    for name, der in zip(("issuing", "root"), chain, strict=True):
        found[name] = folder / f"{name}.pem"
        found[name].write_bytes(chain_pem(der))
    return found


def openssl(*arguments: object) -> str:
    found = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    return found.stdout + found.stderr


def question(people: dict[str, Path], name: str, folder: Path) -> bytes:
    openssl("ocsp", "-issuer", people["issuing"], "-cert", people[name], "-reqout", folder / "query")
    return (folder / "query").read_bytes()


def judged(people: dict[str, Path], name: str, answer: bytes, folder: Path) -> str:
    (folder / "reply").write_bytes(answer)
    return openssl(
        "ocsp", "-issuer", people["issuing"], "-cert", people[name], "-respin", folder / "reply", "-no_nonce",
        "-CAfile", people["root"], "-verify_other", people["issuing"],
    )  # fmt: skip


def test_certificates_are_given_to_anybody(client: FlaskClient, people: dict[str, Path]) -> None:
    answer = client.get("/authority/certificates")
    assert (answer.status_code, answer.content_type) == (200, "application/pem-certificate-chain")
    assert read_pem(answer.data) == [read_pem(people[name].read_bytes())[0] for name in ("root", "issuing")]
    assert "Set-Cookie" not in answer.headers


@needs_openssl
@pytest.mark.parametrize(("name", "signer"), [("crl", "issuing"), ("root-crl", "root")])
def test_lists_hold_under_openssl(
    client: FlaskClient, people: dict[str, Path], tmp_path: Path, name: str, signer: str
) -> None:
    answer = client.get(f"/authority/{name}")
    assert (answer.status_code, answer.content_type) == (200, "application/pkix-crl")
    (tmp_path / "crl").write_bytes(answer.data)
    told = openssl("crl", "-inform", "DER", "-in", tmp_path / "crl", "-noout", "-verify", "-CAfile", people[signer])
    assert "verify OK" in told
    assert client.get(f"/authority/{name}").data == answer.data


@needs_openssl
def test_chain_and_lists_together_refuse_the_revoked(
    client: FlaskClient, people: dict[str, Path], tmp_path: Path
) -> None:
    lists = tmp_path / "lists.pem"
    pem = b""
    for name in ("crl", "root-crl"):
        body = base64.encodebytes(client.get(f"/authority/{name}").data)
        pem += b"-----BEGIN X509 CRL-----\n" + body + b"-----END X509 CRL-----\n"
    lists.write_bytes(pem)
    asked = ["verify", "-x509_strict", "-crl_check_all", "-CRLfile", lists, "-CAfile", people["root"], "-untrusted",
             people["issuing"]]  # fmt: skip
    assert ": OK" in openssl(*asked, people["good"])
    assert "certificate revoked" in openssl(*asked, people["bad"])


@needs_openssl
@pytest.mark.parametrize(("name", "verdict"), [("good", ": good"), ("bad", ": revoked")])
def test_ocsp_answers_by_post_and_by_address(
    client: FlaskClient, people: dict[str, Path], tmp_path: Path, name: str, verdict: str
) -> None:
    asked = question(people, name, tmp_path)
    posted = client.post("/authority/ocsp", data=asked, content_type="application/ocsp-request")
    assert (posted.status_code, posted.content_type) == (200, "application/ocsp-response")
    told = judged(people, name, posted.data, tmp_path)
    assert "Response verify OK" in told
    assert verdict in told
    for written in (base64.b64encode(asked).decode(), quote(base64.b64encode(asked).decode(), safe="")):
        got = client.get(f"/authority/ocsp/{written}")
        assert got.status_code == 200
        assert verdict in judged(people, name, got.data, tmp_path)


@needs_openssl
def test_the_time_is_told_to_anybody(client: FlaskClient, people: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("نص الكتاب")
    openssl("ts", "-query", "-data", tmp_path / "data", "-sha256", "-cert", "-out", tmp_path / "query")
    asked = (tmp_path / "query").read_bytes()
    answer = client.post("/authority/tsa", data=asked, content_type="application/timestamp-query")
    assert (answer.status_code, answer.content_type) == (200, "application/timestamp-reply")
    (tmp_path / "reply").write_bytes(answer.data)
    told = openssl("ts", "-verify", "-queryfile", tmp_path / "query", "-in", tmp_path / "reply", "-CAfile",
                   people["root"])  # fmt: skip
    assert "Verification: OK" in told


def test_other_media_types_large_bodies_and_nonsense_are_refused(client: FlaskClient) -> None:
    assert client.post("/authority/ocsp", data=b"x", content_type="text/plain").status_code == 415
    assert client.post("/authority/tsa", data=b"x", content_type="application/ocsp-request").status_code == 415
    large = client.post("/authority/ocsp", data=bytes(10_000), content_type="application/ocsp-request")
    assert large.status_code == 413
    for path in ("%%%", "AAAA", "A" * 3000):
        answer = client.get(f"/authority/ocsp/{path}")
        assert (answer.status_code, answer.data) == (200, b"0\x03\n\x01\x01")  # malformedRequest, RFC 6960 §4.2.1
    assert client.get("/authority/nothing").status_code == 404
    assert client.get("/authority/tsa").status_code == 405


def test_who_asks_too_often_has_to_wait(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authority_views, "_LISTS_A_MINUTE", 3)
    assert [client.get("/authority/crl").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert 0 < int(client.get("/authority/crl").headers["Retry-After"]) <= 61
    assert client.get("/authority/crl", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 200


def test_the_allowance_counts_by_network_and_forgets() -> None:
    now = [0.0]
    allowance = Allowance(lambda: now[0])
    assert [allowance.take("x", "2001:db8::1", 2), allowance.take("x", "2001:db8::2", 2)] == [0, 0]
    assert allowance.take("x", "2001:db8::3", 2) == 61
    assert allowance.take("y", "2001:db8::3", 2) == 0
    assert allowance.take("x", "2001:db8:0:1::3", 2) == 0
    now[0] = 60
    assert allowance.take("x", "2001:db8::3", 2) == 0


def test_the_page_shows_whom_to_trust_in_both_languages(world: World) -> None:
    for locale, words in (("ar", "سلطة التصديق"), ("en", "Certificate authority")):
        browser = make_app(world).test_client()
        browser.set_cookie(language.COOKIE, locale)
        page = browser.get("/authority")
        assert page.status_code == 200
        assert words in page.text


def test_a_person_who_is_signed_in_may_look_too(world: World) -> None:
    assert sign_in(make_app(world), "head.a").get("/authority").status_code == 200
