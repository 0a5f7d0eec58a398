"""The pages of sign-in, the own account, staff and bodies; what strangers and other bodies get."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from edms.accounts import passwords
from edms.core.database import Database
from edms.entities import queries as entities
from tests.factories.pages import make_app, post, sign_in, token_of
from tests.factories.world import PASSWORD, World, make_world

NEW = "قارب على ضفة دجلة"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def app(world: World) -> Flask:
    return make_app(world)


def test_stranger_is_sent_to_sign_in_and_comes_back(app: Flask) -> None:
    client = app.test_client()
    answer = client.get("/entities?q=x")
    assert answer.headers["Location"] == "/sign-in?next=%2Fentities%3Fq%3Dx"
    answer = post(
        client, "/sign-in", {"login": "centre.centre", "password": PASSWORD, "next": "/entities?q=x"}, form="/sign-in"
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/entities?q=x")
    cookie = next(one for one in answer.headers.getlist("Set-Cookie") if one.startswith("session="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert answer.headers["Cache-Control"] == "no-store"


def test_wrong_password_is_told_in_arabic_and_keeps_the_login(app: Flask) -> None:
    client = app.test_client()
    answer = post(client, "/sign-in", {"login": "head.a", "password": "خطأ"}, form="/sign-in")
    assert answer.status_code == 422
    assert "اسم الدخول أو كلمة المرور غير صحيحة" in answer.text
    assert 'value="head.a"' in answer.text


def test_sixth_attempt_gets_429(app: Flask) -> None:
    client = app.test_client()
    for _ in range(5):
        post(client, "/sign-in", {"login": "head.a", "password": "x"}, form="/sign-in")
    answer = post(client, "/sign-in", {"login": "head.a", "password": PASSWORD}, form="/sign-in")
    assert answer.status_code == 429
    assert "أعد المحاولة بعد دقيقة" in answer.text


def test_sign_out_ends_the_session_on_the_server(app: Flask) -> None:
    client = sign_in(app, "head.a")
    cookie = client.get_cookie("session")
    assert cookie is not None
    assert post(client, "/sign-out", {}).status_code == 303
    other = app.test_client()
    other.set_cookie("session", cookie.value)
    assert other.get("/account").status_code == 303


def test_own_account_shows_name_and_ends_other_sessions(app: Flask, world: World) -> None:
    first, second = sign_in(app, "head.a"), sign_in(app, "head.a")
    page = first.get("/account").text
    assert "سالم عبد الأمير الخفاجي" in page
    assert "رئيس الجهة" in page
    assert post(first, "/account/sessions/end-others", {}).status_code == 303
    assert (first.get("/account").status_code, second.get("/account").status_code) == (200, 303)


def test_administrator_adds_a_person_who_must_change_the_password(app: Flask, world: World) -> None:
    client = sign_in(app, "administrator.a")
    told = {"name": "نور صباح", "unit": "قسم جديد", "post": "مهندس", "login": "nour.s", "clearance": "1"}
    refused = post(client, "/staff/new", told, form="/staff/new")
    assert refused.status_code == 422
    assert "اختر دوراً واحداً في الأقل" in refused.text
    shown = post(client, "/staff/new", {**told, "roles": ["employee"]}, form="/staff/new")
    assert shown.status_code == 200
    password = re.search(r">((?:[a-z2-9]{4}-){4}[a-z2-9]{4})<", shown.text)
    assert password is not None
    assert "نور صباح" in client.get("/staff").text
    person = sign_in(app, "nour.s", password[1])
    assert person.get("/entities").headers["Location"] == "/account/password"
    changed = {"old": password[1], "password": NEW, "again": NEW}
    differs = post(person, "/account/password", {**changed, "again": "x"}, form="/account/password")
    assert differs.status_code == 422
    assert post(person, "/account/password", changed, form="/account/password").status_code == 303
    assert person.get("/entities").status_code == 200


def test_administrator_disables_and_takes_a_post_back(app: Flask, world: World) -> None:
    client, victim = sign_in(app, "administrator.a"), sign_in(app, "employee.a")
    code = world.actor("a", "employee").employee_code
    page = client.get(f"/staff/{code}").text
    end = re.search(r'action="(/staff/\d+/assignments/[^"]+/end)"', page)
    assert end is not None
    assert post(client, end[1], {}).status_code == 303
    assert "بلا منصب" in client.get("/staff").text
    assert post(client, f"/staff/{code}/disable", {}).status_code == 303
    assert victim.get("/account").status_code == 303
    assert post(client, f"/staff/{code}/enable", {}).status_code == 303


def test_other_bodies_staff_is_the_same_404_as_nobody(app: Flask, world: World) -> None:
    client = sign_in(app, "administrator.a")
    theirs = world.actor("b", "employee").employee_code
    for path in (f"/staff/{theirs}", "/staff/0000000000", f"/staff?entity={world.entity_b.code}", "/staff?entity=1"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "هدى" not in answer.text
    for path in (f"/staff/{theirs}/password", f"/staff/{theirs}/disable", "/staff/0000000000/password"):
        assert post(client, path, {}).status_code == 404
    page = client.get(f"/entities/{world.entity_b.code}").text
    assert "الخفاجي" not in page
    assert "وزارة التربية" in page
    assert "الخفاجي" in client.get(f"/entities/{world.entity_a.code}").text


@pytest.mark.parametrize("path", ["/staff", "/staff/new", "/staff/import", "/entities/new", "/entities/import"])
def test_employee_may_not_keep_anything(app: Flask, path: str) -> None:
    assert sign_in(app, "employee.a").get(path).status_code == 403


def test_form_without_token_is_refused(app: Flask) -> None:
    assert sign_in(app, "centre.centre").post("/entities/new", data={"name_ar": "x"}).status_code == 403


def test_centre_registers_a_body(app: Flask) -> None:
    client = sign_in(app, "centre.centre")
    told = {"name_ar": "وزارة النقل", "type": "ministry", "mail_domain": "mot.gov.example", "valid_from": "2020-01-01"}
    refused = post(client, "/entities/new", {**told, "mail_domain": "moh.gov.example"}, form="/entities/new")
    assert refused.status_code == 422
    assert "مستعمل" in refused.text
    made = post(client, "/entities/new", told, form="/entities/new")
    assert made.status_code == 303
    assert "وزارة النقل" in client.get(made.headers["Location"]).text


def test_list_finds_bodies_by_folded_name_code_and_domain(app: Flask, world: World) -> None:
    client = sign_in(app, "employee.a")
    for asked in ("الصحه", "وِزارة صحة", world.entity_a.code, "moh.gov"):
        page = client.get("/entities", query_string={"q": asked}).text
        assert f"/entities/{world.entity_a.code}" in page, asked
        assert f"/entities/{world.entity_b.code}" not in page
    assert "لا توجد جهة" in client.get("/entities?q=zzz").text


def test_import_page_shows_every_bad_row(app: Flask) -> None:
    client = sign_in(app, "centre.centre")
    table = (
        "key,name_ar,name_en,type,parent_key,mail_domain,short_mark,valid_from\n"
        "a,جامعة دجلة,,university,,moh.gov.example,,2020-01-01\nb,,,branch,,b.example,,x\n"
    )
    data = {"csrf_token": token_of(client, "/account"), "file": (io.BytesIO(table.encode()), "t.csv")}
    answer = client.post("/entities/import", data=data)
    assert answer.status_code == 422
    assert answer.text.count("<tr>") == 5
    good = table.replace("university", "independent").replace("moh.", "tigris.").split("\nb,")[0] + "\n"
    data = {"csrf_token": token_of(client, "/account"), "file": (io.BytesIO(good.encode()), "t.csv")}
    assert client.post("/entities/import", data=data).status_code == 303


def test_staff_import_page_takes_a_table(app: Flask, world: World) -> None:
    client = sign_in(app, "administrator.a")
    table = f"entity,unit,post,name,login,roles,clearance\n{world.entity_a.code},قسم,منصب,اسم شخص,new.one,employee,1\n"
    for status in (303, 422):
        data = {"csrf_token": token_of(client, "/account"), "file": (io.BytesIO(table.encode()), "t.csv")}
        assert client.post("/staff/import", data=data).status_code == status


def test_administrator_changes_roles_and_gives_another_post(app: Flask, world: World) -> None:
    client, code = sign_in(app, "administrator.a"), world.actor("a", "employee").employee_code
    asked = {"clearance": "2", "roles": ["employee", "signatory"]}
    refused = post(client, f"/staff/{code}/edit", {**asked, "clearance": "3"}, form=f"/staff/{code}/edit")
    assert refused.status_code == 422
    assert post(client, f"/staff/{code}/edit", asked, form=f"/staff/{code}/edit").status_code == 303
    assert "مخوّل بالتوقيع" in client.get(f"/staff/{code}").text
    empty = post(client, f"/staff/{code}/posts", {"unit": "قسم المتابعة"}, form=f"/staff/{code}/posts")
    assert empty.status_code == 422
    told = {"unit": "قسم المتابعة", "post": "مسؤول المتابعة"}
    assert post(client, f"/staff/{code}/posts", told, form=f"/staff/{code}/posts").status_code == 303
    with world.database.read(world.actor("a", "administrator")) as uow:
        person = world.actor("a", "employee")
        assert person.employee_id is not None
        held = entities.posts_held(uow, person.employee_id, world.entity_a.id, uow.today)
        assert [(one.title, one.may_sign) for one in held] == [("ملاحظ", True), ("مسؤول المتابعة", True)]
    assert post(client, f"/staff/{code}/posts", told, form=f"/staff/{code}/posts").status_code == 409


def test_nobody_changes_the_own_roles_or_clearance(app: Flask, world: World) -> None:
    client, code = sign_in(app, "administrator.a"), world.actor("a", "administrator").employee_code
    for asked in ({"clearance": "2", "roles": ["signatory"]}, {"clearance": "1", "roles": ["administrator"]}):
        assert post(client, f"/staff/{code}/edit", asked, form=f"/staff/{code}/edit").status_code == 403


def test_administrator_says_how_letters_are_registered_and_nothing_else(app: Flask, world: World) -> None:
    client, code = sign_in(app, "administrator.a"), world.entity_a.code
    page = f"/entities/{code}/edit"
    assert 'name="name_ar"' not in client.get(page).text
    assert post(client, page, {"by_rule": "", "name_ar": "اسم آخر"}, form=page).status_code == 303
    shown = client.get(f"/entities/{code}").text
    assert "يقيّدها مسؤول الديوان" in shown
    assert "اسم آخر" not in shown
    assert client.get(f"/entities/{world.entity_b.code}/edit").status_code == 403


def test_centre_changes_and_closes_a_body(app: Flask, world: World) -> None:
    client, page = sign_in(app, "centre.centre"), f"/entities/{world.entity_b.code}/edit"
    told = {"name_ar": "وزارة التربية والتعليم", "short_mark": "و.ت.ت", "by_rule": "1"}
    wrong = post(client, page, {**told, "name_ar": "", "valid_to": "2001-01-01"}, form=page)
    assert wrong.status_code == 422
    assert wrong.text.count("field-wrong") == 2
    assert post(client, page, {**told, "valid_to": "2020-02-01"}, form=page).status_code == 303
    assert "وزارة التربية والتعليم" in client.get(f"/entities/{world.entity_b.code}").text
    assert post(client, page, {**told, "valid_to": ""}, form=page).status_code == 303


def test_no_password_is_hashed_while_a_unit_of_work_is_open(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(app, "administrator.a")
    open_now: list[str] = []
    for name in ("work", "read"):
        monkeypatch.setattr(Database, name, counting(getattr(Database, name), open_now))
    true_slot, hashes = passwords._slot, []

    @contextmanager
    def slot() -> Iterator[None]:
        hashes.append(tuple(open_now))
        with true_slot():
            yield

    monkeypatch.setattr(passwords, "_slot", slot)
    sign_in(app, "employee.a")
    post(client, f"/staff/{world.actor('a', 'employee').employee_code}/password", {})
    told: dict[str, Any] = {"name": "نور صباح", "unit": "قسم", "post": "مهندس", "login": "nour.s", "clearance": "1"}
    told["roles"] = ["employee"]
    assert post(client, "/staff/new", told, form="/staff/new").status_code == 200
    table = "entity,unit,post,name,login,roles,clearance,password\n"
    table += f"{world.entity_a.code},قسم,كاتب,سعاد علي,suad.ali,employee,1,{NEW}\n"
    sent = {"file": (io.BytesIO(table.encode()), "staff.csv")}
    assert post(client, "/staff/import", sent, form="/staff/import").status_code == 303
    changed = {"old": PASSWORD, "password": NEW, "again": NEW}
    assert post(client, "/account/password", changed, form="/account/password").status_code == 303
    assert hashes == [()] * 6


def counting(opened: Any, open_now: list[str]) -> Any:
    @contextmanager
    def watched(*given: Any) -> Iterator[Any]:
        with opened(*given) as uow:
            open_now.append("open")
            try:
                yield uow
            finally:
                open_now.pop()

    return watched
