"""Secrets that can be destroyed one by one, and the file that they are derived from."""

import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import punctured_tree as tree
from crypto.errors import KeyDestroyed, KeyUnavailable
from crypto.keystore_file import FileKeyStore, create_key_file
from crypto.vault import LOOK_EVERY, Vault, create_vault

A, B = b"entity|0|2026", b"entity|0|2027"


@pytest.fixture
def keys(tmp_path: Path) -> FileKeyStore:
    secret = os.urandom(32)
    create_key_file(tmp_path / "keys", secret)
    return FileKeyStore(tmp_path / "keys", secret)


@pytest.fixture
def path(tmp_path: Path, keys: FileKeyStore) -> Path:
    create_vault(tmp_path / "vault", keys)
    return tmp_path / "vault"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=8), st.booleans())
def test_what_is_punctured_is_gone_and_all_else_stays(which: list[tuple[int, int]], whole_bucket: bool) -> None:
    every = {(b, i): tree.path_of(bytes((b,)), bytes((i,))) for b in range(4) for i in range(10)}
    nodes = tree.fresh()
    before = {place: tree.derive_node(nodes, path) for place, path in every.items()}
    for place in which:
        tree.puncture(nodes, every[place])
        assert not tree.puncture(nodes, every[place])
    gone = set(which)
    if whole_bucket:
        tree.puncture(nodes, tree.path_of(bytes((which[0][0],))))
        gone |= {place for place in every if place[0] == which[0][0]}
    after = {place: tree.derive_node(nodes, path) for place, path in every.items()}
    assert after == {place: None if place in gone else found for place, found in before.items()}
    for place in gone:
        assert not tree.left_of(nodes, every[place])


def test_every_secret_differs_and_none_is_stored() -> None:
    nodes = tree.fresh()
    before = dict(nodes)
    found = {tree.derive_node(nodes, tree.path_of(A, number.to_bytes(4))) for number in range(1000)}
    assert len(found) == 1000
    assert nodes == before
    assert not any(secret and secret in children for secret in found for children in nodes.values())


def test_a_destroyed_item_costs_nine_thousand_octets_at_most() -> None:
    nodes = tree.fresh()
    tree.puncture(nodes, tree.path_of(A, b"first"))  # the way down to the bucket, once
    before = sum(len(path) + len(children) for path, children in nodes.items())
    for number in range(20):
        tree.puncture(nodes, tree.path_of(A, number.to_bytes(4)))
    after = sum(len(path) + len(children) for path, children in nodes.items())
    assert (after - before) / 20 < 9000


def test_nothing_above_a_destroyed_secret_is_left() -> None:
    nodes = tree.fresh()
    path = tree.path_of(A, b"1")
    above = [tree.derive_node(nodes, path[:length]) for length in range(1, len(path) + 1)]
    tree.puncture(nodes, path)
    assert not any(one and one in children for one in above for children in nodes.values())


def test_paths_are_packed_and_unpacked() -> None:
    for path in (tree.path_of(A), tree.path_of(A, b"item")):
        assert tree.unpacked(tree.packed(path)) == path
        assert len(tree.packed(path)) == len(path) // 2


def test_a_destroyed_secret_is_gone_in_every_opening_and_the_others_stay(path: Path, keys: FileKeyStore) -> None:
    here, there = Vault(path, keys), Vault(path, keys, look_every=0)
    kept = there.secret(A, b"2")
    assert here.secret(A, b"1") == there.secret(A, b"1") != kept
    assert here.destroy([tree.path_of(A, b"1"), tree.path_of(A, b"1")]) == 1
    for vault in (here, there, Vault(path, keys)):
        with pytest.raises(KeyDestroyed, match=r"vault\.destroyed"):
            vault.secret(A, b"1")
        assert vault.secret(A, b"2") == kept
        assert vault.destroyed(tree.path_of(A, b"1"))
        assert not vault.destroyed(tree.path_of(A, b"2"))
        assert not vault.destroyed(tree.path_of(A))
    assert here.destroy([tree.path_of(A, b"1")]) == 0


def test_another_process_sees_it_within_a_moment(path: Path, keys: FileKeyStore) -> None:
    here, there = Vault(path, keys), Vault(path, keys)
    there.secret(A, b"1")
    before = there.state()
    here.destroy([tree.path_of(A, b"1")])
    time.sleep(LOOK_EVERY)
    assert there.state() != before
    with pytest.raises(KeyDestroyed):
        there.secret(A, b"1")


def test_a_destroyed_bucket_takes_all_its_secrets_and_no_others(path: Path, keys: FileKeyStore) -> None:
    vault = Vault(path, keys)
    other = vault.secret(B, b"1")
    vault.destroy([tree.path_of(A, b"7")])
    vault.destroy([tree.path_of(A)])
    for item in (b"1", b"7", b"never asked for"):
        with pytest.raises(KeyDestroyed):
            vault.secret(A, item)
    assert vault.secret(B, b"1") == other
    assert vault.destroyed(tree.path_of(A))


def test_the_file_before_is_overwritten(path: Path, keys: FileKeyStore, tmp_path: Path) -> None:
    (tmp_path / "seen").hardlink_to(path)  # the old file's octets stay in sight under this name
    before = (tmp_path / "seen").read_bytes()
    Vault(path, keys).destroy([tree.path_of(A, b"1")])
    after = (tmp_path / "seen").read_bytes()
    assert len(after) == len(before)
    assert after[:4] != before[:4]
    assert not path.with_name("vault.old").exists()


def test_what_a_dead_process_left_is_overwritten_by_the_next(path: Path, keys: FileKeyStore, tmp_path: Path) -> None:
    old = path.with_name("vault.old")
    shutil.copyfile(path, old)
    (tmp_path / "seen").hardlink_to(old)
    before = (tmp_path / "seen").read_bytes()
    Vault(path, keys).destroy([tree.path_of(A, b"1")])
    assert not old.exists()
    assert (tmp_path / "seen").read_bytes()[:4] != before[:4]


def test_a_death_before_the_rename_loses_nothing(path: Path, keys: FileKeyStore) -> None:
    secret = Vault(path, keys).secret(A, b"2")
    path.with_name("vault.old").hardlink_to(path)  # as it stands between the link and the rename
    Vault(path, keys).destroy([tree.path_of(A, b"1")])
    assert Vault(path, keys).secret(A, b"2") == secret


def test_a_new_root_takes_over_the_vault(path: Path, keys: FileKeyStore) -> None:
    vault = Vault(path, keys)
    secret = vault.secret(A, b"1")
    keys.rotate()
    assert vault.root_version() == 1
    vault.rewrap()
    assert vault.root_version() == 2
    keys.forget(1)
    assert Vault(path, keys).secret(A, b"1") == secret


def test_what_is_no_vault_or_altered_is_refused(path: Path, keys: FileKeyStore) -> None:
    whole = path.read_bytes()
    with pytest.raises(KeyUnavailable, match=r"vault\.exists"):
        create_vault(path, keys)
    for changed in (b"", b"EDV1", whole[:-1], whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], whole + b"x"):
        path.write_bytes(changed)
        with pytest.raises(KeyUnavailable, match=r"vault\.damaged"):
            Vault(path, keys)
    path.unlink()
    with pytest.raises(KeyUnavailable, match=r"vault\.missing"):
        Vault(path, keys)


def test_readers_meet_no_error_while_much_is_destroyed(path: Path, keys: FileKeyStore) -> None:
    reader, failed, stop = Vault(path, keys, look_every=0), [], threading.Event()
    secret = reader.secret(A, b"kept")

    def read() -> None:
        while not stop.is_set():
            try:
                assert reader.secret(A, b"kept") == secret
            except Exception as error:  # whatever it is, the test names it
                failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    writer = Vault(path, keys)
    for number in range(30):
        writer.destroy([tree.path_of(A, str(number).encode())])
    stop.set()
    thread.join()
    assert failed == []
