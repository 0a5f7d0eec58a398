"""Numbers and dates as the reader sees them."""

import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edms.core import calendar

DAY = date(2025, 11, 20)
RLM = "\u200f"


def test_a_gregorian_date_has_the_iraqi_month_names() -> None:
    assert calendar.format_date(DAY) == "٢٠ تشرين الثاني ٢٠٢٥ م"


def test_a_gregorian_date_may_have_the_gulf_month_names_and_western_digits() -> None:
    assert calendar.format_date(DAY, months="gulf", digits="latn") == "20 نوفمبر 2025 م"


def test_an_english_date_is_written_in_western_digits() -> None:
    assert calendar.format_date(DAY, locale="en") == "20 November 2025"
    assert calendar.format_hijri(DAY, locale="en") == "29 Jumada al-Ula 1447 AH"


def test_the_hijri_date_is_that_of_umm_al_qura() -> None:
    assert calendar.format_hijri(DAY) == "٢٩ جمادى الأولى ١٤٤٧ هـ"
    assert calendar.hijri_iso(DAY) == "1447-05-29"


def test_the_official_sighting_moves_the_hijri_date() -> None:
    assert calendar.hijri_iso(DAY, adjust=-1) == "1447-05-28"
    assert calendar.hijri_iso(DAY, adjust=1) == "1447-05-30"


def test_both_dates_stand_side_by_side() -> None:
    assert calendar.format_pair(DAY) == "٢٩ جمادى الأولى ١٤٤٧ هـ الموافق ٢٠ تشرين الثاني ٢٠٢٥ م"


@pytest.mark.parametrize("day", [date(1923, 1, 1), date(2078, 1, 1), date.min, date.max])
def test_outside_the_hijri_tables_only_the_gregorian_date_is_written(day: date) -> None:
    assert calendar.hijri_iso(day) == ""
    assert calendar.format_hijri(day) == ""
    assert calendar.format_pair(day) == calendar.format_date(day)


def test_a_moment_is_written_in_the_zone_of_the_reader() -> None:
    moment = datetime(2025, 11, 20, 22, 5, tzinfo=UTC)
    assert calendar.format_datetime(moment) == "٢١ تشرين الثاني ٢٠٢٥ م، ٠١:٠٥"
    assert calendar.format_datetime(moment, "UTC", locale="en") == "20 November 2025, 22:05"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        calendar.format_datetime(datetime(2025, 11, 20))  # noqa: DTZ001


def test_a_reference_reads_segment_by_segment_from_the_right() -> None:
    assert calendar.reference("ت/٤/١٢٨٧") == f"ت{RLM}/{RLM}٤{RLM}/{RLM}١٢٨٧"


def test_numbers_have_the_separators_of_their_digits() -> None:
    assert calendar.format_number(1287500) == "١٬٢٨٧٬٥٠٠"
    assert calendar.format_number(1287500, "latn") == "1,287,500"
    assert calendar.format_number(Decimal("7.5")) == "٧٫٥"
    assert calendar.format_number(-3) == "\u061c-٣"
    assert calendar.format_number(2025, grouped=False) == "٢٠٢٥"


def test_digits_of_every_script_fold_to_ascii() -> None:
    assert calendar.fold_digits("ت/٤/۱۲۸۷ – 12 ４") == "ت/4/1287 – 12 4"


@given(st.text())
def test_folding_leaves_no_foreign_digit_and_the_length_unchanged(text: str) -> None:
    folded = calendar.fold_digits(text)
    assert len(folded) == len(text)
    assert all(char.isascii() for char in folded if unicodedata.category(char) == "Nd")
    assert calendar.fold_digits(folded) == folded


@given(st.integers(0, 10**30).map(str))
def test_digits_survive_the_way_to_arabic_and_back(text: str) -> None:
    assert calendar.fold_digits(calendar.to_digits(text)) == text
    assert calendar.to_digits(calendar.to_digits(text), "latn") == text


@given(st.text(alphabet="ت/٤١م12 " + RLM))
def test_marking_a_reference_twice_changes_nothing(text: str) -> None:
    assert calendar.reference(calendar.reference(text)) == calendar.reference(text)


@given(st.dates(), st.integers(-1, 1), st.sampled_from(["arab", "latn"]), st.sampled_from(["ar", "en"]))
def test_no_date_fails_to_be_written(day: date, adjust: int, digits: calendar.Digits, locale: calendar.Locale) -> None:
    assert str(day.year) in calendar.fold_digits(calendar.format_pair(day, adjust=adjust, digits=digits, locale=locale))


@given(st.dates(date(1925, 1, 1), date(2077, 1, 1)))
def test_the_next_day_is_the_next_hijri_day(day: date) -> None:
    assert calendar.hijri_iso(day, adjust=1) == calendar.hijri_iso(date.fromordinal(day.toordinal() + 1))


@given(st.datetimes(timezones=st.just(UTC)))
def test_no_moment_fails_to_be_written(moment: datetime) -> None:
    assert calendar.format_datetime(moment)


def test_persian_digits_have_the_arabic_separators() -> None:
    assert calendar.to_digits("٢٠/11/۲۰۲۵", "arabext") == "۲۰/۱۱/۲۰۲۵"
    assert calendar.format_number(Decimal("-1287.5"), "arabext") == "\u061c-۱٬۲۸۷٫۵"
