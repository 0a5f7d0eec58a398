"""An export and a proof are checked without Diwan, by the checker that comes with them, and forged ones are refused."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from crypto.signatures import new_signing_key, public_of
from edms.audit import exporting
from edms.audit.checkpoints import begin_witness, follow
from edms.audit.log_seal import LogSeal
from edms.audit.service import record
from edms.core.errors import Conflict, EdmsError, Invalid, NotFound, Unavailable
from tests.audit.kept import OPERATOR, seal_of, told
from tests.factories.world import World, make_world


class Kept:
    """A world with two checkpoints and a witness, and both exports of it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.world: World = make_world(folder, url)
        self.witness = folder / "other-disk.witness"
        self.seal: LogSeal = seal_of(self.world, witness=self.witness)
        self.older = begin_witness(self.world.database, self.seal, OPERATOR).size
        self.older_note = folder / "older.txt"
        shutil.copy(self.witness, self.older_note)
        with self.world.database.work(OPERATOR) as uow:
            for number in range(20):
                record(uow, "test.made", "letter", None, number=number)
        follow(self.world.database, self.seal, now=True)
        self.size = self.older + 20
        self.whole, self.since = folder / "whole", folder / "since"
        with self.world.database.read(OPERATOR) as uow:
            exporting.export_log(uow, self.whole, self.seal, progress=lambda _: None)
            exporting.export_log(uow, self.since, self.seal, since=self.older, progress=lambda _: None)

    def proof(self, seq: int, since: int | None = None) -> Path:
        path = self.folder / "proof.json"
        with self.world.database.read(OPERATOR) as uow:
            path.write_text(json.dumps(exporting.proof_of(uow, seq, self.seal, since=since)), "utf-8")
        (self.folder / "log-key.pem").write_bytes(exporting.public_pem(self.seal))
        return path


@pytest.fixture
def kept(tmp_path: Path, database_url: str) -> Kept:
    return Kept(tmp_path, database_url)


def check(where: Path, *arguments: object) -> tuple[int, dict[str, Any]]:
    """Run the checker that lies in an export, as an auditor does, without our packages."""
    done = subprocess.run(
        [sys.executable, "-I", where / "check_log.py", *map(str, arguments), "--json"],
        capture_output=True, text=True, check=False, cwd=where,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def test_an_export_holds_the_entries_byte_for_byte_and_is_checked_without_diwan(kept: Kept) -> None:
    lines = (kept.whole / "entries.jsonl").read_bytes().splitlines(keepends=True)
    with kept.world.database.read(OPERATOR) as uow:
        stored = uow.session.scalars(text("SELECT entry FROM events ORDER BY seq")).all()
    assert lines == [entry + b"\n" for entry in stored]
    assert (kept.since / "entries.jsonl").read_bytes() == b"".join(lines[kept.older :])
    for folder, entries in ((kept.whole, kept.size), (kept.since, 20)):
        for older in ((), ("--older", kept.witness), ("--older", kept.older_note)):
            assert check(folder, folder, *older) == (0, {"ok": True, "entries": entries, "size": kept.size})


def test_the_checker_finds_what_the_command_finds(kept: Kept) -> None:
    size, older = kept.size, kept.older

    def lines_of(folder: Path, change: Callable[[list[bytes]], object]) -> None:
        lines = (folder / "entries.jsonl").read_bytes().splitlines(keepends=True)
        change(lines)
        (folder / "entries.jsonl").write_bytes(b"".join(lines))

    def replaced(folder: Path, name: str, old: str, new: str) -> None:
        words = (folder / name).read_text("utf-8")
        assert old in words
        (folder / name).write_text(words.replace(old, new), "utf-8")

    other = public_of(new_signing_key())
    cases: list[tuple[int, int | None, Callable[[Path], object]]] = [
        (1, older + 1, lambda at: replaced(at, "entries.jsonl", '"number":7', '"number":8')),
        (1, older + 3, lambda at: lines_of(at, lambda lines: lines.pop(older + 2))),
        (1, older + 3, lambda at: lines_of(at, lambda lines: lines.insert(older + 2, lines[older + 3]))),
        (1, 2, lambda at: lines_of(at, lambda lines: lines.insert(1, lines.pop(2)))),
        (1, older + 1, lambda at: lines_of(at, lambda lines: lines.pop())),
        (1, 3, lambda at: lines_of(at, lambda lines: lines.__setitem__(2, b"rubbish\n"))),
        (1, size + 1, lambda at: (at / "entries.jsonl").write_bytes(
            (at / "entries.jsonl").read_bytes() + b'{"seq":%d}\n' % (size + 1))),
        (1, None, lambda at: replaced(at, "checkpoints.txt", f"\n{size}\n", f"\n{size + 1}\n")),
        (1, None, lambda at: (at / "checkpoints.txt").write_text("diwan\n")),
        (1, 1, lambda at: (at / "checkpoints.txt").write_text("")),
        (1, None, lambda at: (at / "log-key.pem").write_bytes(pem(other))),
        (2, None, lambda at: (at / "log-key.pem").write_text("key")),
        (2, None, lambda at: (at / "log.json").write_text("{}")),
        (2, None, lambda at: (at / "entries.jsonl").unlink()),
    ]  # fmt: skip
    for number, (status, first_bad, change) in enumerate(cases):
        copy = kept.folder / f"changed-{number}"
        shutil.copytree(kept.whole, copy)
        change(copy)
        code, found = check(copy, copy)
        assert (code, found.get("first_bad")) == (status, first_bad), (number, found)
    with kept.world.database.work(OPERATOR) as uow:
        uow.session.execute(text("DELETE FROM events WHERE seq = :seq").bindparams(seq=older + 3))
    assert f"entry {older + 3} is missing" in told(kept.world)


def pem(public_der: bytes) -> bytes:
    class _Seal:
        def public_key(self) -> bytes:
            return public_der

    return exporting.public_pem(_Seal())  # type: ignore[arg-type]


def test_a_log_that_does_not_go_on_from_an_older_checkpoint_is_refused(kept: Kept, tmp_path: Path) -> None:
    with kept.world.database.work(OPERATOR) as uow:
        uow.session.execute(text("DELETE FROM events WHERE seq > 3"))
        uow.session.execute(text("DELETE FROM log_checkpoints"))
        uow.session.execute(text("UPDATE event_head SET last_seq = 3"))
        for _ in range(kept.size):
            record(uow, "test.forged", "letter", None)
    seal = seal_of(kept.world)  # whoever holds the log's key signs what he likes, but not without the witness
    follow(kept.world.database, seal, now=True)
    assert all(what.endswith("not in the log") for what in told(kept.world))  # rows alone give it away
    forged = tmp_path / "forged"
    with kept.world.database.read(OPERATOR) as uow:
        exporting.export_log(uow, forged, seal, progress=lambda _: None)
    assert check(forged, forged)[0] == 0
    assert check(forged, forged, "--older", kept.older_note)[:1] == (1,)
    assert check(forged, forged, "--older", kept.witness)[:1] == (1,)
    assert check(forged, kept.since, "--older", kept.older_note)[0] == 0


def test_one_entry_is_proved_with_a_checkpoint_alone(kept: Kept) -> None:
    for seq in (1, kept.older, kept.older + 1, kept.size):
        path = kept.proof(seq, since=kept.older)
        for older in ((), ("--older", kept.older_note), ("--older", kept.witness)):
            code, found = check(kept.whole, "--proof", path, *older)
            assert (code, found["seq"], found["entry"]["seq"]) == (0, seq, seq)
    assert check(kept.whole, "--proof", kept.proof(2), "--older", kept.older_note)[0] == 2


def test_a_forged_proof_is_refused(kept: Kept) -> None:
    path = kept.proof(7, since=kept.older)
    good = json.loads(path.read_text("utf-8"))

    def with_(**changes: Any) -> dict[str, Any]:
        return {**good, **changes}

    def first(values: list[str]) -> list[str]:
        return [("0" if values[0][0] != "0" else "1") + values[0][1:], *values[1:]]

    bridge = good["older"]
    forged = [
        with_(entry=good["entry"].replace("operator", "somebody")), with_(seq=8), with_(seq=0), with_(path=[]),
        with_(path=first(good["path"])), with_(path=good["path"][:-1]), with_(path=good["path"] + good["path"][:1]),
        with_(path=good["path"][::-1]), with_(checkpoint=good["checkpoint"].replace(f"\n{kept.size}\n", "\n99\n")),
        with_(older={**bridge, "proof": first(bridge["proof"])}), with_(older={**bridge, "proof": bridge["proof"][1:]}),
        with_(older={**bridge, "proof": []}), with_(path=["00", *good["path"][1:]]),
    ]  # fmt: skip
    for number, each in enumerate(forged):
        path.write_text(json.dumps(each), "utf-8")
        assert check(kept.whole, "--proof", path, "--older", kept.older_note)[0] == 1, number
    bare: list[object] = [{}, []]
    (kept.folder / "deep.json").write_text("[" * 100_000)
    assert check(kept.whole, "--proof", kept.folder / "deep.json")[0] == 2
    for wrong in (*bare, with_(path=["zz"]), with_(checkpoint=7), with_(older={**bridge, "size": 3})):
        path.write_text(json.dumps(wrong), "utf-8")
        assert check(kept.whole, "--proof", path, "--older", kept.older_note)[0] == 2


def test_what_cannot_be_exported_or_proved_is_refused(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cases: list[tuple[type[EdmsError], str, Path, int]] = [
        (NotFound, "unknown-checkpoint", tmp_path / "new", kept.older + 1),
        (Conflict, "folder-in-use", kept.whole, 0), (Unavailable, "cannot-write", tmp_path / "file" / "new", 0),
    ]  # fmt: skip
    for kind, code, folder, since in cases:
        with kept.world.database.read(OPERATOR) as uow, pytest.raises(kind, match=code):
            exporting.export_log(uow, folder, kept.seal, since=since, progress=lambda _: None)
    for kind, code, seq, older in ((NotFound, "unknown-entry", kept.size + 1, None), (Invalid, "bad-since", 1, 999)):
        with kept.world.database.read(OPERATOR) as uow, pytest.raises(kind, match=code):
            exporting.proof_of(uow, seq, kept.seal, since=older)
