"""What every KeyStore adapter must do."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from crypto.errors import DecryptionError, KeyUnavailable
from crypto.keystore import KeyStore
from crypto.keystore_file import FileKeyStore, create_key_file
from crypto.signatures import verify

Open = Callable[[], KeyStore]


@pytest.fixture(params=["file"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """A function that opens the same fresh store again, as another process would."""
    assert request.param == "file"
    secret = os.urandom(32)
    create_key_file(tmp_path / "keys", secret)
    return lambda: FileKeyStore(tmp_path / "keys", secret)


@pytest.fixture
def store(open_store: Open) -> KeyStore:
    return open_store()


def test_a_wrapped_key_unwraps_in_another_opening(store: KeyStore, open_store: Open) -> None:
    wrapped = store.wrap(b"k" * 32, b"edms/1/ekek|e|1")
    assert b"k" * 32 not in wrapped
    assert open_store().unwrap(wrapped, b"edms/1/ekek|e|1") == b"k" * 32


def test_another_context_or_altered_bytes_are_refused(store: KeyStore) -> None:
    wrapped = store.wrap(b"k" * 32, b"e|1")
    with pytest.raises(DecryptionError):
        store.unwrap(wrapped, b"e|2")
    for position in range(4, len(wrapped)):
        with pytest.raises(DecryptionError):
            store.unwrap(wrapped[:position] + bytes([wrapped[position] ^ 1]) + wrapped[position + 1 :], b"e|1")
    for length in range(len(wrapped)):
        with pytest.raises(DecryptionError):
            store.unwrap(wrapped[:length], b"e|1")


def test_an_unknown_root_version_is_unavailable(store: KeyStore) -> None:
    with pytest.raises(KeyUnavailable, match=r"keystore\.unknown-version"):
        store.unwrap(b"\0\0\0\x63" + store.wrap(b"k" * 32, b"c")[4:], b"c")


def test_rotation_keeps_old_wraps_and_moves_new_ones(store: KeyStore, open_store: Open) -> None:
    other = open_store()
    old = store.wrap(b"k" * 32, b"c")
    assert store.rotate() == 2
    new = store.wrap(b"k" * 32, b"c")
    assert old[:4] != new[:4] == other.wrap(b"k" * 32, b"c")[:4]
    assert {other.unwrap(old, b"c"), other.unwrap(new, b"c"), open_store().unwrap(old, b"c")} == {b"k" * 32}
    assert other.rotate() == 3


def test_a_signing_key_is_made_once_and_signs(store: KeyStore, open_store: Open) -> None:
    store.create("ca-root")
    public = store.public_key("ca-root")
    store.create("ca-root")
    open_store().create("ca-root")
    assert open_store().public_key("ca-root") == store.public_key("ca-root") == public
    signature = open_store().sign("ca-root", b"data")
    assert verify(public, b"data", signature)
    assert not verify(public, b"other", signature)


def test_two_openings_do_not_lose_each_others_keys(store: KeyStore, open_store: Open) -> None:
    other = open_store()
    store.create("log")
    other.create("tsa")
    store.rotate()
    assert verify(store.public_key("tsa"), b"x", store.sign("tsa", b"x"))
    assert verify(other.public_key("log"), b"x", other.sign("log", b"x"))
    assert other.wrap(b"k", b"c")[:4] == store.wrap(b"k", b"c")[:4]


def test_an_unknown_name_is_unavailable(store: KeyStore) -> None:
    with pytest.raises(KeyUnavailable, match=r"keystore\.unknown-name"):
        store.sign("absent", b"x")
    with pytest.raises(KeyUnavailable, match=r"keystore\.unknown-name"):
        store.public_key("absent")


@pytest.mark.parametrize("name", ["", "../x", "Ca", "a b", "x" * 65, "ختم"])
def test_a_name_that_is_not_one_is_refused(store: KeyStore, name: str) -> None:
    with pytest.raises(KeyUnavailable, match=r"keystore\.bad-name"):
        store.create(name)
