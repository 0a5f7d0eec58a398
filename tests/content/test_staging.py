"""A file that arrives bit by bit, and what becomes of files that no row names."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from edms.content import service as content
from edms.content.staging import Staging, sweep
from edms.core.clock import utc_now
from edms.core.errors import NotFound, Unavailable
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def test_what_arrives_in_pieces_is_one_file(world: World) -> None:
    staging = Staging(kind="message", now=utc_now(), store=world.store)
    for piece in (b"a" * 20_000, bytearray(b"b"), b""):
        staging.write(piece)
    staged = staging.finish()
    assert (staged.size, staged.kind) == (20_001, "message")
    assert b"".join(content.decrypted(staged.id, staged.key, world.store)) == b"a" * 20_000 + b"b"
    with world.database.work(OPERATOR) as uow:
        content.adopt(uow, staged, entities=[world.entity_a.id], keys=world.keyring)
        kept = content.read(
            uow, staged.id, entity_id=world.entity_a.id, store=world.store, keys=world.keyring
        )  # fmt: skip
    assert kept == b"a" * 20_000 + b"b"


def test_a_damaged_file_is_not_read(world: World) -> None:
    staged = content.stage(b"x" * 100, kind="message", now=utc_now(), store=world.store)
    (path,) = world.settings.content_folder.rglob(str(staged.id))
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(Unavailable):
        list(content.decrypted(staged.id, staged.key, world.store))


def test_only_what_nobody_names_is_swept_after_a_day(world: World) -> None:
    now, store = utc_now(), world.store
    orphan = content.stage(b"orphan", kind="message", now=now, store=store)
    with world.database.work(OPERATOR) as uow:
        named = content.put(
            uow, b"named", kind="message", entities=[world.entity_a.id], store=store, keys=world.keyring
        ).id  # fmt: skip
    unfinished = Staging(kind="message", now=now, store=store)
    unfinished.write(b"x" * 100_000)
    assert sweep(world.database, OPERATOR, store=store, now=now + timedelta(hours=23)) == 0
    later = now + timedelta(hours=25)
    assert sweep(world.database, OPERATOR, store=store, now=later) == 2
    with pytest.raises(NotFound):
        store.open(orphan.id)
    store.open(named).close()
    assert not list(world.settings.content_folder.rglob("*.part"))
    assert sweep(world.database, OPERATOR, store=store, now=later) == 0
    unfinished.discard()


def test_a_database_that_knows_hardly_any_file_is_taken_for_another_one(world: World) -> None:
    now = utc_now()
    strangers = [content.stage(b"x", kind="message", now=now, store=world.store).id for _ in range(21)]
    with pytest.raises(Unavailable) as told:
        sweep(world.database, OPERATOR, store=world.store, now=now + timedelta(hours=25))
    assert told.value.code == "content.too-many-orphans"
    assert set(strangers) <= set(world.store.ids())


def test_a_file_given_up_leaves_nothing(world: World) -> None:
    before = set(world.store.ids())
    staging = Staging(kind="message", now=utc_now(), store=world.store)
    staging.write(b"x" * 50_000)
    staging.discard()
    assert set(world.store.ids()) == before
    assert not [name for _, _, names in os.walk(world.settings.content_folder) for name in names if "part" in name]
