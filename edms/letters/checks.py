"""What a writer fills in, and every way in which it can break a rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from crypto import codes
from crypto.errors import BadCode
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, Problem
from edms.entities import queries as entities
from edms.letters import body as bodies
from edms.letters.rules import AddresseeRole, Kind, Precedence, Sensitivity

MAX_SUBJECT = 300
MAX_ADDRESSEES = 5_000
_DOCUMENT_DIGITS = 18


@dataclass(frozen=True, slots=True)
class AddresseeText:
    """A body to be addressed: its inner key, ``to`` or ``cc``, and what the copy is for."""

    entity_id: UUID
    role: AddresseeRole = AddresseeRole.TO
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class LetterText:
    """Everything that a writer fills in."""

    kind: Kind
    subject: str
    body: bodies.Body
    addressees: tuple[AddresseeText, ...]
    sensitivity: Sensitivity = Sensitivity.ORDINARY
    precedence: Precedence = Precedence.ORDINARY
    references: tuple[str, ...] = ()
    unit_id: UUID | None = None
    signer_post_id: UUID | None = None


def check(uow: UnitOfWork, text: LetterText) -> None:
    """Raise Invalid ``letters.invalid`` with every finding about a letter's text."""
    problems = [*_subject_problems(text.subject), *bodies.check(text.body), *_addressee_problems(uow, text.addressees)]
    if text.signer_post_id is not None:
        own = uow.actor.entity_id
        signing = entities.signing_posts(uow, own) if own is not None else []
        if text.signer_post_id not in {post.id for post in signing}:
            problems.append(Problem("signer", "letters.unknown-signer"))
    problems += _reference_problems(uow, text.references)
    if text.sensitivity > uow.actor.clearance:
        problems.append(Problem("sensitivity", "letters.above-clearance"))
    if problems:
        raise Invalid("letters.invalid", tuple(problems))


def bad_code(typed: str, error: BadCode, where: str = "") -> Problem:
    """Return what to tell about a mistyped code: with the code that was probably meant, where there is one."""
    if error.suggestion:
        return Problem(where, "letters.bad-code-meant", typed=typed, suggestion=codes.format_code(error.suggestion))
    return Problem(where, "letters.bad-code", typed=typed)


def _reference_problems(uow: UnitOfWork, references: Sequence[str]) -> Iterator[Problem]:
    """Find document codes mistyped in the references; anything that is not written as a code stays free text."""
    for words in references:
        try:
            codes.parse(words, year=uow.now.year)
        except BadCode as error:
            if error.code == "codes.bad-check" and sum(map(str.isdigit, words)) == _DOCUMENT_DIGITS:
                yield bad_code(words, error, "references")


def _addressee_problems(uow: UnitOfWork, addressed: Sequence[AddresseeText]) -> Iterator[Problem]:
    if len(addressed) > MAX_ADDRESSEES:
        yield Problem("to", "letters.too-many-addressees", limit=MAX_ADDRESSEES)
    known = entities.entities_by_ids(uow, [each.entity_id for each in addressed])
    seen: set[UUID] = set()
    for each in addressed:
        found = known.get(each.entity_id)
        where = "to" if each.role == AddresseeRole.TO else "copies"
        if found is None:
            yield Problem(where, "letters.unknown-addressee")
        elif found.id == uow.actor.entity_id:
            yield Problem(where, "letters.own-entity")
        elif found.valid_to is not None and found.valid_to < uow.today:
            yield Problem(where, "letters.closed-addressee", entity=found.code)
        elif each.entity_id in seen:
            yield Problem(where, "letters.addressee-twice", entity=found.code)
        seen.add(each.entity_id)


def _subject_problems(subject: str) -> list[Problem]:
    if not subject.strip():
        return [Problem("subject", "letters.subject-empty")]
    if len(subject) > MAX_SUBJECT:
        return [Problem("subject", "letters.subject-too-long", limit=MAX_SUBJECT)]
    return []
