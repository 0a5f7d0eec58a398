"""Checking the log against the database of today: which rows it must know, which move by themselves, which numbers."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select

from crypto.checkpoints import KeyChain
from edms.audit import witness
from edms.audit.checkpoints import agreed
from edms.audit.log_seal import LogSeal
from edms.audit.models import Event
from edms.audit.queries import last_seq, latest_checkpoint
from edms.audit.reporting import Report
from edms.audit.rows import Moving, verify_rows
from edms.audit.rules import CHECK_LOG
from edms.audit.service import record
from edms.audit.verifying import verify_log
from edms.audit.witness_client import last_known
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict
from edms.core.output import progress_bar
from edms.core.parts import Parts
from edms.dispatch.rules import ItemState
from edms.models import metadata
from edms.operation.finding import Finding, ok, warn
from edms.operation.site import Site
from edms.operation.start import OPERATOR
from edms.registry.numbers import numbers_missing
from edms.verification.leak_rules import LookUpState

WHOLE: Final = (
    "accounts", "assignments", "destructions", "employees", "entities", "entity_seals", "evidence",
    "installations", "issued_certificates", "issued_copies", "leak_cases", "leak_findings", "leak_images",
    "leak_name_policies", "leak_name_requests", "leak_notes", "letters", "log_keys", "mark_keys", "posts",
    "reader_wraps", "reading_keys", "register_entries", "reservations", "signatures", "units",
)  # fmt: skip
"""Tables of which every row was written by an act that commits to it."""

MOVING: Final[Mapping[str, Moving]] = {
    "outbox_items": lambda row: row["state"] in {ItemState.QUEUED, ItemState.SENDING},
    "preservations": lambda _row: True,
    "leak_look_ups": lambda row: row["state"] in {LookUpState.QUEUED, LookUpState.RUNNING},
}
"""Rows that processes move without an act: what waits to be sent, and when evidence is next looked at."""

LATE: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of the whole found; ``rows`` is how many were compared, by table."""

    report: Report
    rows: Mapping[str, int]


def check_all(parts: Parts, actor: Actor, *, witness_file: Path | None = None) -> Checked:
    """Check log, rows and numbers; that it was done and how it ended is an event of the log.

    ``witness_file`` takes the place of the one in the settings. Raises what the witness does, when it cannot be read.
    """
    database, seal = parts[Database], parts[LogSeal]
    path = witness_file or seal.plan.witness
    with database.read(actor) as uow:
        uow.actor.require(CHECK_LOG)
        public = _public_key(uow, seal)
        kept = [witness.last_head(path, seal.origin, public)] if path else []
        for place in () if witness_file else seal.plan.places:
            known = last_known(place, seal.origin, public)
            kept += [known] if known else []
        with progress_bar("Entries", last_seq(uow)) as entries:
            report = verify_log(
                uow, origin=seal.origin, public_der=public, kept=kept, progress=entries,
                witnesses=[place.key for place in seal.plan.places], url=database.url,
                processes=min(2, os.cpu_count() or 1),
            )  # fmt: skip
        with progress_bar("Rows", len(report.rows)) as told:
            rows = verify_rows(uow, report, tables=metadata, whole=WHOLE, moving=MOVING, progress=told)
        for what in numbers_missing(uow):
            report.blame(what)
    with database.work(actor) as uow:
        record(uow, "audit.verified", "log", None, ok=report.ok, entries=report.events, first_bad=report.first_bad)
    return Checked(report, rows)


def log(parts: Parts, _site: Site) -> Finding:
    """Check that the log goes on from its last checkpoint and from the witness's, and that the worker keeps up."""
    seal = parts[LogSeal]
    with parts[Database].read(OPERATOR) as uow:
        latest = latest_checkpoint(uow)
        sealed = latest.size if latest else 0
        if latest or seal.plan.witness:
            agreed(uow, seal)
        waiting_since = uow.session.scalar(select(Event.at).where(Event.seq == sealed + 1))
        if waiting_since and uow.now - waiting_since > LATE + seal.plan.interval:
            return warn("log", f"nothing after entry {sealed} stands under a checkpoint", "start the worker")
    beside = f"the witness {seal.plan.witness} agrees" if seal.plan.witness else "no witness: audit.witness_folder"
    return ok("log", f"{sealed} entries under a checkpoint, {beside}")


def _public_key(uow: UnitOfWork, seal: LogSeal) -> bytes | KeyChain:
    """Return the log's keys, or nothing before the first checkpoint, when no note can be good."""
    try:
        return seal.chain(uow)
    except Conflict as error:
        if error.code == "audit.no-checkpoint":
            return b""
        raise
