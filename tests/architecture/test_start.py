"""What the command line loads before it knows what it is asked."""

import json
import subprocess
import sys

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


def test_a_command_says_nothing_at_its_end() -> None:
    command = [sys.executable, "-c", "from edms.commands import main; main()", "verify", "--help"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stderr == ""
