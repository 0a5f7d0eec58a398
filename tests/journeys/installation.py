"""An installation as an operator has it: a data folder, ports, the ``diwan`` command and the four processes."""

import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from tests.zygote import ROOT, Zygote

DIWAN = (sys.executable, "-c", "from edms.commands import main; main()")
SECONDS = 180.0
PASSWORD = "نخيل البصرة ١٩٥٨"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(fact: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """Return the first true answer of ``fact``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = fact()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"it never came to this: {what}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(slots=True)
class Installation:
    """One data folder and what runs on it; ``url`` is "" for SQLite in the folder."""

    folder: Path
    url: str
    environ: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=lambda: {"gateway": free_port(), "web": free_port()})
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    zygote: Zygote | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def site(self) -> str:
        return f"http://127.0.0.1:{self.ports['web']}"

    def variables(self) -> dict[str, str]:
        return {
            **os.environ, "DIWAN_DATA": str(self.data), "DIWAN_DATABASE_URL": self.url,
            "DIWAN_GATEWAY_PORT": str(self.ports["gateway"]), "DIWAN_GATEWAY_SUBMISSION_PORT": "0",
            "DIWAN_GATEWAY_IMPLICIT_TLS_PORT": "0",
            "DIWAN_WEB_PORT": str(self.ports["web"]), "DIWAN_WEB_WORKERS": "1", "DIWAN_RELAY_POLL_SECONDS": "0.2",
            "DIWAN_RELAY_BACKOFF_MINUTES": "0", "DIWAN_WORKER_POLL_SECONDS": "0.2", **self.environ,
        }  # fmt: skip

    def try_(self, *arguments: str | Path, stdin: str | None = None) -> Answer:
        """Run ``diwan`` and return what it said, whatever it was: each a process, forked once all is imported."""
        if self.zygote is None:
            self.zygote = Zygote("diwan")
        with TemporaryDirectory() as folder:
            given, out, err = (Path(folder) / name for name in ("in", "out", "err"))
            given.write_text(stdin or "", "utf-8")
            environ = self.variables()
            pid = self.zygote.start(*map(str, arguments), environ=environ, out=out, err=err, given=given)
            status = self.zygote.wait(pid)
            return Answer(status, out.read_text("utf-8"), err.read_text("utf-8"))

    def diwan(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run ``diwan``; it must succeed."""
        answer = self.try_(*arguments, stdin=stdin)
        assert answer.status == 0, f"diwan {' '.join(map(str, arguments))}: {answer.err[-3000:]}"
        return answer.out

    def json(self, *arguments: str | Path, stdin: str | None = None) -> Any:
        """Run ``diwan … --json`` and return the value."""
        return json.loads(self.diwan(*arguments, "--json", stdin=stdin))

    def refused(self, *arguments: str | Path) -> str:
        """Run ``diwan``, which must refuse in one clear line, and return that line."""
        answer = self.try_(*arguments)
        assert answer.status == 1, (answer.status, answer.out, answer.err[-2000:])
        assert answer.out == ""
        assert "Traceback" not in answer.err, answer.err[-3000:]
        return answer.err

    def start(self, *names: str) -> None:
        """Start programs; gateway and web listen when this returns."""
        for name in names:
            log = (self.folder / f"{name}.log").open("ab")
            self.running[name] = subprocess.Popen(
                [*DIWAN, name], env=self.variables(), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
            log.close()
        for name in names:
            if name in self.ports:
                until(lambda name=name: self.listens(name), f"{name} listens")  # type: ignore[misc]

    def listens(self, name: str) -> bool:
        process = self.running[name]
        assert process.poll() is None, f"{name} ended: {self.log(name)}"
        try:
            socket.create_connection(("127.0.0.1", self.ports[name]), 1).close()
        except OSError:
            return False
        return True

    def kill(self, name: str) -> None:
        """End a program without warning, with all its children."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(SECONDS) == -signal.SIGKILL, f"{name} had ended before: {self.log(name)}"

    def stop(self) -> None:
        """End all programs and what commands were forked from."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.running.clear()
        if self.zygote is not None:
            self.zygote.close()
            self.zygote = None

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")[-3000:]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Read the database past all our code, as an auditor with a shell would."""
        if self.url:
            with psycopg.connect(self.url.replace("+psycopg", "")) as server:
                return server.execute(statement.encode()).fetchall()
        import sqlite3
        from contextlib import closing

        with closing(sqlite3.connect(f"file:{self.data / 'diwan.sqlite3'}?mode=ro", uri=True, timeout=30)) as file:
            return file.execute(statement).fetchall()


def table(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """Write a CSV file."""
    rows = list(rows)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), "utf-8")
    return path


PEOPLE = (
    ("head", "رئيس الجهة", "signatory employee", 3, "سالم عبد الأمير الخفاجي"),
    ("registry", "مسؤول الديوان", "registry", 2, "هدى كاظم الربيعي"),
    ("employee", "ملاحظ", "employee", 1, "عمر ناظم الجبوري"),
    ("auditor", "مدقق", "auditor", 3, "زينب حسن الموسوي"),
)


def furnish(
    installation: Installation, bodies: Mapping[str, tuple[str, str]], *, name: str, first: int, passwords: bool = False
) -> dict[str, str]:  # fmt: skip
    """Begin an installation with its bodies (key: Arabic name, mail domain), each with four people whose logins are
    ``head.KEY`` and so on; returns the bodies' codes by key. Without ``passwords`` nobody can sign in to the pages.
    """  # fmt: skip
    installation.data.parent.mkdir(parents=True, exist_ok=True)
    installation.diwan("init", "--name", name, "--first-serial", str(first))
    rows = [
        {"key": key, "name_ar": arabic, "name_en": "", "type": "ministry", "parent_key": "", "mail_domain": domain,
         "short_mark": "".join(word[0] for word in arabic.split())[:3], "valid_from": "2020-01-01"}
        for key, (arabic, domain) in bodies.items()
    ]  # fmt: skip
    made = installation.json("entity", "import", table(installation.folder / "bodies.csv", rows))
    codes = dict(zip(bodies, made["codes"], strict=True))
    staff = [
        {"entity": codes[key], "unit": "الديوان" if who == "registry" else "الدائرة الإدارية", "post": post,
         "name": person, "login": f"{who}.{key}", "roles": roles, "clearance": clearance,
         "password": PASSWORD if passwords else ""}
        for key in bodies for who, post, roles, clearance, person in PEOPLE
    ]  # fmt: skip
    told = installation.json("staff", "import", table(installation.folder / "staff.csv", staff))
    assert told["imported"] == len(staff)
    return codes


def introduce(one: Installation, other: Installation) -> None:
    """Let two installations know each other, by the files that their operators exchange."""
    for told, hearing in ((one, other), (other, one)):
        file = told.folder / "about-us.json"
        told.diwan("installation", "export", "-o", file)
        hearing.json("installation", "import", file)
