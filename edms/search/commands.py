"""The command line of search: ``diwan search`` and ``diwan reindex``."""

from datetime import datetime
from uuid import UUID

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from edms.accounts.service import actor_of_employee
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.output import emit
from edms.core.parts import Parts
from edms.entities import queries as entities
from edms.registry.rules import Direction
from edms.search import service
from edms.search.follower import catch_up
from edms.search.indexes import Indexes
from edms.search.rebuild import reindex
from edms.search.rules import MOST_HITS, REINDEX

_OPERATOR = system_actor("operator")
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("search")
@click.argument("query")
@click.option("--as", "employee", required=True, help="Who searches: an employee code or a login.")
@click.option(
    "--direction", type=click.Choice([each.value for each in Direction], case_sensitive=False),
    help="Only outgoing or only incoming letters.",
)  # fmt: skip
@click.option("--since", type=_DAY, help="Letters of this day and later.")
@click.option("--until", type=_DAY, help="Letters of this day and earlier.")
@click.option("--limit", type=click.IntRange(1, MOST_HITS), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def search_command(
    parts: Parts, query: str, employee: str, direction: str | None, since: datetime | None, until: datetime | None,
    limit: int, as_json: bool,
) -> None:  # fmt: skip
    """Find letters by subject, body, number, entity or document code."""
    database, indexes = parts[Database], parts[Indexes]
    with database.work(_OPERATOR) as uow:
        actor = actor_of_employee(uow, employee)
    catch_up(database, indexes)
    with database.read(actor) as uow:
        found = service.search(
            uow, query, indexes=indexes, direction=direction, since=since.date() if since else None,
            until=until.date() if until else None, size=limit,
        )  # fmt: skip
    if found.confidential:
        with database.work(actor) as uow:
            service.note_found(uow, found)
    value = [
        {
            "document_code": hit.letter.document_code, "subject": hit.letter.subject, "number": hit.letter.number,
            "direction": hit.letter.direction, "date": hit.day.isoformat(),
        }
        for hit in found.hits
    ]  # fmt: skip
    emit(value, as_json, lambda: _lines(found))


@click.command("reindex")
@click.option("--entity", "entity_code", help="Only the index of this entity (8-digit code).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def reindex_command(parts: Parts, entity_code: str | None, as_json: bool) -> None:
    """Rebuild the search indexes from the database; searching goes on meanwhile."""
    database, indexes = parts[Database], parts[Indexes]
    _OPERATOR.require(REINDEX)
    wanted: list[UUID] | None = None
    if entity_code is not None:
        with database.read(_OPERATOR) as uow:
            wanted = [entities.entity_by_code(uow, entity_code).id]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Letters", total=None)
        done = reindex(
            database, indexes, wanted, lambda now, total: bar.update(task, completed=now, total=total)
        )  # fmt: skip
    catch_up(database, indexes)
    emit({"letters": done}, as_json, lambda: f"{done} letters indexed.")


def _lines(found: service.Results) -> str:
    lines = [f"{hit.day} {hit.letter.document_code:18} {hit.letter.number}  {hit.letter.subject}" for hit in found.hits]
    if found.bad_code and found.suggestion:
        lines.append(f"The check digits are not right. Did you mean {found.suggestion}?")
    return "\n".join([*lines, f"{found.total} found."])


commands = (search_command, reindex_command)
