"""A private Postfix on loopback for tests: its own configuration, queue and mailboxes in a folder of its own.

As root only (Postfix drops to its own user by itself). It takes mail from loopback, keeps what is for its own domain as
files (``mail()``), and sends everything else to ``relayhost`` with its client certificate, under TLS.
"""

import json
import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_SERVICES = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_NOBODY = 65534
_SECONDS = 20.0


def free_port() -> int:
    """Return a port of loopback that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postfix:
    """One instance for the mail domain ``domain``, listening on ``port`` once it has started."""

    def __init__(self, folder: Path, domain: str, main: Mapping[str, str]) -> None:
        self.folder = folder
        self.domain = domain
        self.port = free_port()
        self._main = dict(main)

    def start(self) -> None:
        """Write the configuration and start the master; returns when it answers."""
        self._write()
        self._run("postfix", "-c", str(self.folder), "start")
        self.wait(self._greets)

    def stop(self) -> None:
        """Stop it; what is in the queue stays there for the next start. Twice is once."""
        if (self.folder / "queue" / "pid" / "master.pid").exists():
            subprocess.run(["postfix", "-c", str(self.folder), "stop"], capture_output=True, check=False, timeout=60)

    def configure(self, **main: str) -> None:
        """Change parameters of main.cf of a running instance."""
        self._main.update(main)
        self._write()
        self._run("postfix", "-c", str(self.folder), "reload")

    def send(self, raw: bytes, sender: str, *recipients: str, options: Sequence[str] = ()) -> None:
        """Hand it a message over SMTP, as a client of its own body does."""
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname=f"client.{self.domain}", timeout=_SECONDS) as client:
            client.sendmail(sender, list(recipients), raw, mail_options=list(options))

    def flush(self) -> None:
        """Try at once to deliver everything that waits."""
        self._run("postqueue", "-c", str(self.folder), "-f")

    def queue(self) -> list[dict[str, Any]]:
        """Return what waits in the queue, as ``postqueue -j`` tells it."""
        told = self._run("postqueue", "-c", str(self.folder), "-j")
        return [json.loads(line) for line in told.splitlines()]

    def mail(self) -> list[bytes]:
        """Return the messages delivered to its own domain, oldest first."""
        files = sorted((self.folder / "boxes" / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns)
        return [file.read_bytes() for file in files]

    def log(self) -> str:
        """Return its log."""
        file = self.folder / "mail.log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def wait(self, condition: Callable[[], object], seconds: float = _SECONDS) -> None:
        """Wait until something has become true; fails with the log when it does not."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"Postfix did not come to it:\n{self.log()[-4000:]}", pytrace=False)
            time.sleep(0.05)

    def wait_for_log(self, text: str) -> None:
        """Wait until its log has a text."""
        self.wait(lambda: text in self.log())

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=_SECONDS) as connection:
                return connection.recv(100).startswith(b"220")
        except OSError:
            return False

    def _write(self) -> None:
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": str(self.folder / "queue"),
            "data_directory": str(self.folder / "data"),
            "maillog_file_prefixes": str(self.folder),
            "maillog_file": str(self.folder / "mail.log"),
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "smtp_dns_support_level": "disabled",
            "myhostname": f"mail.{self.domain}",
            "mydestination": "",
            "alias_maps": "",
            "alias_database": "",
            "mynetworks": "127.0.0.0/8",
            "virtual_mailbox_domains": self.domain,
            "virtual_mailbox_base": str(self.folder),
            "virtual_mailbox_maps": "static:boxes/",
            "virtual_uid_maps": f"static:{_NOBODY}",
            "virtual_gid_maps": f"static:{_NOBODY}",
            "mailbox_size_limit": "0",
            "virtual_mailbox_limit": "0",
            "smtputf8_enable": "yes",
            "bounce_notice_recipient": f"postmaster@{self.domain}",
            **self._main,
        }
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (self.folder / "main.cf").write_text(lines, "utf-8")
        (self.folder / "master.cf").write_text(f"127.0.0.1:{self.port} inet n - n - - smtpd\n{_SERVICES}", "utf-8")

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        if done.returncode:
            pytest.fail(f"{' '.join(command)}: {done.stderr.decode()}\n{self.log()[-4000:]}", pytrace=False)
        return done.stdout.decode()


def require_postfix() -> None:
    """Skip (in CI: fail) where there is no Postfix or the tests do not run as root."""
    reason = "Postfix is not installed (Debian: postfix)" if shutil.which("postfix") is None else ""
    if not reason and os.geteuid() != 0:
        reason = "a private Postfix is started by root alone"
    if reason and os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)


@contextmanager
def running_postfix(domain: str, *, files: Mapping[str, bytes] | None = None, **main: str) -> Iterator[Postfix]:
    """Run an instance for a domain and stop it at the end; ``main`` are further lines of main.cf.

    ``files`` are written (for root alone) into its folder before the start; in values of ``main`` the text ``{folder}``
    stands for it.
    """
    require_postfix()
    folder = Path(tempfile.mkdtemp(prefix="postfix-"))
    folder.chmod(0o755)
    for name in ("queue", "data", "boxes"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    os.chown(folder / "boxes", _NOBODY, _NOBODY)
    for name, content in (files or {}).items():
        (folder / name).touch(0o600)
        (folder / name).write_bytes(content)
    postfix = Postfix(folder, domain, {name: value.replace("{folder}", str(folder)) for name, value in main.items()})
    try:
        postfix.start()
        yield postfix
    finally:
        postfix.stop()
        shutil.rmtree(folder, ignore_errors=True)
