"""The chunked reader gives the same answer however the octets are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgw.data_reader import DataReader, MemoryBudget


def read(octets: bytes, cuts: list[int], limit: int = 10_000) -> DataReader:
    reader = DataReader(limit, MemoryBudget(1_000_000))
    edges = sorted({0, len(octets), *(cut for cut in cuts if cut < len(octets))})
    for start, end in pairwise(edges):
        if reader.feed(octets[start:end]):
            reader.rest += octets[end:]
            break
    return reader


@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.translate(None, b"\r\n\0")), max_size=8),
    st.lists(st.integers(0, 300), max_size=20),
    st.binary(max_size=10),
)
def test_stuffed_lines_come_back_whole(lines: list[bytes], cuts: list[int], after: bytes) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    reader = read(stuffed + b".\r\n" + after, cuts)
    assert (reader.done, reader.problem, reader.rest) == (True, "", after)
    assert reader.size == len(content)
    assert reader.message() == content


@given(st.text(alphabet="\r\n.a", max_size=40).map(str.encode), st.lists(st.integers(0, 60), max_size=30))
def test_any_cut_gives_the_same_verdict(octets: bytes, cuts: list[int]) -> None:
    whole, cut = read(octets + b"\r\n.\r\n", []), read(octets + b"\r\n.\r\n", cuts)
    assert (whole.done, whole.problem, whole.rest) == (cut.done, cut.problem, cut.rest)
    assert whole.message() == cut.message()


@given(st.text(alphabet="\r\n.a", max_size=40).map(str.encode))
def test_what_is_taken_has_only_crlf(octets: bytes) -> None:
    reader = read(octets + b"\r\n.\r\n", [])
    message = reader.message()
    assert message.count(b"\r") == message.count(b"\n") == message.count(b"\r\n")


@pytest.mark.parametrize("size", [1, 7, 997, 998, 999, 1000, 1001, 5000])
@pytest.mark.parametrize("length", [998, 999])
def test_line_limit_holds_over_chunk_borders(size: int, length: int) -> None:
    octets = b"a" * 998 + b"\r\n" + b"b" * length + b"\r\nshort\r\n.\r\n"
    reader = read(octets, list(range(0, len(octets), size)))
    assert reader.problem == ("" if length == 998 else "smtp.line-too-long")


def test_budget_is_shared_and_given_back() -> None:
    budget = MemoryBudget(100)
    first, second = DataReader(1000, budget), DataReader(1000, budget)
    first.feed(b"a" * 80)
    second.feed(b"b" * 80)
    assert (first.problem, second.problem) == ("", "smtp.no-memory")
    first.release()
    assert budget.used == 0


def test_too_big_message_is_dropped_but_read_to_its_end() -> None:
    reader = read(b"a\r\n" * 2000 + b".\r\nQUIT\r\n", list(range(0, 6000, 100)), limit=50)
    assert (reader.done, reader.problem, reader.rest) == (True, "smtp.too-big", b"QUIT\r\n")
    assert reader.message() == b""


def test_a_line_that_is_too_long_keeps_no_memory() -> None:
    budget = MemoryBudget(10_000)
    reader = DataReader(100_000, budget)
    reader.feed(b"short\r\n" + b"a" * 2000)
    reader.feed(b"\r\n.\r\n")
    assert (reader.problem, budget.used) == ("smtp.line-too-long", 0)


def test_a_message_is_handed_over_in_pieces_without_its_virtual_line() -> None:
    budget = MemoryBudget(100)
    reader = DataReader(1000, budget)
    pieces = []
    for chunk in (b"..one\r\n" * 9, b"two\r\n" * 9, b".\r\n"):
        reader.feed(chunk)
        pieces.append(bytes(reader.take()))
        reader.wrote()
        assert budget.used == 0
    assert b"".join(pieces) == b".one\r\n" * 9 + b"two\r\n" * 9
