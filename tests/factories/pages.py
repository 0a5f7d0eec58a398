"""A browser without a screen: signs in as people do and sends forms with their token."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from edms.app import create_app
from tests.factories.world import PASSWORD, World

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def make_app(world: World) -> Flask:
    """The pages over a world's own parts."""
    return create_app(world.settings, world.parts)


application = make_app


def token_of(client: FlaskClient, path: str = "/sign-in") -> str:
    """The form token of a page."""
    found = _TOKEN.search(client.get(path, follow_redirects=True).get_data(as_text=True))
    assert found is not None, f"{path} has no form"
    return found[1]


def post(client: FlaskClient, url: str, data: dict[str, Any] | None = None, *, form: str = "/account") -> TestResponse:
    """Send a form with the token of the page ``form``; files are given as (stream, name)."""
    sent = {**(data or {}), "csrf_token": token_of(client, form)}
    return client.post(url, data=sent, content_type="multipart/form-data")


def sign_in(app: Flask, login: str, password: str = PASSWORD) -> FlaskClient:
    """A client that has signed in through the form."""
    client = app.test_client()
    answer = post(client, "/sign-in", {"login": login, "password": password, "next": "/account"}, form="/sign-in")
    assert answer.status_code == 303, answer.text
    return client
