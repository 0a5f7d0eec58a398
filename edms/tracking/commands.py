"""The command line of tracking: ``diwan track``."""

from typing import Any

import click

from crypto.codes import format_code
from edms.accounts.service import actor_of_employee
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.output import emit
from edms.core.parts import Parts
from edms.tracking import service
from edms.tracking.rules import FACTS

_OPERATOR = system_actor("operator")


@click.command("track")
@click.argument("code")
@click.option("--as", "employee", help="Who asks: an employee code or a login; default: the operator.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def track(parts: Parts, code: str, employee: str | None, as_json: bool) -> None:
    """Show how far a letter has come with each recipient, and what happened to it."""
    database, actor = parts[Database], _OPERATOR
    if employee is not None:
        with database.work(_OPERATOR) as uow:
            actor = actor_of_employee(uow, employee)
    with database.read(actor) as uow:
        value = service.told(uow, service.letter_of_code(uow, code))
    emit(value, as_json, lambda: _text(value))


def _text(value: dict[str, Any]) -> str:
    lines = [f"{format_code(value['document_code'])}  {value['number']}  {value['state']}"]
    for each in value["recipients"]:
        known = [f"{fact} {each[fact][:16]}" for fact in FACTS if each[fact]]
        known += [f"number {each['far_number']}"] if each["far_number"] else []
        known += [f"refused {each['refused'][:16]}: {each['reason']}"] if each["refused"] else []
        lines.append(f"  {each['entity']}  {each['state']}  {', '.join(known) or 'nothing known yet'}")
    lines += [f"  {each['at'][:16]}  {each['event']}  {each['employee'] or ''}" for each in value["events"]]
    return "\n".join(lines)
