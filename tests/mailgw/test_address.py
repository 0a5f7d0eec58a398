"""The address grammar: what is an address, and that two spellings of one domain are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgw.address import Address, AddressError, parse_domain, parse_path, valid_helo


def test_u_label_and_a_label_are_one_domain() -> None:
    assert parse_domain("صحة.عراق".encode()) == parse_domain(b"XN--OGBHX.xn--mgbtx2b") == "xn--ogbhx.xn--mgbtx2b"


def test_local_part_is_normalised_but_its_digits_are_kept() -> None:
    decomposed = "أحمد١٢".encode()
    address = parse_path(b"<" + decomposed + b"@a.test>", smtputf8=True)
    assert address == Address("أحمد١٢", "a.test")


def test_null_path_is_none() -> None:
    assert parse_path(b"<>", smtputf8=False) is None


@pytest.mark.parametrize(
    "path",
    [
        "<a\u200fb@a.test>",
        "<a\u202eb@a.test>",
        "<a b@a.test>",
        "<a\u00a0b@a.test>",
        "<a@a\u200d.test>",
        "<a@صحة..عراق>",
        "<a@" + "x" * 64 + ".test>",
        "<" + "a" * 300 + "@a.test>",
        "<a@xn--a.test>",
        "<a@a_b.test>",
        "<a@\u0661.\u0627>",
    ],
)
def test_not_an_address(path: str) -> None:
    with pytest.raises(AddressError):
        parse_path(path.encode(), smtputf8=True)


@given(st.binary(max_size=60), st.booleans())
def test_any_octets_give_an_address_or_an_address_error(octets: bytes, smtputf8: bool) -> None:
    for path in (octets, b"<" + octets + b">", b"<a@" + octets + b">"):
        try:
            address = parse_path(path, smtputf8=smtputf8)
        except AddressError:
            continue
        assert address is None or (address.domain.isascii() and "@" not in address.local + address.domain)


@given(st.binary(max_size=30))
def test_helo_is_never_a_line_breaker(octets: bytes) -> None:
    if valid_helo(octets):
        assert octets.isascii()
        assert not set(octets) & set(b"\r\n\0 \t<>()")
