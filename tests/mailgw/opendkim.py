"""A private OpenDKIM on loopback for tests: signs what a Postfix hands it, with a key that opendkim-genkey made."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mailgw.postfix import free_port
from tests.mailgw.processes import listens, until

SELECTOR = "mail"
GUIDE = Path(__file__).resolve().parents[2] / "docs/howto/postfix.md"


def guide_lines(file: str) -> list[str]:
    """Return the lines of a file's block in the guide for bodies that run Postfix: tests run what it says."""
    _, _, rest = GUIDE.read_text("utf-8").partition(f"```ini\n# {file}\n")
    return rest.partition("```")[0].splitlines()


def require_opendkim() -> None:
    """Skip (in CI: fail) where there is no OpenDKIM."""
    if shutil.which("opendkim") is None or shutil.which("opendkim-genkey") is None:
        reason = "OpenDKIM is not installed (Debian: opendkim, opendkim-tools)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@contextmanager
def running_opendkim(folder: Path, domain: str) -> Iterator[str]:
    """Run a signer for a domain until the block ends; yields it as Postfix names a milter.

    The public key lies as the DNS record ``folder/mail.txt``, as a body sends it to the centre.
    """
    require_opendkim()
    subprocess.run(
        ["opendkim-genkey", "-b", "2048", "-d", domain, "-s", SELECTOR, "-D", str(folder)], check=True, timeout=60
    )
    port = free_port()
    changed = {
        "Domain": domain, "Selector": SELECTOR, "KeyFile": f"{folder}/{SELECTOR}.private",
        "Socket": f"inet:{port}@127.0.0.1", "UserID": "root", "RequireSafeKeys": "no", "Background": "no",
        "Syslog": "no",
    }  # fmt: skip
    lines = dict(line.split(" ", 1) for line in guide_lines("/etc/opendkim.conf")) | changed
    (folder / "opendkim.conf").write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    process = subprocess.Popen(["opendkim", "-f", "-x", str(folder / "opendkim.conf")])
    try:
        assert until(lambda: listens(port) or process.poll() is not None)
        yield f"inet:127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
