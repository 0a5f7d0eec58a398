"""``diwan audit``: the log checked, taken out, proved entry by entry, and witnessed."""

import json
import time
from pathlib import Path

import click

from edms.audit import exporting, log_keys
from edms.audit.checkpoints import begin_witness, newest, seal_now
from edms.audit.log_seal import LogSeal
from edms.audit.queries import last_seq
from edms.audit.rules import CHECK_LOG
from edms.audit.service import record
from edms.audit.witness_server import Witness, public_der, serve
from edms.core.database import Database
from edms.core.errors import Unavailable
from edms.core.output import emit, progress_bar
from edms.core.parts import Parts
from edms.operation.log_checks import Checked, check_all
from edms.operation.start import OPERATOR

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def audit() -> None:
    """Check the event log, and prove what is in it."""


@audit.command()
@click.option("--witness", "witness_file", type=_FILE, help="A witness file or a single checkpoint that was kept.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def verify(parts: Parts, witness_file: Path | None, as_json: bool) -> None:
    """Check every entry, checkpoint, row and register number; exit 1 when anything is wrong."""
    begun = time.monotonic()
    checked = check_all(parts, OPERATOR, witness_file=witness_file)
    seconds, report = round(time.monotonic() - begun, 2), checked.report
    told = {
        "ok": report.ok, "events": report.events, "first_bad": report.first_bad, "seconds": seconds,
        "checkpoints": report.checkpoints, "sealed": report.sealed, "cosigned": report.cosigned,
        "root": report.tree.root().hex(),
        "rows": checked.rows, "problems": [{"seq": each.seq, "what": each.what} for each in report.faults],
        "more_problems": report.more,
    }  # fmt: skip
    emit(told, as_json, lambda: _text(checked, seconds))
    if not report.ok:
        raise SystemExit(1)


@audit.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--since", type=click.IntRange(1), help="Only what follows the checkpoint of so many entries.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def export(parts: Parts, folder: Path, since: int | None, as_json: bool) -> None:
    """Write entries, checkpoints, the log's key and a checker that needs no Diwan into an empty FOLDER."""
    database, seal = parts[Database], parts[LogSeal]
    with database.work(OPERATOR) as uow:
        uow.actor.require(CHECK_LOG)
        record(uow, "audit.exported", "log", None, since=since or 0)
    seal_now(database, seal)
    with database.read(OPERATOR) as uow:
        with progress_bar("Entries", last_seq(uow) - (since or 0)) as progress:
            count = exporting.export_log(uow, folder, seal, since=since or 0, progress=progress)
        head, _ = newest(uow, seal)
    told = {"folder": str(folder), "entries": count, "size": head.size, "root": head.root.hex()}
    emit(
        told,
        as_json,
        lambda: f"{count} entries up to {head.size} are in {folder}: python {folder}/check_log.py {folder}",
    )


@audit.command()
@click.argument("seq", type=click.IntRange(1))
@click.option("-o", "--output", type=_FILE, required=True, help="Where to write the proof.")
@click.option("--since", type=click.IntRange(1), help="Prove too that the log goes on from a checkpoint of this size.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def prove(parts: Parts, seq: int, output: Path, since: int | None, as_json: bool) -> None:
    """Write the proof that entry SEQ is in the log; check_log.py checks it with the log's key alone."""
    database, seal = parts[Database], parts[LogSeal]
    with database.work(OPERATOR) as uow:
        uow.actor.require(CHECK_LOG)
        record(uow, "audit.proved", "log", None, seq=seq)
    seal_now(database, seal)
    with database.read(OPERATOR) as uow:
        proof = exporting.proof_of(uow, seq, seal, since=since)
    try:
        output.write_text(json.dumps(proof, ensure_ascii=False, indent=1) + "\n", "utf-8")
        (output.parent / "log-key.pem").write_bytes(exporting.public_pem(seal))
    except OSError as error:
        raise Unavailable("audit.cannot-write", path=str(output)) from error
    emit({"file": str(output), "seq": seq}, as_json, lambda: f"The proof of entry {seq} is {output}.")


@audit.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def witness(parts: Parts, as_json: bool) -> None:
    """Begin the witness file in audit.witness_folder; an existing one is never touched."""
    seal = parts[LogSeal]
    head = begin_witness(parts[Database], seal, OPERATOR)
    told = {"file": str(seal.plan.witness), "size": head.size}
    emit(told, as_json, lambda: f"{seal.plan.witness} begins with the checkpoint of {head.size} entries.")


@audit.command("rotate-key")
@click.option("-o", "--output", type=_FILE, help="Where to write the new public key, for the witnesses.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def rotate_key(parts: Parts, output: Path | None, as_json: bool) -> None:
    """Sign the log with a new key from now on; what the older ones signed stays good. Stop the worker before."""
    database, seal = parts[Database], parts[LogSeal]
    seal_now(database, seal)
    with database.work(OPERATOR) as uow:
        number = log_keys.rotate(uow, seal.origin, seal.keys).number
        pem = exporting.pem_of(seal.chain(uow).newest)
    try:
        if output:
            output.write_bytes(pem)
    except OSError as error:
        raise Unavailable("audit.cannot-write", path=str(output)) from error
    told = {"number": number, "origin": seal.origin, "key": pem.decode()}
    emit(told, as_json, lambda: f"Key {number} of {seal.origin} signs from now on:\n{pem.decode().strip()}")


@audit.command("witness-key")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", required=True, help="What the witness calls itself, best a domain name.")
@click.option("--json", "as_json", is_flag=True)
def witness_key(folder: Path, name: str, as_json: bool) -> None:
    """Make the key of a witness in FOLDER if there is none, and print its public half for audit.witnesses."""
    key = Witness(folder, name, {}).key().text()
    emit({"key": key}, as_json, lambda: key)


@audit.command("witness-serve")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", required=True, help="What the witness calls itself, best a domain name.")
@click.option("--log", "logs", type=(str, _FILE), multiple=True, required=True, metavar="ORIGIN KEY",
              help="A log to witness: its origin and its public key (PEM); once more for a later key.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=2113, show_default=True)
def witness_serve(folder: Path, name: str, logs: tuple[tuple[str, Path], ...], host: str, port: int) -> None:
    """Be a witness over HTTP (C2SP tlog-witness); what it has seen is kept in FOLDER. It needs no data of Diwan."""
    keys: dict[str, list[bytes]] = {}
    try:
        for origin, path in logs:
            keys.setdefault(origin, []).append(public_der(path.read_bytes()))
        witness = Witness(folder, name, keys)
        server = serve(witness, host, port)
        click.echo(f"{witness.key().text()} listens on http://{host}:{server.server_address[1]}")
    except OSError as error:
        raise Unavailable("audit.cannot-serve", reason=error.strerror or str(error)) from error
    with server:
        server.serve_forever()


def _text(checked: Checked, seconds: float) -> str:
    report = checked.report
    if report.ok:
        signed = f"{report.checkpoints} checkpoint{'' if report.checkpoints == 1 else 's'} up to entry {report.sealed}"
        return (
            f"The log is whole: {report.events} entries, {signed};"
            f" {sum(checked.rows.values())} rows are as the log left them; no register number is missing. {seconds} s"
        )
    lines = [f"{fault.what}" for fault in report.faults]
    if report.more:
        lines.append(f"and {report.more} more")
    return "\n".join(["THE LOG IS NOT WHOLE.", *lines])
