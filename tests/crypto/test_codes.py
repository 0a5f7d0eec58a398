"""The grammar of official codes: what is caught, what is folded, what is offered instead."""

import doctest

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import crypto.codes
from crypto.codes import (
    CROCKFORD,
    Code,
    CodeKind,
    copy_code,
    document_code,
    employee_code,
    entity_code,
    format_code,
    new_copy_number,
    new_verification_code,
    normalize_verification_code,
    parse,
    parse_document,
    unit_code,
)
from crypto.errors import BadCode

NOW = 2026
DOCUMENT = "100234.26.00012345.71"

entities = st.integers(100_000, 999_999)
codes = st.one_of(
    entities.map(entity_code),
    st.builds(lambda e, n: unit_code(str(e), n), entities, st.integers(0, 999_999)),
    st.integers(0, 10**8 - 1).map(employee_code),
    st.builds(document_code, entities.map(str), st.integers(2000, 2099), st.integers(0, 10**8 - 1)),
    st.integers(0, 10**11 - 1).map(copy_code),
)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(crypto.codes).failed == 0


def test_the_published_examples_hold() -> None:
    assert format_code(entity_code(100234)) == "100234.96"
    assert format_code(unit_code("100234", 317)) == "100234.000317.63"
    assert parse("04821763.31") == Code(CodeKind.EMPLOYEE, "0482176331")
    assert format_code(document_code("100234", 2026, 12345)) == DOCUMENT
    assert document_code("100234", 2126, 12345).endswith("21")


@given(codes)
def test_every_code_parses_back_with_its_kind(digits: str) -> None:
    code = parse(format_code(digits), year=NOW)
    assert code.digits == digits
    assert str(code) == format_code(digits)
    assert (code.year is None) == (code.kind is not CodeKind.DOCUMENT)
    assert parse(str(code), year=NOW) == code


@given(codes, st.data())
def test_every_single_slip_is_caught(digits: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(digits) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != digits[place]]))
    with pytest.raises(BadCode):
        parse(digits[:place] + other + digits[place + 1 :], year=NOW)


@given(codes, st.data())
def test_every_exchange_of_neighbours_is_caught(digits: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(digits) - 2))
    assume(digits[place] != digits[place + 1])
    with pytest.raises(BadCode):
        parse(digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :], year=NOW)


@given(codes, st.sampled_from(["", ".", "/", " ", "-", "\u00a0", " - ", "\u2013"]), st.sampled_from(["٠", "۰", "0"]))
def test_any_digits_separators_and_marks_are_folded(digits: str, separator: str, zero: str) -> None:
    typed = format_code(digits).replace(".", separator)
    typed = "\u202b" + "".join(chr(ord(zero) + int(c)) if c.isdigit() else c for c in typed) + "\u200f\u202c"
    assert parse(typed, year=NOW).digits == digits


def refusal(text: str, year: int | None = NOW) -> tuple[str, str | None]:
    with pytest.raises(BadCode) as caught:
        parse(text, year=year)
    return caught.value.code, caught.value.suggestion


@pytest.mark.parametrize(
    "typed",
    [
        "71-00012345-26-100234",
        "٧١-٠٠٠١٢٣٤٥-٢٦-١٠٠٢٣٤",
        "710001234526100234",
        "100234-00012345-26-71",
        "26-100234-00012345-71",
        "100234 26 71 00012345",
        "100234000123452671",
    ],
)
def test_reversed_and_exchanged_groups_are_offered_right(typed: str) -> None:
    assert refusal(typed)[1] == DOCUMENT


def test_a_reversed_unit_code_is_offered_right() -> None:
    assert refusal("63.000317.100234") == ("codes.bad-check", "100234.000317.63")


def test_a_wrong_code_is_offered_nothing() -> None:
    assert refusal("100234.26.00012345.72") == ("codes.bad-check", None)


@pytest.mark.parametrize("text", ["", "   ", "1", "123456789", "1" * 200, "9" * 10_000, "12345/26-71"])
def test_other_lengths_are_refused(text: str) -> None:
    assert refusal(text) == ("codes.bad-length", None)


@pytest.mark.parametrize("text", ["10023496x", "عدد ٥", "100234;96", "²³45678901", "<script>"])
def test_other_characters_are_refused(text: str) -> None:
    assert refusal(text)[0] == "codes.bad-character"


def test_an_entity_below_the_first_is_refused() -> None:
    assert refusal("00023496")[0] == "codes.bad-entity"
    assert refusal("000234.26.00012345.71")[0] == "codes.bad-entity"


@pytest.mark.parametrize("check", ["00", "01", "99"])
def test_check_digits_that_are_never_given_are_refused(check: str) -> None:
    for n in range(97):
        with pytest.raises(BadCode):
            parse(f"{100_000 + n}{check}")


def test_the_century_is_the_current_one_then_the_one_before() -> None:
    new = document_code("100234", 2126, 12345)
    assert parse(DOCUMENT).year == 2026
    assert parse(new, year=2126).year == 2126
    assert parse(DOCUMENT, year=2126).year == 2026
    assert refusal(new, 2026)[0] == "codes.bad-check"


def test_the_entity_is_read_off_the_codes_that_carry_it() -> None:
    assert parse(DOCUMENT).entity == parse("100234.96").entity == "100234"
    assert parse(employee_code(5)).entity is None
    assert parse(copy_code(5)).entity is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: entity_code(99_999),
        lambda: entity_code(1_000_000),
        lambda: unit_code("10023", 1),
        lambda: unit_code("012345", 1),
        lambda: unit_code("١٠٠٢٣٤", 1),
        lambda: unit_code("100234", 1_000_000),
        lambda: employee_code(-1),
        lambda: employee_code(10**8),
        lambda: document_code("100234", 26, 1),
        lambda: document_code("100234", NOW, 10**8),
        lambda: copy_code(10**11),
        lambda: copy_code(-1),
        lambda: copy_code("12x"),
    ],
)
def test_what_has_no_code_is_refused(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadCode):
        call()


def test_employee_codes_of_neighbours_are_far_and_never_repeat() -> None:
    found = {employee_code(serial) for serial in range(5_000)}
    assert len(found) == 5_000
    assert abs(int(employee_code(7)) - int(employee_code(8))) > 10**8


def test_copy_numbers_are_twelve_digits_that_no_unit_has() -> None:
    numbers = {new_copy_number() for _ in range(100)}
    assert len(numbers) == 100
    assert all(len(number) == 12 and parse(copy_code(number)).kind is CodeKind.COPY for number in numbers)


def test_an_unknown_length_is_shown_as_it_is() -> None:
    assert format_code("12345") == "12345"


@pytest.mark.parametrize("typed", ["12345/26-71", "٠٠٠١٢٣٤٥/٢٦-٧١", " 12345.26 71 ", DOCUMENT])
def test_the_short_form_is_enough_inside_ones_entity(typed: str) -> None:
    assert parse_document(typed, "100234", NOW).digits == DOCUMENT.replace(".", "")


@pytest.mark.parametrize("typed", ["71-26/12345", "26/12345-71", "71-00012345-26-100234"])
def test_a_turned_short_form_is_offered_right(typed: str) -> None:
    with pytest.raises(BadCode) as caught:
        parse_document(typed, "100234", NOW)
    assert caught.value.suggestion == DOCUMENT


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("12345/26-72", "codes.bad-check"),
        ("1/2/3", "codes.bad-length"),
        ("100234.96", "codes.not-a-document"),
        ("100234.000317.63", "codes.not-a-document"),
    ],
)
def test_a_wrong_short_form_is_refused(typed: str, code: str) -> None:
    with pytest.raises(BadCode) as caught:
        parse_document(typed, "100234", NOW)
    assert caught.value.code == code


def test_verification_codes_read_back_however_typed() -> None:
    for _ in range(50):
        code = new_verification_code()
        assert [len(group) for group in code.split("-")] == [5, 5, 5, 5]
        assert set(code) <= {*CROCKFORD, "-"}
        typed = code.lower().replace("-", " / ").replace("1", "l").replace("0", "o").replace("4", "٤")
        assert normalize_verification_code("\u200e" + typed) == normalize_verification_code(code) == code


@settings(max_examples=60)
@given(st.data())
def test_every_single_slip_in_a_verification_code_is_caught(data: st.DataObject) -> None:
    typed = "K7QX29MD4HTB3ZP8WVNH"
    place = data.draw(st.integers(0, 19))
    other = data.draw(st.sampled_from([c for c in CROCKFORD if c != typed[place]]))
    with pytest.raises(BadCode, match=r"codes\.bad-check"):
        normalize_verification_code(typed[:place] + other + typed[place + 1 :])


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "codes.bad-length"),
        ("K7QX2-9MD4H-TB3ZP-8WVN", "codes.bad-length"),
        ("K7QX2" * 100, "codes.bad-length"),
        ("U7QX2-9MD4H-TB3ZP-8WVNH", "codes.bad-character"),
        ("كتاب", "codes.bad-character"),
    ],
)
def test_what_is_no_verification_code_is_refused(typed: str, code: str) -> None:
    with pytest.raises(BadCode) as caught:
        normalize_verification_code(typed)
    assert caught.value.code == code
