"""``diwan keys recovery``: three of five officers restore what opens the keys."""

import time
from pathlib import Path

import click

from crypto import recovery as files
from crypto.recovery import OfficerKey
from edms.core.database import Database
from edms.core.output import emit
from edms.core.parts import Parts
from edms.operation import recovering
from edms.operation.keys_commands import OPERATOR, keys
from edms.operation.site import Site

__all__ = ["keys", "recovery"]

_FILE = click.Path(path_type=Path, dir_okay=False)
_OFFICER = click.option(
    "--officer", "officers", type=_FILE, multiple=True, required=True, help="An officer's key file; three times."
)
_PASSPHRASE = click.option(
    "--passphrase-file", "passphrases", type=_FILE, multiple=True,
    help="A file with an officer's passphrase, in the order of the officers, in place of being asked.",
)  # fmt: skip


@keys.group()
def recovery() -> None:
    """Five officers each keep a key; any three restore what opens the installation's keys."""


@recovery.command("officer")
@click.option("--name", required=True, help="Who the officer is.")
@click.option("-o", "--output", type=_FILE, required=True, help="The officer's key file; the public half is beside it.")
@click.option("--passphrase-file", type=_FILE, help="A file with the passphrase, in place of being asked.")
@click.option("--json", "as_json", is_flag=True)
def officer(name: str, output: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Make an officer's key, on the officer's own machine; both files are text and can be printed."""
    if passphrase_file is None:
        phrase = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True).encode()
    else:
        phrase = recovering.passphrase_in(passphrase_file)
    made, private = files.new_officer(name, phrase)
    public = output.with_name(output.name + ".pub")
    recovering.write_new(output, private.encode())
    recovering.write_new(public, made.text().encode())
    told = {"file": str(output), "public": str(public), "fingerprint": made.fingerprint}
    emit(told, as_json, lambda: f"{output} is yours alone. Give {public} away and read out {made.fingerprint}.")


@recovery.command("create")
@click.argument("officers", type=_FILE, nargs=-1, required=True)
@click.option("-o", "--output", type=_FILE, required=True, help="The recovery file: copy it to several places.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def create(parts: Parts, officers: tuple[Path, ...], output: Path, as_json: bool) -> None:
    """Make the recovery file for five OFFICERS, given by their public files; again after each new root."""
    known = [files.read_officer(recovering.read_text(path)) for path in officers]
    made = recovering.create(parts[Database], OPERATOR, parts[Site], known)
    recovering.write_new(output, made.encode())
    told = {"file": str(output), **files.note_of(made)}
    shown = "\n".join(f"  {one.fingerprint}  {one.name}" for one in known)
    emit(told, as_json, lambda: f"{output} is opened by any three of:\n{shown}")


@recovery.command("drill")
@click.argument("file", type=_FILE)
@_OFFICER
@_PASSPHRASE
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def drill(parts: Parts, file: Path, officers: tuple[Path, ...], passphrases: tuple[Path, ...], as_json: bool) -> None:
    """See that three officers could restore today; nothing is written but the event."""
    begun = time.monotonic()
    known = _officers(officers, passphrases)
    roots = recovering.drill(parts[Database], OPERATOR, parts[Site], recovering.read_text(file), known)
    told = {"ok": True, "roots": list(roots), "seconds": round(time.monotonic() - begun, 1)}
    emit(told, as_json, lambda: f"They could: the secret opens root versions {', '.join(map(str, roots))}.")


@recovery.command("restore")
@click.argument("file", type=_FILE)
@_OFFICER
@_PASSPHRASE
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def restore(parts: Parts, file: Path, officers: tuple[Path, ...], passphrases: tuple[Path, ...], as_json: bool) -> None:
    """Write the secret again, and the key file where there is none, by three officers."""
    known = _officers(officers, passphrases)
    written = recovering.restore(parts[Site], recovering.read_text(file), known)
    told = {"written": [str(path) for path in written]}
    emit(told, as_json, lambda: "\n".join(f"{path} is back." for path in written) or "Everything was there.")


def _officers(paths: tuple[Path, ...], passphrases: tuple[Path, ...]) -> list[OfficerKey]:
    if passphrases and len(passphrases) != len(paths):
        raise click.UsageError("As many passphrase files as officers, in their order.")
    found = []
    for at, path in enumerate(paths):
        given = passphrases[at] if passphrases else None
        phrase = (
            recovering.passphrase_in(given)
            if given
            else click.prompt(f"Passphrase of {path.name}", hide_input=True).encode()
        )
        found.append(files.open_officer(recovering.read_text(path), phrase))
    return found
