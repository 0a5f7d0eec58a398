"""Beginning an installation: whole, once, with its secret apart, and without remains when it fails."""

import stat
from pathlib import Path

import pytest

from crypto.certificates import public_key_of
from crypto.errors import KeyUnavailable
from crypto.root_file import open_root_file
from edms.core.database import Database
from edms.core.errors import Conflict, Unavailable
from edms.entities import queries as entities
from edms.operation import start
from edms.operation.site import Site
from tests.operation.sites import parts_in


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_init_makes_a_closed_folder_and_a_secret_outside_it(tmp_path: Path) -> None:
    parts = parts_in(tmp_path)
    site = parts[Site]
    start.initialise(parts, site, name="ديوان الاختبار")
    assert _mode(site.data) == 0o700
    assert _mode(site.secret_file) == 0o600
    assert not site.secret_file.is_relative_to(site.data)
    assert len(site.secret_file.read_bytes()) == 32
    with parts[Database].read(start.OPERATOR) as uow:
        home = entities.home(uow)
        assert (home.name, home.gateway_port) == ("ديوان الاختبار", site.gateway.port)
    found = start.installed(site)
    assert found is not None
    parts[Database].dispose()


def test_init_refuses_a_second_time_and_changes_nothing(tmp_path: Path) -> None:
    parts = parts_in(tmp_path)
    start.initialise(parts, parts[Site], name="one")
    before = parts[Site].keys_file.read_bytes()
    with pytest.raises(Conflict) as refusal:
        start.initialise(parts, parts[Site], name="two")
    assert refusal.value.code == "operation.initialised"
    assert parts[Site].keys_file.read_bytes() == before
    parts[Database].dispose()


def test_init_takes_a_passphrase_instead_of_a_secret_file(tmp_path: Path) -> None:
    parts = parts_in(tmp_path, DIWAN_KEYS_PASSPHRASE="correct horse battery staple")
    start.initialise(parts, parts[Site], name="one")
    assert not parts[Site].secret_file.exists()
    parts[Database].dispose()


def test_failed_init_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_named: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr("edms.entities.service.initialise", broken)
    parts = parts_in(tmp_path)
    with pytest.raises(Unavailable) as refusal:
        start.initialise(parts, parts[Site], name="one")
    assert refusal.value.code == "operation.cannot-write"
    assert list(tmp_path.iterdir()) == []


def test_failed_init_keeps_what_was_there_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("edms.entities.service.initialise", broken)
    parts = parts_in(tmp_path)
    parts[Site].data.mkdir()
    (parts[Site].data / "diwan.toml").write_text("", "utf-8")
    parts[Site].secret_file.write_bytes(bytes(range(32)))
    parts[Site].secret_file.chmod(0o600)
    with pytest.raises(KeyboardInterrupt):
        start.initialise(parts, parts[Site], name="one")
    assert {path.name for path in parts[Site].data.rglob("*")} == {"diwan.toml"}
    assert parts[Site].secret_file.read_bytes() == bytes(range(32))


def test_init_refuses_a_secret_that_others_can_read(tmp_path: Path) -> None:
    parts = parts_in(tmp_path)
    parts[Site].secret_file.write_bytes(bytes(range(32)))
    parts[Site].secret_file.chmod(0o644)
    with pytest.raises(Unavailable) as refusal:
        start.initialise(parts, parts[Site], name="one")
    assert refusal.value.code == "operation.secret-open"
    assert not parts[Site].data.exists()


def test_init_refuses_a_key_file_without_its_database(tmp_path: Path) -> None:
    parts = parts_in(tmp_path)
    parts[Site].data.mkdir()
    parts[Site].keys_file.write_bytes(b"old keys")
    with pytest.raises(Conflict) as refusal:
        start.initialise(parts, parts[Site], name="one")
    assert refusal.value.code == "operation.keys-remain"
    assert parts[Site].keys_file.read_bytes() == b"old keys"


def test_gateway_address_follows_the_settings(tmp_path: Path) -> None:
    parts = parts_in(tmp_path)
    start.initialise(parts, parts[Site], name="one")
    start.keep_gateway_address(parts, parts[Site], port=4242)
    found = start.installed(parts[Site])
    assert found is not None
    assert found.gateway_port == 4242
    parts[Database].dispose()


def test_gateway_that_listens_everywhere_is_announced_by_its_name(tmp_path: Path) -> None:
    parts = parts_in(tmp_path, DIWAN_GATEWAY_HOST="0.0.0.0", DIWAN_GATEWAY_HOSTNAME="mail.moh.gov.example")
    assert start.announced_host(parts[Site]) == "mail.moh.gov.example"


def test_installation_begins_on_postgresql(tmp_path: Path, empty_database_url: str) -> None:
    parts = parts_in(tmp_path, DIWAN_DATABASE_URL=empty_database_url)
    start.initialise(parts, parts[Site], name="one")
    assert start.installed(parts[Site]) is not None
    with pytest.raises(Conflict):
        start.initialise(parts, parts[Site], name="one")
    parts[Database].dispose()


def test_the_root_key_lies_apart_from_all_else_and_opens_with_the_secret(tmp_path: Path) -> None:
    parts = parts_in(tmp_path)
    site = parts[Site]
    start.initialise(parts, site, name="one")
    assert not site.root_file.is_relative_to(site.data)
    assert _mode(site.root_file) == 0o600
    with parts[Database].read(start.OPERATOR) as uow:
        root = entities.home(uow).ca_certificate
    opened = open_root_file(site.root_file, site.secret_file.read_bytes())
    assert opened.public_key() == public_key_of(root)
    with pytest.raises(KeyUnavailable, match=r"keystore\.wrong-secret"):
        open_root_file(site.root_file, b"x" * 32)
    parts[Database].dispose()


def test_init_refuses_to_touch_a_root_key_that_is_there(tmp_path: Path) -> None:
    parts = parts_in(tmp_path)
    parts[Site].root_file.write_bytes(b"another root")
    with pytest.raises(Conflict, match=r"operation\.keys-remain"):
        start.initialise(parts, parts[Site], name="one")
    assert parts[Site].root_file.read_bytes() == b"another root"
