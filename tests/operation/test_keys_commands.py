"""``diwan keys`` as people and scripts type it."""

import json
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from crypto import recovery
from crypto.errors import KeyUnavailable
from crypto.keystore_file import FileKeyStore
from crypto.vault import LOOK_EVERY
from edms.audit.models import Event
from edms.audit.service import facts_of
from edms.core.errors import Conflict, Forbidden, NotFound
from edms.dispatch.models import OutboxItem
from edms.letters import queries
from edms.operation.every_keys_command import keys
from edms.operation.finding import State
from edms.operation.site import Site
from edms.operation.vault_checks import vault as check_vault
from tests.factories.issued import issued_letter
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.parts.put(Site, made.settings)
    return made


def run(world: World, *arguments: object, typed: str | None = None) -> Result:
    return CliRunner().invoke(keys, [str(each) for each in arguments], obj=world.parts, input=typed)


def told(world: World, *arguments: object) -> Any:
    done = run(world, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def facts(world: World, act: str) -> list[dict[str, Any]]:
    with world.database.read(OPERATOR) as uow:
        return [facts_of(one) for one in uow.session.scalars(select(Event).where(Event.act == act))]


def test_keys_are_listed_rotated_and_forgotten(world: World) -> None:
    letter = issued_letter(world)
    before = told(world, "list")
    assert before["roots"] == [{"version": 1, "keys": 5, "newest": True}]  # four bodies' keys and the vault
    assert {one["version"] for one in before["keys"]} == {1}
    assert before["vault"]["root"] == 1
    done = told(world, "rotate", "--entity", world.entity_a.code)
    assert (done["rotated"], done["retired"], done["signers"]) == (1, 1, 1)
    assert done["files"] >= 1
    rotated = told(world, "rotate", "--root")
    assert (rotated["root"], rotated["keys"]) == (2, 5)
    assert told(world, "forget", "--root", 1, "--yes") == {"root": 1}
    states = {(one["entity"], one["version"]): (one["state"], one["wraps"]) for one in told(world, "list")["keys"]}
    assert states[world.entity_a.code, 1] == ("retired", 0)
    assert states[world.entity_a.code, 2][0] == "newest"
    too_early = run(world, "forget", "--entity", world.entity_a.code, "--version", 1, "--yes")
    assert isinstance(too_early.exception, Conflict)
    assert too_early.exception.code == "keys.not-retired"
    assert "root 2 (newest)" in run(world, "list").stdout
    with world.database.read(world.actor("a", "head")) as uow:
        assert queries.letter(uow, letter.id).subject


def test_what_to_do_must_be_said(world: World) -> None:
    for wrong in (
        ["rotate"], ["forget"], ["forget", "--root", 1, "--version", 1], ["forget", "--version", 1], ["shred"],
        ["shred", "1", "--year", 2020], ["forget", "--entity", world.entity_a.code],
    ):  # fmt: skip
        assert run(world, *wrong).exit_code == 2, wrong
    assert run(world, "forget", "--root", 1, typed="n\n").exit_code == 1
    assert told(world, "list")["roots"][0]["version"] == 1


def test_a_letter_is_destroyed_only_after_its_code_was_typed(world: World) -> None:
    letter = issued_letter(world)
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(update(OutboxItem).values(state="delivered"))
    order = ["shred", letter.document_code, "--reason", "court", "--order", "77", "--as"]
    registry = world.logins["a", "registry"]
    assert run(world, *order, registry, typed="123\n").exit_code == 2
    for login, refusal in ((world.logins["a", "head"], Forbidden), (world.logins["b", "registry"], NotFound)):
        refused = run(world, *order, login, "--confirm", letter.document_code)
        assert isinstance(refused.exception, refusal), refused.output
    with world.database.read(OPERATOR) as uow:
        assert queries.letter(uow, letter.id).subject
    done = told(world, *order, registry, "--confirm", letter.document_code)
    assert facts(world, "letters.destroyed")[0]["key_hash"] == done["key_hash"]
    with world.database.read(OPERATOR) as uow:
        assert queries.letter(uow, letter.id).subject == ""
    assert told(world, "shred", "--repeat") == {"destroyed": 0}


def test_the_doctor_sees_an_older_copy_of_the_vault(world: World) -> None:
    letter = issued_letter(world)
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(update(OutboxItem).values(state="delivered"))
    path = world.settings.vault_file
    older = path.read_bytes()
    assert check_vault(world.parts, world.settings).state is State.OK
    shred = ["shred", letter.document_code, "--as", world.logins["a", "registry"], "--reason", "mistake"]
    told(world, *shred, "--confirm", letter.document_code)
    assert check_vault(world.parts, world.settings).state is State.OK
    path.write_bytes(older)
    time.sleep(LOOK_EVERY)
    found = check_vault(world.parts, world.settings)
    assert (found.state, found.remedy) == (State.FAIL, "diwan keys shred --repeat")
    assert told(world, "shred", "--repeat")["destroyed"] > 0
    assert check_vault(world.parts, world.settings).state is State.OK


@pytest.fixture
def officers(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, Path]]:
    """Five officers' key files with their passphrases' files."""
    real = recovery.new_officer
    monkeypatch.setattr(recovery, "new_officer", lambda name, phrase: real(name, phrase, memory_kib=64))
    found = []
    for number in range(5):
        phrase = tmp_path / f"phrase-{number}"
        phrase.write_text(f"عبارة طويلة للضابط {number}\n")
        file = tmp_path / f"officer-{number}"
        told(world, "recovery", "officer", "--name", f"ضابط {number}", "-o", file, "--passphrase-file", phrase)
        assert file.stat().st_mode & 0o077 == 0
        found.append((file, phrase))
    return found


def given(chosen: list[tuple[Path, Path]]) -> list[object]:
    return [each for file, phrase in chosen for each in ("--officer", file, "--passphrase-file", phrase)]


def test_three_officers_restore_and_two_cannot(world: World, officers: list[tuple[Path, Path]], tmp_path: Path) -> None:
    file, secret = tmp_path / "recovery.json", world.settings.secret_file
    told(world, "recovery", "create", *[f"{one}.pub" for one, _ in officers], "-o", file)
    before, key_file = secret.read_bytes(), world.settings.keys_file.read_bytes()
    drilled = told(world, "recovery", "drill", file, *given(officers[1:4]))
    assert (drilled["ok"], drilled["roots"]) == (True, [1])
    secret.unlink()
    for chosen in combinations(officers, 2):
        refused = run(world, "recovery", "restore", file, *given(list(chosen)))
        assert isinstance(refused.exception, KeyUnavailable)
        assert refused.exception.code == "recovery.too-few"
    assert not secret.exists()
    for three in combinations(officers, 3):
        assert told(world, "recovery", "restore", file, *given(list(three))) == {"written": [str(secret)]}
        assert secret.read_bytes() == before
        secret.unlink()
    world.settings.keys_file.unlink()  # the whole folder is gone
    both = told(world, "recovery", "restore", file, *given(officers[:3]))
    assert both["written"] == [str(secret), str(world.settings.keys_file)]
    assert world.settings.keys_file.read_bytes() == key_file
    assert FileKeyStore(world.settings.keys_file, secret.read_bytes()).roots() == (1,)
    assert told(world, "recovery", "restore", file, *given(officers[:3])) == {"written": []}
    assert [one["ok"] for one in facts(world, "keys.recovery-drill")] == [True]
    assert len(facts(world, "keys.recovery-made")) == 1


def test_a_restore_writes_over_nothing(world: World, officers: list[tuple[Path, Path]], tmp_path: Path) -> None:
    file = tmp_path / "recovery.json"
    told(world, "recovery", "create", *[f"{one}.pub" for one, _ in officers], "-o", file)
    world.settings.secret_file.write_bytes(b"another secret that lies here...")
    refused = run(world, "recovery", "restore", file, *given(officers[:3]))
    assert isinstance(refused.exception, Conflict)
    assert world.settings.secret_file.read_bytes() == b"another secret that lies here..."
    drilled = run(world, "recovery", "drill", file, *given(officers[:3]))
    assert isinstance(drilled.exception, Conflict)
    assert drilled.exception.code == "keys.recovery-old"
    assert [(one["ok"], one["problem"]) for one in facts(world, "keys.recovery-drill")] == [
        (False, "keys.recovery-old")
    ]
    again = run(world, "recovery", "create", *[f"{one}.pub" for one, _ in officers], "-o", file)
    assert again.exit_code == 1


def test_a_wrong_passphrase_and_a_wrong_file_are_said(
    world: World, officers: list[tuple[Path, Path]], tmp_path: Path
) -> None:
    file = tmp_path / "recovery.json"
    told(world, "recovery", "create", *[f"{one}.pub" for one, _ in officers], "-o", file)
    mixed = [(officers[0][0], officers[1][1]), *officers[1:3]]
    for chosen, source, code in (
        (mixed, file, "keystore.wrong-secret"),
        (officers[:3], officers[0][0], "recovery.not-a-file"),
        ([(file, officers[0][1])], file, "recovery.not-an-officer"),
    ):
        refused = run(world, "recovery", "restore", source, *given(chosen))
        assert isinstance(refused.exception, KeyUnavailable)
        assert refused.exception.code == code
