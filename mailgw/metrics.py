"""What the gateway and the relay count: taken from the lines of the mail log, written for the pages' ``/metrics``."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from edms.core.tallies import Tallies

SECONDS: Final = 1.0
tallies: Final = Tallies()


def note(event: str, fields: Mapping[str, object]) -> None:
    """Count an event of the mail log, and what some of them say."""
    tallies.count("diwan_mail_events", event=event)
    counted = _COUNTED.get(event)
    if counted is not None:
        counted(fields)


def connected(door: str) -> None:
    """Count a connection that was let in by a listener."""
    tallies.count("diwan_mail_connections", door=door)


async def keep(run_folder: Path, role: str) -> None:
    """Write the counts once a second until cancelled, then once more."""
    await asyncio.to_thread(tallies.take_over, run_folder, role)
    try:
        while True:
            await asyncio.to_thread(tallies.write, run_folder, role)
            await asyncio.sleep(SECONDS)
    finally:
        tallies.write(run_folder, role)


def _answered(fields: Mapping[str, object]) -> None:
    code, reason = str(fields["code"]), str(fields["reason"])
    if code[0] == "2":
        tallies.count("diwan_mail_accepted", reason=reason)
        tallies.count("diwan_mail_accepted_octets", int(str(fields["octets"])))
        tallies.observe("diwan_mail_commit_seconds", float(str(fields["seconds"])))
    else:
        _refused(fields)


def _refused(fields: Mapping[str, object]) -> None:
    tallies.count("diwan_mail_refused", reason=str(fields["reason"]))


def _sent(fields: Mapping[str, object]) -> None:
    outcomes = fields["outcomes"]
    if isinstance(outcomes, Mapping):
        for outcome, number in outcomes.items():
            tallies.count("diwan_mail_deliveries", number, kind=str(fields["kind"]), outcome=str(outcome))


def _parser_failed(fields: Mapping[str, object]) -> None:
    tallies.count("diwan_mail_parser_failures", reason=str(fields["reason"]))


def _incident(fields: Mapping[str, object]) -> None:
    tallies.count("diwan_mail_incidents", error=str(fields["error"]))


_COUNTED: Final[Mapping[str, Callable[[Mapping[str, object]], None]]] = {
    "message.answered": _answered,
    "mail.refused": _refused,
    "rcpt.refused": _refused,
    "message.sent": _sent,
    "parser.failed": _parser_failed,
    "incident": _incident,
}
