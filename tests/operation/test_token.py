"""An installation whose keys are in a PKCS#11 token, from its beginning to an issued letter."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def told(environment: dict[str, str], *arguments: str) -> Any:
    answer = diwan(environment, *arguments, "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_a_letter_is_sealed_by_a_key_that_never_left_the_token(environment: dict[str, str], tmp_path: Path) -> None:
    assert diwan(environment, "init", "--name", "وزارات").returncode == 0
    assert not (tmp_path / "data" / "keys.diwan").exists()
    codes = [
        told(environment, "entity", "add", "--name-ar", name, "--type", "ministry", "--domain", domain)["code"]
        for name, domain in (("وزارة التخطيط", "mop.gov.example"), ("وزارة المالية", "mof.gov.example"))
    ]
    table = tmp_path / "staff.csv"
    person = f"{codes[0]},مكتب الوزير,رئيس الجهة,سالم الخفاجي,head.mop,signatory employee registry,3"
    table.write_text(f"entity,unit,post,name,login,roles,clearance\n{person}\n", "utf-8")
    told(environment, "staff", "import", str(table))
    drafted = told(environment, "letter", "draft", "--as", "head.mop", "--to", codes[1], "--subject", "الموازنة",
                   "--body", "نود إعلامكم بإقرار الموازنة.")  # fmt: skip
    told(environment, "letter", "sign", drafted["id"], "--as", "head.mop")
    issued = told(environment, "letter", "issue", drafted["id"], "--as", "head.mop")
    pdf = tmp_path / "letter.pdf"
    assert diwan(environment, "letter", "export", issued["document_code"], "-o", str(pdf)).returncode == 0
    assert told(environment, "verify", str(pdf))["verdict"] == "authentic"


def test_a_token_that_does_not_open_is_said_in_one_line(environment: dict[str, str]) -> None:
    assert diwan(environment, "init", "--name", "وزارات").returncode == 0
    refused = diwan({**environment, "DIWAN_KEYS_TOKEN_PIN": "99999999"}, "entity", "list")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "token" in refused.stderr
    assert PIN not in refused.stderr
