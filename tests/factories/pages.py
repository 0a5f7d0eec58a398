"""A browser without a screen: signs in as people do and sends forms with their token."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.serving import make_server
from werkzeug.test import TestResponse, stream_encode_multipart

from edms.accounts.models import Account, LoginSession
from edms.app import create_app
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.parts import Parts
from tests.factories.world import PASSWORD, World

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def make_app(world: World) -> Flask:
    """The pages over a world's own parts."""
    return create_app(world.settings, world.parts)


application = make_app


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve pages on a port of this machine, for a real browser; yields the address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def token_of(client: FlaskClient, path: str = "/sign-in") -> str:
    """The form token of a page."""
    found = _TOKEN.search(client.get(path, follow_redirects=True).get_data(as_text=True))
    assert found is not None, f"{path} has no form"
    return found[1]


def post(client: FlaskClient, url: str, data: dict[str, Any] | None = None, *, form: str = "/account") -> TestResponse:
    """Send a form with the token of the page ``form``; files are given as (stream, name)."""
    sent = {**(data or {}), "csrf_token": token_of(client, form)}
    stream, _, boundary = stream_encode_multipart(MultiDict(_flat(sent)), use_tempfile=False)
    return client.post(url, data=stream.read(), content_type=f'multipart/form-data; boundary="{boundary}"')


def _flat(fields: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            yield name, FileStorage(each[0], each[1], name) if isinstance(each, tuple) else each


def sign_in(app: Flask, login: str, password: str = PASSWORD, *, stepped_up: bool = True) -> FlaskClient:
    """A client that has signed in through the form and, where not said otherwise, has just given the PIN."""
    client = app.test_client()
    answer = post(client, "/sign-in", {"login": login, "password": password, "next": "/account"}, form="/sign-in")
    assert answer.status_code == 303, answer.text
    if stepped_up:
        parts: Parts = app.extensions["diwan"]
        with parts[Database].work(system_actor("operator")) as uow:
            account = select(Account.id).where(Account.login == login)
            newest = select(LoginSession).where(LoginSession.account_id.in_(account)).order_by(LoginSession.id.desc())
            session = uow.session.scalars(newest.limit(1)).one()
            session.stepped_up_at, session.stepped_up_by = uow.now, "pin"
    return client
