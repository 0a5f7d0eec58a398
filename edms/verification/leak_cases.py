"""Leak cases: opened, given files and notes, looked into, closed; every act and every look at one is an event."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from edms.audit.service import record
from edms.content import service as content
from edms.content.service import StagedFile
from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, Problem
from edms.entities.keyring import Keyring
from edms.entities.rules import clean_name
from edms.verification import leak_queries
from edms.verification.leak_rules import (
    CASE_STEPS,
    LONGEST_NOTE,
    LONGEST_REASON,
    LONGEST_TITLE,
    MOST_IN_A_CASE,
    MOST_LETTERS,
    CaseState,
    LookUpState,
    NoteKind,
)
from edms.verification.models import LeakCase, LeakImage, LeakLookUp, LeakNote
from edms.verification.rules import TRACE


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A file that was handed in and is durable in the store: its name and the SHA-256 of its octets."""

    name: str
    hash: bytes
    staged: StagedFile = field(repr=False)


def wrong_title(title: str) -> tuple[Problem, ...]:
    """Return what is wrong with a case's title, if anything."""
    fits = 0 < len(clean_name(title)) <= LONGEST_TITLE
    return () if fits else (Problem("title", "leaks.bad-title", limit=LONGEST_TITLE),)


def open_case(uow: UnitOfWork, title: str) -> LeakCase:
    """Open a case of the actor's body; raises Invalid ``leaks.bad-title``, Forbidden for anybody but its auditors."""
    employee_id, entity_id = _auditor(uow)
    if wrong := wrong_title(title):
        raise Invalid("leaks.bad-case", wrong)
    case = LeakCase(
        entity_id=entity_id, number=leak_queries.last_number(uow, entity_id) + 1, state=CaseState.OPEN,
        opened_at=uow.now, opened_by_id=employee_id,
    )  # fmt: skip
    case.title = clean_name(title)
    uow.session.add(case)
    uow.flush()
    record(uow, "leaks.case-opened", "leak-case", case.id, entity_id=entity_id, row=case, number=case.number)
    return case


def add_files(uow: UnitOfWork, case_id: UUID, files: Sequence[HandedIn], *, keys: Keyring) -> Sequence[LeakImage]:
    """Put files into an open case; each is kept byte for byte and its hash stands in the log.

    Raises Conflict ``leaks.case-closed``; Invalid ``leaks.too-many-files``.
    """
    employee_id, _ = _auditor(uow)
    case = _open(uow, case_id)
    if len(leak_queries.images(uow, case_id)) + len(files) > MOST_IN_A_CASE:
        raise Invalid("leaks.bad-case", (Problem("files", "leaks.too-many-in-case", limit=MOST_IN_A_CASE),))
    content.adopt_all(uow, [(one.staged, [case.entity_id]) for one in files], keys=keys)
    added = []
    for one in files:
        image = LeakImage(
            entity_id=case.entity_id, case_id=case.id, file_id=one.staged.id, size=one.staged.size, hash=one.hash,
            added_at=uow.now, added_by_id=employee_id,
        )  # fmt: skip
        image.name = one.name
        uow.session.add(image)
        uow.flush()
        record(
            uow, "leaks.file-added", "leak-case", case.id, entity_id=case.entity_id, row=image, hash=one.hash.hex(),
            size=one.staged.size,
        )  # fmt: skip
        added.append(image)
    return added


def ask_look_up(uow: UnitOfWork, case_id: UUID, letters: Sequence[str] = ()) -> LeakLookUp:
    """Put a look-up of all files of a case into the worker's queue; ``letters`` are codes of suspected letters.

    Raises Conflict ``leaks.case-closed``, ``leaks.look-up-waits`` or ``leaks.nothing-to-look-at``; Invalid
    ``leaks.too-many-letters``.
    """
    employee_id, _ = _auditor(uow)
    case = _open(uow, case_id)
    if len(letters) > MOST_LETTERS:
        raise Invalid("leaks.bad-case", (Problem("letters", "leaks.too-many-letters", limit=MOST_LETTERS),))
    if leak_queries.busy(uow, case_id) is not None:
        raise Conflict("leaks.look-up-waits")
    if not leak_queries.images(uow, case_id):
        raise Conflict("leaks.nothing-to-look-at")
    asked = LeakLookUp(
        entity_id=case.entity_id, case_id=case.id, asked_at=uow.now, asked_by_id=employee_id,
        letters=" ".join(letters), state=LookUpState.QUEUED,
    )  # fmt: skip
    uow.session.add(asked)
    uow.flush()
    record(
        uow, "leaks.look-up-asked", "leak-case", case.id, entity_id=case.entity_id, row=asked, letters=len(letters)
    )  # fmt: skip
    return asked


def write_note(uow: UnitOfWork, case_id: UUID, kind: NoteKind, text: str) -> LeakNote:
    """Write a note or a decision into an open case; raises Invalid ``leaks.bad-note``, Conflict ``leaks.case-closed``.
    """  # fmt: skip
    employee_id, _ = _auditor(uow)
    case = _open(uow, case_id)
    written = text.replace("\r\n", "\n").strip()
    if not 0 < len(written) <= LONGEST_NOTE:
        raise Invalid("leaks.bad-case", (Problem("text", "leaks.bad-note", limit=LONGEST_NOTE),))
    note = LeakNote(entity_id=case.entity_id, case_id=case.id, kind=kind, at=uow.now, by_id=employee_id)
    note.text = written
    uow.session.add(note)
    uow.flush()
    record(uow, "leaks.note-written", "leak-case", case.id, entity_id=case.entity_id, row=note, kind=str(kind))
    return note


def close_case(uow: UnitOfWork, case_id: UUID, reason: str) -> LeakCase:
    """Close a case with a reason; raises Invalid ``leaks.bad-reason``, Conflict ``leaks.case-closed``."""
    employee_id, _ = _auditor(uow)
    case = _open(uow, case_id)
    case.close_reason = reason_of(reason)
    case.state = CASE_STEPS[CaseState(case.state), "close"]
    case.closed_at, case.closed_by_id = uow.now, employee_id
    uow.flush()
    record(uow, "leaks.case-closed", "leak-case", case.id, entity_id=case.entity_id, row=case, number=case.number)
    return case


def reopen_case(uow: UnitOfWork, case_id: UUID, reason: str) -> LeakCase:
    """Open a closed case again; the reason becomes a decision in it. Raises Conflict ``leaks.case-open``."""
    employee_id, _ = _auditor(uow)
    case = leak_queries.case(uow, case_id, to_change=True)
    if (CaseState(case.state), "reopen") not in CASE_STEPS:
        raise Conflict("leaks.case-open")
    written = reason_of(reason)
    case.state = CASE_STEPS[CaseState(case.state), "reopen"]
    case.closed_at = case.closed_by_id = None
    note = LeakNote(entity_id=case.entity_id, case_id=case.id, kind=NoteKind.DECISION, at=uow.now, by_id=employee_id)
    note.text = written
    uow.session.add(note)
    uow.flush()
    record(
        uow, "leaks.case-reopened", "leak-case", case.id, entity_id=case.entity_id, row=case, rows=(note,),
        number=case.number,
    )  # fmt: skip
    return case


def note_look(uow: UnitOfWork, case: LeakCase, act: str, file_hash: str = "") -> None:
    """Note that the actor looked at a case or took something out of it: ``case-seen``, ``picture-seen``,
    ``file-exported``, ``reported``.
    """
    record(
        uow, f"leaks.{act}", "leak-case", case.id, entity_id=case.entity_id, number=case.number, hash=file_hash or None
    )


def read_file(uow: UnitOfWork, image: LeakImage, *, store: ContentStore, keys: Keyring) -> bytes:
    """Return a file of a case as it was handed in."""
    return content.read(uow, image.file_id, entity_id=image.entity_id, store=store, keys=keys)


def reason_of(text: str) -> str:
    """Return a reason in one line; raises Invalid ``leaks.bad-reason`` for none or one that is too long."""
    cleaned = clean_name(text)
    if not 0 < len(cleaned) <= LONGEST_REASON:
        raise Invalid("leaks.bad-case", (Problem("reason", "leaks.bad-reason", limit=LONGEST_REASON),))
    return cleaned


def _open(uow: UnitOfWork, case_id: UUID) -> LeakCase:
    case = leak_queries.case(uow, case_id, to_change=True)
    if case.state != CaseState.OPEN:
        raise Conflict("leaks.case-closed")
    return case


def _auditor(uow: UnitOfWork) -> tuple[UUID, UUID]:
    """Return the person and the body; cases are kept by auditors, not by the operator of the machine."""
    uow.actor.require(TRACE)
    if uow.actor.employee_id is None or uow.actor.entity_id is None:
        raise Forbidden("core.forbidden", permission=TRACE.name)
    return uow.actor.employee_id, uow.actor.entity_id
