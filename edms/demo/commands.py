"""``diwan demo``: a demonstration installation, real letters over real SMTP, and their balance."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from edms.core.database import Database
from edms.core.errors import Unavailable
from edms.core.output import emit, progress_bar
from edms.core.parts import Parts
from edms.demo import making, runner
from edms.demo.bodies import own_bodies
from edms.demo.runner import Result
from edms.demo.texts import own_texts, texts_from
from edms.operation.commands import logins_table
from edms.operation.followers import followers_of
from edms.operation.running import demo_logins
from edms.operation.site import Site
from edms.operation.worker import catch_up


@click.command()
@click.option("--letters", type=click.IntRange(1, 100_000), default=60, show_default=True, help="Letters to send.")
@click.option(
    "--entities", type=click.IntRange(2, 800), default=8, show_default=True, help="Bodies that have staff and send."
)
@click.option(
    "--texts", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of texts (.txt, .md, also in .tar.xz and .tar.gz) to send instead of our own.",
)  # fmt: skip
@click.option("--timeout", type=click.IntRange(1), default=900, show_default=True, help="Seconds to wait at most.")
@click.option("--prepare", is_flag=True, help="Only make the installation, its bodies and staff; send nothing.")
@click.option("--leave-waiting", is_flag=True, help="In the end send a few letters that wait for a clerk; no logins.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def demo(
    context: click.Context, /, letters: int, entities: int, texts: Path | None, timeout: int, prepare: bool,
    leave_waiting: bool, as_json: bool,
) -> None:  # fmt: skip
    """Make a demonstration in a new data folder, send letters over SMTP, wait for the balance, stop.

    One of the letters is a circular of the centre to every other body.
    """
    parts: Parts = context.obj
    site = parts[Site]
    sheets = texts_from(texts, limit=letters) if texts else own_texts()
    with progress_bar("Bodies", len(own_bodies())) as told:
        making.prepare(parts, site, bodies=entities, progress=told)
    if prepare:
        return
    with runner.mail_running(parts, site, context.find_root().params.get("config_file")) as look:
        with progress_bar("Letters issued", letters) as issued:
            run = runner.send_letters(parts, sheets, letters=letters, bodies=entities, look=look, progress=issued)
        with progress_bar("Consignments settled", run.sent) as settled:
            result = runner.wait_for_balance(parts[Database], run, timeout=timeout, look=look, progress=settled)
        if leave_waiting:
            runner.leave_waiting(parts, sheets)
    if not as_json:
        click.echo("Filling the search indexes ...", err=True)
    catch_up([each for each in followers_of(parts) if each.name == "search"])  # so that what was sent is found at once
    shown = _shown(result, demo_logins(site) or [])
    emit(shown, as_json, lambda: _text(result))
    if not (as_json or leave_waiting):
        Console(width=140, highlight=False).print(logins_table(shown["logins"]))
    if not result.holds:
        raise Unavailable("demo.no-balance", sent=result.sent, moving=result.balance.moving)


def _shown(result: Result, logins: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "sent": result.sent,
        "registered": result.balance.registered,
        "refused": result.balance.refused,
        "waiting": result.balance.waiting,
        "seconds": round(result.seconds, 1),
        "letters": result.letters,
        "arrived": result.balance.arrived,
        "issue_seconds": round(result.issue_seconds, 1),
        "circular_seconds": result.circular_seconds and round(result.circular_seconds, 1),
        "per_second": round(result.sent / result.seconds, 1) if result.seconds else 0.0,
        "logins": logins,
    }


def _text(result: Result) -> str:
    found = result.balance
    circular = f"{result.circular_seconds:.1f} s" if result.circular_seconds is not None else "not by all yet"
    return (
        f"{result.letters} letters, {result.sent} consignments sent"
        f" = {found.registered} registered + {found.refused} refused + {found.waiting} waiting\n"
        f"{result.seconds:.1f} s ({result.sent / max(result.seconds, 0.001):.1f} consignments a second);"
        f" the circular was registered by all: {circular}"
    )
