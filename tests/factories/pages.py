"""A browser without a browser: Flask's client with the form tokens and sessions of the pages."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from edms.app import create_app
from tests.factories.world import PASSWORD, World

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def make_app(world: World) -> Flask:
    """Return the application of a world."""
    return create_app(world.settings, world.parts)


def token_of(client: FlaskClient, path: str = "/sign-in") -> str:
    """Return the form token of a page."""
    found = _TOKEN.search(client.get(path, follow_redirects=True).get_data(as_text=True))
    assert found is not None, f"{path} has no form"
    return found[1]


def post(client: FlaskClient, path: str, data: dict[str, Any], *, form: str = "/account") -> TestResponse:
    """Send a form with the token of the page ``form``."""
    return client.post(path, data={**data, "csrf_token": token_of(client, form)})


def sign_in(app: Flask, login: str, password: str = PASSWORD) -> FlaskClient:
    """Return a client that is signed in."""
    client = app.test_client()
    answer = post(client, "/sign-in", {"login": login, "password": password}, form="/sign-in")
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return client
