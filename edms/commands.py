"""The ``diwan`` command: collects the features' commands and turns refusals into one clear line."""

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import click

from config.settings import Settings, SettingsError, load
from crypto.errors import CryptoError
from edms.core.errors import EdmsError, Invalid, Unavailable
from edms.core.output import emit
from edms.core.parts import Parts
from edms.operation.site import Site
from edms.web.locale import translate_error

COMMANDS = {
    "audit": "edms.operation.audit_commands:audit",
    "authority": "edms.entities.authority_commands:group",
    "confirm": "edms.confirmations.commands:confirm",
    "copy": "edms.verification.commands:copy",
    "db": "edms.operation.commands:db",
    "demo": "edms.demo.commands:demo",
    "doctor": "edms.operation.commands:doctor",
    "entity": "edms.letters.letterhead_commands:entity",
    "evidence": "edms.tracking.commands:evidence",
    "gateway": "edms.operation.commands:gateway",
    "init": "edms.operation.commands:init",
    "intake": "edms.intake.commands:intake",
    "installation": "edms.entities.commands:installation",
    "keys": "edms.operation.every_keys_command:keys",
    "letter": "edms.letters.commands:letter",
    "quarantine": "edms.intake.commands:quarantine_group",
    "queue": "edms.dispatch.commands:queue",
    "reconcile": "edms.tracking.commands:reconcile",
    "register": "edms.letters.commands:register",
    "reindex": "edms.search.commands:reindex_command",
    "relay": "edms.operation.commands:relay",
    "search": "edms.search.commands:search_command",
    "staff": "edms.accounts.commands:staff",
    "trace": "edms.verification.trace_command:trace",
    "track": "edms.tracking.commands:track",
    "up": "edms.operation.commands:up",
    "verify": "edms.verification.commands:verify",
    "web": "edms.operation.commands:web",
    "worker": "edms.operation.commands:worker_",
}
"""Where each feature's command is; it is imported only when it is typed, as start-up is half of a short command."""


@contextmanager
def loading() -> Iterator[None]:
    """Import without looking for garbage: what imports make is there to stay, and is not looked at before the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # some libraries tell of whatever is left over at the end
        gc.enable()


class LazyGroup(click.Group):
    """A group whose commands are imported by name when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing its feature if need be."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        with loading():
            command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--data", type=click.Path(path_type=Path), help="The data folder (DIWAN_DATA).")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="A TOML file of settings.")
@click.version_option(package_name="diwan")
@click.pass_context
def diwan(context: click.Context, data: Path | None, config_file: Path | None) -> None:
    """Official letters between the bodies of a government."""
    environ = {**os.environ, "DIWAN_DATA": str(data)} if data else dict(os.environ)
    try:
        settings = load(config_file, environ)
    except SettingsError as error:
        if context.invoked_subcommand in {"config", "doctor"}:
            context.obj = error
            return
        raise SystemExit(_refuse("; ".join(error.problems))) from None
    with loading():
        from edms.wiring import parts_of

    context.obj = parts_of(settings)
    context.obj.put(Site, settings)


@diwan.group("config")
def config() -> None:
    """Look at the settings."""


@config.command("check")
@click.pass_obj
def config_check(found: Parts | SettingsError) -> None:
    """Say whether the settings can be used."""
    if isinstance(found, SettingsError):
        raise SystemExit(_refuse("\n".join(found.problems)))
    click.echo("The settings are in order.")


@config.command("show")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def config_show(found: Parts | SettingsError, as_json: bool) -> None:
    """Show every setting, its value (secrets masked) and where it came from."""
    if isinstance(found, SettingsError):
        raise SystemExit(_refuse("\n".join(found.problems)))
    rows = found[Settings].describe()
    emit(
        [{"key": key, "value": value, "source": source} for key, value, source in rows],
        as_json,
        lambda: "\n".join(f"{key} = {value}  ({source})" for key, value, source in rows),
    )


def main() -> None:
    """Run the command line: exit 0 on success, 1 on a refusal with one line on stderr, 2 on wrong usage."""
    try:
        diwan(prog_name="diwan")
    except EdmsError as error:
        sys.exit(_refuse(refusal_text(error)))
    except CryptoError as error:
        sys.exit(_refuse(translate_error(Unavailable(error.code, **error.params), "en")))


def refusal_text(error: EdmsError) -> str:
    """Return the English text of a refusal; what is wrong with an input is listed line by line."""
    lines = [translate_error(error, "en")]
    if isinstance(error, Invalid):
        lines += [f"  {problem.where}: {translate_error(problem, 'en')}" for problem in error.problems]
    return "\n".join(lines)


def _refuse(text: str) -> int:
    click.echo(f"diwan: {text}", err=True)
    return 1
