"""The command line of letters and registers: ``diwan letter …`` and ``diwan register …``."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from crypto import codes
from crypto.errors import BadCode
from crypto.timestamps import TimeStamper
from edms.accounts.service import actor_of_employee
from edms.content.store import ContentStore
from edms.core.actor import Actor, system_actor
from edms.core.calendar import hijri_iso
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Invalid, NotFound, Problem
from edms.core.output import emit
from edms.core.parts import Parts
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.letters import addressing, closing, preserving, queries, service
from edms.letters import body as bodies
from edms.letters.attachments import Limits, is_active
from edms.letters.checks import AddresseeText, LetterText, bad_code
from edms.letters.models import Letter
from edms.letters.printing_plan import Printing
from edms.letters.rules import AddresseeRole, Kind, Precedence, Sensitivity
from edms.registry import service as registry
from edms.registry.rules import Direction
from edms.registry.service import TurnQueue
from edms.web.locale import gettext

_AS = click.option("--as", "employee", required=True, help="Who acts: an employee code or a login.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_OPERATOR = system_actor("operator")


def _choice(of: type[StrEnum]) -> click.Choice[str]:
    return click.Choice([each.value for each in of], case_sensitive=False)  # click itself would ask for the names


@click.group("letter")
def letter() -> None:
    """Write, sign, issue and look up letters."""


@letter.command("draft")
@_AS
@click.option("--to", "to", multiple=True, required=True, help="Entity code of an addressee; repeat for more.")
@click.option("--cc", "copies", multiple=True, help="Entity code of a copy, CODE or CODE=PURPOSE.")
@click.option("--subject", required=True)
@click.option("--body", "text", help="The text; blank lines separate paragraphs, '- ' lists, '| a | b |' tables.")
@click.option("--body-file", type=click.File("r", encoding="utf-8"), help="A file with the text, - for standard input.")
@click.option("--kind", type=_choice(Kind), default=Kind.LETTER.value)
@click.option("--sensitivity", type=click.Choice([s.name.lower() for s in Sensitivity]), default="ordinary")
@click.option("--precedence", type=_choice(Precedence), default=Precedence.ORDINARY.value)
@click.option("--reference", "references", multiple=True, help="An earlier letter: its code, or words.")
@click.option("--attach", "attached", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--signer", help="Employee code of the signatory; default: the body's first signing post.")
@click.option("--keep", is_flag=True, help="Keep it as a draft; do not hand it to the signatory yet.")
@_JSON
@click.pass_obj
def draft(parts: Parts, /, employee: str, as_json: bool, **given: Any) -> None:
    """Write a letter and hand it to its signatory."""
    if (given["text"] is None) == (given["body_file"] is None):
        raise click.UsageError("give either --body or --body-file")
    text = given["text"] if given["text"] is not None else given["body_file"].read()
    with parts[Database].work(_acting(parts, employee)) as uow:
        made = service.draft(uow, _letter_text(uow, given, text))
        for path in given["attached"]:
            service.attach(
                uow,
                made.id,
                path.name,
                path.read_bytes(),
                limits=parts[Limits],
                store=parts[ContentStore],
                keys=parts[Keyring],
            )
        for file in queries.attachments(uow, made.id):
            if is_active(file.media_type):
                note = gettext("Only given as a download; it is never shown in a page.", "en")
                click.echo(f"{file.name}: {note}", err=True)
        if not given["keep"]:
            service.submit(uow, made.id)
        emit({"id": str(made.id), "state": made.state}, as_json, lambda: f"{made.id} {made.state}")


@letter.command("submit")
@click.argument("which", metavar="LETTER")
@_AS
@click.pass_obj
def submit(parts: Parts, which: str, employee: str) -> None:
    """Hand a draft to its signatory."""
    with parts[Database].work(_acting(parts, employee)) as uow:
        service.submit(uow, _find(uow, which).id)


@letter.command("return")
@click.argument("which", metavar="LETTER")
@click.option("--reason", required=True)
@_AS
@click.pass_obj
def return_(parts: Parts, which: str, reason: str, employee: str) -> None:
    """Send a letter back to its author with a reason."""
    with parts[Database].work(_acting(parts, employee)) as uow:
        service.return_(uow, _find(uow, which).id, reason)


@letter.command("sign")
@click.argument("which", metavar="LETTER")
@_AS
@_JSON
@click.pass_obj
def sign(parts: Parts, which: str, employee: str, as_json: bool) -> None:
    """Sign a letter, as the holder of its signing post."""
    with parts[Database].work(_acting(parts, employee)) as uow:
        found = _find(uow, which)
        service.sign(uow, found.id, keys=parts[Keyring])
        emit({"id": str(found.id), "state": found.state}, as_json, lambda: f"{found.id} {found.state}")


@letter.command("issue")
@click.argument("which", metavar="LETTER")
@_AS
@_JSON
@click.pass_obj
def issue(parts: Parts, which: str, employee: str, as_json: bool) -> None:
    """Number, seal and send a signed letter."""
    from edms.letters import issuing

    actor = _acting(parts, employee)
    with parts[Database].read(actor) as uow:
        letter_id = _find(uow, which).id
    issued = issuing.issue(
        parts[Database], actor, letter_id, turns=parts[TurnQueue], store=parts[ContentStore], keys=parts[Keyring],
        printing=parts[Printing], stamper=parts[TimeStamper],
    )  # fmt: skip
    value = {
        "document_code": issued.document_code,
        "number": issued.number,
        "date": issued.date.isoformat(),
        "hijri": issued.hijri,
        "verification_code": issued.verification_code,
    }
    emit(value, as_json, lambda: f"{codes.format_code(issued.document_code)}  {issued.number}  {issued.date}")


@letter.command("void")
@click.argument("which", metavar="LETTER")
@click.option("--reason", required=True)
@_AS
@click.pass_obj
def void(parts: Parts, which: str, reason: str, employee: str) -> None:
    """Void an issued letter; its number stays."""
    with parts[Database].work(_acting(parts, employee)) as uow:
        closing.void(uow, _find(uow, which).id, reason)


@letter.command("supersede")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@_AS
@click.pass_obj
def supersede(parts: Parts, old: str, new: str, employee: str) -> None:
    """Say that the issued letter NEW took the place of OLD; whoever verifies OLD is told."""
    with parts[Database].work(_acting(parts, employee)) as uow:
        closing.supersede(uow, _find(uow, old).id, _find(uow, new).document_code or "")


@letter.command("show")
@click.argument("which", metavar="LETTER")
@click.option("--as", "employee", help="Who looks; default: the operator.")
@_JSON
@click.pass_obj
def show(parts: Parts, which: str, employee: str | None, as_json: bool) -> None:
    """Show a letter's particulars and text."""
    with parts[Database].read(_acting(parts, employee)) as uow:
        value = _details(uow, _find(uow, which), parts[Printing].hijri_adjust)
        emit(value, as_json, lambda: "\n".join(f"{key}: {shown}" for key, shown in value.items()))


@letter.command("list")
@click.option("--as", "employee", help="Whose letters; default: all, as the operator.")
@click.option("--direction", type=_choice(Direction))
@click.option("--limit", type=click.IntRange(1, 10_000), default=100)
@_JSON
@click.pass_obj
def list_(parts: Parts, employee: str | None, direction: str | None, limit: int, as_json: bool) -> None:
    """List letters, newest first."""
    with parts[Database].read(_acting(parts, employee)) as uow:
        found = queries.letters(uow, direction=direction, limit=limit)
        bodies_by_id = entities.entities_by_ids(uow, [each.entity_id for each in found])
        rows = [_row(each, bodies_by_id[each.entity_id].code) for each in found]
    emit(rows, as_json, lambda: "\n".join("  ".join(map(str, row.values())) for row in rows))


@letter.command("export")
@click.argument("which", metavar="LETTER")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--archival", is_flag=True, help="With the evidence that is kept behind it (PAdES B-LT or B-LTA).")
@click.option("--as", "employee", help="Who exports; default: the operator.")
@click.pass_obj
def export(parts: Parts, which: str, output: Path, archival: bool, employee: str | None) -> None:
    """Write the signed original (PDF), byte for byte; with --archival, its evidence stands behind it."""
    from edms.letters import issuing

    chosen = preserving.with_evidence if archival else issuing.original
    with parts[Database].work(_acting(parts, employee)) as uow:
        pdf = chosen(uow, _find(uow, which), store=parts[ContentStore], keys=parts[Keyring])
    output.write_bytes(pdf)


@letter.command("archive")
@click.argument("which", metavar="LETTER")
@click.option("--as", "employee", help="Who archives; default: the operator.")
@_JSON
@click.pass_obj
def archive(parts: Parts, which: str, employee: str | None, as_json: bool) -> None:
    """Have the worker lay an archive time-stamp over a letter's evidence now."""
    with parts[Database].work(_acting(parts, employee)) as uow:
        found = preserving.archive(uow, _find(uow, which).id)
        emit({"level": found.level, "goal": found.goal}, as_json, lambda: f"{found.level} -> B-LTA")


@click.group("register")
def register() -> None:
    """Look at registers and close their years."""


@register.command("show")
@click.option("--entity", required=True, help="Entity code.")
@click.option("--direction", type=_choice(Direction), default=Direction.OUTGOING.value)
@click.option("--from", "day_from", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--to", "day_to", type=click.DateTime(["%Y-%m-%d"]))
@_JSON
@click.pass_obj
def register_show(parts: Parts, entity: str, direction: str, day_from: Any, day_to: Any, as_json: bool) -> None:
    """Show a register's entries, in order of number."""
    with parts[Database].read(_OPERATOR) as uow:
        body = entities.entity_by_code(uow, _digits(entity))
        lines = queries.register_lines(
            uow,
            entity_id=body.id,
            direction=direction,
            limit=100_000,
            day_from=day_from.date() if day_from else date.min,
            day_to=day_to.date() if day_to else date.max,
        )
        rows = [
            {
                "number": entry.number,
                "year": entry.year,
                "date": entry.entry_date.isoformat(),
                "document_code": held.document_code,
                "subject": held.subject,
                "void": entry.void_at is not None,
            }
            for entry, held, _ in lines
        ]
    emit(rows, as_json, lambda: "\n".join("  ".join(map(str, row.values())) for row in rows))


@register.command("list")
@_JSON
@click.pass_obj
def register_list(parts: Parts, as_json: bool) -> None:
    """List all registers with the last number of each year."""
    with parts[Database].read(_OPERATOR) as uow:
        rows = [
            {
                "entity": body.code,
                "direction": found.direction,
                "year": year.year,
                "last": year.last_number,
                "closed": year.closed_at is not None,
            }
            for found, year, body in registry.all_years(uow)
        ]
    emit(rows, as_json, lambda: "\n".join("  ".join(map(str, row.values())) for row in rows))


@register.command("close-year")
@click.option("--entity", required=True, help="Entity code.")
@click.option("--direction", type=_choice(Direction), required=True)
@click.option("--year", type=int, required=True)
@click.pass_obj
def register_close(parts: Parts, entity: str, direction: str, year: int) -> None:
    """Close a register's year for good."""
    with parts[Database].work(_OPERATOR) as uow:
        body = entities.entity_by_code(uow, _digits(entity))
        registry.close_year(uow, registry.register_of(uow, body.id, Direction(direction)).id, year)


commands: tuple[click.Command, ...] = (letter, register)


def _acting(parts: Parts, employee: str | None) -> Actor:
    if employee is None:
        return _OPERATOR
    with parts[Database].work(_OPERATOR) as uow:
        return actor_of_employee(uow, employee)


def _find(uow: UnitOfWork, which: str) -> Letter:
    """Return the letter of an inner id or a document code."""
    try:
        return queries.letter(uow, UUID(which))
    except ValueError:
        return queries.letter_by_code(uow, _digits(which))


def _digits(text: str) -> str:
    try:
        return codes.parse(text).digits
    except BadCode as error:
        problem = bad_code(text, error)
        raise Invalid(problem.code, (), **problem.params) from error


def _letter_text(uow: UnitOfWork, given: dict[str, Any], text: str) -> LetterText:
    addressed = [AddresseeText(_entity_id(uow, code)) for code in given["to"]]
    for copy in given["copies"]:
        code, _, purpose = copy.partition("=")
        addressed.append(AddresseeText(_entity_id(uow, code), AddresseeRole.COPY, purpose))
    return LetterText(
        kind=Kind(given["kind"]),
        subject=given["subject"],
        body=bodies.from_markup(text),
        addressees=tuple(addressed),
        sensitivity=Sensitivity[given["sensitivity"].upper()],
        precedence=Precedence(given["precedence"]),
        references=tuple(given["references"]),
        signer_post_id=_signer(uow, given["signer"]),
    )


def _entity_id(uow: UnitOfWork, typed: str) -> UUID:
    """Return the body of a code, or of a full name; a mistyped code is asked about with the body's name."""
    try:
        return entities.entity_by_code(uow, codes.parse(typed).digits).id
    except BadCode:
        found = addressing.resolve(uow, typed, field="to")
    if isinstance(found, Problem):
        raise Invalid(found.code, (), **found.params)
    return found.id


def _signer(uow: UnitOfWork, code: str | None) -> UUID | None:
    if uow.actor.entity_id is None:
        return None
    signing = entities.signing_posts(uow, uow.actor.entity_id)
    if code is not None:
        who = entities.employee_by_code(uow, _digits(code))
        held = {post.id for post in entities.posts_held(uow, who.id, uow.actor.entity_id, uow.today)}
        signing = [post for post in signing if post.id in held]
        if not signing:
            raise NotFound("letters.not-a-signatory", employee=code)
    return signing[0].id if signing else None


def _row(each: Letter, entity_code: str) -> dict[str, Any]:
    return {
        "document_code": each.document_code,
        "number": each.number,
        "direction": each.direction,
        "subject": each.subject,
        "state": each.state,
        "entity": entity_code,
        "id": str(each.id),
        "register_number": each.register_number,
    }


def _details(uow: UnitOfWork, each: Letter, hijri_adjust: int) -> dict[str, Any]:
    own = entities.entity(uow, each.entity_id)
    text = queries.newest_version(uow, each.id).text
    addressed = queries.addressees(uow, each.id)
    known = entities.entities_by_ids(uow, [a.recipient_id for a in addressed])
    return {
        **_row(each, own.code),
        "kind": each.kind,
        "sensitivity": Sensitivity(each.sensitivity).name.lower(),
        "precedence": each.precedence,
        "date": each.letter_date.isoformat() if each.letter_date else None,
        "hijri": hijri_iso(each.letter_date, hijri_adjust) if each.letter_date else None,
        "sender": entities.entity(uow, each.sender_id).code if each.sender_id else own.code,
        "addressees": [{"entity": known[a.recipient_id].code, "role": a.role, "purpose": a.purpose} for a in addressed],
        "attachments": [{"name": a.name, "size": a.size} for a in queries.attachments(uow, each.id)],
        "references": [r.document_code or r.text for r in queries.references(uow, each.id)],
        "body": text.get("body", text.get("text")),
        "version": each.version,
    }
