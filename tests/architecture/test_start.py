"""What the command line loads before it knows what it is asked."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_HEAVY = frozenset({
    "PIL", "aiohttp", "alembic", "babel", "cv2", "flask", "lxml", "numpy", "pikepdf", "pkcs11", "pyhanko", "reportlab",
    "rich", "structlog", "uharfbuzz", "whoosh", "zxingcpp",
})  # fmt: skip
_LOADED = """
import json, sys
import edms.commands, edms.wiring
first = [*sys.modules]
import edms.letters.commands
print(json.dumps([first, [*sys.modules]]))
"""


def test_a_command_begins_without_the_heavy_libraries() -> None:
    told = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, timeout=120, check=True)
    wiring, letters = (frozenset(each) for each in json.loads(told.stdout))
    assert _HEAVY & wiring == frozenset()
    assert {"aiohttp", "cv2", "numpy", "pikepdf", "pyhanko", "reportlab"} & letters == frozenset()


@pytest.mark.parametrize(("program", "begins"), [
    ("edms/app.py", "create_app"), ("edms/operation/commands.py", "worker_"), ("mailgw/__main__.py", "main"),
])  # fmt: skip
def test_programs_of_many_threads_load_what_judges_before_they_have_them(program: str, begins: str) -> None:
    tree = ast.parse((ROOT / program).read_text("utf-8"))
    (found,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == begins]
    calls = [node.value.func for node in found.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    assert [call.id for call in calls if isinstance(call, ast.Name)][:1] == ["load_judges"]


def test_a_command_says_nothing_at_its_end() -> None:
    command = [sys.executable, "-c", "from edms.commands import main; main()", "verify", "--help"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stderr == ""
