"""Letters of the demonstration, sent as people send them: drafted, signed by the head, issued by the registry."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from crypto.timestamps import TimeStamper
from edms.accounts.service import actor_of_employee
from edms.content.store import ContentStore
from edms.core.actor import Actor
from edms.core.database import Database
from edms.core.parts import Parts
from edms.demo.making import OPERATOR
from edms.demo.texts import DemoLetter, attachments_for
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.letters import issuing, service
from edms.letters import queries as letter_queries
from edms.letters.attachments import Limits
from edms.letters.checks import AddresseeText, LetterText
from edms.letters.issuing import Issued
from edms.letters.printing_plan import Printing
from edms.letters.rules import AddresseeRole, Kind, Precedence, Sensitivity
from edms.registry.service import TurnQueue

_BETWEEN_BODIES = frozenset({"letter", "circular", "reminder", "reply"})  # memos and orders stay inside a body
_COPIES_EVERY = 4
_DEFAULT_PURPOSE = "للتفضل بالعلم"


@dataclass(frozen=True, slots=True)
class Staff:
    """Who writes, signs and issues in one body."""

    entity_id: UUID
    clerk: Actor
    head: Actor
    registry: Actor


@dataclass(frozen=True, slots=True)
class Sending:
    """One letter to be sent: the place of its sender among the staffed bodies, and its addressees.

    ``answers`` is the number of the letter that it answers, which is sent before.
    """

    number: int
    sender: int
    addressees: tuple[AddresseeText, ...]
    letter: DemoLetter
    answers: int | None = None


def staff_of(database: Database, keys: Sequence[str]) -> list[Staff]:
    """Return the people of each body of ``keys`` who send its letters."""
    found = []
    with database.work(OPERATOR) as uow:
        for key in keys:
            clerk, head, registry = (actor_of_employee(uow, f"{key}.{post}") for post in ("clerk1", "head", "registry"))
            if head.entity_id is None:
                raise RuntimeError("the head of a body has no body")
            found.append(Staff(head.entity_id, clerk, head, registry))
    return found


def plan(database: Database, staff: Sequence[Staff], texts: Sequence[DemoLetter], letters: int) -> list[Sending]:
    """Return ``letters`` sendings: a circular of the centre to every other body, then pairs in turn, then replies."""
    with database.read(OPERATOR) as uow:
        everybody = [body.id for body in entities.all_entities(uow, home_only=True)]
    circular = next((text for text in texts if text.kind == "circular"), texts[0])
    to_all = tuple(AddresseeText(body) for body in everybody if body != staff[0].entity_id)
    rest = between_bodies([text for text in texts if text is not circular]) or [replace(circular, kind="letter")]
    ordinary = _pairs(staff, rest, letters - 1)
    return [Sending(0, 0, to_all, replace(circular, kind="circular", sensitivity="ordinary")), *ordinary]


def between_bodies(texts: Sequence[DemoLetter]) -> list[DemoLetter]:
    """Return the texts that one body sends to another; of replies those whose letter is among them."""
    subjects = {text.subject for text in texts}
    return [
        text for text in texts if text.kind in _BETWEEN_BODIES and (text.kind != "reply" or text.answers in subjects)
    ]


def arrived(database: Database, body: Staff, document_code: str) -> bool:
    """Say whether a letter is registered in a body that it went to."""
    with database.read(body.registry) as uow:
        return document_code in letter_queries.own_by_codes(uow, body.entity_id, [document_code])


def send(parts: Parts, staff: Sequence[Staff], sending: Sending, reference: str = "") -> Issued:
    """Draft, attach, submit, sign and issue one letter, each step by the person whose step it is.

    ``reference`` is the document code of the letter that it answers.
    """
    body, database, keys = staff[sending.sender], parts[Database], parts[Keyring]
    letter_id = submit(parts, body, sending, reference)
    with database.work(body.head) as uow:
        service.sign(uow, letter_id, keys=keys)
    return issuing.issue(
        database, body.registry, letter_id,
        turns=parts[TurnQueue], store=parts[ContentStore], keys=keys, printing=parts[Printing],
        stamper=parts[TimeStamper],
    )  # fmt: skip


def submit(parts: Parts, body: Staff, sending: Sending, reference: str = "") -> UUID:
    """Draft and attach one letter and hand it to the body's signatory."""
    text = _text(sending, body, reference)
    author = body.clerk if text.sensitivity <= body.clerk.clearance else body.registry
    with parts[Database].work(author) as uow:
        letter_id = service.draft(uow, text).id
        for name, _media_type, data in attachments_for(sending.number, sending.letter):
            service.attach(
                uow, letter_id, name, data, limits=parts[Limits], store=parts[ContentStore], keys=parts[Keyring]
            )
        service.submit(uow, letter_id)
    return letter_id


def _pairs(staff: Sequence[Staff], texts: Sequence[DemoLetter], count: int) -> Iterator[Sending]:
    chosen = _chosen(texts, count)
    asked: dict[str, list[tuple[int, int, int]]] = {}  # number, sender and recipient of what may be answered
    bodies = len(staff)
    for number, letter in enumerate(sorted(chosen, key=lambda one: one.kind == "reply"), 1):
        sender, step = number % bodies, 1 + (number // bodies) % (bodies - 1)
        recipient, answers = (sender + step) % bodies, None
        if letter.kind == "reply":
            answers, recipient, sender = asked[letter.answers].pop(0)
        else:
            asked.setdefault(letter.subject, []).append((number, sender, recipient))
        if letter.kind == "circular" and bodies > 2:
            to_others = tuple(AddresseeText(one.entity_id) for place, one in enumerate(staff) if place != sender)
            yield Sending(number, sender, to_others, letter)
            continue
        sent = replace(letter, kind="letter") if letter.kind == "circular" else letter
        addressees = [AddresseeText(staff[recipient].entity_id), *_copies(staff, number, letter, {sender, recipient})]
        yield Sending(number, sender, tuple(addressees), sent, answers)


def _chosen(texts: Sequence[DemoLetter], count: int) -> list[DemoLetter]:
    """Return ``count`` texts in turn; a reply only when the letter that it answers was chosen before and is open."""
    chosen: list[DemoLetter] = []
    open_letters: list[str] = []
    for text in itertools.cycle(texts):
        if len(chosen) >= count:
            break
        if text.kind == "reply":
            if text.answers not in open_letters:
                continue
            open_letters.remove(text.answers)
        else:
            open_letters.append(text.subject)
        chosen.append(text)
    return chosen


def _copies(staff: Sequence[Staff], number: int, letter: DemoLetter, but: set[int]) -> Iterator[AddresseeText]:
    purposes = letter.copies_purpose or ((_DEFAULT_PURPOSE,) if number % _COPIES_EVERY == 0 else ())
    others = [place for place in range(len(staff)) if place not in but]
    for purpose, place in zip(purposes, others[number % max(len(others), 1) :], strict=False):
        yield AddresseeText(staff[place].entity_id, AddresseeRole.COPY, purpose)


def _text(sending: Sending, body: Staff, reference: str) -> LetterText:
    letter = sending.letter
    return LetterText(
        kind=Kind(letter.kind), subject=letter.subject, body=list(letter.body), addressees=sending.addressees,
        sensitivity=Sensitivity[letter.sensitivity.upper()], precedence=Precedence(letter.precedence),
        signer_post_id=next(iter(body.head.post_ids)), references=(reference,) if reference else (),
    )  # fmt: skip
