"""The command line of verification: ``diwan verify`` and ``diwan copy``; ``diwan trace`` has a module of its own."""

import os
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from crypto import codes
from crypto.errors import BadCode
from crypto.timestamps import StampRoots
from edms.accounts.service import actor_of_employee
from edms.content.store import ContentStore
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.errors import Invalid, Unavailable
from edms.core.output import emit
from edms.core.parts import Parts
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.letters import queries as letters
from edms.letters.copies import issue_sheet
from edms.verification import desk, service
from edms.verification.registered import signed_of
from edms.verification.rules import Verdict
from edms.web.locale import gettext

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_OPERATOR = system_actor("operator")


@click.command("verify")
@click.argument("what", metavar="CODE|FILE")
@_JSON
@click.pass_obj
def verify(parts: Parts, what: str, as_json: bool) -> None:
    """Say whether a letter is genuine: by its PDF, a picture of the paper, its verification code, or (here only) its
    document code.

    Exit 0 whenever a verdict was reached, whatever it is; 1 when the code is none or the file cannot be read.
    """
    verdict = _verdict(parts, what)
    value: dict[str, Any] = {
        "verdict": str(verdict.answer),
        "document_code": verdict.document_code,
        "reasons": list(verdict.reasons),
    }
    if verdict.facts:
        value["facts"] = asdict(verdict.facts)
    if verdict.signed:
        value["signed"] = signed_of(verdict.signed)
    lines = [gettext(each, "en") for each in ("verification.answer-" + verdict.answer, *verdict.reasons)]
    lines += [f"{name}: {told}" for name, told in value.get("signed", {}).items() if told]
    emit(value, as_json, lambda: "\n  ".join(lines))


def _verdict(parts: Parts, what: str) -> Verdict:
    path = Path(what)
    if path.is_file():
        return desk.ask_file(
            parts[Database], _OPERATOR, path.read_bytes(), address=None, stamp_roots=parts[StampRoots].roots
        )
    if path.suffix.lower() == ".pdf":
        raise Invalid("verification.no-such-file", name=path.name)
    with parts[Database].work(_OPERATOR) as uow:
        try:
            return service.verify_code(uow, what)
        except Invalid as error:
            if error.code != "verification.needs-verification-code":
                raise
            return service.verify_document_code(uow, what)


@click.command("copy")
@click.argument("code")
@click.option("--as", "employee", required=True, help="Whose copy: an employee code or a login.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
@_JSON
@click.pass_obj
def copy(parts: Parts, code: str, employee: str, output: Path, as_json: bool) -> None:
    """Write a person's coded copy of a letter as PDF; the copy is on record before its first byte."""
    database = parts[Database]
    with database.work(_OPERATOR) as uow:
        actor = actor_of_employee(uow, employee)
    with database.read(actor) as uow:
        letter = letters.letter_by_code(uow, _document_code(code, uow.now.year))
        letter_id, document_code = letter.id, letter.document_code
        body = entities.entity(uow, actor.entity_id).code if actor.entity_id else ""
    issued = issue_sheet(database, actor, letter_id, "download", store=parts[ContentStore], keys=parts[Keyring])
    value = {
        "copy_code": issued.code,
        "document_code": document_code,
        "entity": body,
        "employee": actor.employee_code,
    }
    _write_whole(output, issued.data)
    emit(value, as_json, lambda: f"{output}: copy {codes.format_code(issued.code)}")


def _document_code(text: str, year: int) -> str:
    try:
        code = codes.parse(text, year=year)
    except BadCode as error:
        if error.suggestion:
            raise Invalid("verification.did-you-mean", suggestion=error.suggestion) from error
        raise Invalid("verification.bad-code") from error
    return code.digits


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with aside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise Unavailable("verification.cannot-write", name=str(path)) from error
