"""The command line of tracking: ``diwan track``, ``diwan evidence`` and ``diwan reconcile``."""

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from crypto.codes import format_code
from edms.accounts.service import actor_of_employee
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.output import emit
from edms.core.parts import Parts
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.tracking import balance, proofs, service
from edms.tracking.rules import FACTS

_OPERATOR = system_actor("operator")


@click.command("track")
@click.argument("code")
@click.option("--as", "employee", help="Who asks: an employee code or a login; default: the operator.")
@click.option("--evidence", is_flag=True, help="Tell what was proved of it too, with the hashes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def track(parts: Parts, code: str, employee: str | None, evidence: bool, as_json: bool) -> None:
    """Show how far a letter has come with each recipient, and what happened to it."""
    database, actor = parts[Database], _OPERATOR
    if employee is not None:
        with database.work(_OPERATOR) as uow:
            actor = actor_of_employee(uow, employee)
    with database.read(actor) as uow:
        letter = service.letter_of_code(uow, code)
        value = service.told(uow, letter)
        if evidence:
            value["evidence"] = [proofs.plain(line) for line in proofs.of_letter(uow, letter)]
    emit(value, as_json, lambda: _text(value))


def _text(value: dict[str, Any]) -> str:
    lines = [f"{format_code(value['document_code'])}  {value['number']}  {value['state']}"]
    for each in value["recipients"]:
        known = [f"{fact} {each[fact][:16]}" for fact in FACTS if each[fact]]
        known += [f"number {each['far_number']}"] if each["far_number"] else []
        known += [f"refused {each['refused'][:16]}: {each['reason']}"] if each["refused"] else []
        lines.append(f"  {each['entity']}  {each['state']}  {', '.join(known) or 'nothing known yet'}")
    lines += [f"  {each['at'][:16]}  {each['event']}  {each['employee'] or ''}" for each in value["events"]]
    lines += [_proof_text(each) for each in value.get("evidence", ())]
    return "\n".join(lines)


@click.group("evidence")
def evidence() -> None:
    """Show what was proved of letters, and take it along signed."""


@evidence.command("show")
@click.argument("number", type=click.UUID)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(parts: Parts, number: UUID, as_json: bool) -> None:
    """Show one evidence."""
    with parts[Database].read(_OPERATOR) as uow:
        value = proofs.plain(proofs.one(uow, number))
    emit(value, as_json, lambda: "\n".join(f"{name}: {told}" for name, told in value.items() if told))


@evidence.command("export")
@click.argument("number", type=click.UUID)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file (.p7m).")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def export(parts: Parts, number: UUID, output: Path, as_json: bool) -> None:
    """Write one evidence under its body's seal: openssl cms -verify -inform DER -purpose any -CAfile ROOT."""
    with parts[Database].work(_OPERATOR) as uow:
        octets = proofs.signed_file(uow, number, keys=parts[Keyring])
    output.write_bytes(octets)
    emit({"id": str(number), "file": str(output), "octets": len(octets)}, as_json, lambda: f"Written to {output}.")


@click.command("reconcile")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Which day (default: today).")
@click.option("--entity", "code", help="Only the pairs of this body (code).")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def reconcile(parts: Parts, day: datetime | None, code: str | None, as_json: bool) -> None:
    """Tell for each pair of bodies whether what was sent is accounted for; exit 1 where it is not."""
    with parts[Database].read(_OPERATOR) as uow:
        body = entities.entity_by_code(uow, code).id if code else None
        when = day.date() if day else uow.today
        value = balance.plain(balance.reconcile(uow, when, entity_id=body), when)
    emit(value, as_json, lambda: "\n".join(map(_pair_text, value["pairs"])) or "Nothing was sent that day.")
    if not value["balanced"]:
        raise SystemExit(1)


def _pair_text(pair: dict[str, Any]) -> str:
    sums = " + ".join(f"{name} {pair[name]}" for name in ("received", "refused", "expired", "queued"))
    wrong = ", ".join(f"{name} {number}" for name, number in pair["mismatches"].items())
    cancelled = f" (cancelled {pair['cancelled']})" if pair["cancelled"] else ""
    return f"{pair['sender']} > {pair['recipient']}  sent {pair['sent']} = {sums}{cancelled}  {wrong or 'balanced'}"


def _proof_text(proof: dict[str, Any]) -> str:
    return f"  {proof['at'][:19]}  {proof['event']}  {proof['reason'] or ''}  {proof['id']}".rstrip()
