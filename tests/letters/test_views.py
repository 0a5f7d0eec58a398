"""The pages of letters: reading as a coded copy, acts by state and role, lists, register, JSON, closed doors."""

import re
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.routing import Rule

from edms.audit.models import Event
from edms.codes.models import IssuedCopy
from edms.core.errors import Invalid
from edms.dispatch.models import OutboundPackage
from edms.letters import queries
from edms.letters.models import Letter
from edms.letters.rules import Sensitivity, State
from tests.factories import letters as make
from tests.factories.pages import post
from tests.factories.world import OPERATOR, World

People = Callable[[str, str], FlaskClient]


def copies(town: World, letter_id: UUID) -> list[tuple[str, str]]:
    with town.database.read(OPERATOR) as uow:
        rows = uow.session.scalars(select(IssuedCopy).where(IssuedCopy.letter_id == letter_id).order_by(IssuedCopy.id))
        return [(row.act, row.code) for row in rows]


def events(town: World, letter_id: UUID, act: str) -> int:
    with town.database.read(OPERATOR) as uow:
        return uow.session.scalar(
            select(func.count()).select_from(Event).where(Event.object_id == letter_id, Event.act == act)
        ) or 0  # fmt: skip


def test_each_role_begins_where_its_work_is(signed_in: People) -> None:
    homes = {"employee": "/incoming", "registry": "/incoming", "head": "/signing", "administrator": "/staff"}
    assert {who: signed_in("a", who).get("/").headers["Location"] for who in homes} == homes
    assert signed_in("centre", "centre").get("/").headers["Location"] == "/entities"
    assert signed_in("centre", "auditor").get("/").headers["Location"] == "/incoming"


def test_opening_is_recorded_before_anything_leaves_and_marks_it_read(signed_in: People, town: World) -> None:
    letter_id = make.received(town, subject="كتاب لم يُقرأ", files={"صفحة.svg": b"<svg/>"})
    employee = signed_in("b", "employee")
    assert 'class="unread"' in employee.get("/incoming?show=unread").text
    page = employee.get(f"/letters/{letter_id}")
    assert "كتاب لم يُقرأ" in page.text
    assert "صفحة.svg" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert str(letter_id) not in employee.get("/incoming?show=unread").text
    assert [act for act, _ in copies(town, letter_id)] == ["view"]
    assert (events(town, letter_id, "letters.opened"), events(town, letter_id, "codes.view")) == (1, 1)


def test_page_images_and_files_are_copies_of_one_person(signed_in: People, town: World) -> None:
    letter_id = make.received(town, files={"صفحة.html": b"<script>1</script>"})
    employee = signed_in("b", "employee")
    image = employee.get(f"/letters/{letter_id}/pages/1.png?width=160")
    assert image.data.startswith(b"\x89PNG")
    assert employee.get(f"/letters/{letter_id}/pages/2.png").status_code == 404
    pdf = employee.get(f"/letters/{letter_id}/copy.pdf")
    assert pdf.data.startswith(b"%PDF")
    assert employee.get(f"/letters/{letter_id}/print.pdf").data.startswith(b"%PDF")
    with town.database.read(town.actor("b", "employee")) as uow:
        attached = queries.attachments(uow, letter_id)[0].id
    file = employee.get(f"/letters/{letter_id}/attachments/{attached}")
    assert file.data == b"<script>1</script>"
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.headers["Content-Security-Policy"].startswith("sandbox")
    assert [act for act, _ in copies(town, letter_id)] == ["view", "download", "print", "download"]
    assert len({code for _, code in copies(town, letter_id)}) == 4
    colleague = signed_in("b", "colleague").get(f"/letters/{letter_id}/copy.pdf")
    assert colleague.data != pdf.data


def test_text_is_in_logical_order_beside_the_sheet(signed_in: People, town: World) -> None:
    letter_id = make.issued(town, markup="فقرة أولى.\n\n| ت | المادة |\n| ١ | حاسوب |").letter_id
    page = signed_in("a", "employee").get(f"/letters/{letter_id}?view=text").text
    assert page.index("فقرة أولى.") < page.index("المادة") < page.index("حاسوب")


def test_tray_signs_and_issues_in_one_press(signed_in: People, town: World) -> None:
    letter_id = make.submitted(town, subject="كتاب في صينية التوقيع")
    head = signed_in("a", "head")
    tray = head.get("/signing").text
    assert f"/signing/{letter_id}/pages/1.png" in tray
    answer = post(head, f"/letters/{letter_id}/sign-and-issue", {"next": "/signing"})
    assert answer.headers["Location"] == "/signing"
    assert "صدر الكتاب بالعدد" in head.get("/signing").text
    assert make.letter(town, letter_id).state == State.ISSUED
    assert post(head, f"/letters/{letter_id}/sign-and-issue").status_code == 409


def test_return_asks_for_a_reason_and_shows_it_to_the_writer(signed_in: People, town: World) -> None:
    letter_id = make.submitted(town)
    head = signed_in("a", "head")
    refused = post(head, f"/letters/{letter_id}/return", {"reason": " "})
    assert (refused.status_code, "اكتب السبب." in refused.text) == (422, True)
    post(head, f"/letters/{letter_id}/return", {"reason": "تُضاف المرفقات"})
    assert "تُضاف المرفقات" in signed_in("a", "employee").get(f"/letters/{letter_id}/edit").text
    assert "معاد" in signed_in("a", "employee").get("/drafts").text


def test_registry_issues_what_is_signed(signed_in: People, town: World) -> None:
    letter_id = make.signed(town)
    registry = signed_in("a", "registry")
    assert f"/letters/{letter_id}/issue" in registry.get("/signing").text
    assert post(registry, f"/letters/{letter_id}/issue").status_code == 303
    assert make.letter(town, letter_id).number


def test_signing_needs_the_post(signed_in: People, town: World) -> None:
    letter_id = make.submitted(town)
    assert post(signed_in("a", "employee"), f"/letters/{letter_id}/sign").status_code == 403
    assert post(signed_in("a", "registry"), f"/letters/{letter_id}/sign").status_code == 404
    assert make.letter(town, letter_id).state == State.SUBMITTED


def test_annulled_registration_is_struck_and_its_sender_told(signed_in: People, town: World) -> None:
    letter_id = make.received(town, subject="قُيّد لدينا سهواً")
    registry = signed_in("b", "registry")
    at = f"/letters/{letter_id}"
    assert f"{at}/annul" not in signed_in("b", "employee").get(at).text
    assert post(signed_in("b", "employee"), f"{at}/annul", {"reason": "x"}).status_code == 403
    assert post(registry, f"{at}/annul", {"reason": " "}, form=f"{at}/annul").status_code == 422
    assert post(registry, f"{at}/annul", {"reason": "يخص جهة أخرى"}, form=f"{at}/annul").status_code == 303
    page = registry.get(at).text
    assert "يخص جهة أخرى" in page
    assert f"{at}/annul" not in page
    assert post(registry, f"{at}/annul", {"reason": "ثانية"}).status_code == 409
    assert told(town, letter_id) == [("annulled", "يخص جهة أخرى", "")]
    assert "أُلغي القيد" in registry.get(f"{at}/track").text


def test_sender_is_told_which_unit_deals_with_a_letter(signed_in: People, town: World) -> None:
    letter_id = make.received(town)
    registry, at = signed_in("b", "registry"), f"/letters/{letter_id}"
    page = registry.get(f"{at}/assign").text
    unit = re.search(r'<option value="([0-9a-f-]{36})"[^>]*>([^<]+)<', page)
    assert unit is not None
    assert post(registry, f"{at}/assign", {"unit": str(uuid4())}, form=f"{at}/assign").status_code == 404
    assert post(signed_in("b", "employee"), f"{at}/assign", {"unit": unit[1]}).status_code == 403
    for _ in range(2):
        assert post(registry, f"{at}/assign", {"unit": unit[1]}, form=f"{at}/assign").status_code == 303
    assert unit[2] in registry.get(at).text
    assert told(town, letter_id) == [("updated", "", unit[2])]


def told(town: World, letter_id: UUID) -> list[tuple[str, str, str]]:
    """Return what the sender of a letter was told of it beside that it was opened."""
    with town.database.read(OPERATOR) as uow:
        package_id = str(uow.session.get_one(Letter, letter_id).package_id)
        notes = [row.meta for row in uow.session.scalars(
            select(OutboundPackage).where(OutboundPackage.kind == "receipt").order_by(OutboundPackage.id)
        )]  # fmt: skip
    return [
        (each["kind"], each["reason_text"], each["unit"])
        for each in notes
        if each["package_id"] == package_id and each["kind"] != "opened"
    ]


def test_void_letter_is_struck_in_the_register_with_its_reason(signed_in: People, town: World) -> None:
    made = make.issued(town, subject="كتاب يُلغى")
    registry = signed_in("a", "registry")
    assert "سبب الإلغاء" in registry.get(f"/letters/{made.letter_id}/void").text
    assert post(registry, f"/letters/{made.letter_id}/void", {"reason": " "}).status_code == 422
    post(registry, f"/letters/{made.letter_id}/void", {"reason": "صدر سهواً"})
    assert "صدر سهواً" in registry.get(f"/letters/{made.letter_id}").text
    page = registry.get("/register?direction=outgoing").text
    assert 'class="void"' in page
    assert "صدر سهواً" in page
    pdf = registry.get("/register.pdf?direction=outgoing")
    assert pdf.data.startswith(b"%PDF")


def test_register_hides_what_its_reader_may_not_read_but_no_number(signed_in: People, town: World) -> None:
    make.issued(town, by=town.actor("a", "head"), sensitivity=Sensitivity.TOP_SECRET, subject="سر مكتوم")
    page = signed_in("a", "registry").get("/register?direction=outgoing").text
    assert "سر مكتوم" not in page
    assert "غير متاح لدرجة اطلاعك" in page
    assert signed_in("a", "employee").get("/register").status_code == 403
    assert signed_in("a", "registry").get("/register?from=2026-13-45").status_code == 422
    assert "لا قيود في هذه الأيام." in signed_in("a", "registry").get("/register?from=2001-01-01&to=2001-01-02").text


def test_settling_from_the_page(signed_in: People, town: World) -> None:
    letter_id = make.received(town)
    post(signed_in("b", "employee"), f"/letters/{letter_id}/settle")
    assert make.letter(town, letter_id, town.actor("b", "employee")).state == State.SETTLED


def test_incomplete_draft_says_what_is_missing(signed_in: People, town: World) -> None:
    letter_id = make.drafted(town, to=())
    answer = post(signed_in("a", "employee"), f"/letters/{letter_id}/submit")
    assert (answer.status_code, "حدّد جهة واحدة على الأقل" in answer.text) == (422, True)


def test_json_gives_the_same_letters(signed_in: People, town: World) -> None:
    made = make.issued(town, subject="كتاب للواجهة")
    employee = signed_in("a", "employee")
    page = employee.get("/api/v1/letters?direction=outgoing&limit=1").get_json()
    assert page["letters"][0]["subject"] == "كتاب للواجهة"
    assert page["before"] == page["letters"][0]["id"]
    one = employee.get(f"/api/v1/letters/{made.letter_id}").get_json()
    assert (one["document_code"], one["number"], one["hijri"]) == (made.document_code, made.number, made.hijri)
    for wrong in ("limit=0", "limit=x", "before=1", "direction=up"):
        assert employee.get(f"/api/v1/letters?{wrong}").status_code == 422
    assert town.entity_b.name_ar in one["to"]


@pytest.mark.parametrize("language", ["ar", "en"])
def test_lists_have_words_for_nothing(app: Flask, signed_in: People, language: str) -> None:
    auditor = signed_in("centre", "auditor")
    auditor.set_cookie("lang", language)
    for url in ("/incoming", "/incoming?show=unread", "/outgoing", "/outgoing?show=void"):
        assert 'class="empty"' in auditor.get(url).text


def _addresses(rules: Iterator[Rule], letter_id: UUID, attachment_id: UUID) -> Iterator[tuple[str, str]]:
    for rule in rules:
        if "<uuid:letter_id>" not in rule.rule:
            continue
        path = rule.rule.replace("<uuid:letter_id>", str(letter_id)).replace("<int:number>", "1")
        path = path.replace("<uuid:attachment_id>", str(attachment_id))
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            if "<" not in path:
                yield method, path


def test_a_letter_whose_sheet_cannot_be_drawn_shows_its_words(
    signed_in: People, town: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another installation made the sheet: what is wrong with it keeps nobody from the letter."""

    def broken(_pdf: bytes) -> int:
        raise Invalid("letters.not-a-pdf")

    letter_id = make.received(town, subject="كتاب بورقة تالفة")
    monkeypatch.setattr("edms.letters.copies._drawn_here", lambda _uow, _letter: False)
    monkeypatch.setattr("edms.letters.copies.page_count_apart", broken)
    page = signed_in("b", "head").get(f"/letters/{letter_id}")
    assert page.status_code == 200
    assert "كتاب بورقة تالفة" in page.text
    assert "تعذّر رسم صفحات هذا الكتاب" in page.text
    assert "/pages/1.png" not in page.text


def test_another_bodys_letter_is_answered_like_one_that_does_not_exist(
    app: Flask, signed_in: People, town: World
) -> None:
    made = make.received(town, subject="مكتوم عن الجهة الأخرى", files={"مكتوم.txt": b"a"})
    own = make.drafted(town, subject="مكتوم عن الجهة الأخرى")
    with town.database.read(town.actor("b", "head")) as uow:
        attached = queries.attachments(uow, made)[0].id
    strangers = ((made, "a"), (own, "b"))
    for letter_id, where in strangers:
        for who in ("head", "registry", "employee"):
            client = signed_in(where, who)
            client.get("/incoming")  # takes the notice that an earlier act may have left
            pairs = zip(
                _addresses(app.url_map.iter_rules(), letter_id, attached),
                _addresses(app.url_map.iter_rules(), missing := uuid4(), attached),
                strict=True,
            )
            for (method, path), (_, nowhere) in pairs:
                fields = {"reason": "سبب", "subject": "س", "body": "ن", "version": "1"}
                answers = [
                    client.get(each) if method == "GET" else post(client, each, fields) for each in (path, nowhere)
                ]
                kind = 403 if path.startswith("/audit-log/") else 404  # those pages are for auditors, whatever is asked
                assert [each.status_code for each in answers] == [kind, kind], (who, method, path)
                texts = [_same(each.text, letter_id, missing) for each in answers]
                assert texts[0] == texts[1], (who, method, path)
            for url in ("/incoming", "/outgoing", "/drafts", "/signing", "/api/v1/letters"):
                assert str(letter_id) not in client.get(url).text


def _same(text: str, *ids: UUID) -> str:
    """Take out what differs from request to request: tokens, the request's number, the id that was asked for."""
    for each in ids:
        text = text.replace(str(each), "ID")
    text = re.sub(r'(csrf[-_]token"[^>]*(?:value|content)=")[^"]+', r"\1", text)
    return re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", "REQUEST", text)
