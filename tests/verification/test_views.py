"""The public desk and the auditors' desk as pages and as JSON."""

import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from crypto.codes import format_code, new_verification_code
from edms.accounts import entry
from edms.app import create_app
from tests.factories.issued import IssuedLetter
from tests.factories.world import PASSWORD, World

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture(scope="module")
def app(world: World) -> Flask:
    return create_app(world.settings, world.parts)


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    return app.test_client()


def posted(client: FlaskClient, path: str, **form: object) -> tuple[int, str]:
    token = TOKEN.search(client.get(path).text)
    assert token is not None
    response = client.post(path, data={"csrf_token": token[1], **form}, environ_base={"REMOTE_ADDR": "192.0.2.44"})
    return response.status_code, response.text


def upload(data: bytes, name: str = "كتاب.pdf") -> tuple[io.BytesIO, str]:
    return io.BytesIO(data), name


def test_a_stranger_reads_the_verdict_first_in_arabic(stranger: FlaskClient, letter: IssuedLetter) -> None:
    status, page = posted(stranger, "/verify", code=letter.verification_code)
    assert status == 200
    assert page.index("أصلي") < page.index("صدر اليوم") < page.index("وزارة الصحة")
    assert format_code(letter.document_code) in page


def test_the_code_is_never_read_from_an_address(stranger: FlaskClient, letter: IssuedLetter) -> None:
    page = stranger.get(f"/verify?code={letter.verification_code}").text
    assert "وزارة الصحة" not in page
    assert f'value="{letter.verification_code}"' not in page


def test_the_file_is_judged(stranger: FlaskClient, letter: IssuedLetter) -> None:
    assert "أصلي" in posted(stranger, "/verify", file=upload(letter.pdf))[1]
    status, page = posted(stranger, "/verify", file=upload(letter.pdf.replace(b"\n", b"\r", 1)))
    assert (status, "معدّل" in page) == (200, True)


def test_what_is_no_pdf_is_told_plainly(stranger: FlaskClient) -> None:
    status, page = posted(stranger, "/verify", file=upload(b"MZ\x90\0", "x.pdf"))
    assert status == 422
    assert "error-summary" in page


def test_nothing_given_is_told_plainly(stranger: FlaskClient) -> None:
    status, page = posted(stranger, "/verify", code=" ")
    assert (status, "اكتب رمز التحقق أو اختر ملف الكتاب" in page) == (422, True)


def test_markup_in_a_code_stays_text(stranger: FlaskClient) -> None:
    status, page = posted(stranger, "/verify", code="<script>alert(1)</script>")
    assert status == 422
    assert "<script>alert" not in page


def test_a_document_code_alone_gets_the_same_answer_whether_it_exists(
    stranger: FlaskClient, letter: IssuedLetter
) -> None:
    code = letter.document_code
    status, page = posted(stranger, "/verify", code=code)
    assert (status, "ولا يكفي وحده" in page, "وزارة الصحة" in page) == (422, True, False)


def test_exchanged_groups_are_offered(stranger: FlaskClient, letter: IssuedLetter) -> None:
    groups = format_code(letter.document_code).split(".")
    assert format_code(letter.document_code) in posted(stranger, "/verify", code=".".join(groups[::-1]))[1]


def test_programs_get_the_stable_shape(stranger: FlaskClient, letter: IssuedLetter) -> None:
    answer = stranger.post("/api/v1/verify", json={"code": letter.verification_code})
    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["verdict"], answer.json["document_code"]) == ("authentic", letter.document_code)
    assert answer.json["facts"]["number"] == letter.number
    changed = stranger.post("/api/v1/verify", data={"file": upload(letter.pdf + b"\n%%EOF\n")})
    assert changed.json == {"verdict": "altered", "document_code": None, "reasons": ["verification.broken-signature"]}
    assert stranger.post("/api/v1/verify", json={}).status_code == 422
    assert stranger.post("/api/v1/verify", json=["x"]).status_code == 422


def test_guessing_by_program_ends_with_429(stranger: FlaskClient, letter: IssuedLetter) -> None:
    place = {"REMOTE_ADDR": "2001:db8::1"}
    answers = [
        stranger.post("/api/v1/verify", json={"code": new_verification_code()}, environ_base=place).status_code
        for _ in range(21)
    ]
    assert answers == [200] * 20 + [429]
    neighbour = stranger.post(
        "/api/v1/verify", json={"code": letter.verification_code}, environ_base={"REMOTE_ADDR": "2001:db8::ffff"}
    )
    assert (neighbour.status_code, int(neighbour.headers["Retry-After"]) > 0) == (429, True)


def test_a_body_over_the_limit_is_not_read(stranger: FlaskClient) -> None:
    for path in ("/verify", "/api/v1/verify"):
        answer = stranger.post(path, data=b"\0" * (26 << 20), content_type="multipart/form-data; boundary=x")
        assert answer.status_code == 413


def signed_in(app: Flask, world: World, login: str) -> FlaskClient:
    client = app.test_client()
    client.set_cookie("session", entry.enter(world.database, login, PASSWORD, client="test", address="127.0.0.1"))
    return client


def test_the_old_address_of_the_desk_leads_to_it(app: Flask, world: World) -> None:
    answer = signed_in(app, world, world.logins["centre", "auditor"]).get("/trace")
    assert (answer.status_code, answer.location) == (303, "/leaks")
    assert signed_in(app, world, world.logins["a", "registry"]).get("/trace").status_code == 403
    assert app.test_client().get("/trace").status_code == 303
