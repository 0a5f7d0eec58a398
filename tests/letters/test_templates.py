"""Templates with fields and stock phrases: kept by registry and administrators, used by everybody of the body."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from edms.audit.models import Event
from edms.core.errors import Forbidden, Invalid, NotFound
from edms.letters import drafting_templates, insertions, phrases
from edms.letters.drafting_templates import TemplateText, fill
from edms.web.locale import gettext
from tests.factories.pages import post
from tests.factories.world import World

People = Callable[[str, str], FlaskClient]
BODY = "نؤيد لكم أن {اسم الموظف} يعمل لدينا منذ {تاريخ المباشرة}.\n\nوبناءً على طلب {اسم الموظف} زُوّد بهذا."


def added(town: World, **given: object) -> UUID:
    values = {"name": "تأييد", "subject": "تأييد عمل {اسم الموظف}", "body": BODY, "to": (town.entity_b.code,)}
    with town.database.work(town.actor("a", "registry")) as uow:
        return drafting_templates.add(uow, TemplateText(**(values | given))).id  # type: ignore[arg-type]


def test_template_is_made_changed_and_removed_on_its_pages(signed_in: People, town: World) -> None:
    keeper = signed_in("a", "administrator")
    typed = {"name": "تأييد راتب", "kind": "letter", "subject": "س", "body": BODY, "to": town.entity_b.name_ar}
    assert post(keeper, "/templates/new", typed).status_code == 303
    listed = keeper.get("/templates").text
    assert "تأييد راتب" in listed
    assert "تاريخ المباشرة" in listed
    with town.database.read(town.actor("a", "administrator")) as uow:
        made = next(each for each in drafting_templates.templates(uow) if each.text.name == "تأييد راتب")
    assert made.text.to == (town.entity_b.code,)
    url = f"/templates/{made.id}"
    assert town.entity_b.name_ar in keeper.get(url).text
    assert post(keeper, url, {**typed, "name": "تأييد آخر", "to": ""}).status_code == 303
    assert "تأييد آخر" in keeper.get("/templates").text
    assert post(keeper, f"{url}/remove").status_code == 303
    assert keeper.get(url).status_code == 404
    with town.database.read(town.actor("centre", "centre")) as uow:
        acts = uow.session.scalars(select(Event.act).where(Event.object_id == made.id).order_by(Event.seq)).all()
    assert acts == ["letters.template-added", "letters.template-changed", "letters.template-removed"]


def test_letter_from_a_template_has_its_fields_filled_in(signed_in: People, town: World) -> None:
    employee, template_id = signed_in("a", "employee"), added(town)
    asked = employee.get(f"/letters/from-template/{template_id}").text
    assert asked.count('name="field-') == 2
    filled = post(employee, f"/letters/from-template/{template_id}", {"field-0": "عمر\nناظم", "field-1": ""}).text
    assert 'value="تأييد عمل عمر ناظم"' in filled
    assert "أن عمر ناظم يعمل لدينا منذ {تاريخ المباشرة}" in filled
    assert f'name="to" value="{town.entity_b.code}"' in filled
    plain = added(town, name="بلا حقول", subject="م", body="نص ثابت.")
    assert "نص ثابت." in employee.get(f"/letters/from-template/{plain}").text
    assert "بلا حقول" in employee.get("/letters/new").text


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "ا" * 101}, "name"),
        ({"kind": "x"}, "kind"),
        ({"subject": "م" * 301}, "subject"),
        ({"body": " "}, "body"),
        ({"body": "ن" * 20_001}, "body"),
        ({"body": " ".join(f"{{حقل {n}}}" for n in range(31))}, "body"),
        ({"to": tuple(str(n) for n in range(51))}, "to"),
    ],
)
def test_template_that_breaks_a_limit_is_refused(town: World, given: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        added(town, **given)
    assert field in [each.where for each in refused.value.problems]


def test_bodies_that_nobody_knows_are_refused_on_the_page(signed_in: People) -> None:
    typed = {"name": "س", "kind": "letter", "subject": "", "body": "ن", "to": "وزارة لا وجود لها"}
    refused = post(signed_in("a", "registry"), "/templates/new", typed)
    assert refused.status_code == 422
    assert "وزارة لا وجود لها" in refused.text


def test_templates_and_phrases_of_another_body_do_not_exist(signed_in: People, town: World) -> None:
    template_id = added(town, name="لا يراه غيرنا")
    with town.database.work(town.actor("a", "registry")) as uow:
        phrase_id = phrases.add(uow, "text", "صيغة لا يراها غيرنا")
    stranger = signed_in("b", "administrator")
    assert "لا يراه غيرنا" not in stranger.get("/templates").text
    assert "صيغة لا يراها غيرنا" not in stranger.get("/templates").text
    assert "صيغة لا يراها غيرنا" in signed_in("a", "employee").get("/letters/new").text
    assert "صيغة لا يراها غيرنا" not in signed_in("b", "employee").get("/letters/new").text
    for url in (f"/templates/{template_id}", f"/templates/{template_id}/remove", f"/phrases/{phrase_id}/remove"):
        assert post(stranger, url, {"name": "س", "kind": "letter", "body": "ن"}).status_code == 404
    assert signed_in("b", "employee").get(f"/letters/from-template/{template_id}").status_code == 404
    with pytest.raises(NotFound), town.database.work(town.actor("b", "registry")) as uow:
        phrases.change(uow, phrase_id, "text", "س")


def test_writers_use_and_do_not_keep(signed_in: People, town: World) -> None:
    employee, template_id = signed_in("a", "employee"), added(town)
    assert "قالب جديد" not in employee.get("/templates").text
    assert employee.get(f"/templates/{template_id}").status_code == 403
    for url in ("/templates/new", f"/templates/{template_id}", f"/templates/{template_id}/remove", "/phrases"):
        assert post(employee, url, {"name": "س", "kind": "letter", "body": "ن", "phrase": "ص"}).status_code == 403
    assert signed_in("centre", "auditor").get("/templates").status_code == 403
    with pytest.raises(Forbidden), town.database.work(town.actor("a", "employee")) as uow:
        phrases.remove(uow, uuid4())


def test_phrase_is_added_changed_and_removed_on_the_page(signed_in: People, town: World) -> None:
    keeper = signed_in("a", "registry")
    assert post(keeper, "/phrases", {"phrase": " ", "place": "text"}).status_code == 422
    assert post(keeper, "/phrases", {"phrase": "ص" * 1001, "place": "text"}).status_code == 422
    assert post(keeper, "/phrases", {"phrase": "ص", "place": "x"}).status_code == 422
    assert post(keeper, "/phrases", {"phrase": "يرجى تسهيل  مهمة", "place": "closing"}).status_code == 303
    with town.database.read(town.actor("a", "registry")) as uow:
        made = next(each for each in phrases.phrases(uow) if each.text == "يرجى تسهيل مهمة")
    changed = {"phrase": "يرجى تسهيل مهمة موظفنا", "place": "text"}
    assert post(keeper, f"/phrases/{made.id}", changed).status_code == 303
    assert "يرجى تسهيل مهمة موظفنا" in keeper.get("/templates").text
    assert post(keeper, f"/phrases/{made.id}/remove").status_code == 303
    assert "يرجى تسهيل مهمة موظفنا" not in keeper.get("/templates").text


def test_built_in_phrases_are_there_in_both_languages(town: World) -> None:
    with town.database.read(town.actor("b", "employee")) as uow:
        offered = {group.language for group in insertions.groups(uow)}
    assert {"ar", "en"} <= offered
    for texts in phrases.BUILT_IN.values():
        assert all(gettext(text, "ar") != text for text in texts)


def test_fields_take_values_once_and_nothing_else() -> None:
    assert fill("{أ} و{ب}", {"أ": "{ب}", "ب": "ثانٍ"}) == "{ب} وثانٍ"
    assert fill("{ أ }", {"أ": "قيمة"}) == "قيمة"
    assert fill("{}", {}) == "{}"
