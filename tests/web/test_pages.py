from datetime import UTC, date, datetime

import pytest
from bs4 import BeautifulSoup
from flask import Flask, g, render_template_string
from flask.testing import FlaskClient

from edms.core.errors import Problem
from edms.web import formats
from edms.web.page import paginate
from tests.web.test_csrf import token_of

FORM = """{% import "macros/forms.html" as forms with context %}{{ forms.error_summary() }}
{{ forms.field("subject", "Subject", "<b>", hint="Short") }}{{ forms.textarea("body", "Body", "نص") }}
{{ forms.select("kind", "Kind", [("a", "A"), ("b", "B")], "b") }}{{ forms.file("file", "File") }}
{{ forms.checkbox("agree", "Agree", true) }}{{ forms.radios("how", "How", [("x", "X")], "x") }}
{{ forms.post_button("/go", "Go", fields={"id": 7}) }}"""
LISTS = """{% import "macros/lists.html" as lists with context %}{% import "macros/facts.html" as facts with context %}
{% call lists.table("Letters", ["No."]) %}<tr>{{ lists.subject("/x", "كتابكم ت/٤/٩٨٧", "and/or") }}</tr>{% endcall %}
{{ lists.pager(pages) }}{{ lists.empty("Nothing") }}{{ lists.attachments(2) }}{{ lists.badge("New", "red") }}
{% call facts.facts() %}{{ facts.fact("Number", "3/7"|reference) }}{{ facts.fact("None", none) }}{% endcall %}
{% call facts.timeline() %}{{ facts.event("Sent", at=at, who="علي", note="نص") }}{% endcall %}"""


def test_the_frame_is_arabic_right_to_left_and_english_left_to_right(clerk: FlaskClient) -> None:
    page = BeautifulSoup(clerk.get("/page").text, "lxml")
    assert (page.html["lang"], page.html["dir"]) == ("ar", "rtl")  # type: ignore[index]
    assert page.select_one("a.skip")["href"] == "#content"  # type: ignore[index]
    assert "وزارة التخطيط" in page.select_one(".brand").text  # type: ignore[union-attr]
    assert [item.text for item in page.select(".side .count")] == ["٣"]
    token = token_of(clerk, "/page")
    answer = clerk.post("/language", data={"lang": "en", "next": "/page?x=1", "csrf_token": token})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/page?x=1")
    assert '<html lang="en" dir="ltr">' in clerk.get("/page").text


def test_the_language_is_never_chosen_by_the_address(clerk: FlaskClient) -> None:
    assert '<html lang="ar" dir="rtl">' in clerk.get("/page?lang=en&locale=en").text


def test_the_menu_marks_the_longest_fitting_place(app: Flask, clerk: FlaskClient) -> None:
    app.add_url_rule("/letters/late/7", "late", clerk_page)
    page = BeautifulSoup(clerk.get("/letters/late/7").text, "lxml")
    assert [item["href"] for item in page.select(".side [aria-current]")] == ["/letters/late"]


def clerk_page() -> str:
    return render_template_string('{% extends "base.html" %}{% block title %}Late{% endblock %}')


def test_a_saved_form_leaves_one_notice(clerk: FlaskClient) -> None:
    clerk.post("/save", data={"csrf_token": token_of(clerk, "/page")})
    assert 'role="status"' in clerk.get("/page").text
    assert 'role="status"' not in clerk.get("/page").text


def test_paging_keeps_filters_and_stays_inside_the_list(clerk: FlaskClient) -> None:
    assert clerk.get("/letters?q=a&page=2").text == "51 100 /letters?q=a&page=1 /letters?q=a&page=3"
    assert clerk.get("/letters?page=99999999999").text == "1 50 None /letters?page=2"
    assert clerk.get("/letters?page=-1").text == "1 50 None /letters?page=2"
    assert clerk.get("/letters?page=77").text == "101 120 /letters?page=2 None"


@pytest.fixture
def drawn(app: Flask) -> BeautifulSoup:
    problems = (Problem("subject", "web.signed-out"), Problem("how", "web.signed-out"))
    with app.test_request_context("/page"):
        app.preprocess_request()
        context = {"problems": problems, "pages": paginate(120), "at": datetime(2025, 11, 20, tzinfo=UTC)}
        return BeautifulSoup(render_template_string(FORM + LISTS, **context), "lxml")


def test_an_error_is_summed_up_linked_and_said_at_its_field(drawn: BeautifulSoup) -> None:
    summary = drawn.select_one(".error-summary")
    assert summary is not None
    assert summary.has_attr("autofocus")
    for link in summary.select("a"):
        assert drawn.select_one(str(link["href"])) is not None
    field = drawn.select_one("#field-subject")
    assert field is not None
    assert field["value"] == "<b>"
    assert field["aria-invalid"] == "true"
    for described in str(field["aria-describedby"]).split():
        assert drawn.select_one(f"#{described}") is not None
    assert not drawn.select_one("#field-body").has_attr("aria-invalid")  # type: ignore[union-attr]


def test_every_control_has_a_label_and_every_post_form_a_token(drawn: BeautifulSoup) -> None:
    for control in drawn.select("input:not([type=hidden]), select, textarea"):
        labelled = drawn.select_one(f'label[for="{control.get("id")}"]') or control.find_parent("label")
        assert labelled is not None, control
    for form in drawn.select("form[method=post]"):
        assert form.select_one("input[name=csrf_token]") is not None


def test_lists_and_timelines_mark_numbers_and_times(drawn: BeautifulSoup) -> None:
    assert "ت\u200f/\u200f٤\u200f/\u200f٩٨٧" in drawn.select_one(".cell-subject a").text  # type: ignore[union-attr]
    assert drawn.select_one(".cell-subject small").text == "and/or"  # type: ignore[union-attr]
    assert drawn.select_one(".timeline time")["datetime"] == "2025-11-20T00:00:00+00:00"  # type: ignore[index]
    assert "من ١ إلى ٥٠ من أصل ١٢٠" in drawn.select_one(".pager").text  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("locale", "filtered", "expected"),
    [
        ("ar", lambda: formats.reference("ت/4/7"), '<bdi class="number" dir="rtl">ت\u200f/\u200f٤\u200f/\u200f٧</bdi>'),
        ("en", lambda: formats.reference("3/2201"), '<bdi class="number" dir="ltr">3/2201</bdi>'),
        ("ar", lambda: formats.number(2341), "٢٬٣٤١"),
        ("en", lambda: formats.number(2341), "2,341"),
        ("ar", lambda: formats.day(date(2025, 11, 20)), "٢٠ تشرين الثاني ٢٠٢٥"),
        ("ar", lambda: formats.hijri(date(2025, 11, 20)), "٢٩ جمادى الأولى ١٤٤٧ هـ"),
        ("en", lambda: formats.day(None), ""),
        ("ar", lambda: formats.code("<K7>"), '<bdi class="code" dir="ltr" translate="no">&lt;K7&gt;</bdi>'),
        ("ar", lambda: formats.bdi("<b>"), "<bdi>&lt;b&gt;</bdi>"),
        ("en", lambda: formats.file_size(1_536_000), "1.5 MB"),
        ("ar", lambda: formats.file_size(12), "١٢ بايت"),
    ],
)
def test_filters_write_what_the_reader_expects(app: Flask, locale: str, filtered: object, expected: str) -> None:
    with app.test_request_context("/"):
        g.locale = locale
        assert str(filtered()) == expected  # type: ignore[operator]
