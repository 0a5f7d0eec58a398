"""The form of a letter, without scripts: finding bodies, saving, refusals, the second tab, the preview."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from edms.letters import queries
from edms.letters.rules import State
from tests.factories import letters as make
from tests.factories.pages import post
from tests.factories.world import World

People = Callable[[str, str], FlaskClient]
NEW = "/letters/new"


def typed(town: World, **given: Any) -> dict[str, Any]:
    return {
        "action": "save", "kind": "letter", "subject": "توفير أدوية الأمراض المزمنة", "sensitivity": "0",
        "precedence": "ordinary", "to": town.entity_b.code, "body": "نص الكتاب.", "version": "0", "references": "",
        "signer": signer_of(town),
    } | given  # fmt: skip


def signer_of(town: World) -> str:
    return str(make.letter_text(town).signer_post_id)


def saved(answer: TestResponse) -> UUID:
    assert answer.status_code == 303, answer.text
    found = re.search(r"/letters/([0-9a-f-]{36})", answer.headers["Location"])
    assert found is not None
    return UUID(found[1])


def drafts_of(town: World) -> int:
    with town.database.read(town.actor("a", "employee")) as uow:
        return len(queries.letters(uow, direction="outgoing", states=(State.DRAFT,)))


def test_letter_is_saved_with_attachments_and_shown_again(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    files = [(io.BytesIO(b"<script>1</script>"), "صفحة.html"), (io.BytesIO(b"a,b"), "جدول.csv")]
    letter_id = saved(post(employee, NEW, typed(town, attachments=files, body="فقرة.\n\n- أ\n- ب")))
    page = employee.get(f"/letters/{letter_id}/edit").text
    assert "توفير أدوية الأمراض المزمنة" in page
    assert "- أ\n- ب" in page
    assert "صفحة.html" in page
    assert "ولا يُعرض في الصفحة أبداً" in page
    assert f'src="/letters/{letter_id}/preview/1.png' in page


def test_search_offers_bodies_and_ticked_ones_become_chips(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    found = post(employee, NEW, typed(town, to=[], action="find", find_to="تربية"))
    assert f'name="add_to" value="{town.entity_b.code}"' in found.text
    boxes = {"add_to": town.entity_b.code, "add_copy": town.centre.code}
    ticked = post(employee, NEW, typed(town, to=[], action="find", **boxes))
    assert f'name="to" value="{town.entity_b.code}"' in ticked.text
    assert f'name="purpose-{town.centre.code}"' in ticked.text
    taken = post(employee, NEW, typed(town, action=f"remove-to-{town.entity_b.code}"))
    assert f'name="to" value="{town.entity_b.code}"' not in taken.text
    suggested = employee.get("/letters/addressees?find_copy=" + town.entity_b.code, headers={"HX-Request": "true"})
    assert f'name="add_copy" value="{town.entity_b.code}"' in suggested.text
    assert "<html" not in suggested.text


def test_body_typed_in_full_needs_no_search(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    for words in (town.entity_b.name_ar, town.entity_b.code):
        letter_id = saved(post(employee, NEW, typed(town, to=[], find_to=words)))
        with town.database.read(town.actor("a", "employee")) as uow:
            assert [each.recipient_id for each in queries.addressees(uow, letter_id)] == [town.entity_b.id]


def test_refusals_say_so_in_arabic_and_change_nothing(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    before = drafts_of(town)
    swapped = town.entity_b.code[:4] + town.entity_b.code[5] + town.entity_b.code[4] + town.entity_b.code[6:]
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * (11 << 20))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"subject": "  "}, "اكتب موضوع الكتاب."),
        ({"find_to": "وزارة لا وجود لها"}, "لا توجد جهة مسجلة بهذا الاسم أو الرمز"),
        ({"to": "99999999"}, "لا توجد جهة مسجلة بهذا الاسم أو الرمز"),
        ({"find_to": town.entity_a.code}, "لا يمكن أن يُعنون الكتاب إلى جهتك نفسها."),
        ({"to": town.entity_a.code}, "لا يمكن أن يُعنون الكتاب إلى جهتك نفسها."),
        ({"attachments": [(io.BytesIO(b"x"), "../../x")]}, "لا يجوز أن يحوي مساراً"),
        ({"attachments": [(io.BytesIO(b""), "a.txt")]}, "فارغ"),
        ({"attachments": [(io.BytesIO(b"x" * (26 << 20)), "a.bin")]}, "أكبر من المسموح"),
        ({"attachments": [(io.BytesIO(bomb.getvalue()), "a.zip")]}, "ينفتح إلى حجم غير معقول"),
        ({"sensitivity": "3"}, "درجة السرية أعلى من درجة اطلاعك."),
        ({"signer": "x"}, "ليس من مناصب التوقيع"),
        ({"action": "submit", "body": " "}, "اكتب نص الكتاب."),
    ]
    if swapped != town.entity_b.code:
        cases.append(({"find_to": swapped}, "هل تقصد"))
    for given, sentence in cases:
        answer = post(employee, NEW, typed(town, **given))
        assert (answer.status_code, sentence in answer.text) == (422, True), (given, answer.text[-3000:])
        assert "نص الكتاب." in answer.text or given.get("body") == " "
    assert drafts_of(town) == before


def test_a_request_over_the_limit_is_answered_with_a_page(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    limit = employee.application.config["MAX_CONTENT_LENGTH"]
    employee.application.config["MAX_CONTENT_LENGTH"] = 1 << 20
    try:
        answer = post(employee, NEW, typed(town, attachments=[(io.BytesIO(b"x" * (2 << 20)), "a.bin")]))
    finally:
        employee.application.config["MAX_CONTENT_LENGTH"] = limit
    assert answer.status_code == 413
    assert "الملف أكبر من المسموح" in answer.text


def test_second_tab_with_an_older_draft_loses_nothing(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    letter_id = saved(post(employee, NEW, typed(town, body="النص الأول.")))
    url = f"/letters/{letter_id}/edit"
    saved(post(employee, url, typed(town, version="1", body="نص النافذة الأولى.")))
    older = post(employee, url, typed(town, version="1", body="نص النافذة الثانية."))
    assert older.status_code == 409
    assert "نص النافذة الأولى." in older.text
    assert "نص النافذة الثانية." in older.text
    assert "لم يُحفظ شيء فوق الأحدث" in older.text
    assert "نص النافذة الأولى." in employee.get(url).text
    saved(post(employee, url, typed(town, version="1", newest="2", action="overwrite", body="نص النافذة الثانية.")))
    assert "نص النافذة الثانية." in employee.get(url).text


def test_typed_text_is_kept_when_the_letter_was_sent_for_signature_meanwhile(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    letter_id = saved(post(employee, NEW, typed(town)))
    url = f"/letters/{letter_id}/edit"
    assert saved(post(employee, url, typed(town, version="1", action="submit"))) == letter_id
    late = post(employee, url, typed(town, version="2", body="نص لا يضيع."))
    assert late.status_code == 409
    assert "نص لا يضيع." in late.text
    assert "لم يعد الكتاب مسودّة" in late.text
    assert employee.get(url).status_code == 303


def test_attachment_is_taken_off(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    letter_id = saved(post(employee, NEW, typed(town, attachments=[(io.BytesIO(b"a"), "كشف.txt")])))
    with town.database.read(town.actor("a", "employee")) as uow:
        attached = queries.attachments(uow, letter_id)[0].id
    saved(post(employee, f"/letters/{letter_id}/edit", typed(town, version="1", action=f"detach-{attached}")))
    assert "كشف.txt" not in employee.get(f"/letters/{letter_id}/edit").text


def test_circular_goes_to_all_other_bodies(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    ticked = {"all_bodies": "1", "add_copy": town.centre.code}
    letter_id = saved(post(employee, NEW, typed(town, kind="circular", to=[], **ticked)))
    with town.database.read(town.actor("a", "employee")) as uow:
        addressed = {(each.recipient_id, each.role) for each in queries.addressees(uow, letter_id)}
    assert addressed == {(town.entity_b.id, "to"), (town.centre.id, "cc")}


def test_preview_is_an_image_of_the_draft_for_those_who_see_it(signed_in: People, town: World) -> None:
    letter_id = saved(post(signed_in("a", "employee"), NEW, typed(town)))
    image = signed_in("a", "employee").get(f"/letters/{letter_id}/preview/1.png?width=160")
    assert image.data.startswith(b"\x89PNG")
    assert "sandbox" in image.headers["Content-Security-Policy"]
    assert signed_in("a", "employee").get(f"/letters/{letter_id}/preview/9.png").status_code == 404
    assert signed_in("a", "colleague").get(f"/letters/{letter_id}/preview/1.png").status_code == 404
    pdf = signed_in("a", "employee").get(f"/letters/{letter_id}/preview.pdf")
    assert pdf.headers["Content-Disposition"].startswith("attachment")


def test_draft_is_deleted_after_a_question(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    letter_id = saved(post(employee, NEW, typed(town)))
    assert "حذف المسوّدة" in employee.get(f"/letters/{letter_id}/discard").text
    assert post(employee, f"/letters/{letter_id}/discard").headers["Location"] == "/drafts"
    assert employee.get(f"/letters/{letter_id}").status_code == 404


def test_reply_begins_with_sender_subject_and_reference(signed_in: People, town: World) -> None:
    made = make.issued(town)
    incoming = make.receive(town, made.letter_id)
    page = signed_in("b", "employee").get(f"/letters/new?reply={incoming}").text
    assert f'name="to" value="{town.entity_a.code}"' in page
    assert make.SUBJECT in page
    assert made.document_code in page
    assert signed_in("a", "employee").get(f"/letters/new?reply={incoming}").status_code == 404


def test_people_who_do_not_write_are_told_so(signed_in: People) -> None:
    assert signed_in("centre", "auditor").get(NEW).status_code == 403
    assert signed_in("a", "administrator").get("/drafts").status_code == 403
