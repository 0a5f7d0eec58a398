"""The page of a letterhead: form, live preview, refusals, and whose it is."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from edms.demo.emblems import emblem_svg
from edms.letters.letterheads import LetterheadChange, look_of, set_letterhead
from tests.factories.pages import post, token_of
from tests.factories.world import OPERATOR, World

People = Callable[[str, str], FlaskClient]
PAGE = "/letterhead"
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def administrator(signed_in: People) -> FlaskClient:
    return signed_in("a", "administrator")


@pytest.fixture(autouse=True)
def _plain(town: World) -> None:
    told = LetterheadChange("", "", "", "", "", "", "", True, False, b"", "{mark}/{number}")
    with town.database.work(OPERATOR) as uow:
        set_letterhead(uow, town.entity_a.id, told)


def form(**given: Any) -> dict[str, Any]:
    return {
        "action": "save", "top_ar": "جمهورية العراق", "contact_ar": "بغداد", "colour": "#0a5f63", "digits": "latn",
        "months": "gulf", "pattern": "{mark}/4/{number}", "hijri": "1", "sample": "order",
    } | given  # fmt: skip


def emblem() -> tuple[io.BytesIO, str]:
    return io.BytesIO(emblem_svg("staff", "seal", "#0a5f63").encode()), "شعار.svg"


def image_of(page: str) -> str:
    found = re.search(r'src="data:image/png;base64,([A-Za-z0-9+/=]+)"', page)
    assert found is not None
    return found[1]


def test_page_shows_the_sheet_as_it_would_be_printed(administrator: FlaskClient) -> None:
    page = administrator.get(PAGE)
    assert page.status_code == 200
    assert len(image_of(page.text)) > 10_000
    assert 'href="/letterhead"' in page.text


def test_letterhead_is_saved_and_shown_again(administrator: FlaskClient, town: World) -> None:
    answer = post(administrator, PAGE, form(emblem=emblem()), form=PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    with town.database.read(OPERATOR) as uow:
        look = look_of(uow, town.entity_a.id)
    assert (look.top_ar, look.colour, look.digits, look.months) == ("جمهورية العراق", "#0a5f63", "latn", "gulf")
    assert (look.hijri, look.kashida, look.emblem[:4]) == (True, False, b"\x89PNG")
    page = administrator.get(PAGE).text
    assert "حُفظت الترويسة" in page
    assert 'value="جمهورية العراق"' in page
    assert 'name="neutral"' in page
    assert post(administrator, PAGE, form(neutral="1"), form=PAGE).status_code == 303
    assert 'name="neutral"' not in administrator.get(PAGE).text


def test_preview_follows_the_form_and_keeps_nothing(administrator: FlaskClient, town: World) -> None:
    token = token_of(administrator, PAGE)
    pages = [
        administrator.post(PAGE, data=form(action="", csrf_token=token, **given), headers=FRAGMENT)
        for given in ({}, {"colour": "#7a1f2b"}, {"sample": "english"})
    ]
    assert [each.status_code for each in pages] == [200] * 3
    assert len({image_of(each.text) for each in pages}) == 3
    assert "<html" not in pages[0].text
    with town.database.read(OPERATOR) as uow:
        assert look_of(uow, town.entity_a.id).top_ar == ""


def test_preview_shows_the_next_number(administrator: FlaskClient, town: World) -> None:
    token = token_of(administrator, PAGE)
    data = form(action="", csrf_token=token, pattern="ق/{number}")
    page = administrator.post(PAGE, data=data, headers=FRAGMENT).text
    assert "ق\u200f/\u200f١" in page


def test_preview_says_what_is_wrong_and_shows_the_rest(administrator: FlaskClient) -> None:
    token = token_of(administrator, PAGE)
    data = form(action="", csrf_token=token, colour="#ffff00", pattern="{mark}")
    page = administrator.post(PAGE, data=data, headers=FRAGMENT)
    assert page.status_code == 200
    assert "باهت" in page.text
    assert "مرة واحدة" in page.text
    assert len(image_of(page.text)) > 10_000


def test_preview_works_without_scripts(administrator: FlaskClient) -> None:
    page = post(administrator, PAGE, form(action="preview", contact_ar="البصرة", emblem=emblem()), form=PAGE)
    assert page.status_code == 200
    assert "<html" in page.text
    assert 'value="البصرة"' in page.text
    assert image_of(page.text) != image_of(administrator.get(PAGE).text)


def test_hostile_emblem_is_refused_in_words_and_what_was_typed_stays(administrator: FlaskClient) -> None:
    bad = io.BytesIO(b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    page = post(administrator, PAGE, form(emblem=(bad, "a.svg"), contact_ar="الموصل"), form=PAGE)
    assert page.status_code == 422
    assert "لا يحتاج إليه شعار" in page.text
    assert 'value="الموصل"' in page.text
    assert "alert(1)" not in page.text


@pytest.mark.parametrize("who", [("a", "employee"), ("a", "head"), ("a", "registry"), ("centre", "auditor")])
def test_others_do_not_reach_the_page(signed_in: People, who: tuple[str, str]) -> None:
    client = signed_in(*who)
    assert client.get(PAGE).status_code == 403
    assert 'href="/letterhead"' not in client.get("/account").text
    assert post(client, PAGE, form()).status_code == 403


def test_administrator_of_another_body_is_refused(signed_in: People, town: World) -> None:
    stranger = signed_in("b", "administrator")
    assert stranger.get(f"{PAGE}?entity={town.entity_a.code}").status_code == 403
    assert post(stranger, PAGE, form(entity=town.entity_a.code), form=PAGE).status_code == 403
    with town.database.read(OPERATOR) as uow:
        assert look_of(uow, town.entity_a.id).top_ar == ""


def test_centre_sets_the_letterhead_of_any_body(signed_in: People, town: World) -> None:
    centre = signed_in("centre", "centre")
    address = f"{PAGE}?entity={town.entity_a.code}"
    assert town.entity_a.name_ar in centre.get(address).text
    answer = post(centre, PAGE, form(entity=town.entity_a.code), form=address)
    assert answer.headers["Location"] == address
    with town.database.read(OPERATOR) as uow:
        assert look_of(uow, town.entity_a.id).colour == "#0a5f63"
