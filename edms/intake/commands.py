"""``diwan quarantine`` and ``diwan intake original``: what came in, from the command line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from edms.content.store import ContentStore
from edms.core.actor import system_actor
from edms.core.database import Database, UnitOfWork
from edms.core.output import emit
from edms.core.parts import Parts
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.intake import originals, quarantine, service
from edms.intake.models import ReceivedMessage

OPERATOR = system_actor("operator")


@click.group("intake")
def intake() -> None:
    """Look at messages that came in."""


@intake.command("original")
@click.argument("message", type=click.UUID)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where to write it."
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def original(parts: Parts, message: UUID, output: Path, as_json: bool) -> None:
    """Write a message byte for byte as it came."""
    with parts[Database].work(OPERATOR) as uow:
        found = originals.original(uow, message, store=parts[ContentStore], keys=parts[Keyring])
    output.write_bytes(found.octets)
    told = {"id": str(message), "file": str(output), "octets": len(found.octets), "sha256": found.sha256}
    emit(told, as_json, lambda: f"{output}  {len(found.octets)} octets  sha256 {found.sha256}")


@click.group("quarantine")
def quarantine_group() -> None:
    """Look after messages that something is wrong with."""


@quarantine_group.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(parts: Parts, limit: int, as_json: bool) -> None:
    """List what nobody has decided on, newest first."""
    with parts[Database].read(OPERATOR) as uow:
        found = [_plain(line) for line in _lines(uow, *quarantine.held(uow, limit=limit))]
    emit(found, as_json, lambda: "\n".join(map(_text, found)) or "Nothing is in quarantine.")


@quarantine_group.command("show")
@click.argument("message", type=click.UUID)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(parts: Parts, message: UUID, as_json: bool) -> None:
    """Show one message: why it was flagged, and its header."""
    with parts[Database].work(OPERATOR) as uow:
        (line,) = _lines(uow, quarantine.flagged(uow, message))
        seen = originals.glance(uow, message, store=parts[ContentStore], keys=parts[Keyring])
        told = {**_plain(line), "problems": list(line.row.meta.get("problems", ())), "header": seen.header}
    emit(told, as_json, lambda: f"{_text(told)}\n\n{seen.header}")


@quarantine_group.command("release")
@click.argument("message", type=click.UUID)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def release(parts: Parts, message: UUID, as_json: bool) -> None:
    """Let a message go: to the others that wait, or, a receipt or report, aside."""
    with parts[Database].work(OPERATOR) as uow:
        state = quarantine.release(uow, message).state
    emit({"id": str(message), "state": state}, as_json, lambda: "The message was released.")


@quarantine_group.command("refuse")
@click.argument("message", type=click.UUID)
@click.option("--reason", required=True, help="What its sender is told.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def refuse(parts: Parts, message: UUID, reason: str, as_json: bool) -> None:
    """Refuse a message with a reason; its original is kept."""
    with parts[Database].work(OPERATOR) as uow:
        quarantine.flagged(uow, message)
        state = service.refuse(uow, message, code="intake.other-reason", reason=reason).state
    emit({"id": str(message), "state": state}, as_json, lambda: "The message was refused.")


@dataclass(frozen=True, slots=True)
class _Line:
    row: ReceivedMessage
    sender: str
    receiver: str


def _lines(uow: UnitOfWork, *rows: ReceivedMessage) -> list[_Line]:
    bodies = entities.entities_by_ids(uow, [one for row in rows for one in (row.sender_id, row.entity_id)])
    return [_Line(row, bodies[row.sender_id].code, bodies[row.entity_id].code) for row in rows]


def _plain(line: _Line) -> dict[str, Any]:
    row = line.row
    return {
        "id": str(row.id), "flag": row.flag, "kind": row.kind, "state": row.state, "sender": line.sender,
        "receiver": line.receiver, "received_at": row.received_at.isoformat(), "sha256": row.raw_hash.hex(),
    }  # fmt: skip


def _text(line: dict[str, Any]) -> str:
    way = f"{line['sender']} to {line['receiver']}"
    return f"{line['id']}  {line['received_at'][:16]}  {way}  {line['kind']:9} {line['flag']}"
