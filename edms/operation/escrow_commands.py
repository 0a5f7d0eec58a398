"""``diwan keys escrow``: a body's escrow key for reserved letters, and giving one to a reader by it."""

from pathlib import Path
from uuid import UUID

import click

from crypto import codes, recovery
from crypto.errors import BadCode
from edms.accounts.queries import account_by_login
from edms.accounts.service import actor_of_employee
from edms.core.database import Database, UnitOfWork
from edms.core.output import emit
from edms.core.parts import Parts
from edms.custody import queries, reading_keys, reserving
from edms.entities.keyring import Keyring
from edms.letters import queries as letters
from edms.operation import recovering
from edms.operation.keys_commands import OPERATOR, keys

__all__ = ["escrow", "keys"]

_FILE = click.Path(path_type=Path, dir_okay=False)


@keys.group()
def escrow() -> None:
    """One more reader of every reserved letter of a body: an officer whose key lies in a file."""


@escrow.command("set")
@click.argument("officer", type=_FILE)
@click.option("--as", "employee", required=True, help="The administrator of the body.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def set_(parts: Parts, officer: Path, employee: str, as_json: bool) -> None:
    """Seal reserved letters for OFFICER as well, from now on: a public file of ``keys recovery officer``."""
    known = recovery.read_officer(recovering.read_text(officer))
    with parts[Database].work(OPERATOR) as uow:
        actor = actor_of_employee(uow, employee)
    if actor.entity_id is None:
        raise click.UsageError("Nobody but a body's administrator sets its escrow key.")
    with parts[Database].work(actor) as uow:
        reading_keys.keep_escrow(uow, actor.entity_id, known)
    told = {"officer": known.name, "fingerprint": known.fingerprint}
    emit(told, as_json, lambda: f"{known.name} can give reserved letters on. Compare {known.fingerprint} by voice.")


@escrow.command("give")
@click.argument("letter")
@click.argument("officer", type=_FILE)
@click.option("--to", "reader", required=True, help="The login of the person who is to read it.")
@click.option("--as", "employee", required=True, help="Who acts for the body: its registry or a signatory.")
@click.option("--passphrase-file", type=_FILE, help="A file with the officer's passphrase, in place of being asked.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def give(
    parts: Parts, letter: str, officer: Path, reader: str, employee: str, passphrase_file: Path | None, as_json: bool
) -> None:
    """Let a person open LETTER (a document code), by the private file of the escrow key's OFFICER."""
    if passphrase_file is None:
        phrase = click.prompt("Passphrase of the officer", hide_input=True).encode()
    else:
        phrase = recovering.passphrase_in(passphrase_file)
    private = recovery.open_officer(recovering.read_text(officer), phrase).private
    with parts[Database].work(OPERATOR) as uow:
        actor = actor_of_employee(uow, employee)
    with parts[Database].read(actor) as uow:
        letter_id = letters.letter_by_code(uow, _digits(letter)).id
        key_id = _reading_key(uow, letter_id, reader)
    reserving.give_by_officer(parts[Database], actor, letter_id, key_id, private, keys=parts[Keyring])
    emit({"letter": letter, "reader": reader}, as_json, lambda: f"{reader} can open it.")


def _reading_key(uow: UnitOfWork, letter_id: UUID, login: str) -> UUID:
    account = account_by_login(uow, login)
    key = queries.key_of(uow, account.employee_id) if account else None
    if key is None:
        raise click.UsageError(f"{login} has no reading key.")
    return key.id


def _digits(typed: str) -> str:
    try:
        return codes.parse(typed).digits
    except BadCode:
        raise click.UsageError(f"{typed} is not a document code.") from None
