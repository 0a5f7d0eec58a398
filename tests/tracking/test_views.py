"""The page of a letter's way, whole and as a part for htmx; a stranger's 404."""

from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from edms.accounts import entry
from edms.app import create_app
from tests.factories.issued import IssuedLetter, issued_letter
from tests.factories.world import PASSWORD, World, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def letter(world: World) -> IssuedLetter:
    return issued_letter(world, to=[world.entity_b.id, world.centre.id])


@pytest.fixture(scope="module")
def app(world: World) -> Flask:
    return create_app(world.settings, world.parts)


def browser(app: Flask, world: World, body: str, who: str) -> FlaskClient:
    client = app.test_client()
    token = entry.enter(world.database, world.logins[body, who], PASSWORD, client="test", address="127.0.0.1")
    client.set_cookie("session", token)
    return client


def test_the_page_says_what_is_known_and_what_is_not(app: Flask, world: World, letter: IssuedLetter) -> None:
    page = browser(app, world, "a", "employee").get(f"/letters/{letter.id}/track")
    assert page.status_code == 200
    for words in ("حركة الكتاب", "وزارة التربية", "بانتظار الإرسال", "تسلّمه خادم الجهة", "غير معلوم", "صدر بعدده"):
        assert words in page.text
    assert "مقيد لدى الجهة</span>" not in page.text


def test_htmx_gets_the_part_alone(app: Flask, world: World, letter: IssuedLetter) -> None:
    part = browser(app, world, "a", "registry").get(f"/letters/{letter.id}/track", headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith('<div id="track">')
    assert "<html" not in part.text


def test_english_reads_from_the_left(app: Flask, world: World, letter: IssuedLetter) -> None:
    client = browser(app, world, "a", "head")
    client.set_cookie("lang", "en")
    assert "Movement of the letter" in client.get(f"/letters/{letter.id}/track?show=stopped&page=99").text


def test_another_body_gets_the_404_of_what_does_not_exist(app: Flask, world: World, letter: IssuedLetter) -> None:
    foreign = browser(app, world, "b", "head")
    for path in ("/letters/{}/track", "/api/v1/letters/{}/track"):
        answers = [foreign.get(path.format(key)) for key in (letter.id, uuid4())]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert letter.number not in answers[0].text


def test_programs_get_the_same_facts(app: Flask, world: World, letter: IssuedLetter) -> None:
    value = browser(app, world, "a", "registry").get(f"/api/v1/letters/{letter.id}/track").json
    assert value is not None
    assert value["document_code"] == letter.document_code
    assert (value["totals"]["recipients"], value["totals"]["waiting"]) == (2, 2)
