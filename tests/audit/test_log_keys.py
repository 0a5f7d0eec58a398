"""The log's key is changed: what the old one signed stays good, it signs nothing later, and the checker follows."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from crypto.checkpoints import TreeHead, chained, opened, signed
from crypto.errors import SignatureInvalid
from edms.audit import exporting, log_keys
from edms.audit.checkpoints import begin_witness, follow, seal_now
from edms.core.actor import ANONYMOUS
from edms.core.errors import Conflict, Forbidden
from tests.audit.kept import OPERATOR, seal_of, told
from tests.audit.test_checkpoints import checkpoints, note
from tests.factories.world import World, make_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    """A log of three keys in turn, with entries under checkpoints of each."""
    made = make_world(tmp_path, database_url)
    kept = tmp_path / "other-disk.witness"
    seal = seal_of(made, witness=kept)
    begin_witness(made.database, seal, OPERATOR)
    for _ in range(2):
        note(made, 5)
        seal_now(made.database, seal)
        with made.database.work(OPERATOR) as uow:
            log_keys.rotate(uow, seal.origin, seal.keys)
        note(made, 5)
        seal_now(made.database, seal)
    return made


def test_each_checkpoint_is_by_the_key_of_its_time_and_all_verify(world: World) -> None:
    seal = world.parts[type(seal_of(world, witness=None))]
    with world.database.read(OPERATOR) as uow:
        chain = seal.chain(uow)
    assert [after for after, _ in chain.keys] == sorted({after for after, _ in chain.keys})
    assert len({key for _, key in chain.keys}) == 3
    signers = set()
    for row in checkpoints(world):
        assert opened(row.note, chain).size == row.size
        signers.add(chain.key(row.size))
        for key in {key for _, key in chain.keys} - {chain.key(row.size)}:
            with pytest.raises(SignatureInvalid):
                opened(row.note, key)
    assert len(signers) == 3
    assert told(world) == []


def test_the_witness_file_goes_on_over_the_change(world: World, tmp_path: Path) -> None:
    seal = seal_of(world, witness=tmp_path / "other-disk.witness")
    note(world, 2)
    assert follow(world.database, seal, now=True) == 2
    assert told(world, tmp_path / "other-disk.witness") == []


def test_an_old_key_signs_nothing_later(world: World) -> None:
    seal = seal_of(world)
    with world.database.read(OPERATOR) as uow:
        chain = seal.chain(uow)
    last = checkpoints(world)[-1]
    head = TreeHead(seal.origin, last.size, last.root)
    forged = signed(head, seal.public_key(), partial(seal.keys.sign, "log"))
    with pytest.raises(SignatureInvalid):
        opened(forged, chain)
    with world.database.work(OPERATOR) as uow:
        change = text("UPDATE log_checkpoints SET note = :note WHERE size = :size")
        uow.session.execute(change.bindparams(note=forged, size=last.size))
    assert told(world)[0].startswith(f"the checkpoint of {last.size} entries was not signed")


def test_a_key_that_the_one_before_did_not_introduce_breaks_the_chain(world: World) -> None:
    seal = seal_of(world)
    with world.database.read(OPERATOR) as uow:
        notes = log_keys.notes(uow)
    assert len(chained(seal.origin, seal.public_key(), notes).keys) == 3
    for bad in (
        notes[1:], [notes[1], notes[0]], [notes[0], notes[0]], [notes[0].replace("\n2\n", "\n3\n", 1), notes[1]],
        [notes[0].rsplit("\n", 2)[0] + "\n", notes[1]], ["", notes[1]], [notes[0], "x\n\n"],
    ):  # fmt: skip
        with pytest.raises(SignatureInvalid):
            chained(seal.origin, seal.public_key(), bad)
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(text("DELETE FROM log_keys WHERE number = 2"))
    with pytest.raises(Conflict, match=r"audit\.key-chain-broken"):
        told(world)


def test_only_who_may_check_the_log_changes_its_key(world: World) -> None:
    seal = seal_of(world)
    with world.database.work(ANONYMOUS) as uow, pytest.raises(Forbidden):
        log_keys.rotate(uow, seal.origin, seal.keys)


def test_the_checker_follows_the_chain_from_the_first_key(world: World, tmp_path: Path) -> None:
    seal, folder = seal_of(world), tmp_path / "export"
    with world.database.read(OPERATOR) as uow:
        exporting.export_log(uow, folder, seal, progress=lambda _done: None)
        proof = exporting.proof_of(uow, 3, seal)
    (folder / "proof.json").write_text(json.dumps(proof), "utf-8")

    def check(*words: str) -> int:
        command = [sys.executable, "check_log.py", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode

    assert check(".") == 0
    assert check("--proof", "proof.json") == 0
    keys = (folder / "log-keys.txt").read_text("utf-8")
    (folder / "log-keys.txt").write_text(keys.replace("\n2\n", "\n4\n", 1), "utf-8")
    assert check(".") == 1
    (folder / "log-keys.txt").unlink()
    assert check(".") == 1
    (folder / "proof.json").write_text(json.dumps({**proof, "keys": []}), "utf-8")
    assert check("--proof", "proof.json") == 1
