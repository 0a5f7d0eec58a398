"""Writing with the page beside the form, keeping by itself, and the warnings before a letter is sent."""

import base64
import re
from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select

from edms.audit.models import Event
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound
from edms.letters import autosaving, queries, service
from edms.letters.models import UnfinishedForm, Version
from edms.letters.preview_views import Gate, TooOften
from edms.letters.rules import State
from tests.factories import letters as make
from tests.factories.pages import post
from tests.factories.world import World
from tests.letters.test_views_compose import saved, typed

People = Callable[[str, str], FlaskClient]
NEW = "/letters/new"
PREVIEW = "/letters/preview"
LIVE = {"HX-Request": "true"}
WORD = "\ufeff“تحية”\tطيبة\u00a0وبعد\u200f،\x0b\x0cنود\u202e إعلامكم\u202c 👩‍⚕️😀\x00\x1b[2J\ud7ff\r\n\r\n• بند\r\n• آخر"


def live(client: FlaskClient, fields: dict[str, Any]) -> Any:
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/account").text)
    assert token is not None
    return client.post(PREVIEW, data={**fields, "csrf_token": token[1]}, headers=LIVE)


def pictures(text: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    return [Image.open(BytesIO(base64.b64decode(each))) for each in found]


def rows(town: World) -> tuple[int, ...]:
    with town.database.read(town.actor("a", "employee")) as uow:
        tables = (Version, UnfinishedForm, Event)
        return tuple(uow.session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def test_typed_text_is_shown_as_its_page_and_leaves_no_trace(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    before = rows(town)
    answer = live(employee, typed(town))
    assert answer.status_code == 200
    [page] = pictures(answer.text)
    assert page.size == (794, 1123)
    assert "<html" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    other = pictures(live(employee, typed(town, body="نص آخر تماماً.")).text)
    assert other[0].tobytes() != page.tobytes()
    assert rows(town) == before


def test_preview_button_works_without_scripts(signed_in: People, town: World) -> None:
    answer = post(signed_in("a", "employee"), PREVIEW, typed(town, attachments=[(BytesIO(b"a"), "كشف.txt")]))
    assert answer.status_code == 200
    assert "<html" in answer.text
    assert len(pictures(answer.text)) == 1
    assert "لم يُحفظ شيء" in answer.text


@pytest.mark.parametrize(
    "given",
    [
        {"subject": "", "body": "", "to": [], "signer": "", "kind": ""},
        {"kind": "x", "sensitivity": "9", "precedence": "?", "signer": "x", "version": "-1", "form": "x"},
        {"to": ["99999999", "x"], "references": "100234.26.00012345.71\n\x00", "letter": str(uuid4())},
        {"body": WORD, "subject": WORD},
        {"body": "| أ |\n| ب | ج |\n\n#\n\n# \n\n1.\n\n- \n\n|||\n|||"},
        {"body": "{" * 5000 + "ا" * 5000},
        {"all_bodies": "1", "preview_page": "99999"},
        {"body": "سطر\n\n" * 3000},
        {"body": "كلمة" * 100_000},
    ],
)
def test_half_written_forms_are_previewed_as_they_are(signed_in: People, town: World, given: dict[str, Any]) -> None:
    answer = live(signed_in("a", "employee"), typed(town, **given))
    assert answer.status_code == 200, answer.text[-800:]
    assert len(pictures(answer.text)) == 1


def test_two_megabytes_are_refused_with_a_sentence(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    answer = live(employee, typed(town, body="نص طويل " * 150_000))
    assert answer.status_code in {200, 413}
    assert "<html" not in answer.text
    refused = post(employee, NEW, typed(town, body="نص طويل " * 60_000))
    assert refused.status_code == 422
    assert "نص طويل نص طويل" in refused.text


def test_long_letter_is_turned_page_by_page(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    body = "\n\n".join(f"فقرة رقم {n}: " + make.BODY.split("\n\n")[1] * 4 for n in range(20))
    first, third = (live(employee, typed(town, body=body, preview_page=n)).text for n in ("1", "3"))
    assert "صفحة ١ من" in first
    assert "صفحة ٣ من" in third
    assert 'data-preview-page="4"' in third
    assert pictures(first)[0].tobytes() != pictures(third)[0].tobytes()


def test_only_writers_see_previews_and_only_with_their_token(signed_in: People, town: World) -> None:
    assert live(signed_in("a", "administrator"), typed(town)).status_code == 403
    assert signed_in("a", "employee").post(PREVIEW, data=typed(town), headers=LIVE).status_code == 403


def test_preview_names_no_attachment_of_a_letter_that_is_not_ones_own(signed_in: People, town: World) -> None:
    letter_id = make.drafted(town, files={"سري.txt": b"x"})
    fields = typed(town, body="طياً الكشف.")
    own = live(signed_in("a", "employee"), {**fields, "letter": str(letter_id)})
    other = live(signed_in("a", "colleague"), {**fields, "letter": str(letter_id)})
    assert "لم يُرفق شيء" not in own.text
    assert "لم يُرفق شيء" in other.text


def test_gate_lets_each_person_pass_so_often_a_minute() -> None:
    gate, one, other = Gate(per_minute=2), uuid4(), uuid4()
    for now in (0.0, 1.0):
        gate.pass_(one, now)
    with pytest.raises(TooOften):
        gate.pass_(one, 2.0)
    gate.pass_(other, 2.0)
    gate.pass_(one, 61.0)


def autosave(client: FlaskClient, url: str, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = post(client, url, fields)
    found = answer.get_json()
    assert isinstance(found, dict), answer.text
    return answer.status_code, found


def test_unsaved_new_letter_survives_and_is_saved_once(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    form = re.search(r'name="form" value="([^"]+)"', employee.get(NEW).text)
    assert form is not None
    fields = typed(town, form=form[1], revision="0", subject="", body="نصف جملة")
    status, told = autosave(employee, "/letters/autosave", fields)
    assert (status, told["revision"]) == (200, 1)
    assert re.search(r"حُفظ .*[٠-٩]{2}:[٠-٩]{2}", told["said"])
    for revision in ("1", "2"):
        _, told = autosave(employee, "/letters/autosave", {**fields, "revision": revision, "subject": "طلب"})
    assert told["revision"] == 3
    assert form[1] in employee.get(NEW).text
    restored = employee.get(f"{NEW}?form={form[1]}").text
    assert "نصف جملة" in restored
    assert "هذه الاستمارة آخر ما كتبته" in restored
    assert "نصف جملة" not in signed_in("a", "colleague").get(f"{NEW}?form={form[1]}").text
    saved(post(employee, NEW, {**fields, "subject": "طلب", "revision": "3"}))
    assert form[1] not in employee.get(NEW).text


def test_keeping_makes_no_versions_and_one_event(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    letter_id = make.drafted(town)
    before = rows(town)
    fields = typed(town, form=str(letter_id), letter=str(letter_id), version="1")
    for revision in range(5):
        status, _ = autosave(employee, f"/letters/{letter_id}/autosave", {**fields, "revision": str(revision)})
        assert status == 200
    versions, unfinished, events = rows(town)
    assert (versions, unfinished, events) == (before[0], before[1] + 1, before[2] + 1)
    page = employee.get(f"/letters/{letter_id}/edit").text
    assert 'name="revision" value="5"' in page
    dropped = post(employee, f"/letters/{letter_id}/edit", {**fields, "revision": "5", "action": "drop-kept"})
    assert dropped.status_code == 303
    assert rows(town)[:2] == before[:2]


def test_older_tab_is_refused_and_saving_shows_both_texts(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    letter_id = make.drafted(town)
    url, edit = f"/letters/{letter_id}/autosave", f"/letters/{letter_id}/edit"
    fields = typed(town, form=str(letter_id), letter=str(letter_id), version="1", revision="0")
    assert autosave(employee, url, {**fields, "body": "نص التبويب الأول."})[0] == 200
    status, told = autosave(employee, url, {**fields, "body": "نص التبويب الثاني."})
    assert status == 409
    assert told["said"]
    both = post(employee, edit, {**fields, "body": "نص التبويب الثاني."})
    assert both.status_code == 409
    assert "نص التبويب الأول." in both.text
    assert "نص التبويب الثاني." in both.text
    newest = {"newest": "1", "newest_revision": "1", "action": "overwrite"}
    saved(post(employee, edit, {**fields, "body": "نص التبويب الثاني.", **newest}))
    with town.database.read(town.actor("a", "employee")) as uow:
        assert queries.newest_version(uow, letter_id).text["body"][0]["text"] == "نص التبويب الثاني."
        assert autosaving.kept(uow, letter_id) is None


def test_text_kept_before_a_save_elsewhere_is_shown_beside_it(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    letter_id = make.drafted(town)
    fields = typed(town, form=str(letter_id), letter=str(letter_id), version="1", revision="0", body="نص لم يُحفظ.")
    assert autosave(employee, f"/letters/{letter_id}/autosave", fields)[0] == 200
    with town.database.work(town.actor("a", "employee")) as uow:
        from_elsewhere = make.letter_text(town, markup="نص من سطر الأوامر.")
        service.save(uow, letter_id, from_elsewhere, expected_version=1)
    page = employee.get(f"/letters/{letter_id}/edit").text
    assert "نص لم يُحفظ." in page
    assert "نص من سطر الأوامر." in page


def test_forms_belong_to_their_writer_and_stay_few(town: World) -> None:
    writer, colleague = town.actor("a", "employee"), town.actor("a", "colleague")
    letter_id = make.drafted(town)
    fields = {"to": [], "copies": [], "subject": "س", "body": "ن"}
    with pytest.raises(NotFound), town.database.work(colleague) as uow:
        autosaving.keep(uow, letter_id, fields, letter_id=letter_id, version=1, revision=0)
    with pytest.raises(Forbidden), town.database.work(town.actor("a", "administrator")) as uow:
        autosaving.keep(uow, uuid4(), fields, letter_id=None, version=0, revision=0)
    with pytest.raises(Invalid), town.database.work(writer) as uow:
        autosaving.keep(uow, uuid4(), {"body": "ن" * 900_000}, letter_id=None, version=0, revision=0)
    with pytest.raises(Conflict), town.database.work(writer) as uow:
        autosaving.keep(uow, letter_id, fields, letter_id=letter_id, version=7, revision=0)
    with town.database.work(colleague) as uow:
        for _ in range(autosaving.MOST_FORMS + 5):
            autosaving.keep(uow, uuid4(), fields, letter_id=None, version=0, revision=0)
        assert len(autosaving.unfinished(uow)) == autosaving.MOST_FORMS


def test_warnings_must_be_seen_before_a_letter_is_sent(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    fields = typed(town, body="نرسل إليكم طياً الكشوفات ليوم الأحد ٢٠/١١/٢٠٢٥.")
    first = post(employee, NEW, {**fields, "action": "submit"})
    assert first.status_code == 303
    assert "check=1" in first.headers["Location"]
    letter_id = UUID(first.headers["Location"].split("/")[2])
    page = employee.get(first.headers["Location"]).text
    assert "لم يُرفق شيء" in page
    assert "ذلك التاريخ يوم الخميس" in page
    mark = re.search(r'name="seen" value="([0-9a-f]+)"', page)
    assert mark is not None
    again = {**fields, "version": "1", "seen": mark[1], "action": "submit"}
    changed = post(employee, f"/letters/{letter_id}/edit", {**again, "body": fields["body"] + " وفي ٣١/٢/٢٠٢٥."})
    assert "check=1" in changed.headers["Location"]
    sent = post(employee, f"/letters/{letter_id}/edit", {**again, "version": "2"})
    assert sent.headers["Location"].endswith(f"/letters/{letter_id}")
    with town.database.read(town.actor("a", "employee")) as uow:
        assert queries.letter(uow, letter_id).state == State.SUBMITTED


def test_errors_keep_a_letter_from_being_sent_by_any_way(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    refused = post(employee, NEW, typed(town, body="إلى {اسم الموظف}", action="submit"))
    assert refused.status_code == 422
    assert "{" in refused.text
    warned = make.drafted(town, markup="نرسل إليكم طياً الكشوفات.")
    asked = post(employee, f"/letters/{warned}/submit")
    assert asked.headers["Location"] == f"/letters/{warned}/edit?check=1#checks-now"
    quiet = make.drafted(town, markup="نرجو الحضور.")
    assert post(employee, f"/letters/{quiet}/submit").headers["Location"] == f"/letters/{quiet}"
    letter_id = make.drafted(town, markup="إلى {اسم الموظف}")
    assert post(employee, f"/letters/{letter_id}/submit").status_code == 422
    with pytest.raises(Invalid), town.database.work(town.actor("a", "employee")) as uow:
        service.submit(uow, letter_id)


def test_phrase_button_puts_its_words_into_the_text_without_scripts(signed_in: People, town: World) -> None:
    employee = signed_in("a", "employee")
    closing = post(employee, NEW, typed(town, action="phrase-ar-closing-2")).text
    assert "نص الكتاب.\n\nمع فائق الشكر والتقدير.</textarea>" in closing
    opening = post(employee, NEW, typed(town, action="phrase-ar-opening-0")).text
    assert "تحية طيبة وبعد،\n\nنص الكتاب.</textarea>" in opening
    assert post(employee, NEW, typed(town, action="phrase-x")).status_code == 200


def test_form_explains_every_kind(signed_in: People) -> None:
    page = signed_in("a", "employee").get(NEW).text
    for words in ("قرار يخص الموظفين أو العمل", "بين تشكيلات الجهة الواحدة", "صحة صدور كتاب عنّا"):
        assert words in page
