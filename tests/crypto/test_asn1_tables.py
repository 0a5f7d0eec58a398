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
    modules = '["crypto.pdf_signatures", "crypto.cms_judging", "crypto.remote_timestamps", "crypto.revocation"]'
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, modules], capture_output=True, text=True, timeout=120, check=False
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.strip() == "[]"


_NAMES = """
import crypto.revocation, crypto.cms_signatures, crypto.cms_judging, crypto.pdf_signatures, crypto.remote_timestamps
from asn1crypto import cms, x509
print([kind.__name__ for kind in (cms.CMSAttributeType, cms.ContentType, x509.ExtensionId, x509.KeyPurposeId)
       if not set(kind._map.values()) <= set(kind._reverse_map)])
"""


def test_names_that_come_after_a_table_was_filled_are_in_it() -> None:
    child = subprocess.run([sys.executable, "-c", _NAMES], capture_output=True, text=True, timeout=120, check=False)
    assert child.returncode == 0, child.stderr
    assert child.stdout.strip() == "[]"
