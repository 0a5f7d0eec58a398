"""The queue of look-ups: a worker claims one, tells how far it is, and writes the outcome; a dead worker's is taken up.

A look-up is claimed by an id and until a moment; whoever lost the claim writes nothing any more, so that an outcome is
written once however often a worker is killed.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, or_, select

from crypto.marks.scoring import FALSE_NAMES
from edms.accounts import queries as accounts
from edms.audit.service import record
from edms.content import service as content
from edms.content.service import StagedFile
from edms.content.store import ContentStore
from edms.core.actor import Actor, system_actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import EdmsError, Forbidden
from edms.core.ids import new_id
from edms.entities.keyring import Keyring
from edms.entities.models import Employee
from edms.search.indexes import Indexes
from edms.verification import leak_cases, leak_queries, tracing
from edms.verification.leak_rules import LEASE, MOST_TRIES, LookUpState, ReadingLimits
from edms.verification.models import LeakFinding, LeakImage, LeakLookUp
from edms.verification.tracing import Traced

WORKER: Final = system_actor("worker")
_TELL_EVERY: Final = 0.7
EVIDENCE_KIND: Final = "leak-evidence"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A look-up that this worker holds: whom it acts for, the files with their ids, the letters that are suspected."""

    id: UUID
    case_id: UUID
    entity_id: UUID
    claim: UUID
    actor: Actor
    images: tuple[UUID, ...]
    files: tuple[bytes, ...]
    letters: tuple[str, ...]


def follow(
    database: Database, *, store: ContentStore, keys: Keyring, indexes: Indexes, limits: ReadingLimits
) -> int:  # fmt: skip
    """Do the next look-up that waits, or whose worker died; return how many were done.

    What a look-up cannot do is written into it with the code of the reason, and does not stop the worker.
    """
    claim = _claim(database)
    if claim is None:
        return 0
    look_up_id, number = claim
    try:
        held = _opened(database, look_up_id, number, store=store, keys=keys)
        found = tracing.trace(
            database, held.actor, held.files, letters=held.letters, store=store, keys=keys, indexes=indexes,
            limits=limits, progress=_Teller(database, look_up_id, number).tell, case_id=held.case_id,
        )  # fmt: skip
    except EdmsError as error:
        _fail(database, look_up_id, number, error.code)
        return 1
    _finish(database, held, found, store=store, keys=keys)
    return 1


def _claim(database: Database) -> tuple[UUID, UUID] | None:
    with database.read(WORKER) as uow:
        if uow.session.scalar(select(LeakLookUp.id).where(_free(uow)).limit(1)) is None:
            return None
    with database.work(WORKER) as uow:
        row = uow.session.scalars(
            select(LeakLookUp).where(_free(uow)).order_by(LeakLookUp.id).limit(1).with_for_update(skip_locked=True)
        ).first()
        if row is None:
            return None
        if row.tries >= MOST_TRIES:
            _give_up(uow, row, "leaks.gave-up")
            return None
        row.state, row.claim, row.lease_until = LookUpState.RUNNING, new_id(), uow.now + LEASE
        row.tries += 1
        row.phase, row.done, row.to_do = "open", 0, 0
        return row.id, row.claim


def _free(uow: UnitOfWork) -> Any:
    dead = and_(LeakLookUp.state == LookUpState.RUNNING, LeakLookUp.lease_until < uow.now)
    return or_(LeakLookUp.state == LookUpState.QUEUED, dead)


def _opened(database: Database, look_up_id: UUID, claim: UUID, *, store: ContentStore, keys: Keyring) -> Claimed:
    """Return what is to be looked at, in the name of who asked, with the rights of this moment."""
    with database.read(WORKER) as uow:
        row = uow.session.get_one(LeakLookUp, look_up_id)
        account = accounts.account_of_employee(uow, row.asked_by_id)
        if account is None or not account.active or account.entity_id != row.entity_id:
            raise Forbidden("leaks.asker-left")
        employee = uow.session.get_one(Employee, row.asked_by_id)
        actor = accounts.actor_of(uow, account, employee, client="worker")
        images: Sequence[LeakImage] = leak_queries.images(uow, row.case_id)
        files = tuple(leak_cases.read_file(uow, one, store=store, keys=keys) for one in images)
        return Claimed(
            row.id, row.case_id, row.entity_id, claim, actor, tuple(one.id for one in images), files,
            tuple(row.letters.split()),
        )  # fmt: skip


class _Teller:
    """Writes how far a look-up is, at most about once a second, and with it keeps the claim alive."""

    def __init__(self, database: Database, look_up_id: UUID, claim: UUID) -> None:
        self._database, self._id, self._claim = database, look_up_id, claim
        self._told = 0.0

    def tell(self, phase: str, done: int, of: int) -> None:
        """Tell a phase (``open``, ``tint``, ``pages``) with what is done of what is to do."""
        if time.monotonic() - self._told < _TELL_EVERY:
            return
        self._told = time.monotonic()
        with self._database.work(WORKER) as uow:
            row = _held(uow, self._id, self._claim)
            if row is not None:
                row.phase, row.done, row.to_do, row.lease_until = phase[:10], done, of, uow.now + LEASE


def _held(uow: UnitOfWork, look_up_id: UUID, claim: UUID) -> LeakLookUp | None:
    return uow.session.scalars(
        select(LeakLookUp)
        .where(LeakLookUp.id == look_up_id, LeakLookUp.claim == claim, LeakLookUp.state == LookUpState.RUNNING)
        .with_for_update()
    ).one_or_none()


def _fail(database: Database, look_up_id: UUID, claim: UUID, code: str) -> None:
    with database.work(WORKER) as uow:
        row = _held(uow, look_up_id, claim)
        if row is not None:
            _give_up(uow, row, code)


def _give_up(uow: UnitOfWork, row: LeakLookUp, code: str) -> None:
    row.state, row.trouble, row.finished_at = LookUpState.FAILED, code[:60], uow.now
    uow.flush()
    record(uow, "leaks.look-up-failed", "leak-case", row.case_id, entity_id=row.entity_id, row=row, reason=row.trouble)


def _finish(database: Database, held: Claimed, found: Traced, *, store: ContentStore, keys: Keyring) -> None:
    """Write the outcome, its findings and its pictures in one transaction, if the look-up is still ours."""
    with database.read(WORKER) as uow:
        now = uow.now
    pictures = [content.stage_small(one.preview, kind=EVIDENCE_KIND, now=now, store=store) for one in found.pictures]
    drawn = [content.stage_small(one.drawn, kind=EVIDENCE_KIND, now=now, store=store) for _, one in found.evidence]
    with database.work(WORKER) as uow:
        row = _held(uow, held.id, held.claim)
        if row is None:
            content.forget_staged([*pictures, *drawn], store)
            return
        content.adopt_all(uow, [(one, [held.entity_id]) for one in (*pictures, *drawn)], keys=keys)
        row.outcome = _outcome(held, found, pictures, drawn)
        row.state, row.finished_at, row.lease_until = LookUpState.DONE, uow.now, None
        by_two = leak_queries.by_two(uow, held.entity_id)
        findings = [
            LeakFinding(
                entity_id=held.entity_id, case_id=held.case_id, look_up_id=held.id, copy_id=copy.copy_id,
                layers=" ".join(copy.layers), chance=_written(copy.false_accusation_probability), by_two=by_two,
            )
            for copy in found.copies
        ]  # fmt: skip
        uow.session.add_all(findings)
        uow.flush()
        record(
            uow, "leaks.looked-up", "leak-case", held.case_id, entity_id=held.entity_id, row=row, rows=findings,
            named=len(found.named), found=len(found.copies), finished=found.finished,
        )  # fmt: skip


def _written(chance: float | None) -> str:
    """Return a chance as it is stored, never smaller than it is; "" for a lead."""
    if chance is None:
        return ""
    return f"{min(max(chance, 1e-99) * 1.01, FALSE_NAMES):.2e}"


def _outcome(
    held: Claimed, found: Traced, pictures: Sequence[StagedFile], drawn: Sequence[StagedFile]
) -> dict[str, Any]:
    """Return what the page of a case shows of a look-up, besides its findings; ids as text."""
    return {
        "seconds": round(found.seconds, 2),
        "finished": found.finished,
        "letters": list(found.letters),
        "troubles": {str(held.images[place]): code for place, code in found.troubles.items()},
        "pictures": [
            {
                "image": str(held.images[one.file]), "page": one.page, "size": [one.width, one.height],
                "preview": str(kept.id), "letter": one.document_code, "shown_page": one.shown_page, "runs": one.runs,
                "help": list(one.help),
                "copies": [str(copy.copy_id) for copy in found.named if place in copy.pictures],
            }
            for place, (one, kept) in enumerate(zip(found.pictures, pictures, strict=True))
        ],
        "evidence": [
            {
                "copy": str(copy_id), "picture": one.picture, "read": one.read, "agreed": one.agreed,
                "drawn": str(kept.id), "letter": found.pictures[one.picture].document_code,
            }
            for (copy_id, one), kept in zip(found.evidence, drawn, strict=True)
        ],
    }  # fmt: skip
