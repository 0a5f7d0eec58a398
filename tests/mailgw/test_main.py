"""The processes' own ends: usage, an installation that is not there, one line and no trace."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.zygote import ROOT


def run(data: Path, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "DIWAN_DATA": str(data), **more}
    return subprocess.run(
        [sys.executable, "-m", "mailgw", *words], env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("words", [(), ("deliver",), ("relay", "now")])
def test_wrong_usage_is_status_two(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run(tmp_path, *words)
    assert (done.returncode, done.stderr) == (2, "mailgw: usage: python -m mailgw receive|relay\n")


def test_folder_without_installation_is_refused_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path / "none", "relay")
    assert done.returncode == 1
    assert done.stderr.startswith("mailgw: ")
    assert done.stderr.count("\n") == 1


def test_unknown_setting_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "receive", DIWAN_GATEWAY_PROT="1")
    assert done.returncode == 1
    assert "DIWAN_GATEWAY_PORT" in done.stderr
