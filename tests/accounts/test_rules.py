"""Passwords, logins and delays."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edms.accounts.rules import clean_login, clean_password, delay_after, password_problem

WORDS = ("hadi.kadhim", "هدى", "كاظم", "وزارة", "الصحة")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("قصيرة", "accounts.password-short"),
        ("ا" * 129, "accounts.password-long"),
        ("aaaaaaaaaaaaaa", "accounts.password-simple"),
        ("qwertyuiop123", "accounts.password-simple"),
        ("1234567890123", "accounts.password-simple"),
        ("Password123456!", "accounts.password-common"),
        ("كلمة المرور ١٢٣", "accounts.password-common"),
        ("بغداد بغداد ٢٠٢٦", "accounts.password-common"),
        ("هدى كاظم ١٩٨٥", "accounts.password-personal"),
        ("Hadi.Kadhim99", "accounts.password-personal"),
        ("نخلة ونهر وقارب", None),
        ("correct staple of the river", None),
    ],
)
def test_password_policy(password: str, code: str | None) -> None:
    assert password_problem(password, known_words=WORDS) == code


def test_password_has_one_form_on_every_keyboard() -> None:
    assert clean_password("آ" + "x") == clean_password("\u0627\u0653x")


@pytest.mark.parametrize(
    ("text", "login"), [(" Ali.H ", "ali.h"), ("ab", None), ("علي", None), ("a b c", None), ("-ab", None)]
)
def test_login_has_one_form(text: str, login: str | None) -> None:
    assert clean_login(text) == login


@given(st.integers(0, 10**6), st.integers(1, 100))
def test_delay_grows_and_ends_at_the_longest(attempts: int, allowed: int) -> None:
    delay = delay_after(attempts, allowed, timedelta(hours=1))
    assert (delay is None) == (attempts <= allowed)
    assert delay is None or timedelta(minutes=1) <= delay <= timedelta(hours=1)
