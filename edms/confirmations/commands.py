"""The command line of صحة صدور: ``diwan confirm ask|list``."""

import time
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from edms.accounts.service import actor_of_employee
from edms.confirmations import queries, service
from edms.confirmations.rules import Side
from edms.confirmations.told import told
from edms.core.actor import Actor, system_actor
from edms.core.database import Database
from edms.core.output import emit
from edms.core.parts import Parts

_LOOK_SECONDS = 0.3


@click.group("confirm")
def confirm() -> None:
    """Ask another body whether it issued a letter."""


@confirm.command("ask")
@click.argument("code")
@click.option("--as", "employee", required=True, help="Who asks: an employee code or a login.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The PDF in hand.")
@click.option("--verification", default="", help="The verification code printed on the letter.")
@click.option("--wait", default=0.0, show_default=True, help="Seconds to wait for the answer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def ask(
    parts: Parts, code: str, employee: str, file: Path | None, verification: str, wait: float, *, as_json: bool
) -> None:
    """Ask by a document code, with the PDF or the verification code where there is one."""
    actor = _actor(parts, employee)
    data = file.read_bytes() if file else b""
    with parts[Database].work(actor) as uow:
        row_id = service.ask(uow, code, verification_code=verification, file=data).id
    until = time.monotonic() + wait
    value = _value(parts, actor, row_id)
    while value["answer"] is None and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
        value = _value(parts, actor, row_id)
    emit(value, as_json, lambda: _line(value))


@confirm.command("list")
@click.option("--as", "employee", required=True, help="Who looks: an employee code or a login.")
@click.option("--answered", is_flag=True, help="What we were asked, not what we asked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(parts: Parts, employee: str, *, answered: bool, as_json: bool) -> None:
    """List inquiries and their answers, newest first."""
    with parts[Database].read(_actor(parts, employee)) as uow:
        rows = queries.inquiries(uow, Side.ANSWERED if answered else Side.ASKED)
        values = [each.values() for each in told(uow, list(rows))]
    emit(values, as_json, lambda: "\n".join(map(_line, values)))


def _value(parts: Parts, actor: Actor, row_id: UUID) -> dict[str, Any]:
    with parts[Database].read(actor) as uow:
        return told(uow, [queries.inquiry(uow, row_id)])[0].values()


def _line(value: dict[str, Any]) -> str:
    facts = "  ".join(str(value[name]) for name in ("number", "date", "subject") if value[name])
    return f"{value['document_code']}  {value['body']}  {value['answer'] or 'waiting'}  {facts}".rstrip()


def _actor(parts: Parts, employee: str) -> Actor:
    with parts[Database].work(system_actor("operator")) as uow:
        return actor_of_employee(uow, employee)
