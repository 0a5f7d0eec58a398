"""The checks before signing: each mistake is found, and what is right is left alone."""

from dataclasses import replace
from datetime import date

import pytest

from edms.letters.findings import CHECKS, Facts, Level, Referred, Signer, empty_fields, errors, findings
from edms.letters.rules import Kind
from edms.web.locale import LOCALES, translate_error

GOOD = Facts(
    kind=Kind.LETTER,
    subject="تزويدنا بالبيانات",
    text="يرجى تزويدنا بالبيانات يوم الخميس ٢٠/١١/٢٠٢٥.",
    signer=Signer.HELD,
    to=1,
    copies=0,
    attachments=0,
    today=date(2025, 11, 22),
)
OF_MARCH = Referred("body", "كتابكم ذي العدد ١٢", True, date(2025, 3, 2), (date(2025, 3, 1),))

CASES = [
    ({"to": 0}, Level.ERROR, "letters.no-addressee"),
    ({"subject": " "}, Level.ERROR, "letters.subject-empty"),
    ({"text": " \n"}, Level.ERROR, "letters.body-empty"),
    ({"signer": Signer.MISSING}, Level.ERROR, "letters.no-signer"),
    ({"signer": Signer.VACANT}, Level.ERROR, "letters.signer-vacant"),
    ({"text": "إلى الموظف {اسم الموظف} تحية"}, Level.ERROR, "letters.field-left"),
    ({"subject": "منح {اسم الموظف} إجازة"}, Level.ERROR, "letters.field-left"),
    ({"refused": ("وزارة التربية",)}, Level.ERROR, "letters.addressee-not-cleared"),
    ({"referred": (replace(OF_MARCH, certain=True),)}, Level.ERROR, "letters.reference-date"),
    ({"referred": (OF_MARCH,)}, Level.WARNING, "letters.reference-date"),
    ({"referred": (replace(OF_MARCH, known=False, days=()),)}, Level.WARNING, "letters.reference-unknown"),
    ({"referred": (Referred("references", "1", False, certain=True),)}, Level.WARNING, "letters.reference-unknown"),
    ({"referred": (Referred("body", "كتابكم", True, date(2025, 11, 23)),)}, Level.WARNING, "letters.reference-later"),
    ({"text": "في ٣١/٢/٢٠٢٥"}, Level.WARNING, "letters.date-impossible"),
    ({"text": "في ٣١ رجب ١٤٤٧"}, Level.WARNING, "letters.date-impossible"),
    ({"text": "الأحد ٢٠/١١/٢٠٢٥"}, Level.WARNING, "letters.date-is-thursday"),
    ({"text": "Sunday, 20 November 2025"}, Level.WARNING, "letters.date-is-thursday"),
    ({"text": "٢٥ جمادى الأولى ١٤٤٧ هـ الموافق ٢٠ تشرين الثاني ٢٠٢٥"}, Level.WARNING, "letters.date-pair"),
    ({"kind": Kind.ORDER}, Level.WARNING, "letters.no-copies"),
    ({"text": "مع التقدير 😀"}, Level.WARNING, "letters.undrawable"),
    ({"text": "نرسل إليكم طياً الكشوفات"}, Level.WARNING, "letters.nothing-attached"),
    ({"subject": "م/ تزويدنا"}, Level.WARNING, "letters.subject-label"),
    ({"subject": "الموضوع : تزويدنا"}, Level.WARNING, "letters.subject-label"),
    ({"text": "تزويدنا بالبيانات\nيرجى ذلك."}, Level.WARNING, "letters.subject-repeated"),
]


def test_good_letter_has_no_findings() -> None:
    assert findings(GOOD) == ()


@pytest.mark.parametrize(("given", "level", "code"), CASES)
def test_mistake_is_found_and_said_in_both_languages(given: dict[str, object], level: Level, code: str) -> None:
    found = findings(replace(GOOD, **given))  # type: ignore[arg-type]
    assert (level, code) in [(each.level, each.problem.code) for each in found]
    for each in found:
        for locale in LOCALES:
            assert "%(" not in translate_error(each.problem, locale)
            assert each.problem.code not in translate_error(each.problem, locale)


def test_every_check_is_tried_here() -> None:
    tried = {code.replace("thursday", "") for _, _, code in CASES}
    assert len(CASES) >= len(CHECKS)
    assert len(tried) >= len(CHECKS) - 2


@pytest.mark.parametrize(
    "given",
    [
        {"text": "نرسل إليكم طياً الكشوفات", "attachments": 1},
        {"text": "٢٩ جمادى الأولى ١٤٤٧ هـ الموافق ٢٠ تشرين الثاني ٢٠٢٥"},
        {"text": "٢٨ جمادى الأولى ١٤٤٧ هـ الموافق ٢٠ تشرين الثاني ٢٠٢٥"},
        {"text": 'بصيغة {"a": 1} و{ }'},
        {"kind": Kind.ORDER, "copies": 1},
        {"referred": (replace(OF_MARCH, day=date(2025, 3, 1)),)},
        {"referred": (replace(OF_MARCH, day=None),)},
    ],
)
def test_what_is_right_is_left_alone(given: dict[str, object]) -> None:
    assert findings(replace(GOOD, **given)) == ()  # type: ignore[arg-type]


def test_errors_come_first_and_one_check_says_at_most_twelve_things() -> None:
    many = replace(GOOD, text="الأحد ٢٠/١١/٢٠٢٥ " + " ".join(f"{{حقل {letter}}}" for letter in "ابتثجحخدذرزسشصضط"))
    found = findings(many)
    assert [each.level for each in found] == sorted(each.level for each in found)
    assert len(errors(found)) == 12


def test_fields_are_named_once_in_their_order() -> None:
    assert empty_fields("{اسم الموظف} و{ القسم } و{اسم الموظف} {}") == ["اسم الموظف", "القسم"]
