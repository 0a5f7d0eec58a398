"""A private PostgreSQL cluster for one test run: started once, shared by the workers, removed at the end."""

import fcntl
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg

TEMPLATE = "diwan_template"
_PREFIX = "diwan-postgres-"
_USER = "postgres"


class NoServer(RuntimeError):
    """PostgreSQL cannot be started on this machine; the text says why."""


class Cluster:
    """One cluster in ``folder``; every worker of the run makes its own object of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def port(self) -> int:
        """The loopback port, chosen at the start."""
        return int((self.folder / "port").read_text("ascii"))

    def url(self, database: str = "postgres") -> str:
        """Return the address of one database as SQLAlchemy takes it."""
        return f"postgresql+psycopg://{_USER}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run's lock: one worker starts the cluster and makes the template, the others wait."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def start(self) -> None:
        """Start unless another worker has; raises NoServer. Call it under the lock."""
        if (self.folder / "port").exists():
            return
        if not self._data.exists():
            _run_as_server("initdb", "-D", self._data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        port = _free_port()
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c max_connections=200"
        )
        _run_as_server("pg_ctl", "-D", self._data, "-w", "-t", "60", "-l", self.folder / "log", "-o", options, "start")
        (self.folder / "port").write_text(str(port), "ascii")

    def stop(self) -> None:
        """Stop the cluster if it runs and remove it."""
        with suppress(NoServer):  # a server that is dead already leaves its pid file behind
            if (self._data / "postmaster.pid").exists():
                _run_as_server("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        with psycopg.connect(self.url().replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement.encode())

    def has(self, database: str) -> bool:
        """Tell whether the database exists."""
        with psycopg.connect(self.url().replace("+psycopg", ""), autocommit=True) as connection:
            return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone() is not None

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Yield the address of a fresh copy of ``template``; the copy is dropped afterwards, whoever still uses it."""
        name = f"t_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def replace_database(url: str, template: str) -> None:
    """Make the database of an address a fresh copy of ``template``, which lies on the same server."""
    server, _, name = url.replace("+psycopg", "").rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())


def new_folder() -> Path:
    """Return a folder for this run's cluster, and clear away those of runs that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            Cluster(left).stop()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    if os.geteuid() == 0 and _server_user() is not None:
        shutil.chown(folder, _USER)
    return folder


def _server_user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(_USER)
    except KeyError:
        return None


def _programs() -> Path:
    """Return the folder of the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise NoServer("PostgreSQL is not installed (initdb is not found); on Debian: apt-get install postgresql")
    return Path(on_path).resolve().parent


def _run_as_server(program: str, *arguments: str | Path) -> None:
    """Run a server program; root hands over to the user ``postgres``, for the server refuses root."""
    command = [str(_programs() / program), *map(str, arguments)]
    if os.geteuid() == 0:
        if _server_user() is None:
            raise NoServer(f"PostgreSQL does not run as root and there is no user {_USER}")
        command = ["runuser", "-u", _USER, "--", *command]
    # A file and not a pipe: the server inherits the output and would hold a pipe open for ever.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", check=False)
        output.seek(0)
        if done.returncode:
            raise NoServer(f"{program} failed ({done.returncode}): {output.read().decode(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
