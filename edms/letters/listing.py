"""Rows of the lists of letters as plain values, gathered for a whole page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.letters import body as bodies
from edms.letters import queries
from edms.letters.models import Letter
from edms.letters.rules import NUMBERED
from edms.registry.rules import Direction

_SNIPPET = 140


@dataclass(frozen=True, slots=True)
class Row:
    """One letter in a list; ``party`` is the other body, ``more`` how many others the letter goes to.

    ``destroyed`` says why the body stores its words no more, if it does not.
    """

    id: UUID
    direction: str
    kind: str
    state: str
    subject: str
    snippet: str
    number: str
    letter_date: date | None
    register_number: str
    party: str
    more: int
    sensitivity: int
    precedence: str
    attachments: int
    unread: bool
    returned: bool
    changed_at: datetime
    document_code: str
    destroyed: str


def rows(uow: UnitOfWork, letters: Sequence[Letter], *, locale: str = "ar") -> list[Row]:
    """Return the rows of some letters in their order, in a fixed number of reads; bodies named in ``locale``."""
    ids = [each.id for each in letters]
    counts = queries.attachment_counts(uow, ids)
    opened = queries.opened_by(uow, ids)
    wordless = [each.id for each in letters if not each.subject]
    destroyed = queries.destructions(uow, wordless) if wordless else {}
    texts = queries.newest_versions(uow, letters)
    first = queries.first_addressees(uow, [each.id for each in letters if each.direction == Direction.OUTGOING])
    wanted = [entity for entity, _ in first.values()] + [each.sender_id for each in letters if each.sender_id]
    names = {key: entity.name(locale) for key, entity in entities.entities_by_ids(uow, wanted).items()}
    found = []
    for each in letters:
        party, more = (each.sender_id, 0) if each.sender_id else first.get(each.id, (None, 0))
        version = texts.get(each.id)
        found.append(
            Row(
                id=each.id,
                direction=each.direction,
                kind=each.kind,
                state=each.state,
                subject=each.subject,
                snippet=snippet(version.text) if version else "",
                number=each.number,
                letter_date=each.letter_date,
                register_number=each.register_number,
                party=names.get(party, "") if party else "",
                more=max(0, more),
                sensitivity=each.sensitivity,
                precedence=each.precedence,
                attachments=counts.get(each.id, 0),
                unread=each.direction == Direction.INCOMING and each.state in NUMBERED and each.id not in opened,
                returned=bool(each.return_reason),
                changed_at=each.changed_at,
                document_code=each.document_code or "",
                destroyed=destroyed.get(each.id, ""),
            )
        )
    return found


def snippet(text: dict[str, object]) -> str:
    """Return the beginning of a version's text on one line."""
    body = text.get("body")
    blocks = body if isinstance(body, list) else bodies.from_markup(str(text.get("text") or ""))
    words = bodies.plain_text(blocks)
    line = " ".join(words[: 4 * _SNIPPET].split())
    return line if len(line) <= _SNIPPET else line[:_SNIPPET].rsplit(" ", 1)[0] + " …"
