"""``diwan entity server|dkim|mailbox|suspend|resume`` and the keys that ``diwan installation export`` tells."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from crypto.dkim_keys import dkim_record, new_dkim_key
from edms.core.errors import Conflict, EdmsError, Invalid, NotFound
from edms.entities import dkim_keys, exchange, queries
from edms.entities.commands import installation
from edms.entities.mail_commands import entity
from tests.entities.test_mail import BOTH, certificate
from tests.factories.world import OPERATOR, World, make_world

BODY, OTHER = "moe.gov.example", "moh.gov.example"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def output(world: World, *words: str) -> str:
    """Run ``diwan entity`` and return what it prints; a refusal is raised."""
    done = CliRunner().invoke(entity, words, obj=world.parts)
    if isinstance(done.exception, EdmsError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def told(world: World, *words: str) -> Any:
    return json.loads(output(world, *words, "--json"))


def put_behind_a_server(world: World, folder: Path, *more: str, host: str = "mail.moe.gov.example") -> Any:
    file = folder / "server.pem"
    file.write_bytes(certificate(*BOTH))
    return told(world, "server", "add", BODY, "--name", "moe", "--host", host, "--certificate", str(file), *more)


def test_a_server_is_added_listed_and_removed(world: World, tmp_path: Path) -> None:
    made = put_behind_a_server(world, tmp_path, "--port", "2525")
    assert (made["name"], made["gateway"], made["bodies"]) == (
        "moe", "mail.moe.gov.example:2525", [world.entity_b.code],
    )  # fmt: skip
    assert told(world, "server", "list") == [made]
    assert output(world, "server", "list").startswith("moe  mail.moe.gov.example:2525  ")
    assert told(world, "server", "remove", "moe") == {"name": "moe", "bodies": [world.entity_b.code]}
    assert told(world, "server", "list") == []


def test_a_server_that_cannot_be_is_refused_and_changes_nothing(world: World, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        put_behind_a_server(world, tmp_path, host="a b")
    assert [one.code for one in refused.value.problems] == ["entities.bad-host"]
    with pytest.raises(NotFound, match=r"entities\.unknown-server"):
        output(world, "server", "remove", "moe")
    put_behind_a_server(world, tmp_path)
    with pytest.raises(Conflict, match=r"entities\.server-certificate-changed"):
        put_behind_a_server(world, tmp_path)
    assert put_behind_a_server(world, tmp_path, "--replace-certificate")["bodies"] == [world.entity_b.code]


def test_a_servers_key_is_added_and_revoked(world: World, tmp_path: Path) -> None:
    put_behind_a_server(world, tmp_path)
    record = dkim_record("rsa", new_dkim_key("rsa")[1])
    (tmp_path / "mail.txt").write_text(f'mail._domainkey IN TXT ( "{record[:200]}"\n "{record[200:]}" ) ; ----- key')
    added = told(world, "dkim", "add", BODY, str(tmp_path / "mail.txt"), "--selector", "mail")
    assert (added["name"], added["record"], added["ours"], added["revoked_at"]) == (
        f"mail._domainkey.{BODY}", record, False, None,
    )  # fmt: skip
    assert told(world, "dkim", "show", BODY) == [added]
    assert output(world, "dkim", "show", BODY) == f'mail._domainkey.{BODY}. IN TXT "{record}"\n'
    assert told(world, "dkim", "revoke", BODY, "mail")["revoked_at"]
    with pytest.raises(NotFound, match=r"entities\.unknown-dkim-key"):
        output(world, "dkim", "revoke", BODY, "mail")
    (tmp_path / "mail.txt").write_text("none")
    with pytest.raises(Invalid, match=r"entities\.bad-dkim-key"):
        output(world, "dkim", "add", BODY, str(tmp_path / "mail.txt"), "--selector", "next")


def test_keys_of_a_body_served_here_are_shown_and_rotated(world: World, tmp_path: Path) -> None:
    shown = told(world, "dkim", "show", BODY)
    assert [(one["selector"], one["ours"]) for one in shown] == [("diwan-1-ed25519", True), ("diwan-1-rsa", True)]
    rotated = told(world, "dkim", "rotate", BODY)
    assert [one["selector"] for one in rotated] == ["diwan-2-ed25519", "diwan-2-rsa"]
    assert told(world, "dkim", "show", BODY) == [*shown, *rotated]
    (tmp_path / "key").write_text(shown[0]["record"])
    with pytest.raises(Conflict, match=r"entities\.served-here"):
        output(world, "dkim", "add", BODY, str(tmp_path / "key"), "--selector", "mail")


def test_a_mailbox_is_added_listed_and_removed(world: World) -> None:
    made = told(world, "mailbox", "add", BODY, "الموارد.البشرية", "--alias", "hr")
    assert made == {"mailbox": "الموارد.البشرية", "alias": "hr", "domain": BODY}
    listed = told(world, "mailbox", "list", BODY)
    assert [(one["mailbox"], one["built_in"]) for one in listed] == [
        ("diwan", True), ("ديوان", True), ("postmaster", True), ("الموارد.البشرية", False),
    ]  # fmt: skip
    assert output(world, "mailbox", "remove", BODY, "hr") == f"hr@{BODY} is no more.\n"
    with pytest.raises(NotFound, match=r"entities\.unknown-mailbox"):
        output(world, "mailbox", "remove", BODY, "hr")
    with pytest.raises(Invalid) as refused:
        output(world, "mailbox", "add", BODY, "الموارد")
    assert [one.code for one in refused.value.problems] == ["entities.bad-mailbox-alias"]


def test_mail_is_suspended_and_resumed(world: World) -> None:
    assert output(world, "suspend", BODY, "--reason", "تحقيق") == f"{world.entity_b.code}  {BODY}: suspended.\n"
    with world.database.read(OPERATOR) as uow:
        assert queries.entity(uow, world.entity_b.id).mail_suspended_at is not None
    assert output(world, "resume", BODY) == f"{world.entity_b.code}  {BODY}: resumed.\n"
    with world.database.read(OPERATOR) as uow:
        assert queries.entity(uow, world.entity_b.id).mail_suspended_at is None
    with pytest.raises(NotFound):
        output(world, "suspend", "nowhere.gov.example", "--reason", "why")
    assert CliRunner().invoke(entity, ["suspend", BODY], obj=world.parts).exit_code == 2


def test_an_export_tells_the_keys_of_every_body_served_here(world: World, tmp_path: Path) -> None:
    put_behind_a_server(world, tmp_path)
    with world.database.work(OPERATOR) as uow:
        assert len(dkim_keys.bodies_without_keys(uow)) == 2
        assert not any(one["dkim"] for one in exchange.export_installation(uow, keys=world.keyring)["entities"])
    file = tmp_path / "home.json"
    assert CliRunner().invoke(installation, ["export", "-o", str(file)], obj=world.parts).exit_code == 0
    found = {one["code"]: len(one["dkim"]) for one in json.loads(file.read_bytes())["entities"]}
    assert found == {world.entity_a.code: 2, world.centre.code: 2}
    with world.database.read(OPERATOR) as uow:
        assert dkim_keys.bodies_without_keys(uow) == []
