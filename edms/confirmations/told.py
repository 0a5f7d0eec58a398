"""What the pages, the printed confirmation and the command line tell of an inquiry."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from crypto.codes import format_code
from edms.confirmations.models import InquiryRow
from edms.core.database import UnitOfWork
from edms.entities import queries as entities


@dataclass(frozen=True, slots=True)
class Told:
    """An inquiry in plain values; ``answer`` is empty while it waits, ``proof`` the sealed answer in base64."""

    id: UUID
    side: str
    document_code: str
    other_ar: str
    other_en: str
    other_code: str
    by: str
    asked_at: datetime
    answered_at: datetime | None
    answer: str
    of_file: bool
    number: str
    day: date | None
    subject: str
    proof: str

    def values(self) -> dict[str, Any]:
        """Return what scripts are given."""
        return {
            "id": str(self.id),
            "document_code": self.document_code,
            "body": self.other_code,
            "answer": self.answer or None,
            "asked_at": self.asked_at.isoformat(),
            "answered_at": self.answered_at.isoformat() if self.answered_at else None,
            "number": self.number or None,
            "date": self.day.isoformat() if self.day else None,
            "subject": self.subject or None,
        }


def told(uow: UnitOfWork, rows: list[InquiryRow]) -> list[Told]:
    """Return inquiries with the names of the bodies and persons, in two reads."""
    bodies = entities.entities_by_ids(uow, [row.other_id for row in rows])
    people = entities.employees_by_ids(uow, [row.by_id for row in rows if row.by_id])
    return [
        Told(
            id=row.id, side=row.side, document_code=format_code(row.document_code),
            other_ar=bodies[row.other_id].name_ar, other_en=bodies[row.other_id].name("en"),
            other_code=bodies[row.other_id].code, by=people[row.by_id].name if row.by_id else "",
            asked_at=row.asked_at, answered_at=row.answered_at, answer=row.answer,
            of_file=bool(row.told.get("file_sha256")), number=row.told.get("number", ""),
            day=date.fromisoformat(row.told["date"]) if row.told.get("date") else None,
            subject=row.told.get("subject", ""), proof=row.told.get("proof", ""),
        )
        for row in rows
    ]  # fmt: skip
