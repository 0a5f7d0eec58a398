"""Rotating keys: online, resumable, and the end of old versions only when nothing needs them."""

import os
import signal
import subprocess
import sys
import threading
import weakref
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from crypto.keystore import root_version
from edms.audit.models import Event
from edms.content import service as content
from edms.content.models import FileKey
from edms.core.actor import Actor
from edms.core.clock import utc_now
from edms.core.database import Database
from edms.core.errors import Conflict, Forbidden, NotFound, Unavailable
from edms.core.ids import NIL
from edms.core.parts import Parts
from edms.entities.keyring import Keyring
from edms.entities.models import Entity, EntityKey
from edms.letters import queries
from edms.operation import rotation
from edms.operation.rewrapping import newest_versions, rewrap_all, uses
from edms.wiring import parts_of
from tests.factories.issued import issued_letter
from tests.factories.world import OPERATOR, World, make_world

ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def opened(database: Database) -> Database:
    weakref.finalize(database, database.engine.dispose)  # no connection outlives the test
    return database


def another_process(world: World) -> Parts:
    """The parts that another process of the installation would have: its own caches, its own connections."""
    parts = parts_of(world.settings)
    opened(parts[Database])
    return parts


def stored(world: World, count: int, *, keys: Keyring | None = None, database: Database | None = None) -> list[UUID]:
    with (database or world.database).work(OPERATOR) as uow:
        return [
            content.adopt(
                uow, content.stage_small(f"file {number}".encode(), kind="test", now=uow.now, store=world.store),
                entities=[world.entity_a.id, world.entity_b.id], keys=keys or world.keyring,
            ).id
            for number in range(count)
        ]  # fmt: skip


def read(world: World, files: list[UUID], body: UUID, *, keys: Keyring | None = None) -> list[str]:
    with world.database.read(OPERATOR) as uow:
        return [
            content.read(uow, one, entity_id=body, store=world.store, keys=keys or world.keyring).decode()
            for one in files
        ]


def rotate(world: World, *owners: UUID) -> None:
    with world.database.work(OPERATOR) as uow:
        rotation.rotate_owners(uow, owners, keys=world.keyring)


def later(world: World) -> Database:
    """The database as it is a quarter of an hour later."""

    def clock() -> datetime:
        return utc_now() + timedelta(minutes=16)

    return opened(Database(world.settings.database_url, sealer=world.keyring, clock=clock))


def acts(world: World) -> list[str]:
    with world.database.read(OPERATOR) as uow:
        return [act for act in uow.session.scalars(select(Event.act).order_by(Event.seq)) if act.startswith("keys.")]


def test_a_bodys_key_rotates_and_everything_opens_under_the_new_version(world: World) -> None:
    files, a, b = stored(world, 25), world.entity_a.id, world.entity_b.id
    letter = issued_letter(world)
    rotate(world, a)
    done = rewrap_all(world.database, OPERATOR, keys=world.keyring, batch=7)
    assert done.signers == 1
    assert done.retired == ((a, 1),)
    with world.database.read(OPERATOR) as uow:
        used = uses(uow)
        assert used[a, 1] == 0
        assert used[a, 2] == done.files + done.signers > 25
        assert used[b, 1] >= 25
    fresh = another_process(world)[Keyring]
    assert read(world, files, a, keys=fresh) == read(world, files, b) == [f"file {number}" for number in range(25)]
    again = issued_letter(world, subject="كتاب بعد التدوير")  # the head's key signs as before
    with world.database.read(world.actor("a", "head")) as uow:
        assert queries.letter(uow, letter.id).subject == "تخصيصات مشروع الأرشفة"
        assert queries.letter(uow, again.id).subject == "كتاب بعد التدوير"
    assert acts(world) == ["keys.vault-begun", "keys.rotated", "keys.retired", "keys.rewrapped"]


def test_a_running_process_wraps_under_the_new_version_at_once(world: World) -> None:
    running = another_process(world)
    database, ring = running[Database], running[Keyring]
    stored(world, 1, keys=ring, database=database)
    rotate(world, world.entity_a.id)
    (file,) = stored(world, 1, keys=ring, database=database)
    with world.database.read(OPERATOR) as uow:
        held = uow.session.scalars(select(FileKey).filter_by(file_id=file))
        assert {key.entity_id: key.key_version for key in held} == {world.entity_a.id: 2, world.entity_b.id: 1}
    assert read(world, [file], world.entity_a.id) == ["file 0"]


def test_the_search_index_keeps_its_key(world: World) -> None:
    with world.database.read(OPERATOR) as uow:
        before = world.keyring.index_key(uow.session, world.entity_a.id)
    rotate(world, world.entity_a.id)
    rewrap_all(world.database, OPERATOR, keys=world.keyring)
    rotation.forget_version(later(world), OPERATOR, world.entity_a.id, 1, keys=world.keyring)
    for ring in (world.keyring, another_process(world)[Keyring]):
        with world.database.read(OPERATOR) as uow:
            assert ring.index_key(uow.session, world.entity_a.id) == before


def test_an_old_version_is_forgotten_only_when_nothing_needs_it(world: World) -> None:
    files, a = stored(world, 3), world.entity_a.id
    letter = issued_letter(world)
    forget = rotation.forget_version
    with pytest.raises(Conflict, match=r"keys\.newest-version"):
        forget(world.database, OPERATOR, a, 1, keys=world.keyring)
    rotate(world, a)
    with pytest.raises(Conflict, match=r"keys\.version-needed"):
        forget(world.database, OPERATOR, a, 1, keys=world.keyring)
    rewrap_all(world.database, OPERATOR, keys=world.keyring)
    with pytest.raises(Conflict, match=r"keys\.not-retired"):
        forget(world.database, OPERATOR, a, 1, keys=world.keyring)
    with pytest.raises(NotFound, match=r"keys\.no-version"):
        forget(world.database, OPERATOR, a, 9, keys=world.keyring)
    with pytest.raises(Forbidden):
        forget(later(world), world.actor("a", "administrator"), a, 1, keys=world.keyring)
    with world.database.read(OPERATOR) as uow:
        whole = world.keyring._whole(uow.session, a, 1)
    forget(later(world), OPERATOR, a, 1, keys=world.keyring)
    forget(later(world), OPERATOR, a, 1, keys=world.keyring)  # a second time changes nothing
    for ring in (world.keyring, another_process(world)[Keyring]):
        assert read(world, files, a, keys=ring) == ["file 0", "file 1", "file 2"]
        with world.database.read(OPERATOR) as uow:
            with pytest.raises(Unavailable, match=r"keys\.forgotten"):
                ring._whole(uow.session, a, 1)
            row = uow.session.scalars(select(EntityKey).filter_by(owner_id=a, version=1)).one()
            assert whole not in world.keys.unwrap(row.wrapped, f"edms/1/ekek-columns|{a}|1".encode())
    with another_process(world)[Database].read(world.actor("a", "head")) as uow:
        assert queries.letter(uow, letter.id).subject == "تخصيصات مشروع الأرشفة"  # sealed under version 1, and stays so
    assert acts(world).count("keys.forgotten") == 1


def test_the_installations_own_key_rotates_and_names_stay_readable(world: World) -> None:
    rotate(world, NIL)
    rewrap_all(world.database, OPERATOR, keys=world.keyring)
    rotation.forget_version(later(world), OPERATOR, NIL, 1, keys=world.keyring)
    with another_process(world)[Database].read(OPERATOR) as uow:
        assert uow.session.get_one(Entity, world.entity_a.id).name_ar == world.entity_a.name_ar


_RUNNER = """
import os, signal, sys
from config.settings import load
from edms.core.actor import system_actor
from edms.core.clock import utc_now
from edms.core.database import Database
from edms.entities.keyring import Keyring
from edms.operation.rewrapping import rewrap_all
from edms.wiring import parts_of
parts, batch, stop = parts_of(load(None, dict(os.environ))), int(sys.argv[1]), int(sys.argv[2])
def progress(seen):
    if seen >= stop * batch:
        os.kill(os.getpid(), signal.SIGKILL)
rewrap_all(parts[Database], system_actor("operator"), keys=parts[Keyring], batch=batch, progress=progress)
"""


def run_and_kill(world: World, batch: int, after: int) -> int:
    environ = {
        **os.environ, "DIWAN_DATA": str(world.settings.data), "DIWAN_DATABASE_URL": world.settings.database.url
    }  # fmt: skip
    command = [sys.executable, "-c", _RUNNER, str(batch), str(after)]
    return subprocess.run(command, env=environ, cwd=ROOT, check=False, timeout=60).returncode


def test_killed_after_any_batch_the_next_run_finishes(world: World) -> None:
    files, a, b = stored(world, 12), world.entity_a.id, world.entity_b.id
    rotate(world, a, b)
    for after in (1, 2, 3, 4):
        assert run_and_kill(world, 6, after) == -signal.SIGKILL
        with world.database.read(OPERATOR) as uow:
            used = uses(uow)
            assert used[a, 1] + used[b, 1] == 24 - 6 * after
        assert read(world, files, a) == read(world, files, b) == [f"file {number}" for number in range(12)]
    done = rewrap_all(world.database, OPERATOR, keys=world.keyring, batch=6)
    assert done.files == 0
    assert set(done.retired) == {(a, 1), (b, 1)}


def test_readers_and_writers_meet_no_error_while_keys_rotate(world: World) -> None:
    files, a = stored(world, 40), world.entity_a.id
    failed: list[BaseException] = []
    stop = threading.Event()
    made: list[UUID] = []

    def work(do: Any) -> None:
        while not stop.is_set():
            try:
                do()
            except BaseException as error:  # whatever it is, the test names it
                failed.append(error)

    running = another_process(world)
    ring, database = running[Keyring], running[Database]
    readers = [
        threading.Thread(target=work, args=(lambda: read(world, files[::8], a, keys=ring),)),
        threading.Thread(target=work, args=(lambda: made.extend(stored(world, 1, keys=ring, database=database)),)),
    ]
    for thread in readers:
        thread.start()
    for _ in range(3):
        rotate(world, a)
        rewrap_all(world.database, OPERATOR, keys=world.keyring, batch=5)
    stop.set()
    for thread in readers:
        thread.join()
    assert failed == []
    assert made
    rewrap_all(world.database, OPERATOR, keys=world.keyring)
    with world.database.read(OPERATOR) as uow:
        assert {version for (owner, version), count in uses(uow).items() if owner == a and count} == {4}
    assert read(world, made, a) == ["file 0"] * len(made)


def test_the_root_rotates_and_the_old_one_is_destroyed(world: World) -> None:
    files, run = stored(world, 2), world.settings.run_folder
    letter = issued_letter(world)
    database, keys = world.database, world.keyring
    run.mkdir(exist_ok=True)
    (run / "web.secret").write_bytes(world.keys.wrap(b"s" * 32, b"edms/1/web-secret"))
    with pytest.raises(Conflict, match=r"keys\.newest-root"):
        rotation.forget_root(database, OPERATOR, 1, keys=keys, run_folder=run)
    version, count = rotation.rotate_root(database, OPERATOR, keys=keys, run_folder=run)
    assert version == 2
    with database.read(OPERATOR) as uow:
        assert {root_version(row) for row in uow.session.scalars(select(EntityKey.wrapped))} == {2}
        assert rotation.needed_roots(uow, keys=keys, run_folder=run) == {1: 0, 2: count + 2}
    rotation.forget_root(database, OPERATOR, 1, keys=keys, run_folder=run)
    with pytest.raises(NotFound, match=r"keys\.no-root"):
        rotation.forget_root(database, OPERATOR, 1, keys=keys, run_folder=run)
    other = another_process(world)
    assert other[Keyring].keys.roots() == (2,)
    assert other[Keyring].keys.unwrap((run / "web.secret").read_bytes(), b"edms/1/web-secret") == b"s" * 32
    assert read(world, files, world.entity_a.id, keys=other[Keyring]) == ["file 0", "file 1"]
    with other[Database].read(world.actor("a", "head")) as uow:
        assert queries.letter(uow, letter.id).subject == "تخصيصات مشروع الأرشفة"
    assert acts(world)[-3:] == ["keys.root-rotated", "keys.root-rewrapped", "keys.root-forgotten"]


def test_a_root_that_one_key_still_needs_is_kept(world: World) -> None:
    run, keys = world.settings.run_folder, world.keyring
    with world.database.read(OPERATOR) as uow:
        held = uow.session.scalars(select(EntityKey).filter_by(owner_id=world.entity_a.id)).one()
        before = held.wrapped
    rotation.rotate_root(world.database, OPERATOR, keys=keys, run_folder=run)
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(update(EntityKey).where(EntityKey.id == held.id).values(wrapped=before))
    with pytest.raises(Conflict, match=r"keys\.root-needed"):
        rotation.forget_root(world.database, OPERATOR, 1, keys=keys, run_folder=run)
    assert rotation.rewrap_roots(world.database, OPERATOR, keys=keys, run_folder=run) > 0
    rotation.forget_root(world.database, OPERATOR, 1, keys=keys, run_folder=run)
    assert world.keys.roots() == (2,)


def test_only_the_operator_rotates(world: World) -> None:
    head: Actor = world.actor("a", "head")
    for actor in (head, world.actor("centre", "centre"), replace(head, roles=frozenset({"administrator"}))):
        with pytest.raises(Forbidden), world.database.work(actor) as uow:
            rotation.rotate_owners(uow, [world.entity_a.id], keys=world.keyring)
        with pytest.raises(Forbidden):
            rewrap_all(world.database, actor, keys=world.keyring)
        with pytest.raises(Forbidden):
            rotation.rotate_root(world.database, actor, keys=world.keyring, run_folder=world.settings.run_folder)
    with world.database.read(OPERATOR) as uow:
        assert set(newest_versions(uow).values()) == {1}
    assert world.keys.roots() == (1,)
