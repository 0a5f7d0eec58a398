"""An installation whose keys are in a PKCS#11 token, from its beginning to an issued letter."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "20260101"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The settings of an installation with a fresh token of SoftHSM2."""
    (tmp_path / "tokens").mkdir()
    conf = tmp_path / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {tmp_path}/tokens\nlog.level = ERROR\n")
    variables = {
        **os.environ,
        "SOFTHSM2_CONF": str(conf),
        "DIWAN_DATA": str(tmp_path / "data"),
        "DIWAN_KEYS_TOKEN_MODULE": SOFTHSM,
        "DIWAN_KEYS_TOKEN_LABEL": "state",
        "DIWAN_KEYS_TOKEN_PIN": PIN,
    }
    making = ["softhsm2-util", "--init-token", "--free", "--label", "state", "--so-pin", PIN, "--pin", PIN]
    subprocess.run(making, env=variables, check=True, capture_output=True)
    return variables


def diwan(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("diwan")), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_an_installation_works_with_its_keys_in_a_token(environment: dict[str, str], tmp_path: Path) -> None:
    begun = diwan(environment, "init", "--name", "وزارات")
    assert begun.returncode == 0, begun.stderr
    assert not (tmp_path / "data" / "keys.diwan").exists()
    added = diwan(environment, "entity", "add", "--name-ar", "وزارة التخطيط", "--type", "ministry",
                  "--domain", "mop.gov.example", "--json")  # fmt: skip
    assert added.returncode == 0, added.stderr
    listed = json.loads(diwan(environment, "entity", "list", "--json").stdout)
    assert "وزارة التخطيط" in json.dumps(listed, ensure_ascii=False)


def test_a_token_that_does_not_open_is_said_in_one_line(environment: dict[str, str]) -> None:
    assert diwan(environment, "init", "--name", "وزارات").returncode == 0
    refused = diwan({**environment, "DIWAN_KEYS_TOKEN_PIN": "99999999"}, "entity", "list")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "token" in refused.stderr
    assert PIN not in refused.stderr
