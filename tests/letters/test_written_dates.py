"""What the checks read out of a text: dates of both calendars, weekdays, numbers of letters."""

from datetime import date

import pytest

from edms.letters.written_dates import Folded, dates_of, mentions_of, names_attachments, pairs_of


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("في ٢٠/١١/٢٠٢٥ الساعة", date(2025, 11, 20)),
        ("بتاريخ ٢٠٢٥/١١/٢٠.", date(2025, 11, 20)),
        ("بتاريخ 2025-11-20", date(2025, 11, 20)),
        ("يوم ٢٠ تشرين الثاني ٢٠٢٥ م", date(2025, 11, 20)),
        ("٢٠ من شهر نوفمبر لسنة ٢٠٢٥", date(2025, 11, 20)),
        ("on 20 November 2025, at", date(2025, 11, 20)),
        ("٢٠\u200f/\u200f١١\u200f/\u200f٢٠٢٥", date(2025, 11, 20)),
        ("١ آب ٢٠٢٥", date(2025, 8, 1)),
    ],
)
def test_gregorian_day_is_read_in_every_spelling(text: str, day: date) -> None:
    assert [each.day for each in dates_of(Folded(text))] == [day]


@pytest.mark.parametrize("text", ["العدد ت/1/2/2025", "192.168.1.2025", "ISO/IEC 27001:2022", "١٢٣/٤/٥٦", "1/2/3"])
def test_what_is_no_date_is_left_alone(text: str) -> None:
    assert dates_of(Folded(text)) == []


def test_weekday_belongs_to_the_date_behind_it() -> None:
    found = dates_of(Folded("ينعقد الاجتماع يوم الأحد الموافق ٢٠/١١/٢٠٢٥"))
    assert [(each.weekday, each.text) for each in found] == [(7, "الأحد الموافق ٢٠/١١/٢٠٢٥")]
    assert dates_of(Folded("الأحد وهو يوم عطلة. في ٢٠/١١/٢٠٢٥"))[0].weekday is None


def test_both_dates_of_one_day_are_paired_in_either_order() -> None:
    for text in ("٢٩ جمادى الأولى ١٤٤٧ هـ الموافق ٢٠ تشرين الثاني ٢٠٢٥ م", "٢٠/١١/٢٠٢٥ م الموافق ٢٩/٥/١٤٤٧ هـ"):
        folded = Folded(text)
        [(hijri, gregorian)] = pairs_of(folded, dates_of(folded))
        assert (hijri.year, hijri.month, hijri.number, gregorian.day) == (1447, 5, 29, date(2025, 11, 20))
    apart = Folded("في ٢٩ جمادى الأولى ١٤٤٧ هـ صدر الأمر، وفي ٣ آذار ٢٠٢٤ م نُفّذ")
    assert list(pairs_of(apart, dates_of(apart))) == []


def test_letters_are_read_with_side_number_and_day() -> None:
    text = "إشارةً إلى كتابكم ذي العدد ت/٤/١٢٨٧ في ٢٠٢٦/٣/١٥، وإلحاقاً بكتابنا المرقم (و.ص/12) والمؤرخ في 2026/2/1"
    folded = Folded(text)
    found = list(mentions_of(folded, dates_of(folded)))
    assert [(each.ours, each.number, each.day) for each in found] == [
        (False, "ت/٤/١٢٨٧", date(2026, 3, 15)),
        (True, "و.ص/12", date(2026, 2, 1)),
    ]


def test_words_of_attachments_are_shown_as_typed() -> None:
    assert names_attachments(Folded("نرسل إليكم طياً الكشوفات")) == "طياً"
    assert names_attachments(Folded("the enclosed list")) == "enclosed"
    assert names_attachments(Folded("في المرافق الصحية")) == ""


def test_long_text_is_read_in_linear_time() -> None:
    folded = Folded("كتابكم العدد ١٢/٣ في ٢٠/١١/٢٠٢٥ الأحد الموافق " * 8000)
    assert len(dates_of(folded)) == 200
    assert len(list(mentions_of(folded, dates_of(folded)))) <= 200
