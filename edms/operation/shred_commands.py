"""``diwan keys shred``: a letter, or a year of a body, destroyed with its keys."""

from typing import Any, cast
from uuid import UUID

import click

from crypto import codes
from crypto.errors import BadCode
from edms.accounts.service import actor_of_employee
from edms.content.store import ContentStore
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.output import emit
from edms.core.parts import Parts
from edms.custody import shredding
from edms.custody.shredding import REASONS, Certificate, Reason, Shredder
from edms.entities.keyring import Keyring
from edms.letters import queries
from edms.letters.models import Letter
from edms.operation.keys_commands import OPERATOR, keys
from edms.search.indexes import Indexes

__all__ = ["keys", "shred"]


@keys.command("shred")
@click.argument("letter", required=False)
@click.option("--as", "employee", help="Who acts: the registry for a letter, the administrator for a year.")
@click.option("--year", type=click.IntRange(1970), help="All that the body stored in a year that is over.")
@click.option("--reason", type=click.Choice(REASONS), help="Why: its time is over, a court, or it came by mistake.")
@click.option("--order", default="", help="The number of the order that it follows.")
@click.option("--confirm", help="The document code (or the year) once more, in place of being asked.")
@click.option(
    "--repeat",
    is_flag=True,
    help="Finish what was broken off; on a restored vault, destroy again what was destroyed.",
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def shred(
    parts: Parts, letter: str | None, employee: str | None, year: int | None, reason: str | None, order: str,
    confirm: str | None, repeat: bool, as_json: bool,
) -> None:  # fmt: skip
    """Destroy LETTER (a document code or inner id) of one's own body for good; no backup opens it again."""
    at = Shredder(parts[Database], parts[ContentStore], parts[Keyring], parts[Indexes])
    if repeat:
        found = shredding.repeat_all(at, OPERATOR)
        emit({"destroyed": found}, as_json, lambda: f"{found} secrets had come back and are destroyed.")
        return
    if (letter is None) == (year is None) or employee is None or reason is None:
        raise click.UsageError("Say LETTER or --year, --as and --reason (or --repeat alone).")
    with parts[Database].work(OPERATOR) as uow:
        actor = actor_of_employee(uow, employee)
    if year is not None:
        _confirmed(str(year), confirm)
        done = shredding.destroy_year(at, actor, year, reason=cast("Reason", reason), order=order)
    else:
        found_id, shown = _found(parts, actor, str(letter))
        _confirmed(shown, confirm)
        done = shredding.destroy_letter(at, actor, found_id, reason=cast("Reason", reason), order=order)
    emit(_told(done), as_json, lambda: _text(done))


def _found(parts: Parts, actor: Actor, which: str) -> tuple[UUID, str]:
    with parts[Database].read(actor) as uow:
        found = _letter(uow, which)
        return found.id, found.document_code or str(found.id)


def _letter(uow: UnitOfWork, which: str) -> Letter:
    try:
        return queries.letter(uow, UUID(which))
    except ValueError:
        return queries.letter_by_code(uow, _digits(which))


def _digits(typed: str) -> str:
    try:
        return codes.parse(typed).digits
    except BadCode:
        raise click.UsageError(f"{typed} is not a document code.") from None


def _confirmed(expected: str, given: str | None) -> None:
    typed = click.prompt(f"Type {expected} to destroy it for good") if given is None else given
    if "".join(typed.split()).replace("-", "") != expected.replace("-", ""):
        raise click.UsageError("That is another one; nothing was destroyed.")


def _told(done: Certificate) -> dict[str, Any]:
    return {"certificate": str(done.id), "keys": done.keys, "key_hash": done.key_hash}


def _text(done: Certificate) -> str:
    return f"Destroyed: {done.keys} keys. Certificate {done.id}, SHA-256 {done.key_hash}."
