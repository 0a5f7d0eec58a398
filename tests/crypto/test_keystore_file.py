"""The sealed key file: secrets, damage, permissions, many processes."""

import multiprocessing
import stat
import threading
from pathlib import Path

import pytest

from crypto.errors import KeyUnavailable
from crypto.keyfile import default_kind
from crypto.keystore_file import FileKeyStore, create_key_file

SECRET = bytes(range(200, 232))
PASSPHRASE = "كلمة سر طويلة بالعربية".encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create_key_file(tmp_path / "keys", SECRET)
    return tmp_path / "keys"


def refused(path: Path, secret: bytes = SECRET) -> str:
    with pytest.raises(KeyUnavailable) as caught:
        FileKeyStore(path, secret)
    return caught.value.code


def test_a_passphrase_of_any_length_opens_its_file(tmp_path: Path) -> None:
    for number, secret in enumerate((b"x", PASSPHRASE, b"a passphrase of 32 characters...", b"y" * 5000)):
        path = tmp_path / str(number)
        create_key_file(path, secret, memory_kib=64)
        wrapped = FileKeyStore(path, secret).wrap(b"k", b"c")
        assert FileKeyStore(path, secret).unwrap(wrapped, b"c") == b"k"
        assert refused(path, secret + b"!") == "keystore.wrong-secret"


def test_the_kind_of_a_secret_is_told_apart_and_can_be_said(tmp_path: Path) -> None:
    assert default_kind(SECRET) == "key"
    assert default_kind(b"a passphrase of 32 characters...") == "passphrase"
    assert default_kind(SECRET[:31]) == "passphrase"
    create_key_file(tmp_path / "keys", b"an ASCII string of 32 bytes ....", kind="key")
    FileKeyStore(tmp_path / "keys", b"an ASCII string of 32 bytes ....")


def test_a_wrong_secret_is_named(path: Path) -> None:
    assert refused(path, bytes(32)) == "keystore.wrong-secret"
    assert refused(path, b"") == "keystore.wrong-secret"


def test_an_empty_secret_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable, match=r"keystore\.empty-secret"):
        create_key_file(tmp_path / "keys", b"")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyUnavailable, match=r"keystore\.exists"):
        create_key_file(path, b"another", memory_kib=64)
    assert path.read_bytes() == before


def test_a_missing_file_or_folder_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "absent") == "keystore.missing"
    with pytest.raises(KeyUnavailable, match=r"keystore\.unwritable"):
        create_key_file(tmp_path / "no" / "keys", SECRET)


def test_every_flip_and_cut_is_damage_or_a_wrong_secret(path: Path) -> None:
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        assert refused(path) in ("keystore.damaged", "keystore.wrong-secret"), position
        path.write_bytes(whole[:position])
        assert refused(path) == "keystore.damaged"


def test_only_the_owner_can_read_it_and_no_key_is_in_clear(path: Path) -> None:
    FileKeyStore(path, SECRET).create("ca-root")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {child.name for child in path.parent.iterdir()} == {"keys", "keys.lock"}
    assert b"ca-root" not in path.read_bytes()


def test_a_file_that_vanishes_while_open_is_unavailable_not_empty(path: Path) -> None:
    store = FileKeyStore(path, SECRET)
    path.unlink()
    with pytest.raises(KeyUnavailable, match=r"keystore\.missing"):
        store.create("ca-root")
    assert not path.exists()


def test_a_left_over_temporary_file_does_no_harm(path: Path) -> None:
    path.with_name("keys.new").write_bytes(b"half")
    store = FileKeyStore(path, SECRET)
    assert store.rotate() == 2


def test_threads_of_one_store_do_not_lose_keys(path: Path) -> None:
    store = FileKeyStore(path, SECRET)
    threads = [threading.Thread(target=store.create, args=(f"key-{number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = FileKeyStore(path, SECRET)
    assert all(again.public_key(f"key-{number}") for number in range(12))


def _make_keys(path: Path, prefix: str) -> None:
    store = FileKeyStore(path, SECRET)
    for number in range(5):
        store.create(f"{prefix}-{number}")
        store.rotate()


def test_processes_do_not_lose_each_others_keys(path: Path) -> None:
    store = FileKeyStore(path, SECRET)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_make_keys, args=(path, prefix)) for prefix in ("a", "b", "c")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert all(store.public_key(f"{prefix}-{number}") for prefix in "abc" for number in range(5))
    assert store.rotate() == 17


def test_the_file_of_the_first_version_still_opens(tmp_path: Path) -> None:
    stored = (Path(__file__).parents[1] / "vectors" / "keyfile.hex").read_text()
    (tmp_path / "keys").write_bytes(bytes.fromhex(stored))
    store = FileKeyStore(tmp_path / "keys", b"passphrase")
    wrapped = bytes.fromhex((Path(__file__).parents[1] / "vectors" / "keyfile-wrapped.hex").read_text())
    assert store.unwrap(wrapped, b"edms/1/ekek|1|1") == b"k" * 32
    assert store.public_key("ca-root")
