"""What the tests of the clerk's pages share: a world whose body B has a clerk who decides, and its browsers."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from edms.entities.models import Entity
from tests.factories.pages import application, sign_in
from tests.factories.world import OPERATOR, World, make_world

Browser = Callable[[str, str], FlaskClient]


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    with made.database.work(OPERATOR) as uow:
        uow.session.get_one(Entity, made.entity_b.id).registers_by_rule = False
    return made


@pytest.fixture
def app(world: World) -> Flask:
    return application(world)


@pytest.fixture
def browser(app: Flask, world: World) -> Browser:
    return lambda where, who: sign_in(app, world.logins[where, who])
