"""What the page and the report of a leak case show: names only where they are open, pages only to who may read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from crypto.codes import format_code
from edms.audit.queries import events_of
from edms.audit.service import facts_of
from edms.codes.models import IssuedCopy
from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.entities import queries as entities
from edms.entities.models import Employee, Entity
from edms.verification import leak_queries
from edms.verification.leak_names import is_open
from edms.verification.leak_rules import HIDDEN, LookUpState, Odds, RequestState, odds
from edms.verification.models import LeakCase, LeakFinding, LeakImage, LeakLookUp, NameRequest

_MOST_EVENTS = 400


@dataclass(frozen=True, slots=True)
class EvidenceShown:
    """A picture laid over its page: ``drawn`` is empty where the viewer may not read the letter."""

    picture: int
    read: int
    agreed: int
    drawn: str


@dataclass(frozen=True, slots=True)
class FindingShown:
    """A copy that was found; person, copy code and on whose behalf are empty while the name is closed."""

    id: UUID
    body: str
    body_code: str
    document_code: str
    act: str
    issued_at: datetime
    layers: tuple[str, ...]
    odds: Odds | None
    open: bool
    person: str
    person_code: str
    copy_code: str
    on_behalf_of: str
    pictures: tuple[int, ...]
    evidence: tuple[EvidenceShown, ...]
    asked: bool
    asked_by: str
    asked_why: str
    own_request: bool
    refusals: tuple[tuple[str, datetime | None, str], ...]

    @property
    def named(self) -> bool:
        """Whether hidden marks name the copy; else it is a lead."""
        return self.odds is not None


@dataclass(frozen=True, slots=True)
class FileShown:
    """A file of the case with what the newest look-up could not do with it (a code), and who handed it in."""

    id: UUID
    name: str
    size: int
    hash: str
    added_at: datetime
    added_by: str
    trouble: str


@dataclass(frozen=True, slots=True)
class LookUpShown:
    """A look-up: its state, how far it is, and once done what was seen; ``letters`` are those it compared with."""

    id: UUID
    state: str
    asked_at: datetime
    asked_by: str
    phase: str
    done: int
    to_do: int
    finished_at: datetime | None
    trouble: str
    asked_letters: tuple[str, ...]
    letters: tuple[str, ...]
    finished: bool
    pictures: tuple[Mapping[str, Any], ...]

    @property
    def waits(self) -> bool:
        """Whether it has not ended yet."""
        return self.state in {LookUpState.QUEUED, LookUpState.RUNNING}


@dataclass(frozen=True, slots=True)
class CaseShown:
    """A case as its page shows it; ``findings`` are those of the newest look-up that was done."""

    id: UUID
    number: int
    title: str
    state: str
    body: str
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str
    close_reason: str
    files: tuple[FileShown, ...]
    look_ups: tuple[LookUpShown, ...]
    findings: tuple[FindingShown, ...]
    notes: tuple[tuple[str, datetime, str, str], ...]

    @property
    def latest(self) -> LookUpShown | None:
        """The newest look-up that was done."""
        return next((one for one in self.look_ups if one.state == LookUpState.DONE), None)

    @property
    def named(self) -> tuple[FindingShown, ...]:
        """What hidden marks name."""
        return tuple(one for one in self.findings if one.named)

    @property
    def leads(self) -> tuple[FindingShown, ...]:
        """What visible codes alone point at."""
        return tuple(one for one in self.findings if not one.named)


@dataclass(frozen=True, slots=True)
class CustodyEvent:
    """An entry of the log about the case: its number, act, time, the code of who did it, and a file's hash if any."""

    seq: int
    act: str
    at: datetime
    who: str
    hash: str


def shown_case(uow: UnitOfWork, case: LeakCase) -> CaseShown:
    """Return all that the page of a case shows to the actor."""
    images = leak_queries.images(uow, case.id)
    look_ups = leak_queries.look_ups(uow, case.id)
    requests = leak_queries.name_requests(uow, case.id)
    notes = leak_queries.notes(uow, case.id)
    people = entities.employees_by_ids(
        uow,
        [case.opened_by_id, case.closed_by_id, *(one.added_by_id for one in images), *(one.by_id for one in notes),
         *(one.asked_by_id for one in look_ups), *(one.asked_by_id for one in requests),
         *(one.decided_by_id for one in requests)],
    )  # fmt: skip
    names = {key: one.name for key, one in people.items()}
    latest = next((one for one in look_ups if one.state == LookUpState.DONE), None)
    outcome = latest.outcome if latest is not None else {}
    troubles = outcome.get("troubles", {})
    body = uow.session.get_one(Entity, case.entity_id)
    rows = [row for row in leak_queries.findings(uow, case.id) if latest is not None and row[0].look_up_id == latest.id]
    return CaseShown(
        case.id, case.number, case.title, case.state, body.name_ar, case.opened_at, names[case.opened_by_id],
        case.closed_at, names.get(case.closed_by_id, "") if case.closed_by_id else "", case.close_reason,
        tuple(_file(one, names, troubles) for one in images),
        tuple(_look_up(one, names) for one in look_ups),
        tuple(_finding(uow, row, outcome, requests, names) for row in rows),
        tuple((one.kind, one.at, names[one.by_id], one.text) for one in notes),
    )  # fmt: skip


def shown_look_up(uow: UnitOfWork, look_up: LeakLookUp) -> LookUpShown:
    """Return one look-up as the page shows it."""
    people = entities.employees_by_ids(uow, [look_up.asked_by_id])
    return _look_up(look_up, {key: one.name for key, one in people.items()})


def custody(uow: UnitOfWork, case: LeakCase) -> tuple[CustodyEvent, ...]:
    """Return what the log says of a case, the oldest first: who did what with it and when, looks included."""
    events = events_of(uow, [case.id], entity_id=case.entity_id)[-_MOST_EVENTS:]
    return tuple(
        CustodyEvent(one.seq, one.act, one.at, one.actor, str(facts_of(one).get("hash", "") or "")) for one in events
    )


def picture_of_case(uow: UnitOfWork, case: LeakCase, file_id: UUID) -> None:
    """Raise NotFound unless a picture belongs to the case and the actor may read the letter that it is drawn on."""
    wanted = str(file_id)
    for look_up in leak_queries.look_ups(uow, case.id):
        outcome = look_up.outcome or {}
        if any(one["preview"] == wanted for one in outcome.get("pictures", ())):
            return
        for one in outcome.get("evidence", ()):
            if one["drawn"] == wanted and leak_queries.may_read(uow, one["letter"]):
                return
    raise NotFound("leaks.no-file")


def _file(image: LeakImage, names: Mapping[UUID, str], troubles: Mapping[str, str]) -> FileShown:
    return FileShown(
        image.id, image.name, image.size, image.hash.hex(), image.added_at, names[image.added_by_id],
        troubles.get(str(image.id), ""),
    )  # fmt: skip


def _look_up(look_up: LeakLookUp, names: Mapping[UUID, str]) -> LookUpShown:
    outcome = look_up.outcome or {}
    return LookUpShown(
        look_up.id, look_up.state, look_up.asked_at, names[look_up.asked_by_id], look_up.phase, look_up.done,
        look_up.to_do, look_up.finished_at, look_up.trouble,
        tuple(format_code(one) for one in look_up.letters.split()),
        tuple(format_code(one) for one in outcome.get("letters", ())), bool(outcome.get("finished", True)),
        tuple({**one, "letter": format_code(one["letter"])} for one in outcome.get("pictures", ())),
    )  # fmt: skip


def _finding(
    uow: UnitOfWork, row: tuple[LeakFinding, IssuedCopy, Entity, Employee], outcome: Mapping[str, Any],
    requests: Sequence[NameRequest], names: Mapping[UUID, str],
) -> FindingShown:  # fmt: skip
    finding, copy, body, person = row
    told = is_open(finding)
    mine = [one for one in requests if one.finding_id == finding.id]
    asked = next((one for one in mine if one.state == RequestState.ASKED), None)
    behalf = uow.session.get(Employee, copy.on_behalf_of_id) if copy.on_behalf_of_id and told else None
    layers = tuple(finding.layers.split())
    readable = leak_queries.may_read(uow, copy.document_code)
    return FindingShown(
        finding.id, body.name_ar, format_code(body.code), format_code(copy.document_code), copy.act, copy.issued_at,
        layers, odds(float(finding.chance)) if finding.chance and not HIDDEN.isdisjoint(layers) else None,
        told, person.name if told else "", format_code(person.code) if told else "",
        format_code(copy.code) if told else "", behalf.name if behalf else "",
        tuple(at for at, one in enumerate(outcome.get("pictures", ())) if str(copy.id) in one["copies"]),
        tuple(
            EvidenceShown(one["picture"], one["read"], one["agreed"], one["drawn"] if readable else "")
            for one in outcome.get("evidence", ()) if one["copy"] == str(copy.id)
        ),
        asked is not None, names.get(asked.asked_by_id, "") if asked else "", asked.reason if asked else "",
        asked is not None and asked.asked_by_id == uow.actor.employee_id,
        tuple(
            (names.get(one.decided_by_id, "") if one.decided_by_id else "", one.decided_at, one.answer)
            for one in mine if one.state == RequestState.REFUSED
        ),
    )  # fmt: skip
