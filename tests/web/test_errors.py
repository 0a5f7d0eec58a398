import pytest
from flask.testing import FlaskClient

STATUSES = [
    ("missing", 404, "الصفحة غير موجودة"),
    ("404", 404, "الصفحة غير موجودة"),
    ("forbidden", 403, "لا تملك صلاحية هذا الإجراء"),
    ("conflict", 409, "تغيّرت البيانات"),
    ("413", 413, "الملف أكبر من المسموح"),
    ("invalid", 422, "هناك خطأ في الإدخال"),
    ("throttled", 429, "محاولات كثيرة"),
    ("boom", 500, "حدث خلل في النظام"),
    ("unavailable", 503, "الخدمة غير متاحة الآن"),
]


@pytest.mark.parametrize(("kind", "status", "title"), STATUSES)
def test_each_refusal_has_a_page_in_arabic_with_the_number_of_the_request(
    clerk: FlaskClient, kind: str, status: int, title: str
) -> None:
    response = clerk.get(f"/refuse/{kind}")
    assert response.status_code == status
    assert title in response.text
    assert response.headers["X-Request-ID"] in response.text
    assert 'lang="ar" dir="rtl"' in response.text
    assert "canary-secret" not in response.text


def test_what_is_missing_and_what_is_hidden_answer_alike(clerk: FlaskClient) -> None:
    first, second = (
        clerk.get(path, headers={"X-Request-ID": "SAME-SAME-SAME"}) for path in ("/refuse/missing", "/nowhere/missing")
    )
    blank = [text.split("<main", 1)[1].split("</main>")[0] for text in (first.text, second.text)]
    assert blank[0] == blank[1]


@pytest.mark.parametrize(("kind", "status", "_title"), STATUSES)
def test_the_api_answers_problem_details(clerk: FlaskClient, kind: str, status: int, _title: str) -> None:
    response = clerk.get(f"/api/v1/refuse/{kind}")
    document = response.get_json(force=True)
    assert (response.status_code, response.content_type) == (status, "application/problem+json")
    assert document["status"] == status
    assert document["request_id"] == response.headers["X-Request-ID"]


def test_problem_details_list_every_problem_in_the_callers_language(clerk: FlaskClient) -> None:
    document = clerk.get("/api/v1/refuse/invalid", headers={"Accept-Language": "ar-IQ"}).get_json(force=True)
    assert document["problems"][0]["where"] == "subject"
    assert "انتهت جلستك" in document["problems"][0]["detail"]
    assert document["code"] == "web.unknown-error"


def test_retry_after_is_told(clerk: FlaskClient) -> None:
    assert clerk.get("/refuse/unavailable").headers["Retry-After"] == "7"
    assert clerk.get("/refuse/throttled").headers["Retry-After"] == "60"


def test_a_fragment_asked_for_gets_a_fragment(clerk: FlaskClient) -> None:
    response = clerk.get("/refuse/conflict", headers={"HX-Request": "true"})
    assert response.text.lstrip().startswith('<div class="notice')
    assert "<html" not in response.text


def test_too_large_a_body_is_413_even_before_the_token_is_read(clerk: FlaskClient) -> None:
    assert clerk.post("/save", data={"text": "x" * 200_000}).status_code == 413


def test_a_wrong_method_names_the_right_ones(clerk: FlaskClient) -> None:
    response = clerk.get("/save")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize(("given", "kept"), [("ABCD-1234-EFGH", True), ("<script>alert(1)", False), ("short", False)])
def test_a_callers_request_number_is_kept_only_if_well_formed(clerk: FlaskClient, given: str, kept: bool) -> None:
    assert (clerk.get("/open", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given) is kept
