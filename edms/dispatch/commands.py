"""``diwan queue``: what waits to be sent, from the command line."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import click

from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.output import emit
from edms.core.parts import Parts
from edms.dispatch import queries, service
from edms.dispatch import queue as queues
from edms.dispatch.queue import Asked, QueueLine
from edms.dispatch.rules import WAITING_STATES, ItemState, PackageKind
from edms.entities.queries import installations

OPERATOR = system_actor("operator")
LIMIT = 200


@click.group("queue")
def queue() -> None:
    """Look after the sending queue."""


@queue.command("list")
@click.option("--state", type=click.Choice([str(state) for state in ItemState]), help="Only this state.")
@click.option("--kind", type=click.Choice([str(kind) for kind in PackageKind]), help="Only this kind.")
@click.option("--to", "recipient", default="", help="Only to the body with this code.")
@click.option("--oldest-first", is_flag=True, help="Begin with what has waited longest.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=LIMIT, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(
    parts: Parts, state: str | None, kind: str | None, recipient: str, oldest_first: bool, limit: int, as_json: bool
) -> None:
    """List what waits or was given up, newest first."""
    asked = Asked(
        (state,) if state else WAITING_STATES,
        kind or "",
        recipient.replace(".", ""),
        oldest_first=oldest_first,
        limit=limit,
    )
    with parts[Database].read(OPERATOR) as uow:
        found = queues.queue(uow, asked)
        counted = asdict(queries.balance(uow))
    emit([_plain(line) for line in found], as_json, lambda: "\n".join([*map(_text, found), _sum(counted)]))


@queue.command("show")
@click.argument("item", type=click.UUID)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(parts: Parts, item: UUID, as_json: bool) -> None:
    """Show one consignment and every try to deliver it."""
    with parts[Database].read(OPERATOR) as uow:
        line = queues.queue_line(uow, item)
        tries = [
            {"at": one.at.isoformat(), "outcome": one.outcome, "reply": one.reply}
            for one in queries.attempts_of(uow, item)
        ]
    emit(
        {**_plain(line), "tries": tries},
        as_json,
        lambda: "\n".join([_text(line), *(f"  {one['at']}  {one['outcome']}  {one['reply']}" for one in tries)]),
    )


@queue.command("retry")
@click.argument("item", type=click.UUID)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def retry(parts: Parts, item: UUID, as_json: bool) -> None:
    """Try a waiting or given-up consignment again now."""
    with parts[Database].work(OPERATOR) as uow:
        state = service.retry_now(uow, item).state
    emit({"id": str(item), "state": state}, as_json, lambda: "It is tried again now.")


@queue.command("cancel")
@click.argument("item", type=click.UUID)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def cancel(parts: Parts, item: UUID, as_json: bool) -> None:
    """Take a consignment out before its first try."""
    with parts[Database].work(OPERATOR) as uow:
        state = service.cancel(uow, item).state
    emit({"id": str(item), "state": state}, as_json, lambda: "It was taken out of the queue.")


@queue.command("hops")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def hops(parts: Parts, as_json: bool) -> None:
    """List the next hops that could not be reached: since when, why, and when they are tried again."""
    with parts[Database].read(OPERATOR) as uow:
        names = {one.id: one.name for one in installations(uow)}
        found = [
            {
                "installation": names[hop.installation_id], "failures": hop.failures, "since": hop.since.isoformat(),
                "retry_at": hop.retry_at.isoformat() if hop.retry_at else None, "reason": hop.reason,
            }
            for hop in queries.next_hops(uow)
        ]  # fmt: skip
    emit(found, as_json, lambda: "\n".join(map(_hop, found)) or "Every next hop was reached at its last try.")


def _hop(hop: dict[str, Any]) -> str:
    again = f"tried again at {hop['retry_at']}" if hop["retry_at"] else "not left alone yet"
    return f"{hop['installation']}  failures {hop['failures']} since {hop['since']}  {again}  {hop['reason']}".rstrip()


def _plain(line: QueueLine) -> dict[str, Any]:
    return {
        "id": str(line.id), "kind": line.kind, "number": line.number, "document_code": line.document_code,
        "recipient": line.recipient_code, "recipient_name": line.recipient_ar, "state": line.state,
        "attempts": line.attempts, "created_at": line.created_at.isoformat(), "next_at": line.next_at.isoformat(),
        "last_reply": line.last_reply, "message_id": line.message_id, "mailbox": line.mailbox,
        "warned_at": line.warned_at.isoformat() if line.warned_at else None,
    }  # fmt: skip


def _text(line: QueueLine) -> str:
    what = line.number or f"{line.kind} {line.document_code or line.message_id}"
    return f"{line.id}  {line.state:9} {line.recipient_code}  {what}  tries {line.attempts}  {line.last_reply}".rstrip()


def _sum(counted: dict[str, int]) -> str:
    return "  ".join(f"{name} {number}" for name, number in counted.items())
