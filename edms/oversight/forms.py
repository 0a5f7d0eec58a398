"""Reading what an auditor typed to search the log: codes in any digits, register numbers, days."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from crypto import codes
from crypto.codes import Code, CodeKind
from crypto.errors import BadCode
from edms.core.calendar import fold_digits
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, NotFound, Problem
from edms.core.ids import NIL
from edms.entities import queries as entities
from edms.oversight import queries
from edms.oversight.rules import Kind, Place, Search, sees_all

FIELDS: Final = ("person", "body", "letter", "kind", "act", "from", "to")
"""The fields of the form, as ``read_search`` takes them."""
_NUMBER: Final = re.compile(r"(\d{1,9})\s*/\s*((?:19|20)\d\d)|((?:19|20)\d\d)\s*/\s*(\d{1,9})")
_ACT: Final = re.compile(r"[a-z]+\.[A-Za-z-]{1,50}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE: Final = re.compile(r"(\d{1,19})\.(\d{1,19})")


def read_search(uow: UnitOfWork, typed: Mapping[str, str]) -> Search:
    """Return what was asked for; raises Invalid ``oversight.bad-search`` with a problem for each field that is wrong.

    A code that is well-formed and unknown, or another body's, finds nothing: which people and letters others have is
    not told.
    """
    problems: list[Problem] = []
    person, person_code = _person(uow, typed.get("person", ""), problems)
    body, body_code = _body(uow, typed.get("body", ""), problems) if sees_all(uow.actor) else (None, "")
    letters, letter_code = _letters(uow, typed.get("letter", ""), problems, body)
    day_from, day_to = (_day(typed.get(name, ""), name, problems) for name in ("from", "to"))
    if day_from and day_to and day_to < day_from:
        day_from, day_to = day_to, day_from
    if problems:
        raise Invalid("oversight.bad-search", tuple(problems))
    kind, act = typed.get("kind", ""), typed.get("act", "")
    return Search(
        employee_id=person, entity_id=body, letter_ids=letters, kind=Kind(kind) if kind in tuple(Kind) else None,
        act=act if _ACT.fullmatch(act) else "", day_from=day_from, day_to=day_to, employee_code=person_code,
        entity_code=body_code, letter_code=letter_code,
    )  # fmt: skip


def read_place(text: str) -> Place | None:
    """Return where a page begins, as ``written_place`` wrote it; None for anything else."""
    found = _PLACE.fullmatch(text)
    if found is None or int(found[1]) > 4 * 10**15:
        return None
    return Place(_EPOCH + timedelta(microseconds=int(found[1])), int(found[2]))


def written_place(place: Place) -> str:
    """Return a place as it stands in an address: microseconds since 1970 and the entry's number."""
    return f"{(place.at - _EPOCH) // timedelta(microseconds=1)}.{place.seq}"


def read_code(text: str, year: int, where: str) -> Code:
    """Return a typed code; raises Invalid ``oversight.did-you-mean`` or ``oversight.bad-code`` at the field."""
    try:
        return codes.parse(text, year=year)
    except BadCode as error:
        raise Invalid("oversight.bad-search", (_problem(where, error),)) from error


def _problem(where: str, error: BadCode) -> Problem:
    if error.suggestion:
        return Problem(where, "oversight.did-you-mean", suggestion=codes.format_code(error.suggestion))
    return Problem(where, "oversight.code-mistyped" if error.code == "codes.bad-check" else "oversight.bad-code")


def _person(uow: UnitOfWork, typed: str, problems: list[Problem]) -> tuple[UUID | None, str]:
    found = _code(uow, typed, CodeKind.EMPLOYEE, "person", "oversight.not-a-person", problems)
    if found is None:
        return None, ""
    try:
        return entities.employee_by_code(uow, found.digits).id, found.digits
    except NotFound:
        return NIL, found.digits


def _body(uow: UnitOfWork, typed: str, problems: list[Problem]) -> tuple[UUID | None, str]:
    found = _code(uow, typed, CodeKind.ENTITY, "body", "oversight.not-a-body", problems)
    if found is None:
        return None, ""
    try:
        return entities.entity_by_code(uow, found.digits).id, found.digits
    except NotFound:
        return NIL, found.digits


def _letters(uow: UnitOfWork, typed: str, problems: list[Problem], body: UUID | None) -> tuple[tuple[UUID, ...], str]:
    """Find the letters of a document code, or of a register's number and year in the own (or the asked) body."""
    number = _NUMBER.fullmatch(fold_digits(typed.strip()))
    owner = body or uow.actor.entity_id
    if number is not None and owner is not None:
        which, year = (number[1], number[2]) if number[1] else (number[4], number[3])
        held = queries.letters_by_number(uow, owner, int(year), int(which))
        return tuple(held) or (NIL,), f"{which}/{year}"
    found = _code(uow, typed, CodeKind.DOCUMENT, "letter", "oversight.not-a-letter", problems)
    if found is None:
        return (), ""
    return tuple(row.id for row in queries.letters_by_code(uow, found.digits)) or (NIL,), found.digits


def _code(uow: UnitOfWork, typed: str, kind: CodeKind, where: str, other: str, problems: list[Problem]) -> Code | None:
    if not typed.strip():
        return None
    try:
        if kind is CodeKind.DOCUMENT and uow.actor.entity_id is not None:
            own = entities.entity(uow, uow.actor.entity_id).code[:6]
            found = codes.parse_document(typed, own, uow.now.year)
        else:
            found = codes.parse(typed, year=uow.now.year)
    except BadCode as error:
        problems.append(Problem(where, other) if error.code == "codes.not-a-document" else _problem(where, error))
        return None
    if found.kind is kind:
        return found
    problems.append(Problem(where, other))
    return None


def _day(typed: str, where: str, problems: list[Problem]) -> date | None:
    text = fold_digits(typed.strip())
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        problems.append(Problem(where, "oversight.bad-day"))
        return None
