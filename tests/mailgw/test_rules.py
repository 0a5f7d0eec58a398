"""The small pure rules: retry times, reply texts, From values, certificates of peers."""

import re
from importlib.resources import files
from pathlib import Path
from random import Random

import pytest

from mailgw.address import Address, AddressError
from mailgw.headers import HeaderError, read_headers, single_mailbox
from mailgw.replies import TABLE, reply
from mailgw.retry import classify, next_delay
from mailgw.texts import text

SAMPLE = dict.fromkeys(
    (
        "id", "limit", "usage", "needed", "name", "domain", "number", "registered", "waiting", "repeats", "offered",
        "n", "queued", "own", "address", "field",
    ),
    "x",
)  # fmt: skip


def test_delays_grow_to_an_hour_and_stay_within_a_fifth() -> None:
    rng = Random(1)
    for attempts, minutes in enumerate((1, 2, 5, 10, 20, 40, 60, 60, 60), 1):
        seconds = [next_delay(attempts, rng) for _ in range(200)]
        assert min(seconds) >= minutes * 48
        assert max(seconds) <= minutes * 72
        assert max(seconds) - min(seconds) > minutes * 10


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(250, "ok"), (251, "ok"), (421, "transient"), (450, "transient"), (550, "permanent"), (0, "transient")],
)
def test_a_code_has_one_meaning(code: int, outcome: str) -> None:
    assert classify(code) == outcome


@pytest.mark.parametrize("name", TABLE)
def test_every_reply_speaks_arabic_and_english_in_short_lines(name: str) -> None:
    code, enhanced = TABLE[name]
    english = reply(name, **SAMPLE).lines()
    both = reply(name, **SAMPLE).lines(utf8=True)
    assert english.isascii()
    assert both.endswith(english)
    assert re.search("[\u0621-\u064a]", both.decode())
    assert max(map(len, both.split(b"\r\n"))) <= 510
    assert not enhanced or enhanced[0] == str(code)[0]


def test_reply_parameters_cannot_break_the_line() -> None:
    assert reply("smtp.parameter-unknown", name="A\r\n250 ok").lines().count(b"\r\n") == 1


def test_catalogues_have_the_same_codes_and_no_others_are_used() -> None:
    folder = files("edms").joinpath("web", "translations")
    texts = {locale: folder.joinpath(locale, "mailgw.po").read_text("utf-8") for locale in ("ar", "en")}
    codes = {locale: set(re.findall(r'^msgid "(.+)"', found, re.MULTILINE)) for locale, found in texts.items()}
    used: set[str] = set()
    for module in Path(str(files("mailgw"))).glob("*.py"):
        used |= set(re.findall(r'"(smtp\.[a-z0-9-]+)"', module.read_text("utf-8")))
    assert codes["ar"] == codes["en"]
    assert used == {code for code in codes["ar"] if code.startswith("smtp.")} == set(TABLE)


def test_text_needs_its_code() -> None:
    with pytest.raises(KeyError):
        text("smtp.no-such-thing", "ar")


@pytest.mark.parametrize(
    "value",
    [
        b"a@b.test, c@d.test",
        b"<a@b.test> <c@d.test>",
        b"a@b.test (x)",
        b"x@y <a@b.test>",
        b"group: a@b.test;",
        b"",
        b"<@x:a@b.test>",
        b'"<x@y>',
        b"=?utf-8?q?a?= <a@b.test",
        b"(x) <a@b.test>",
        b"a\\@c@b.test",
    ],
)
def test_from_that_two_parsers_could_read_differently_is_refused(value: bytes) -> None:
    with pytest.raises(AddressError):
        single_mailbox(value)


@pytest.mark.parametrize(
    "value",
    [
        b"a@b.test",
        b" <a@b.test> ",
        b'"x <c@d.test>, y" <a@b.test>',
        b"=?utf-8?b?2YjYstin2LHYqQ==?= <a@b.test>",
        "وزارة الداخلية <a@b.test>".encode(),
    ],
)
def test_from_with_one_plain_address_is_read(value: bytes) -> None:
    assert single_mailbox(value) == Address("a", "b.test")


def test_folded_header_is_one_value() -> None:
    headers = read_headers(b"Subject: a\r\n b\r\nTO: x\r\n\r\nFrom: no\r\n")
    assert headers.fields == (("subject", b"a b"), ("to", b"x"))


@pytest.mark.parametrize("raw", [b"no colon\r\n\r\n", b" folded first\r\n\r\n", b"a b: c\r\n\r\n", b"\x80: c\r\n\r\n"])
def test_malformed_header_is_an_error(raw: bytes) -> None:
    with pytest.raises(HeaderError):
        read_headers(raw)
