"""A world on each database for the verbs; one world for each file of page tests, with people who are signed in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.factories.pages import application, sign_in
from tests.factories.world import World, make_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world that the tests of one file share."""
    return make_world(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="module")
def app(town: World) -> Flask:
    return application(town)


@pytest.fixture(scope="module")
def signed_in(app: Flask, town: World) -> Callable[[str, str], FlaskClient]:
    """A function that gives the browser of one of the town's people."""
    clients: dict[tuple[str, str], FlaskClient] = {}

    def person(where: str, who: str) -> FlaskClient:
        if (where, who) not in clients:
            clients[where, who] = sign_in(app, town.logins[where, who])
        return clients[where, who]

    return person
