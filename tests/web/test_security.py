import re

import pytest
from flask.testing import FlaskClient

from edms.web.security import clean_filename, content_disposition, image_response
from tests.web.conftest import make_app


@pytest.mark.parametrize("path", ["/open", "/letters", "/nowhere", "/refuse/boom", "/healthz", "/static/css/app.css"])
def test_every_response_carries_the_security_headers(clerk: FlaskClient, path: str) -> None:
    headers = clerk.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in headers
    assert len(headers["X-Request-ID"]) == 14


def test_pages_are_never_stored_and_named_static_files_for_a_year(clerk: FlaskClient) -> None:
    page = clerk.get("/page")
    assert page.headers["Cache-Control"] == "no-store"
    sheet = re.search(r'href="(/static/css/app\.css\?v=[0-9a-f]{12})"', page.text)
    assert sheet is not None
    assert "immutable" in clerk.get(sheet[1]).headers["Cache-Control"]
    assert clerk.get("/static/css/app.css").headers["Cache-Control"] == "no-cache"
    assert clerk.get("/static/../shell.py").status_code == 404


def test_tls_adds_strict_transport_and_host_cookies() -> None:
    response = make_app(https=True).test_client().get("/open", base_url="https://diwan.example")
    assert response.headers["Strict-Transport-Security"].startswith("max-age=63072000")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-csrf=")
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_pages_have_no_inline_script_style_or_handler(clerk: FlaskClient) -> None:
    for path in ("/page", "/open", "/nowhere"):
        html = clerk.get(path).text
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", html)


def test_a_users_file_leaves_as_a_sandboxed_download(clerk: FlaskClient) -> None:
    response = clerk.get("/download")
    assert response.headers["Content-Security-Policy"].startswith("sandbox;")
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename=\"file.html\"; filename*=UTF-8''%D9%83")
    assert "%E2%80%AE" not in disposition
    assert ".." not in disposition


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\كتاب.pdf", "كتاب.pdf"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ("\u2066\u202etxt.exe\u2069", "txt.exe"),
        ("...", "file"),
        ("", "file"),
    ],
)
def test_file_names_lose_folders_controls_and_direction_marks(name: str, kept: str) -> None:
    assert clean_filename(name) == kept


def test_long_file_names_keep_their_ending() -> None:
    name = clean_filename("م" * 300 + ".pdf")
    assert name.endswith("م.pdf")
    assert len(name.encode()) <= 200
    assert '"' not in content_disposition('a"b.pdf').removeprefix('attachment; filename="').split('"', 1)[0]


def test_only_images_drawn_here_are_inline() -> None:
    with pytest.raises(ValueError, match="image/svg"):
        image_response(b"<svg/>", "image/svg+xml")
