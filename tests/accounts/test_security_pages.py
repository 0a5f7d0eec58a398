"""The pages of PIN, authenticator app, recovery codes and deputies."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from edms.accounts import service
from tests.factories.pages import make_app, post, sign_in
from tests.factories.world import OPERATOR, PASSWORD, PIN, World, make_world

SECURITY = "/account/security"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("security"))


@pytest.fixture(scope="module")
def app(world: World) -> Flask:
    return make_app(world)


def secret_of(page: str) -> str:
    found = re.search(r'<code class="code" dir="ltr">([A-Z2-7 ]+)</code>', page)
    assert found is not None
    return found[1].replace(" ", "")


def enrol(client: FlaskClient) -> tuple[pyotp.TOTP, list[str]]:
    clock = pyotp.TOTP(secret_of(client.get(f"{SECURITY}/app").text))
    sent = {"old": PASSWORD, "code": clock.at(datetime.now(UTC) - timedelta(seconds=30))}
    page = post(client, f"{SECURITY}/app", sent).text
    return clock, re.findall(r"[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){3}", page)


def test_pin_is_set_on_the_page_and_each_mistake_is_told_at_its_field(app: Flask, world: World) -> None:
    client = sign_in(app, world.logins["a", "registry"], stepped_up=False)
    for sent, told in (
        ({"old": "خطأ", "pin": "826497", "again": "826497"}, 'href="#field-old"'),
        ({"old": PASSWORD, "pin": "123456", "again": "123456"}, "سهل التخمين"),
        ({"old": PASSWORD, "pin": "١٩٨٥٠٣١٥", "again": "19850315"}, "لا تجعل تاريخاً"),
        ({"old": PASSWORD, "pin": "826497", "again": "826479"}, "الرقمان غير متطابقين"),
    ):
        answer = post(client, f"{SECURITY}/pin", sent)
        assert answer.status_code == 422
        assert told in answer.text
        assert "826497" not in answer.text
    done = post(client, f"{SECURITY}/pin", {"old": PASSWORD, "pin": "826497", "again": "826497", "next": "/signing"})
    assert (done.status_code, done.headers["Location"]) == (303, "/signing")


def test_app_is_enrolled_with_a_drawn_symbol_and_asked_for_at_sign_in(app: Flask, world: World) -> None:
    login = world.logins["a", "employee"]
    client = sign_in(app, login, stepped_up=False)
    page = client.get(f"{SECURITY}/app").text
    assert "<svg" in page
    assert "otpauth" not in page
    wrong = post(client, f"{SECURITY}/app", {"old": PASSWORD, "code": "000000"})
    assert wrong.status_code == 422
    assert secret_of(wrong.text) == secret_of(page)
    clock, codes = enrol(client)
    assert len(codes) == 10
    assert not any(code in client.get(SECURITY).text for code in codes)
    other = app.test_client()
    asked = post(other, "/sign-in", {"login": login, "password": PASSWORD, "next": "/drafts"}, form="/sign-in")
    assert asked.headers["Location"] == "/sign-in/code?next=%2Fdrafts"
    assert other.get("/drafts").status_code == 303
    assert other.get("/api/v1/letters").status_code == 401
    refused = post(other, "/sign-in/code", {"code": "000000", "next": "/drafts"}, form="/sign-in/code")
    assert refused.status_code == 422
    done = post(other, "/sign-in/code", {"code": clock.now(), "next": "/drafts"}, form="/sign-in/code")
    assert (done.status_code, done.headers["Location"]) == (303, "/drafts")
    assert other.get("/drafts").status_code == 200
    stranger = app.test_client()
    assert stranger.get("/sign-in/code").headers["Location"] == "/sign-in"
    for code in codes[:2]:
        third = app.test_client()
        post(third, "/sign-in", {"login": login, "password": PASSWORD}, form="/sign-in")
        assert post(third, "/sign-in/code", {"code": code}, form="/sign-in/code").status_code == 303
    assert post(other, f"{SECURITY}/codes", form="/account").status_code == 200
    assert post(other, f"{SECURITY}/app/remove").status_code == 303


def test_removing_the_app_asks_for_the_pin(app: Flask, world: World) -> None:
    client = sign_in(app, world.logins["b", "employee"], stepped_up=False)
    enrol(client)
    assert 'name="step_up"' in post(client, f"{SECURITY}/app/remove").text
    assert post(client, f"{SECURITY}/app/remove", {"step_up": PIN}).status_code == 303
    assert "تطبيق الرموز" in client.get(SECURITY).text


def test_administrator_resets_and_the_person_reads_it_first(app: Flask, world: World) -> None:
    person, login = world.actor("a", "colleague"), world.logins["a", "colleague"]
    keeper = sign_in(app, world.logins["a", "administrator"])
    page = keeper.get(f"/staff/{person.employee_code}").text
    assert "إلغاء الرقم السري وتطبيق الرموز" in page
    assert post(keeper, f"/staff/{person.employee_code}/factors/reset").status_code == 303
    client = app.test_client()
    answer = post(client, "/sign-in", {"login": login, "password": PASSWORD, "next": "/drafts"}, form="/sign-in")
    assert answer.headers["Location"] == SECURITY
    assert "ألغى مدير النظام رقمك السري" in client.get(SECURITY).text
    assert post(client, f"{SECURITY}/reset-read").status_code == 303
    assert "ألغى مدير النظام" not in client.get(SECURITY).text


def test_deputy_is_named_listed_and_ended_on_the_page(app: Flask, world: World) -> None:
    head = sign_in(app, world.logins["a", "head"], stepped_up=False)
    page = head.get("/account/delegations").text
    today = datetime.now(ZoneInfo("Asia/Baghdad")).date()  # the installation's day, not that of UTC
    sent = {
        "post": str(next(iter(world.actor("a", "head").post_ids))), "valid_from": today.isoformat(),
        "deputy": world.actor("a", "employee").employee_code, "max_sensitivity": "1",
        "valid_to": (today + timedelta(days=5)).isoformat(), "reason": "إيفاد خارج القطر", "kinds": ["letter", "order"],
    }  # fmt: skip
    assert world.actor("b", "employee").employee_code not in page
    asked = post(head, "/account/delegations", sent)
    assert asked.text.count('name="kinds"') == 2
    answer = post(head, "/account/delegations", {**sent, "valid_to": "غداً", "step_up": PIN})
    assert answer.status_code == 422
    assert "اكتب تاريخاً صحيحاً" in answer.text
    assert post(head, "/account/delegations", sent).status_code == 303
    assert post(head, "/account/delegations", sent).status_code == 409
    for who in (("a", "head"), ("a", "employee"), ("a", "administrator")):
        assert "إيفاد خارج القطر" in sign_in(app, world.logins[who]).get("/account/delegations").text
    for who in (("b", "administrator"), ("a", "registry")):
        assert "إيفاد خارج القطر" not in sign_in(app, world.logins[who]).get("/account/delegations").text
    found = re.search(r"/account/delegations/([0-9a-f-]{36})/revoke", head.get("/account/delegations").text)
    assert found is not None
    assert post(head, f"/account/delegations/{found[1]}/revoke").status_code == 303
    with world.database.work(OPERATOR) as uow:
        assert service.actor_of_employee(uow, world.logins["a", "employee"]).deputyships == ()


def test_who_may_not_delegate_gets_the_list_alone(app: Flask, world: World) -> None:
    client = sign_in(app, world.logins["b", "registry"])
    assert 'name="deputy"' not in client.get("/account/delegations").text
    assert post(client, "/account/delegations", {"reason": "x"}).status_code == 403


def test_mail_password_is_made_after_a_step_up_shown_once_and_taken_away(app: Flask, world: World) -> None:
    client = sign_in(app, world.logins["a", "administrator"], stepped_up=False)
    asked = post(client, "/account/mail-passwords", {"name": "هاتفي"})
    assert 'name="step_up"' in asked.text
    page = post(client, "/account/mail-passwords", {"name": "هاتفي الشخصي", "step_up": PIN}).text
    made = re.findall(r"[a-z2-9]{4}(?:-[a-z2-9]{4}){4}", page)
    assert len(made) == 1
    assert "moh.gov.example" in page
    again = client.get("/account/mail-passwords").text
    assert made[0] not in again
    assert "هاتفي الشخصي" in again
    assert "كلمة مرور بريد واحدة" in client.get(SECURITY).text
    for wrong in ("", "x" * 61):
        assert post(client, "/account/mail-passwords", {"name": wrong}).status_code == 422
    address = re.search(r"/account/mail-passwords/[0-9a-f-]{36}/revoke", again)
    assert address is not None
    stranger = sign_in(app, world.logins["a", "head"])
    assert post(stranger, address[0]).status_code == 404
    assert post(client, address[0]).status_code == 303
    assert "هاتفي الشخصي" not in client.get("/account/mail-passwords").text
