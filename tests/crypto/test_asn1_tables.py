"""What threads share of asn1crypto is complete before there are threads."""

import subprocess
import sys

_CHILD = """
import importlib, json, sys, tempfile
from pathlib import Path
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
from asn1crypto import core
filled = set(core._SETUP_CLASSES)
from tests.crypto.test_pdf_signatures import authority, letter, verdict
ours = authority(Path(tempfile.mkdtemp()))
assert verdict(ours.seal(letter()), ours).genuine
print(sorted(f"{each.__module__}.{each.__name__}" for each in set(core._SETUP_CLASSES) - filled
             if not each.__module__.startswith("tests.")))
"""


def test_judging_a_seal_meets_no_class_for_the_first_time() -> None:
    modules = '["crypto.pdf_signatures", "crypto.cms_signatures", "crypto.timestamp_tokens", "crypto.revocation"]'
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, modules], capture_output=True, text=True, timeout=120, check=False
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.strip() == "[]"
