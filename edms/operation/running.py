"""``diwan up``: all programs of one machine under one supervisor, until a signal ends them together."""

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from edms.core import migrate
from edms.core.errors import Conflict, Unavailable
from edms.core.parts import Parts
from edms.operation import programs, start
from edms.operation.site import Site
from edms.operation.supervise import Say, Supervisor

READY_SECONDS = 90.0
_LOOK_SECONDS = 0.2
LOGINS = "demo-logins.json"


def require_newest(site: Site) -> None:
    """Raise Unavailable ``core.no-installation`` before init, Conflict ``operation.old-database`` before an upgrade."""
    if not (site.keys.token_module or site.keys_file.exists()) or not start.installed(site):
        raise Unavailable("core.no-installation", data=str(site.data))
    found, newest = migrate.current(site.database_url), migrate.newest()
    if found != newest:
        raise Conflict("operation.old-database", found=found or "-", newest=newest or "-")


def demo_logins(site: Site) -> list[dict[str, Any]] | None:
    """Return who may sign in to a demonstration, and with what; None in any other installation."""
    try:
        found: list[dict[str, Any]] = json.loads((site.run_folder / LOGINS).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return found


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set, instead of ending the process."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def supervised(
    parts: Parts, site: Site, names: tuple[str, ...], ports: Mapping[str, int], environ: Mapping[str, str], say: Say
) -> Iterator[Supervisor]:
    """Run the programs of ``names`` for the block; Unavailable ``operation.not-ready`` when one does not come up."""
    if "gateway" in names:
        start.keep_gateway_address(parts, site, port=ports["gateway"])
    wanted = programs.programs(site, names=names, ports=ports)
    supervisor = Supervisor(wanted, environ=environ, run_folder=site.run_folder, say=say)
    try:
        supervisor.start()
        yield supervisor
    finally:
        supervisor.stop()


def wait_ready(supervisor: Supervisor, stop: threading.Event, seconds: float = READY_SECONDS) -> None:
    """Wait until every program serves; raises Unavailable ``operation.not-ready`` naming those that do not."""
    waited = 0.0
    while waiting := supervisor.unready():
        supervisor.look()
        hopeless = supervisor.hopeless()
        if hopeless or waited > seconds:
            raise Unavailable("operation.not-ready", names=hopeless or waiting)
        if stop.wait(_LOOK_SECONDS):
            return
        waited += _LOOK_SECONDS


def watch(supervisor: Supervisor, stop: threading.Event) -> None:
    """Keep the programs running until ``stop`` is set."""
    while not stop.wait(_LOOK_SECONDS):
        supervisor.look()


def chosen_ports(site: Site) -> dict[str, int]:
    """Return the ports of web and gateway, a free one where the setting is 0."""
    return {
        "web": site.web.port or programs.free_port(site.web.host),
        "gateway": site.gateway.port or programs.free_port(site.gateway.host),
    }


def port_variables(ports: Mapping[str, int]) -> dict[str, str]:
    """Return the variables that tell the programs which ports were chosen."""
    return {f"DIWAN_{name.upper()}_PORT": str(port) for name, port in ports.items()}


@contextmanager
def beside(command: Sequence[str], environ: Mapping[str, str], say: Callable[[str], object]) -> Iterator[None]:
    """Run one command beside the block, its lines to ``say``; it is ended with the block."""
    process = subprocess.Popen(  # noqa: S603 - our own command, no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(environ),
        start_new_session=True,
    )  # fmt: skip

    def read() -> None:
        for line in process.stdout or ():
            say(line.decode("utf-8", "replace").rstrip())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(2)


def first_letters(site: Site, config_file: Path | None, ports: Mapping[str, int]) -> tuple[list[str], dict[str, str]]:
    """Return the command, with its environment, that fills a new demonstration with letters."""
    command = [*programs.diwan_command(), "demo", "--letters", "24", "--entities", "8", "--leave-waiting"]
    return command, programs.environment(site, config_file, **port_variables(ports))
