"""The search page, its JSON and the commands, as a signed-in person meets them."""

import json

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from crypto import codes
from edms.accounts import entry
from edms.app import create_app
from edms.search.commands import reindex_command, search_command
from edms.search.follower import catch_up
from edms.search.indexes import Indexes
from tests.factories.world import PASSWORD, World, make_world
from tests.search.letters import arrive, package


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = make_world(tmp_path_factory.mktemp("search"))
    arrive(world, world.entity_a.id, [package(world, n, f"صيانة المولدة {n} <b>") for n in range(1, 24)])
    arrive(world, world.entity_b.id, [package(world, 90, "صيانة المدرسة")])
    catch_up(world.database, world.parts[Indexes])
    return world


@pytest.fixture
def clerk(world: World) -> FlaskClient:
    client = create_app(world.settings, world.parts).test_client()
    token = entry.enter(world.database, "registry.a", PASSWORD, client="test", address="127.0.0.1")
    client.set_cookie("session", token)
    return client


def test_page_asks_and_advises_before_anything_was_asked(clerk: FlaskClient) -> None:
    page = clerk.get("/search")
    assert page.status_code == 200
    assert "كيف تبحث" in page.text
    assert "لا كتاب يطابق" not in page.text


def test_page_lists_marks_and_turns(clerk: FlaskClient) -> None:
    page = clerk.get("/search?q=مولدات&direction=incoming&since=2026-01-01")
    assert page.status_code == 200
    assert page.text.count("<mark>المولدة</mark>") == 20
    assert "&lt;b&gt;" in page.text
    assert "٢٣ كتاباً" in page.text
    assert "direction=incoming&amp;since=2026-01-01&amp;page=2" in page.text
    assert clerk.get("/search?q=مولدات&page=2").text.count("<mark>المولدة</mark>") == 3


def test_page_of_another_body_is_not_reached(clerk: FlaskClient) -> None:
    page = clerk.get("/search?q=المدرسة")
    assert "لا كتاب يطابق" in page.text
    assert "صيانة المدرسة" not in page.text


def test_page_in_english_reads_from_the_left(clerk: FlaskClient) -> None:
    clerk.set_cookie("lang", "en")
    page = clerk.get("/search?q=مولدات", headers={"Accept-Language": "en"})
    assert 'dir="ltr"' in page.text
    assert "23 letters found" in page.text


def test_document_code_opens_its_letter(clerk: FlaskClient, world: World) -> None:
    answer = clerk.get(f"/search?q={codes.document_code(world.centre.code[:6], 2026, 7)}")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/letters/")


def test_swapped_code_is_answered_with_the_one_meant(clerk: FlaskClient, world: World) -> None:
    code = codes.format_code(codes.document_code(world.centre.code[:6], 2026, 7))
    page = clerk.get("/search", query_string={"q": "-".join(reversed(code.split(".")))})
    assert "هل تقصد" in page.text
    assert code in page.text


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/search?q=" + "ك" * 10240, "عبارة البحث أطول من"),
        ("/search?since=9/3/2026", "اكتب التاريخ"),
        ("/search?q=x&since=2026-03-09&until=2026-03-01", "يسبق"),
        ("/search?q=x&direction=sideways", "اختر الوارد"),
    ],
)
def test_what_cannot_be_asked_is_said_in_arabic(clerk: FlaskClient, address: str, says: str) -> None:
    page = clerk.get(address)
    assert page.status_code == 422
    assert says in page.text
    assert "error-summary" in page.text


def test_stranger_is_sent_to_sign_in(world: World) -> None:
    stranger = create_app(world.settings, world.parts).test_client()
    assert stranger.get("/search?q=x").status_code == 303
    assert stranger.get("/api/v1/search?q=x").status_code == 401


def test_json_gives_the_same_as_the_page(clerk: FlaskClient) -> None:
    found = clerk.get("/api/v1/search?q=مولدات&size=5&page=2").get_json()
    assert (found["total"], found["page"], len(found["letters"])) == (23, 2, 5)
    assert {"document_code", "subject", "number", "date", "hijri", "party"} <= found["letters"][0].keys()


@pytest.mark.parametrize("query", ["size=0", "size=abc", "size=100000", "since=x", "q=" + "x" * 2000])
def test_json_refuses_with_problem_details(clerk: FlaskClient, query: str) -> None:
    answer = clerk.get(f"/api/v1/search?{query}")
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"


def test_command_prints_what_was_just_registered(world: World) -> None:
    arrive(world, world.entity_b.id, [package(world, 91, "تجهيز القرطاسية")])
    done = CliRunner().invoke(search_command, ["قرطاسية", "--as", "registry.b", "--json"], obj=world.parts)
    (found,) = json.loads(done.stdout)
    assert found["subject"] == "تجهيز القرطاسية"
    assert found["number"] == "م.م/٤/91"
    assert found["document_code"] == codes.document_code(world.centre.code[:6], 2026, 91)


def test_command_rebuilds_one_index(world: World) -> None:
    done = CliRunner().invoke(reindex_command, ["--entity", world.entity_a.code, "--json"], obj=world.parts)
    assert json.loads(done.stdout) == {"letters": 23}
