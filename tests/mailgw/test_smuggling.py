"""No form of line end smuggles a second message in (tests/dialogues/smuggling-*.smtp too), and none leaves us."""

from itertools import product

import pytest

from mailgw.data_reader import DataReader, MemoryBudget
from tests.mailgw.gateway import Sink, running_gateway
from tests.mailgw.test_client import HEALTH, send
from tests.mailgw.test_dialogues import FOLDER

HEADER = b"From: <diwan@interior.test>\r\nTo: <diwan@health.test>\r\n\r\n"
SECOND = (
    b"MAIL FROM:<diwan@interior.test>\r\nRCPT TO:<diwan@health.test>\r\nDATA\r\n"
    b"From: <diwan@interior.test>\r\n\r\nsmuggled\r\n"
)  # fmt: skip
FORMS = [
    b"\n.\n", b"\n.\r\n", b"\n.\r", b"\r.\r", b"\r.\r\n", b"\r.\n", b"\r\n.\n", b"\r\n.\r", b"\r\r\n.\r\r\n",
    b"\r\n.\r\r\n", b"\n\n.\r\n", b"\n\r.\n\r", b"\n.\n\r\n", b"\r\n\r.\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n",
]  # fmt: skip


def test_every_form_has_its_dialogue() -> None:
    assert len(set(FORMS)) == len(list(FOLDER.glob("smuggling-*.smtp"))) == 16


@pytest.mark.parametrize("form", FORMS, ids=[repr(form)[2:-1] for form in FORMS])
def test_the_reader_takes_no_form_for_an_end_however_it_is_cut(form: bytes) -> None:
    octets = HEADER + b"one" + form + SECOND + b".\r\n"
    for size in (1, 2, 3, 5, len(octets)):
        reader = DataReader(10_000, MemoryBudget(100_000))
        ends = [reader.feed(octets[at : at + size]) for at in range(0, len(octets), size)]
        assert ends.index(True) == len(ends) - 1
        assert reader.problem in {"smtp.bare-newline", "smtp.nul"}
        assert (reader.rest, reader.message()) == (b"", b"")


def test_only_crlf_dot_crlf_ends_of_all_short_sequences() -> None:
    for length in range(1, 7):
        for letters in product(b"\r\n.\0", repeat=length):
            octets = b"x" + bytes(letters) + b"y"
            reader = DataReader(10_000, MemoryBudget(100_000))
            assert reader.feed(octets) == (b"\r\n.\r\n" in octets)


@pytest.mark.parametrize("form", FORMS, ids=[repr(form)[2:-1] for form in FORMS])
def test_no_form_leaves_us(form: bytes) -> None:
    raw = HEADER + b"one" + form + SECOND
    sink = Sink()
    with running_gateway(sink) as server:
        (results,) = send(server.port, [HEALTH], raw)
    assert (results[HEALTH].code, results[HEALTH].enhanced) == (554, "5.6.0")
    assert sink.messages == []


@pytest.mark.parametrize(
    "body",
    [
        b".\r\n",
        b"\r\n.\r\n" + SECOND,
        b"..\r\n...\r\n.\r\n.x\r\n",
        b".\r\n.\r\n.\r\n",
        b"a\r\n.",
        b"a\r\n.\r\n",
        b"no end of line",
        b"QUIT\r\n.\r\nQUIT\r\n",
    ],
)
def test_lines_of_dots_arrive_as_they_are_and_end_nothing(body: bytes) -> None:
    sink, raw = Sink(), HEADER + body
    with running_gateway(sink) as server:
        first, second = send(server.port, [HEALTH], raw, times=2)
    assert [first[HEALTH].code, second[HEALTH].code] == [250, 250]
    whole = raw if raw.endswith(b"\r\n") else raw + b"\r\n"  # RFC 5321 §4.1.1.4: the content ends with CRLF
    assert [message.content.octets() for message in sink.messages] == [whole, whole]
