"""The leak desk as pages: files in, progress, the answer, its evidence, its report; closed to everybody else."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from crypto.codes import copy_code, format_code
from edms.verification import leak_queries, leak_showing
from edms.verification.leak_rules import WRONG_CODES_AN_HOUR
from tests.factories.issued import downloaded_copy, events, issued_letter
from tests.factories.pages import application, post, sign_in
from tests.factories.world import OPERATOR, World, make_world
from tests.verification.leaks import encoded, noise, piece, rendered, work_off
from tests.verification.test_leak_cases import make_auditors

HIDDEN_NAME = "عمر ناظم الجبوري"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("world"))
    make_auditors(made)
    yield made
    made.database.dispose()


@pytest.fixture(scope="module")
def app(world: World) -> Flask:
    return application(world)


@pytest.fixture
def auditor(app: Flask, world: World) -> FlaskClient:
    return sign_in(app, world.logins["a", "registry"])


def opened(client: FlaskClient, *files: tuple[str, bytes], **form: Any) -> str:
    """Open a case through the form and return its address."""
    sent = {"title": "لقطة متداولة", "files": [(io.BytesIO(data), name) for name, data in files], **form}
    answer = post(client, "/leaks/new", sent, form="/leaks/new")
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def test_a_leak_is_traced_through_the_pages(app: Flask, world: World, auditor: FlaskClient) -> None:
    letter = issued_letter(world)
    pdf, copy = downloaded_copy(world, letter, ("a", "employee"))
    leak = encoded(piece(rendered(pdf), 0.1, 0.1, 1, 0.6), "JPEG", quality=80)
    case = opened(auditor, ("صورة \u202eمن الهاتف.jpg", leak), ("لا شيء.bin", b"nothing"))
    waiting = auditor.get(case).text
    assert "ينتظر البحث دوره" in waiting
    assert 'hx-trigger="every 1500ms"' in waiting
    assert 'http-equiv="refresh"' in waiting
    running = auditor.get(f"{case}/progress")
    assert (running.status_code, "HX-Refresh" in running.headers) == (200, False)
    assert work_off(world) == 1
    assert auditor.get(f"{case}/progress").headers["HX-Refresh"] == "true"

    page = auditor.get(case).text
    assert "سُمّيت نسخة واحدة بلا شك" in page
    assert HIDDEN_NAME in page
    assert format_code(copy.code) in page
    assert "أن تُسمّى نسخة بريئة" in page
    assert "تعذّرت قراءة الملف كله" in page
    assert "\u202e" not in page
    pictures = re.findall(rf'src="({case}/pictures/[0-9a-f-]+\.webp)"', page)
    assert len(pictures) == 2
    for url in pictures:
        answer = auditor.get(url)
        assert (answer.status_code, answer.content_type, answer.data[8:12]) == (200, "image/webp", b"WEBP")
    file = re.findall(rf'href="({case}/files/[0-9a-f-]+)"', page)[0]
    answer = auditor.get(file)
    assert answer.data == leak
    assert answer.headers["Content-Disposition"].startswith("attachment")

    report = auditor.get(f"{case}/report").text
    assert "سلسلة الحيازة" in report
    for act in ("فُتح الملف", "أُضيف ملف", "تتبع نسخة", "أُخرج ملف", "عُرضت صورة", "حُرّر تقرير"):
        assert act in report
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "leaks.file-exported") == 1
        assert events(uow, "leaks.picture-seen") == 2

    for who in (("b", "registry"), ("a", "employee"), ("a", "administrator")):
        stranger = sign_in(app, world.logins[who])
        expected = 404 if who[0] == "b" else 403
        for url in (case, f"{case}/report", f"{case}/progress", pictures[0], file):
            assert stranger.get(url).status_code == expected, (who, url)


def test_who_may_not_read_the_letter_does_not_see_its_page(world: World, auditor: FlaskClient) -> None:
    from edms.letters.rules import Sensitivity

    letter = issued_letter(world, sensitivity=Sensitivity.TOP_SECRET)
    pdf, _ = downloaded_copy(world, letter, ("a", "head"))
    case = opened(auditor, ("سري.png", encoded(piece(rendered(pdf), 0.1, 0.1, 1, 0.6))))
    assert work_off(world) == 1
    page = auditor.get(case).text
    assert "سُمّيت نسخة واحدة بلا شك" in page
    assert "لا تُرسم الصفحة إلا لمن يحق له" in page
    assert len(re.findall(rf'src="{case}/pictures/', page)) == 1
    with world.database.read(OPERATOR) as uow:
        row = next(iter(leak_queries.cases(uow)))
        outcome = leak_queries.look_ups(uow, row.id)[0].outcome
        drawn = outcome["evidence"][0]["drawn"]
        assert leak_showing.shown_case(uow, row).named[0].evidence[0].drawn == drawn
    assert auditor.get(f"{case}/pictures/{drawn}.webp").status_code == 404


def test_what_is_wrong_with_a_new_case_is_told_beside_what_was_typed(auditor: FlaskClient, world: World) -> None:
    file = [(io.BytesIO(noise(1, 260)), "x.png")]
    for sent, told in (
        ({"title": " ", "files": file}, "اكتب موضوع الملف"),
        ({"title": "لقطة", "letters": "12345", "files": [(io.BytesIO(b"x"), "x.png")]}, "ليس رمز وثيقة"),
        ({"title": "لقطة", "files": [(io.BytesIO(b""), "فارغ.png")]}, "فارغ.png"),
        ({"title": "لقطة"}, "اختر ملفاً"),
    ):
        answer = post(auditor, "/leaks/new", sent, form="/leaks/new")
        assert (answer.status_code, told in answer.text) == (422, True), told
        assert f'value="{sent["title"]}"' in answer.text
    empty = post(auditor, "/leaks/new", {"title": ""}, form="/leaks/new").text
    assert ("اكتب موضوع الملف" in empty, "اختر ملفاً" in empty) == (True, True)
    with world.database.read(OPERATOR) as uow:
        assert all(one.title != "لقطة" for one in leak_queries.cases(uow))


def test_twenty_wrong_codes_raise_the_alarm_and_close_the_desk(app: Flask, world: World) -> None:
    client = sign_in(app, world.logins["a", "head"])
    _, copy = downloaded_copy(world, issued_letter(world), ("a", "employee"))
    found = post(client, "/leaks/code", {"code": format_code(copy.code)}, form="/leaks/code")
    assert HIDDEN_NAME in found.text
    assert "قرينة لا دليلاً" in found.text
    assert post(client, "/leaks/code", {"code": "123"}, form="/leaks/code").status_code == 422
    for number in range(WRONG_CODES_AN_HOUR):
        answer = post(client, "/leaks/code", {"code": copy_code(77_000_000_000 + number)}, form="/leaks/code")
        assert "لم تُسلَّم نسخة بهذا الرمز" in answer.text
    closed = post(client, "/leaks/code", {"code": copy.code}, form="/leaks/code")
    assert (closed.status_code, HIDDEN_NAME in closed.text) == (503, False)
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "verification.copy-guessing") == 1


def test_the_policy_is_the_administrators(app: Flask, world: World, auditor: FlaskClient) -> None:
    assert auditor.get("/leaks/policy").status_code == 403
    client = sign_in(app, world.logins["b", "administrator"])
    assert post(client, "/leaks/policy", {"by_two": "1"}, form="/leaks/policy").status_code == 303
    assert re.search(r'name="by_two" value="1" checked', client.get("/leaks/policy").text)
    with world.database.read(OPERATOR) as uow:
        assert (leak_queries.by_two(uow, world.entity_b.id), leak_queries.by_two(uow, world.entity_a.id)) == (
            True, False,
        )  # fmt: skip


def test_notes_and_closing_through_the_pages(auditor: FlaskClient) -> None:
    case = opened(auditor, ("x.png", noise(2, 260)))
    assert post(auditor, f"{case}/notes", {"kind": "decision", "text": ""}, form=case).status_code == 422
    assert post(auditor, f"{case}/notes", {"kind": "decision", "text": "يُستدعى المعني"}, form=case).status_code == 303
    assert post(auditor, f"{case}/close", {"reason": "اكتمل التحقيق"}, form=case).status_code == 303
    page = auditor.get(case).text
    assert "يُستدعى المعني" in page
    assert "اكتمل التحقيق" in page
    assert f'action="{case}/notes"' not in page
    assert post(auditor, f"{case}/reopen", {"reason": "دليل جديد"}, form=case).status_code == 303
    assert "دليل جديد" in auditor.get(case).text


def test_a_form_over_the_limit_is_not_read(auditor: FlaskClient, tmp_path: Path) -> None:
    answer = auditor.post("/leaks/new", data=b"\0" * (102 << 20), content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 413
