"""Stored files: encrypted on disk, a key for each body, damage noticed."""

from pathlib import Path
from uuid import UUID

import pytest

from edms.content import service
from edms.content.store import DiskStore
from edms.core.errors import NotFound, Unavailable
from edms.core.ids import new_id
from tests.factories.world import OPERATOR, World, make_world

CANARY = "كلمة السر في العنوان".encode() * 50_000


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def put(world: World, data: bytes, *bodies: UUID) -> UUID:
    with world.database.work(OPERATOR) as uow:
        return service.put(
            uow, data, kind="attachment", entities=bodies, store=world.store, keys=world.keyring
        ).id  # fmt: skip


def read(world: World, file_id: UUID, body: UUID) -> bytes:
    with world.database.read(OPERATOR) as uow:
        return service.read(uow, file_id, entity_id=body, store=world.store, keys=world.keyring)


@pytest.mark.parametrize("size", [0, 1, 16_384, 1 << 20, (1 << 20) + 1])
def test_bytes_come_back_exactly(world: World, size: int) -> None:
    data = CANARY[:size]
    assert read(world, put(world, data, world.entity_a.id), world.entity_a.id) == data


def test_streams_are_stored_without_their_length_known(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        row = service.put(
            uow, iter([b"abc", b"", b"def"]), kind="raw", entities=[world.entity_a.id], store=world.store,
            keys=world.keyring,
        )  # fmt: skip
        assert row.size == 6
    assert read(world, row.id, world.entity_a.id) == b"abcdef"


def test_a_body_without_a_key_finds_nothing_until_it_is_shared(world: World) -> None:
    file_id = put(world, b"data", world.entity_a.id)
    with pytest.raises(NotFound, match="no-key"):
        read(world, file_id, world.entity_b.id)
    for _ in range(2):
        with world.database.work(OPERATOR) as uow:
            service.share(
                uow, file_id, holder=world.entity_a.id, entities=[world.entity_b.id, world.entity_a.id],
                keys=world.keyring,
            )  # fmt: skip
    assert read(world, file_id, world.entity_b.id) == b"data"


def test_plaintext_is_nowhere_in_the_store(world: World) -> None:
    put(world, CANARY, world.entity_a.id)
    kept = [path.read_bytes() for path in world.settings.content_folder.rglob("*") if path.is_file()]
    assert kept
    assert all(CANARY[:40] not in data for data in kept)


def test_damaged_blob_is_noticed_and_never_given_out_whole(world: World) -> None:
    file_id = put(world, CANARY, world.entity_a.id)
    path = next(path for path in world.settings.content_folder.rglob(str(file_id)))
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(Unavailable, match="damaged"):
        read(world, file_id, world.entity_a.id)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(Unavailable, match="damaged"):
        read(world, file_id, world.entity_a.id)
    path.unlink()
    with pytest.raises(NotFound, match="missing-blob"):
        read(world, file_id, world.entity_a.id)


def test_blob_exchanged_for_another_is_refused(world: World) -> None:
    first, second = put(world, b"first", world.entity_a.id), put(world, b"second", world.entity_a.id)
    paths = {path.name: path for path in world.settings.content_folder.rglob("*") if path.is_file()}
    paths[str(first)].write_bytes(paths[str(second)].read_bytes())
    with pytest.raises(Unavailable, match="damaged"):
        read(world, first, world.entity_a.id)


def test_disk_store_keeps_lists_and_forgets(tmp_path: Path) -> None:
    store, blob = DiskStore(tmp_path), new_id()
    assert store.put(blob, [b"ab", b"c"]) == 3
    assert list(store.ids()) == [blob]
    with store.open(blob) as kept:
        assert kept.read() == b"abc"
    store.delete(blob)
    store.delete(blob)
    assert list(store.ids()) == []
    with pytest.raises(NotFound, match="missing-blob"):
        store.open(blob)


def test_store_that_cannot_write_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="store-failed"):
        DiskStore(tmp_path / "file").put(new_id(), [b"x"])
