"""The doctor names what is broken and what to do, and one broken thing never hides another."""

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from crypto.certificates import chain_pem
from crypto.root_file import open_root_file
from edms.core import migrate
from edms.core.database import Database
from edms.core.parts import Parts
from edms.entities import authority, queries
from edms.entities.keyring import Keyring
from edms.operation import doctor, start
from edms.operation.finding import Finding, State
from edms.operation.site import Site
from tests.operation.sites import parts_in


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    made = parts_in(tmp_path)
    start.initialise(made, made[Site], name="one")
    return made


def _found(parts: Parts, name: str) -> Finding:
    findings = {finding.name: finding for finding in doctor.examine(parts, parts[Site])}
    parts[Database].dispose()
    return findings[name]


def test_new_installation_is_healthy(parts: Parts) -> None:
    findings = doctor.examine(parts, parts[Site])
    assert doctor.healthy(findings), findings
    assert {finding.name for finding in findings} >= {"keys", "database", "content", "certificate", "queue", "fonts"}
    parts[Database].dispose()


def test_every_finding_that_is_not_ok_has_a_remedy(tmp_path: Path) -> None:
    nothing = parts_in(tmp_path)
    findings = doctor.examine(nothing, nothing[Site])
    assert not doctor.healthy(findings)
    assert all(finding.remedy for finding in findings if finding.state is not State.OK)
    assert list(tmp_path.iterdir()) == []  # looking changes nothing


def test_folder_open_to_others_is_found(parts: Parts) -> None:
    parts[Site].data.chmod(0o755)
    found = _found(parts, "data")
    assert found.state is State.FAIL
    assert "chmod 700" in found.remedy


def test_missing_secret_is_found_and_the_rest_is_examined(tmp_path: Path, parts: Parts) -> None:
    parts[Database].dispose()
    parts[Site].secret_file.unlink()
    again = parts_in(tmp_path)
    states = {finding.name: finding.state for finding in doctor.examine(again, again[Site])}
    assert states["secret"] is states["keys"] is State.FAIL
    assert states["fonts"] is states["database"] is State.OK


def test_secret_of_another_installation_is_found(tmp_path: Path, parts: Parts) -> None:
    parts[Database].dispose()
    parts[Site].secret_file.write_bytes(bytes(32))
    again = parts_in(tmp_path)
    found = {finding.name: finding for finding in doctor.examine(again, again[Site])}
    assert found["keys"].state is State.FAIL


def test_secret_open_to_others_is_found(parts: Parts) -> None:
    parts[Site].secret_file.chmod(0o640)
    found = _found(parts, "secret")
    assert (found.state, found.remedy) == (State.FAIL, f"chmod 600 {parts[Site].secret_file}")


def test_old_revision_names_the_upgrade(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "newest", lambda: "9999")
    found = _found(parts, "database")
    assert (found.state, found.remedy) == (State.FAIL, "diwan db upgrade")


def test_port_of_another_program_is_found(parts: Parts) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", parts[Site].gateway.port))
        other.listen()
        found = _found(parts, "ports")
    assert found.state is State.FAIL
    assert f"gateway.port {parts[Site].gateway.port}" in found.text


def test_content_folder_that_is_a_file_is_found(parts: Parts) -> None:
    parts[Site].content_folder.write_bytes(b"")
    assert _found(parts, "content").state is State.FAIL


def test_unreachable_postgresql_is_found(tmp_path: Path) -> None:
    down = parts_in(tmp_path, DIWAN_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    found = {finding.name: finding for finding in doctor.examine(down, down[Site])}
    assert found["database"].state is State.FAIL


def test_the_root_key_is_called_to_mind_until_it_is_carried_away(parts: Parts) -> None:
    found = _found(parts, "root")
    assert found.state is State.WARN
    assert str(parts[Site].root_file) in found.text
    parts[Site].root_file.unlink()
    assert _found(parts, "root").state is State.OK


def test_an_authority_that_lasts_and_a_clock_that_stamps_are_in_order(parts: Parts) -> None:
    assert _found(parts, "authority").state is State.OK
    assert _found(parts, "timestamp").state is State.OK
    assert _found(parts, "peer-lists").state is State.OK


def test_an_authority_about_to_end_is_found_in_time(parts: Parts) -> None:
    with parts[Database].work(start.OPERATOR) as uow:
        uow.now -= timedelta(days=4 * 365 + 30)
        root = open_root_file(parts[Site].root_file, parts[Site].secret_file.read_bytes())
        authority.certify_issuing(uow, queries.home(uow), root=root, keys=parts[Keyring])
    found = _found(parts, "authority")
    assert found.state is State.WARN
    assert "authority renew" in found.remedy


def test_an_outside_clock_that_does_not_answer_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "tsa.pem").write_bytes(b"")
    made = parts_in(tmp_path)
    start.initialise(made, made[Site], name="one")
    with made[Database].read(start.OPERATOR) as uow:
        (tmp_path / "tsa.pem").write_bytes(chain_pem(queries.home(uow).ca_certificate))
    made[Database].dispose()
    told = {"DIWAN_TIMESTAMP_URL": "http://127.0.0.1:9/", "DIWAN_TIMESTAMP_CERTIFICATE_FILE": str(tmp_path / "tsa.pem")}
    found = _found(parts_in(tmp_path, **told), "timestamp")
    assert found.state is State.WARN
    assert "timestamp.unreachable" in found.text
