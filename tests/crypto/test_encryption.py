"""Sealing values, wrapping and deriving keys."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.encryption import derive, new_key, open_value, seal_value, unwrap_key, wrap_key
from crypto.errors import DecryptionError, KeyUnavailable

KEY = bytes(range(32))


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_a_sealed_value_opens_in_its_own_place(plaintext: bytes, context: bytes) -> None:
    assert open_value(KEY, seal_value(KEY, plaintext, context), context) == plaintext
    assert unwrap_key(KEY, wrap_key(KEY, plaintext, context), context) == plaintext


@pytest.mark.parametrize(("close", "open_"), [(seal_value, open_value), (wrap_key, unwrap_key)])
class TestEitherWay:
    def test_another_context_is_refused(self, close: Callable[..., bytes], open_: Callable[..., bytes]) -> None:
        with pytest.raises(DecryptionError, match=r"crypto\.altered"):
            open_(KEY, close(KEY, b"x", b"letters|subject|1"), b"letters|subject|2")

    def test_another_key_is_refused(self, close: Callable[..., bytes], open_: Callable[..., bytes]) -> None:
        with pytest.raises(DecryptionError, match=r"crypto\.altered"):
            open_(new_key(), close(KEY, b"x", b"c"), b"c")

    def test_every_flipped_bit_is_refused(self, close: Callable[..., bytes], open_: Callable[..., bytes]) -> None:
        sealed = close(KEY, "كتاب".encode(), b"c")
        for bit in range(8 * len(sealed)):
            altered = bytearray(sealed)
            altered[bit // 8] ^= 1 << bit % 8
            with pytest.raises(DecryptionError):
                open_(KEY, bytes(altered), b"c")

    def test_every_cut_is_refused(self, close: Callable[..., bytes], open_: Callable[..., bytes]) -> None:
        sealed = close(KEY, b"a subject", b"c")
        for length in range(len(sealed)):
            with pytest.raises(DecryptionError):
                open_(KEY, sealed[:length], b"c")

    def test_an_unknown_suite_is_named(self, close: Callable[..., bytes], open_: Callable[..., bytes]) -> None:
        sealed = b"\x7f" + close(KEY, b"x", b"c")[1:]
        with pytest.raises(DecryptionError, match=r"crypto\.unknown-suite"):
            open_(KEY, sealed, b"c")

    def test_a_key_of_another_length_is_refused(self, close: Callable[..., bytes], open_: Callable[..., bytes]) -> None:
        with pytest.raises(KeyUnavailable, match=r"crypto\.key-length"):
            close(b"short", b"x", b"c")
        with pytest.raises(KeyUnavailable, match=r"crypto\.key-length"):
            open_(b"short", close(KEY, b"x", b"c"), b"c")

    def test_equal_values_never_look_equal(self, close: Callable[..., bytes], open_: Callable[..., bytes]) -> None:
        assert close(KEY, b"x", b"c") != close(KEY, b"x", b"c")


def test_a_wrapped_key_is_not_a_sealed_value() -> None:
    with pytest.raises(DecryptionError):
        open_value(KEY, wrap_key(KEY, b"x" * 32, b"c"), b"c")


def test_derived_keys_differ_by_purpose_and_never_change() -> None:
    assert derive(KEY, "index") != derive(KEY, "code")
    assert derive(KEY, "index").hex() == "2dfc9c2d73cce3f0b6e992e03a2387792459972923729f42440535f726899eb8"
    with pytest.raises(KeyUnavailable):
        derive(b"short", "index")


def test_values_sealed_by_the_first_version_still_open() -> None:
    sealed = bytes.fromhex(
        "0101cd39457dbce97fbc696bbf52dd29909a331ab0ae3b18d361f983ad776c1f9aa93ddc27d666eaa86a804134dfd0d2"
        "75aef4b4f1738201"
    )
    wrapped = bytes.fromhex(
        "0153c658b4080d0bbcc7930ce831041e271b85240d32c4e1f3c89cd177d1d449065cd9fa12fee5d4e694cfb4f138190e"
        "a1fd809a08a645900235c4314a"
    )
    assert open_value(KEY, sealed, b"letters|subject|1").decode() == "م/ صيانة الجسور"
    assert unwrap_key(KEY, wrapped, b"edms/1/wrap|1") == b"k" * 32
