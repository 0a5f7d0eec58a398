import re

import pytest
from flask.testing import FlaskClient

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def token_of(client: FlaskClient, path: str = "/open") -> str:
    found = TOKEN.search(client.get(path).text)
    assert found is not None
    return found[1]


def test_a_form_of_ours_is_accepted_before_and_after_sign_in(stranger: FlaskClient, clerk: FlaskClient) -> None:
    assert stranger.post("/open", data={"csrf_token": token_of(stranger)}).status_code == 200
    assert clerk.post("/save", data={"csrf_token": token_of(clerk, "/page")}).status_code == 303
    assert clerk.post("/save", headers={"X-CSRF-Token": token_of(clerk, "/page")}).status_code == 303


def test_tokens_differ_from_page_to_page_and_all_fit(clerk: FlaskClient) -> None:
    first, second = token_of(clerk), token_of(clerk)
    assert first != second
    for token in (first, second):
        assert clerk.post("/save", data={"csrf_token": token}).status_code == 303


@pytest.mark.parametrize("token", ["", "x", "ي", "A" * 60, "!" * 60])
def test_a_missing_or_made_up_token_is_refused_in_clear_arabic(clerk: FlaskClient, token: str) -> None:
    clerk.get("/open")
    response = clerk.post("/save", data={"csrf_token": token})
    assert response.status_code == 403
    assert "تغيّرت جلستك" in response.text


def test_a_token_of_another_browser_is_refused(stranger: FlaskClient, clerk: FlaskClient) -> None:
    foreign = token_of(stranger)
    clerk.get("/open")
    assert clerk.post("/save", data={"csrf_token": foreign}).status_code == 403


def test_a_token_from_before_sign_in_does_not_serve_after_it(stranger: FlaskClient) -> None:
    before = token_of(stranger)
    stranger.set_cookie("session", "clerk")
    assert stranger.post("/save", data={"csrf_token": before}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({"Origin": "null"}, 303),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
    ],
)
def test_where_a_request_comes_from_decides_before_the_token(
    clerk: FlaskClient, headers: dict[str, str], status: int
) -> None:
    token = token_of(clerk, "/page")
    assert clerk.post("/save", data={"csrf_token": token}, headers=headers).status_code == status


def test_a_bearer_header_does_not_free_a_request_that_carries_the_session_cookie(clerk: FlaskClient) -> None:
    response = clerk.post("/api/v1/refuse/missing", headers={"Authorization": "Bearer x"})
    assert response.status_code == 403
