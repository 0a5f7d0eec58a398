"""What a code says to an auditor: a document, a copy, a body, a unit or a person, and where the log speaks of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from crypto.codes import Code, CodeKind
from edms.codes.models import IssuedCopy
from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.entities import queries as entities
from edms.entities.models import Employee, Entity, Post
from edms.letters.models import Letter
from edms.oversight import queries
from edms.oversight.rules import SEE_LOG
from edms.verification import guessing, leak_queries


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a code; empty where it is unknown or another body's, which is told alike."""

    code: Code
    letters: Sequence[Letter] = ()
    copy: IssuedCopy | None = None
    person: Employee | None = None
    body: Entity | None = None
    posts: Sequence[Post] = ()

    @property
    def found(self) -> bool:
        """Say whether anything is known."""
        return bool(self.letters or self.copy or self.person or self.body)


def known(uow: UnitOfWork, code: Code) -> Known:
    """Return what the auditor may know of a code whose check digits fit.

    Who holds a copy is left out where the body opens names by two. Raises Forbidden, and Unavailable
    ``verification.too-many-copy-codes`` to an auditor who has tried too many codes of copies.
    """
    uow.actor.require(SEE_LOG)
    if code.kind is CodeKind.DOCUMENT:
        return Known(code, letters=queries.letters_by_code(uow, code.digits))
    if code.kind is CodeKind.COPY:
        guessing.require_welcome_of_codes(uow)
        return _copy(uow, code)
    if code.kind is CodeKind.EMPLOYEE:
        return _person(uow, code)
    if code.kind is CodeKind.ENTITY:
        try:
            return Known(code, body=entities.entity_by_code(uow, code.digits))  # the register of bodies is open to all
        except NotFound:
            return Known(code)
    return Known(code)


def _copy(uow: UnitOfWork, code: Code) -> Known:
    copy = queries.copy_by_code(uow, code.digits)
    if copy is None:
        return Known(code)
    letters = queries.letters_by_ids(uow, [copy.letter_id])
    closed = leak_queries.by_two(uow, copy.entity_id)
    return Known(
        code, letters=tuple(letters.values()), copy=copy, body=entities.entity(uow, copy.entity_id),
        person=None if closed else entities.employees_by_ids(uow, [copy.employee_id]).get(copy.employee_id),
    )  # fmt: skip


def count_guess(uow: UnitOfWork, found: Known) -> None:
    """Count the code of a copy that led nowhere; the twentieth within an hour raises the alarm."""
    if found.code.kind is CodeKind.COPY and not found.found:
        guessing.count_wrong_codes(uow, 1)


def _person(uow: UnitOfWork, code: Code) -> Known:
    try:
        person = entities.employee_by_code(uow, code.digits)
    except NotFound:
        return Known(code)
    if not queries.works_here(uow, person.id):
        return Known(code)
    held = [each.post_id for each in entities.assignments_of(uow, person.id, uow.today)]
    return Known(code, person=person, posts=[entities.post(uow, each) for each in held])
