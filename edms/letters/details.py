"""What the page of one letter shows, as plain values."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from crypto import codes
from crypto.codes import format_code
from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.letters import queries
from edms.letters.attachments import is_active
from edms.letters.body import from_markup
from edms.letters.models import Letter
from edms.letters.preserving import PreservationState, state_of
from edms.letters.rules import (
    ANNUL,
    ASSIGN,
    DRAFT,
    ISSUE,
    NUMBERED,
    RESERVE,
    SETTLE,
    VOID,
    AddresseeRole,
    Sensitivity,
    State,
    after,
)
from edms.letters.steps import signing_authority
from edms.registry.rules import Direction
from edms.web.formats import current_locale

NAMED = 8


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file of a letter; ``active`` when a browser would run or render it, were it shown."""

    id: UUID
    name: str
    size: int
    media_type: str
    active: bool


@dataclass(frozen=True, slots=True)
class Referred:
    """An earlier letter: its words, and the letter itself where the reader may open it."""

    text: str
    document_code: str
    letter_id: UUID | None = None
    number: str = ""
    letter_date: date | None = None

    @property
    def shown_code(self) -> str:
        """The document code in groups."""
        return format_code(self.document_code)


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signed, in which post, when, for whom; or only the post that is to sign."""

    post: str
    name: str = ""
    at: datetime | None = None
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True)
class Details:
    """Everything that the page of a letter shows beside its sheet."""

    id: UUID
    direction: str
    kind: str
    state: str
    subject: str
    number: str
    letter_date: date | None
    register_number: str
    registered_at: datetime | None
    issued_at: datetime | None
    sensitivity: int
    precedence: str
    document_code: str
    verification_code: str
    sender: str
    to: tuple[str, ...]
    to_count: int
    copies: tuple[tuple[str, str], ...]
    author: str
    signing: Signing | None
    references: tuple[Referred, ...]
    attachments: tuple[AttachedFile, ...]
    body: list[dict[str, Any]]
    pages: int
    version: int
    changed_at: datetime
    void_at: datetime | None
    void_reason: str
    void_authority: str
    superseded_at: datetime | None
    superseded_by: str
    settled_at: datetime | None
    return_reason: str
    unit: str
    acts: frozenset[str]
    evidence: PreservationState | None


def details(uow: UnitOfWork, letter: Letter, *, pages: int) -> Details:
    """Return a visible letter's details; ``pages`` is how many page images there are."""
    addressed = queries.addressees(uow, letter.id)
    to = [each.recipient_id for each in addressed if each.role == AddresseeRole.TO]
    cc = [each for each in addressed if each.role == AddresseeRole.COPY]
    named = [letter.sender_id or letter.entity_id, *to[:NAMED], *(each.recipient_id for each in cc)]
    names = {key: each.name(current_locale()) for key, each in entities.entities_by_ids(uow, named).items()}
    text = queries.newest_version(uow, letter.id).text
    entry = queries.register_entry(uow, letter.id)
    void = entry if entry is not None and entry.void_at is not None else None
    people = entities.employees_by_ids(
        uow, [each for each in (letter.author_id, void.void_authority_id if void else None) if each is not None]
    )
    return Details(
        id=letter.id,
        direction=letter.direction,
        kind=letter.kind,
        state=letter.state,
        subject=letter.subject,
        number=letter.number,
        letter_date=letter.letter_date,
        register_number=letter.register_number,
        registered_at=letter.registered_at,
        issued_at=letter.issued_at,
        sensitivity=letter.sensitivity,
        precedence=letter.precedence,
        document_code=letter.document_code or "",
        verification_code=letter.verification_code,
        sender=names.get(letter.sender_id or letter.entity_id, ""),
        to=tuple(names[each] for each in to[:NAMED]),
        to_count=len(to),
        copies=tuple((names[each.recipient_id], each.purpose) for each in cc),
        author=people[letter.author_id].name if letter.author_id in people else "",
        signing=_signing(uow, letter),
        references=_references(uow, letter),
        attachments=tuple(
            AttachedFile(each.id, each.name, each.size, each.media_type, is_active(each.media_type))
            for each in queries.attachments(uow, letter.id)
        ),
        body=text["body"] if isinstance(text.get("body"), list) else from_markup(str(text.get("text") or "")),
        pages=pages,
        version=letter.version,
        changed_at=letter.changed_at,
        void_at=void.void_at if void else letter.void_at,
        void_reason=void.void_reason if void else letter.return_reason if letter.void_at else "",
        void_authority=people[void.void_authority_id].name if void and void.void_authority_id in people else "",
        superseded_at=letter.superseded_at,
        superseded_by=codes.format_code(letter.superseded_by or ""),
        settled_at=letter.settled_at,
        return_reason=letter.return_reason,
        unit=_unit(uow, letter),
        acts=acts_of(uow.actor, letter),
        evidence=state_of(uow, letter),
    )


_OF_REGISTERED = {"settle": SETTLE, "annul": ANNUL, "assign": ASSIGN}


def acts_of(actor: Actor, letter: Letter) -> frozenset[str]:
    """Return what the actor may do with a letter now: the buttons of its page (the services check again)."""
    state, found = letter.state, set()
    author = letter.author_id is not None and letter.author_id == actor.employee_id
    signer = signing_authority(actor, letter) is not None
    outgoing = letter.direction == Direction.OUTGOING
    if state == State.DRAFT and author:
        found |= {"edit", "submit", "discard"}
    if after(state, "sign") and signer:
        found |= {"sign", "return"}
    if state == State.SIGNED and signer:
        found.add("return")
    if after(state, "issue") and actor.may(ISSUE):
        found.add("issue")
    if outgoing and after(state, "void") and actor.may(VOID):
        found.add("void")
    if outgoing and state in {State.ISSUED, State.SETTLED} and letter.superseded_at is None and actor.may(VOID):
        found.add("supersede")
    if not outgoing and state == State.REGISTERED:
        found |= {act for act, right in _OF_REGISTERED.items() if actor.may(right)}
    if letter.sender_id is not None and state in {State.REGISTERED, State.SETTLED} and actor.may(DRAFT):
        found.add("reply")
    if letter.rendition_id is not None and actor.employee_id is not None:
        found |= {"download", "print"}
    return frozenset(found | _may_reserve(actor, letter))


def _may_reserve(actor: Actor, letter: Letter) -> set[str]:
    fit = letter.sensitivity == Sensitivity.TOP_SECRET and letter.state in NUMBERED - {State.VOID}
    return {"reserve"} if fit and actor.may(RESERVE) else set()


def _signing(uow: UnitOfWork, letter: Letter) -> Signing | None:
    signed = queries.signature(uow, letter.id)
    if signed is not None:
        holder = signed.on_behalf_of_id
        people = entities.employees_by_ids(uow, [signed.employee_id, *([holder] if holder else [])])
        return Signing(
            entities.post(uow, signed.post_id).title, people[signed.employee_id].name, signed.signed_at,
            people[holder].name if holder else "",
        )  # fmt: skip
    if letter.signer_post_id is None:
        return None
    holders = entities.holders(uow, letter.signer_post_id, uow.today)
    return Signing(entities.post(uow, letter.signer_post_id).title, holders[0].name if len(holders) == 1 else "")


def _references(uow: UnitOfWork, letter: Letter) -> tuple[Referred, ...]:
    held = queries.references(uow, letter.id)
    codes = [each.document_code for each in held if each.document_code]
    known = queries.referred_letters(uow, codes) if codes else {}
    return tuple(_referred(each.text, each.document_code or "", known) for each in held)


def _unit(uow: UnitOfWork, letter: Letter) -> str:
    """Return the name of the unit that deals with an incoming letter."""
    if letter.direction != Direction.INCOMING or letter.unit_id is None:
        return ""
    return next((each.name for each in entities.units_of(uow, letter.entity_id) if each.id == letter.unit_id), "")


def _referred(text: str, code: str, known: dict[str, Letter]) -> Referred:
    found = known.get(code)
    if found is None:
        return Referred(text, code)
    return Referred(text, code, found.id, found.number, found.letter_date)
