"""The ``diwan`` command: collects the features' commands and turns refusals into one clear line."""

import os
import sys
from pathlib import Path

import click

from config.settings import Settings, SettingsError, load
from edms.accounts import commands as accounts
from edms.core.errors import EdmsError, Invalid
from edms.core.output import emit
from edms.core.parts import Parts
from edms.demo import commands as demo
from edms.entities import commands as entities
from edms.operation import commands as operation
from edms.operation.site import Site
from edms.search import commands as search
from edms.verification import commands as verification
from edms.web.locale import translate_error
from edms.wiring import parts_of


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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


for command in (
    *operation.COMMANDS, demo.demo, *entities.commands, *accounts.commands, *search.commands, *verification.commands,
):  # fmt: skip
    diwan.add_command(command)


def main() -> None:
    """Run the command line: exit 0 on success, 1 on a refusal with one line on stderr, 2 on wrong usage."""
    try:
        diwan(prog_name="diwan")
    except EdmsError as error:
        sys.exit(_refuse(refusal_text(error)))


def refusal_text(error: EdmsError) -> str:
    """Return the English text of a refusal; what is wrong with an input is listed line by line."""
    lines = [translate_error(error, "en")]
    if isinstance(error, Invalid):
        lines += [f"  {problem.where}: {translate_error(problem, 'en')}" for problem in error.problems]
    return "\n".join(lines)


def _refuse(text: str) -> int:
    click.echo(f"diwan: {text}", err=True)
    return 1
