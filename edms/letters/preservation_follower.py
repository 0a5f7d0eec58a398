"""The follower of the event log that fetches the evidence of sealed letters and renews it in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate
from cryptography.x509.ocsp import OCSPRequestBuilder
from sqlalchemy import select, update

from crypto.certificates import is_issued_by
from crypto.errors import CryptoError, SignatureInvalid
from crypto.pdf_evidence import extend, lists_of
from crypto.pdf_signatures import PdfSeal, verify_pdf
from crypto.timestamps import TimeStamper
from edms.audit.queries import cursor, events_after, move_cursor
from edms.audit.service import record
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.actor import system_actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import EdmsError
from edms.entities import peers
from edms.entities import queries as entities
from edms.entities.authority import authority_chain, current_crl, ocsp_response
from edms.entities.keyring import Keyring
from edms.letters.models import Letter, Preservation
from edms.letters.preserving import COMPLETE, PreservationPlan, want

FOLLOWER: Final = "preservation"
_GOALS: Final = {
    "letters.registered": "LT",
    "letters.settled": "LTA",
    "letters.void": "LTA",
    "letters.void-by-sender": "LTA",
    "letters.annulled": "LTA",
}
_WORKER: Final = system_actor("worker")
_EVENTS, _LETTERS = 500, 10
_LEASE: Final = timedelta(minutes=5)
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
_MOST_DOUBLINGS: Final = 10
_ALARM_AT: Final = 3

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Authorities:
    stamper: TimeStamper
    stamp_roots: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class _Material:
    """What the evidence of one file is made of: the file, what is behind it already, whom to trust, what is revoked."""

    row_id: UUID
    goal: str
    original: bytes
    suffix: bytes
    roots: list[bytes]
    issuing: bytes
    crls: list[bytes]


@dataclass(frozen=True, slots=True)
class _Reached:
    """How far the evidence came: its bytes, the level, and the code of what stopped it."""

    suffix: bytes
    level: str
    problem: str = ""
    stamp_ends_at: datetime | None = None


def follow(
    database: Database,
    *,
    store: ContentStore,
    keys: Keyring,
    stamper: TimeStamper,
    stamp_roots: Sequence[bytes],
    plan: PreservationPlan,
) -> int:
    """Take the next events and extend the evidence of some letters; return how much was done.

    No transaction is open while a time-stamp is asked for. A letter whose evidence cannot be had now is tried again
    later, after one minute at first and six hours at last.
    """
    done, at = _take_events(database), _Authorities(stamper, stamp_roots)
    for row_id in _due(database):
        material = _material(database, row_id, store=store, keys=keys)
        reached = _reach(database, material, keys, at) if material else None
        _keep(database, row_id, material, reached, plan)
        done += 1
    return done


def _take_events(database: Database) -> int:
    with database.read(_WORKER) as uow:
        start = cursor(uow, FOLLOWER)
        events = [(each.seq, each.act, each.object_id) for each in events_after(uow, start, limit=_EVENTS)]
    if not events:
        return 0
    with database.work(_WORKER) as uow:
        for _, act, letter_id in events:
            letter = uow.session.get(Letter, letter_id) if act in _GOALS and letter_id else None
            if letter is not None:
                want(uow, letter, _GOALS[act])
        move_cursor(uow, FOLLOWER, events[-1][0])
    return len(events)


def _due(database: Database) -> list[UUID]:
    """Return some letters whose turn has come, kept from other workers for five minutes."""
    with database.read(_WORKER) as uow:
        rows = uow.session.scalars(
            select(Preservation.id).where(Preservation.due_at <= uow.now).order_by(Preservation.due_at).limit(_LETTERS)
        ).all()
    if not rows:
        return []
    with database.work(_WORKER) as uow:
        taken = uow.session.scalars(
            update(Preservation)
            .where(Preservation.id.in_(rows), Preservation.due_at <= uow.now)
            .values(due_at=uow.now + _LEASE)
            .returning(Preservation.id)
        ).all()
    return list(taken)


def _material(database: Database, row_id: UUID, *, store: ContentStore, keys: Keyring) -> _Material | None:
    """Gather what one file's evidence takes; None when the file cannot be opened here any more."""
    with database.read(_WORKER) as uow:
        row = uow.session.get_one(Preservation, row_id)
        letter = uow.session.get(Letter, row.letter_id)
        if letter is None or letter.rendition_id is None:
            return None
        try:
            original = content.read(uow, letter.rendition_id, entity_id=letter.entity_id, store=store, keys=keys)
        except EdmsError as error:
            log.warning("a sealed file cannot be read", code=error.code, letter=str(letter.id))
            return None
        roots = [each.ca_certificate for each in entities.authorities(uow)]
        lists = dict.fromkeys([current_crl(uow, keys=keys), *peers.crls(uow)])
        return _Material(row.id, row.goal, original, row.suffix, roots, authority_chain(uow)[0], list(lists))


def _reach(database: Database, material: _Material, keys: Keyring, at: _Authorities) -> _Reached:
    """Extend the evidence as far as it can be had now."""
    whole, level, problem, ends = material.original + material.suffix, "", "", None
    try:
        seal = _judged(whole, material, at)
        level = seal.level
        if level == "B-B":
            whole += extend(whole, level="T", timestamper=at.stamper)
            seal = _judged(whole, material, at)
            level = seal.level
        if not lists_of(material.crls, [seal.path[-2]]):
            problem = "letters.evidence-no-list"  # a peer's, which comes with its letters or by hand
        elif level == "B-T" or material.goal == "LTA":
            certificates = list(dict.fromkeys([*seal.path, *seal.stamp_path]))
            more = extend(
                whole,
                level="LTA" if material.goal == "LTA" else "LT",
                certificates=certificates,
                crls=lists_of(material.crls, certificates),
                ocsps=_answers(database, certificates, material.issuing, keys),
                timestamper=at.stamper,
            )
            seal = _judged(whole + more, material, at)
            whole, level = whole + more, seal.level
            ends = load_der_x509_certificate(seal.stamp_certificate).not_valid_after_utc
    except CryptoError as error:
        problem = error.code
    return _Reached(whole[len(material.original) :], level, problem, ends)


def _judged(whole: bytes, material: _Material, at: _Authorities) -> PdfSeal:
    """Return what a file with its evidence is; raises SignatureInvalid for one that is not genuine."""
    seal = verify_pdf(whole, material.roots, crls=material.crls, stamp_roots=at.stamp_roots)
    if seal is None or not seal.genuine:
        raise SignatureInvalid("letters.evidence-not-genuine")
    return seal


def _answers(database: Database, certificates: Sequence[bytes], issuing: bytes, keys: Keyring) -> list[bytes]:
    """Return our authority's answer about each certificate that it issued; a peer's is told of by its list alone."""
    issuer = load_der_x509_certificate(issuing)
    answers = []
    with database.read(_WORKER) as uow:
        for der in certificates:
            asked = load_der_x509_certificate(der)
            if der == issuing or not is_issued_by(der, issuing):
                continue
            question = OCSPRequestBuilder().add_certificate(asked, issuer, SHA256()).build()
            answers.append(ocsp_response(uow, question.public_bytes(Encoding.DER), keys=keys))
    return answers


def _keep(
    database: Database, row_id: UUID, material: _Material | None, reached: _Reached | None, plan: PreservationPlan
) -> None:
    """Store how far the evidence came and when the next step is due; an alarm goes into the log of events."""
    with database.work(_WORKER) as uow:
        row = uow.session.get_one(Preservation, row_id)
        if material is None or reached is None:
            row.problem, row.due_at = "letters.evidence-no-file", None
            return
        letter = uow.session.get_one(Letter, row.letter_id)
        grown = reached.suffix != material.suffix
        if grown:
            row.suffix, row.extended_at = reached.suffix, uow.now
        row.level, row.problem = reached.level or row.level, reached.problem
        row.stamp_ends_at = reached.stamp_ends_at or row.stamp_ends_at
        if reached.problem:
            row.failures += 1
            row.due_at = uow.now + min(_FIRST_WAIT * 2 ** min(row.failures, _MOST_DOUBLINGS), _LONGEST_WAIT)
            _alarm(uow, row, letter)
        else:
            row.due_at = _next(row, letter, plan) if row.goal == material.goal else uow.now
            row.failures, row.goal = 0, "LTA"
        uow.flush()
        if grown:
            record(
                uow, "letters.evidence-kept", "letter", letter.id, entity_id=letter.entity_id, row=row, level=row.level
            )


def _next(row: Preservation, letter: Letter, plan: PreservationPlan) -> datetime | None:
    """Return when the evidence is to be sealed for the archive, or that seal renewed."""
    if row.level != COMPLETE:
        return (letter.registered_at or letter.created_at) + plan.archive_after
    return row.stamp_ends_at - plan.renew_before if row.stamp_ends_at else None


def _alarm(uow: UnitOfWork, row: Preservation, letter: Letter) -> None:
    """Tell of evidence that is late: at the third failure, and with every failure of a stamp that must be renewed."""
    renewing = row.level == COMPLETE
    if row.failures == _ALARM_AT or (renewing and row.failures >= _ALARM_AT):
        left = (row.stamp_ends_at - uow.now).days if row.stamp_ends_at else None
        log.error("evidence of a letter is late", letter=str(letter.id), level=row.level, problem=row.problem)
        record(
            uow, "letters.evidence-late", "letter", letter.id, entity_id=letter.entity_id, level=row.level,
            problem=row.problem, days_left=left,
        )  # fmt: skip
