import pytest
from flask.testing import FlaskClient

from edms.web.guards import safe_next


def test_a_stranger_is_sent_to_sign_in_and_comes_back(stranger: FlaskClient) -> None:
    response = stranger.get("/letters?page=2&q=م")
    assert response.status_code == 303
    assert response.headers["Location"] == "/sign-in?next=%2Fletters%3Fpage%3D2%26q%3D%D9%85"


def test_every_view_is_closed_unless_marked_public(stranger: FlaskClient) -> None:
    assert stranger.get("/open").status_code == 200
    assert stranger.get("/healthz").text == "ok\n"
    assert stranger.get("/download").status_code == 303
    assert stranger.get("/nowhere").status_code == 404


def test_api_and_fragments_answer_401_to_a_stranger(stranger: FlaskClient) -> None:
    api = stranger.get("/api/v1/refuse/missing")
    assert (api.status_code, api.content_type) == (401, "application/problem+json")
    fragment = stranger.get("/letters", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (401, "/sign-in")


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "evil",
        "",
        None,
        "/a\r\nb",
        "/a\\b",
        "/" + "a" * 2000,
    ],
)
def test_next_never_leaves_the_site(target: str | None) -> None:
    assert safe_next(target) == "/"


def test_next_keeps_a_path_of_ours() -> None:
    assert safe_next("/letters?page=2&q=كتاب") == "/letters?page=2&q=كتاب"
