"""Keys wrapped for other installations (HPKE)."""

import pytest

from crypto.errors import DecryptionError, KeyUnavailable
from crypto.recipients import RecipientKey, new_recipient_key, unwrap_with, wrap_for

CONTEXT = b"edms/1/wrap|blob|entity"


@pytest.fixture(params=[1, 2], scope="module")
def key(request: pytest.FixtureRequest) -> RecipientKey:
    return new_recipient_key(request.param)


def test_only_the_holder_unwraps(key: RecipientKey) -> None:
    wrapped = wrap_for(key.public, b"d" * 32, CONTEXT)
    assert unwrap_with(key.private, wrapped, CONTEXT) == b"d" * 32
    assert wrapped[0] == key.public[0] == key.private[0]
    other = new_recipient_key(1 if key.private[0] == 1 else 2)
    with pytest.raises(DecryptionError):
        unwrap_with(other.private, wrapped, CONTEXT)


def test_another_context_suite_or_altered_bytes_are_refused(key: RecipientKey) -> None:
    wrapped = wrap_for(key.public, b"d" * 32, CONTEXT)
    with pytest.raises(DecryptionError):
        unwrap_with(key.private, wrapped, b"other")
    for position in (0, 1, 20, len(wrapped) // 2, len(wrapped) - 1):
        altered = bytearray(wrapped)
        altered[position] ^= 8
        with pytest.raises(DecryptionError):
            unwrap_with(key.private, bytes(altered), CONTEXT)
    for length in (0, 1, 30, len(wrapped) - 1):
        with pytest.raises(DecryptionError):
            unwrap_with(key.private, wrapped[:length], CONTEXT)


def test_what_is_no_key_is_named(key: RecipientKey) -> None:
    wrapped = wrap_for(key.public, b"d" * 32, CONTEXT)
    for public in (b"", b"\x09" + key.public[1:], key.public[:-1], key.public + b"x"):
        with pytest.raises(KeyUnavailable):
            wrap_for(public, b"d" * 32, CONTEXT)
    for private in (b"", b"\x09" + key.private[1:], key.private[:-1], key.private + b"x"):
        with pytest.raises(KeyUnavailable):
            unwrap_with(private, wrapped, CONTEXT)


def test_the_private_half_is_not_shown(key: RecipientKey) -> None:
    assert "private" not in repr(key)
