"""Commands that begin an installation, run its processes, and find out what is wrong with it."""

import contextlib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edms.core.errors import EdmsError, Unavailable
from edms.core.output import emit
from edms.core.parts import Parts
from edms.entities.rules import FIRST_SERIAL, LAST_SERIAL
from edms.operation import locks, programs, running, start
from edms.operation.finding import Finding, State, fail
from edms.operation.site import Site
from edms.web.locale import translate_error

if TYPE_CHECKING:
    from rich.table import Table

_SIGN = {State.OK: "ok  ", State.WARN: "WARN", State.FAIL: "FAIL"}


@click.command()
@click.option("--name", help="What this installation is called; it must differ between installations that exchange.")
@click.option(
    "--first-serial", type=click.IntRange(FIRST_SERIAL, LAST_SERIAL), default=FIRST_SERIAL, show_default=True,
    help="Where its codes of bodies begin; installations that exchange letters take ranges of their own.",
)  # fmt: skip
@click.pass_obj
def init(parts: Parts, name: str | None, first_serial: int) -> None:
    """Begin an installation: data folder, secret, keys, database."""
    site = parts[Site]
    start.quiet_migrations()
    start.initialise(parts, site, name=name or site.installation.name, first_serial=first_serial)
    click.echo(f"Begun in {site.data}.")
    if not site.keys.passphrase:
        click.echo(f"What opens its keys is {site.secret_file}: keep a copy apart from the data.")
    click.echo(f"The vault is {site.vault_file}: nothing opens without it; keep a copy apart, none older than 35 days.")
    click.echo(f"The root authority's key is {site.root_file}: carry it to another place;")
    click.echo("it is needed again only to renew the issuing authority, in five years or sooner.")


@click.group("db")
def db() -> None:
    """Keep the database."""


@db.command("upgrade")
@click.pass_obj
def db_upgrade(parts: Parts) -> None:
    """Bring the database to the newest revision."""
    click.echo(f"The database is at revision {start.upgrade(parts[Site])}.")


@click.command()
@click.option("--demo", is_flag=True, help="Make a demonstration in a new data folder; show its logins.")
@click.pass_context
def up(context: click.Context, demo: bool) -> None:
    """Run pages, gateway, relay and worker together until Ctrl-C."""
    parts: Parts = context.obj
    site, config_file = parts[Site], _config_file(context)
    fresh = demo and (start.installed(site) is None or running.demo_logins(site) == [])
    programs.refuse_second_start(site)
    programs.refuse_taken_ports(site)
    if fresh:
        click.echo(f"Making a demonstration in {site.data}.")
        prepare = [*programs.diwan_command(), "demo", "--prepare"]
        if subprocess.run(prepare, env=programs.environment(site, config_file), check=False).returncode:  # noqa: S603
            raise SystemExit(1)
    running.require_newest(site)
    ports = running.chosen_ports(site)
    environ = {
        **({"DIWAN_LOGGING_LEVEL": "warning"} if demo else {}),  # the logins shall stay in sight
        **programs.environment(site, config_file, **running.port_variables(ports)),
    }
    with (
        running.stopped_by_signals() as stop,
        running.supervised(parts, site, programs.NAMES, ports, environ, _say) as supervisor,
        contextlib.ExitStack() as beside,
    ):
        running.wait_ready(supervisor, stop)
        if not stop.is_set():
            _greet(site, supervisor.process_ids(), ports)
            if fresh:
                command, variables = running.first_letters(site, config_file, ports)
                beside.enter_context(running.beside(command, variables, lambda line: _say("demo", line)))
        running.watch(supervisor, stop)
        click.echo("Stopping.", err=True)


@click.command()
@click.pass_context
def web(context: click.Context) -> None:
    """Serve the pages."""
    from edms.operation.logs import configure_logs
    from edms.operation.serving import serve

    site: Site = context.obj[Site]
    running.require_newest(site)
    os.environ.update(programs.environment(site, _config_file(context)))
    configure_logs(site.logging)
    locks.sign(locks.hold(site.run_folder, "web"), os.getpid())
    serve(site.web, level=site.logging.level)


@click.command()
@click.pass_context
def gateway(context: click.Context) -> None:
    """Take mail from the installations that this one knows, its own included."""
    parts: Parts = context.obj
    running.require_newest(parts[Site])
    if parts[Site].gateway.port:
        start.keep_gateway_address(parts, parts[Site], port=parts[Site].gateway.port)
    _become(context, "gateway", programs.mailgw_command("receive"))


@click.command()
@click.pass_context
def relay(context: click.Context) -> None:
    """Deliver what waits in the outbox."""
    running.require_newest(context.obj[Site])
    _become(context, "relay", programs.mailgw_command("relay"))


@click.command("worker")
@click.pass_obj
def worker_(parts: Parts) -> None:
    """Follow the event log: the search index."""
    from edms.operation import worker
    from edms.operation.followers import followers_of
    from edms.operation.logs import configure_logs
    from edms.wiring import load_judges

    load_judges()
    site = parts[Site]
    running.require_newest(site)
    configure_logs(site.logging)
    locks.sign(locks.hold(site.run_folder, "worker"), os.getpid())
    worker.be_nice()
    with running.stopped_by_signals() as stop:
        worker.run(followers_of(parts), stop=stop, poll_seconds=site.worker.poll_seconds)


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def doctor(parts: Parts | Exception, as_json: bool) -> None:
    """Say what is wrong with this installation, and what to do about it."""
    from edms.operation import doctor as examination

    findings = (
        examination.examine(parts, parts[Site], say=_words)
        if isinstance(parts, Parts)
        else [fail("settings", str(parts).replace("\n", "; "), "diwan config check")]
    )
    healthy = examination.healthy(findings)
    shown = {"ok": healthy, "checks": [asdict(finding) for finding in findings]}
    emit(shown, as_json, lambda: "\n".join(map(_line, findings)))
    if not healthy:
        raise SystemExit(1)


def logins_table(logins: list[dict[str, str]]) -> "Table":
    """Return the demonstration's logins as a table for the terminal.

    One row per role, and those who receive and read letters in another body, where a clerk registers by hand.
    """
    from rich.table import Table

    table = Table("role", "login", "password", "PIN", "employee", "entity", "address", box=None, padding=(0, 2, 0, 0))
    first = {login["role"]: login for login in reversed(logins)}
    beside = {login["role"]: login for login in logins if login["role"] in {"registry", "employee"}}
    other = [login for login in beside.values() if login["entity"] != first[login["role"]]["entity"]]
    shown = sorted(first.values(), key=logins.index)
    for login in [*shown, *other]:
        told = ("role", "login", "password", "pin", "employee", "entity", "address")
        table.add_row(*(login.get(key, "") for key in told))
    return table


def _greet(site: Site, process_ids: Mapping[str, int], ports: Mapping[str, int]) -> None:
    for name, number in process_ids.items():
        where = f" on {ports[name]}" if name in ports else ""
        click.echo(f"{name:8} running (process {number}){where}")
    url = site.public_url if site.web.port else site.public_url.removesuffix(":0") + f":{ports['web']}"
    click.echo(f"\n{url}\n")
    logins = running.demo_logins(site)
    if logins:
        from rich.console import Console

        Console(width=140, highlight=False).print(logins_table(logins))


def _become(context: click.Context, name: str, command: tuple[str, ...]) -> None:
    site: Site = context.obj[Site]
    lock = locks.hold(site.run_folder, name)
    locks.sign(lock, os.getpid())
    os.set_inheritable(lock, True)
    os.execve(command[0], command, programs.environment(site, _config_file(context)))  # noqa: S606 - no shell wanted


def _config_file(context: click.Context) -> Path | None:
    found: Path | None = context.find_root().params.get("config_file")
    return found


def _say(name: str, line: str) -> None:
    click.echo(f"{name:8} {line}", err=True)


def _line(finding: Finding) -> str:
    remedy = f"\n              -> {finding.remedy}" if finding.remedy else ""
    return f"{_SIGN[finding.state]}  {finding.name:12} {finding.text}{remedy}"


def _words(error: Exception) -> str:
    if isinstance(error, EdmsError):
        return translate_error(error, "en")
    if isinstance(error, OSError):
        return f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
    return translate_error(Unavailable(getattr(error, "code", ""), **getattr(error, "params", {})), "en")


COMMANDS: tuple[click.Command, ...] = (init, db, up, web, gateway, relay, worker_, doctor)
