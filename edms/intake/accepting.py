"""Taking messages in as they arrive, many in one transaction: noted, registered by rule, or kept for the clerk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.ids import new_id
from edms.dispatch import service as dispatch
from edms.dispatch.package import (
    EXCEPTIONS,
    Confirmation,
    Inquiry,
    LetterPackage,
    Receipt,
    Report,
    UntypedMessage,
    WireMessage,
)
from edms.dispatch.packing import package_meta
from edms.dispatch.rules import ErdsEvent
from edms.dispatch.service import Answer
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.entities.queries import RegisteringRules
from edms.intake import noting, proving, queries
from edms.intake.models import ReceivedMessage
from edms.intake.rules import ACCEPT, DECIDED, SAME_ID_OTHER_BODY, MessageKind, MessageState
from edms.intake.service import same_letter
from edms.letters import receiving
from edms.letters.receiving import UntypedArrival

Known = Mapping[tuple[UUID, bytes], ReceivedMessage]
"""Messages that bodies have, by body and idempotency key."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as the gateway took it: parsed, its raw bytes and its parts already stored for all its recipients.

    ``key`` is the idempotency key without the recipient, ``genuine_for`` are the codes of the bodies to which a package
    whose seal holds and is the sender's is addressed, ``files`` the stored parts of a letter package in their order,
    ``message_id`` is without brackets and ``message_id_hash`` SHA-256 of sender and Message-ID, where it has one,
    ``mail_from`` the envelope's sender (nothing for the null one), ``flag`` why the message goes to quarantine.
    """

    message: WireMessage
    key: bytes
    raw_file: UUID
    raw_size: int
    raw_hash: bytes
    files: tuple[UUID, ...]
    genuine_for: frozenset[str]
    peer: str
    sender_id: UUID
    recipients: tuple[UUID, ...]
    message_id: str = ""
    message_id_hash: bytes | None = None
    mail_from: str = ""
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the gateway may answer: the state, the register number if any, and whether it came before."""

    state: MessageState
    number: str = ""
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class _Taken:
    """One body's row of an arrival, new or known before."""

    arrival: Arrival
    row: ReceivedMessage
    repeat: bool


def accept_all(uow: UnitOfWork, arrivals: Sequence[Arrival], *, known: Known, keys: Keyring) -> list[list[Accepted]]:
    """Take messages in, each for its recipients; registered at once where a body registers such mail by rule.

    ``known`` is what ``queries.known_messages`` tells of the arrivals. The same key for the same body is the same
    message, whatever way it came: it is answered with what became of it and not taken twice, for as long as the row is
    kept, and nothing removes one. What looks wrong is flagged and waits for a person. The answers are in the order of
    ``arrivals`` and their recipients.
    """
    uow.actor.require(ACCEPT)
    bodies = entities.rules_of(uow, [one for each in arrivals for one in each.recipients])
    taken = _rows(uow, arrivals, known, bodies)
    new = [one for one in taken if not one.repeat]
    _flag(uow, new)
    numbers: dict[UUID, str] = {}
    for arrival in arrivals:
        rows = [one.row for one in new if one.arrival is arrival]
        if isinstance(arrival.message, LetterPackage):
            ruled = [row for row in rows if _by_rule(row, bodies[row.entity_id], arrival)]
            numbers.update(_register_by_rule(uow, ruled, arrival.message, arrival.files))
        elif isinstance(arrival.message, Receipt | Report | Inquiry | Confirmation):
            uow.session.add_all(rows)
            concerned = entities.entities_by_ids(uow, [arrival.sender_id, *arrival.recipients])
            for row in rows:
                sender, body = concerned[row.sender_id], concerned[row.entity_id]
                noting.take_note(uow, row, arrival.message, sender=sender, body=body, keys=keys)
    numbers.update(_register_untyped(uow, [one for one in new if _ordinary(one, bodies[one.row.entity_id])]))
    decided = [one for one in new if one.row.kind in DECIDED]
    uow.insert([one.row for one in decided])
    for one in decided:
        proving.prove_arrival(uow, one.row, proving.known_of(one.row, one.row.meta))
    for arrival in arrivals:
        waiting = [one.row for one in decided if one.arrival is arrival and one.row.state == MessageState.WAITING]
        _answer_arrived(uow, waiting, arrival)
    return _answers(uow, arrivals, taken, numbers)


def _answers(
    uow: UnitOfWork, arrivals: Sequence[Arrival], taken: Sequence[_Taken], numbers: Mapping[UUID, str]
) -> list[list[Accepted]]:
    """Return what became of each arrival for each recipient; ``numbers`` are those given now, by row."""
    repeated = [one.row for one in taken if one.row.id not in numbers and one.row.kind in DECIDED]
    known = receiving.numbers_of(uow, [row.letter_id for row in repeated if row.letter_id])
    answers = iter([
        Accepted(MessageState(one.row.state), numbers.get(one.row.id) or known.get(one.row.letter_id, ""), one.repeat)
        for one in taken
    ])  # fmt: skip
    return [[next(answers) for _ in arrival.recipients] for arrival in arrivals]


def _rows(
    uow: UnitOfWork, arrivals: Sequence[Arrival], known: Known, bodies: Mapping[UUID, RegisteringRules]
) -> list[_Taken]:
    """Return the row of each recipient of each arrival, one that came before counted up; new ones are not stored."""
    rows, taken = dict(known), []
    for arrival in arrivals:
        values = _meta(arrival)
        for entity_id in arrival.recipients:
            row = rows.get((entity_id, arrival.key))
            taken.append(_Taken(arrival, row or _row(uow, arrival, bodies[entity_id], values), row is not None))
            if row is not None:
                row.times_received += 1
                record(uow, "intake.repeated", "message", row.id, entity_id=entity_id, row=row)
            rows[entity_id, arrival.key] = taken[-1].row
    return taken


def _row(uow: UnitOfWork, arrival: Arrival, body: RegisteringRules, values: dict[str, Any]) -> ReceivedMessage:
    row = ReceivedMessage(
        id=new_id(), entity_id=body.id, key=arrival.key, kind=_kind(arrival.message), state=MessageState.WAITING,
        sender_id=arrival.sender_id, raw_file_id=arrival.raw_file, raw_hash=arrival.raw_hash, received_at=uow.now,
        peer=arrival.peer[:60], message_id_hash=arrival.message_id_hash, times_received=1,
        flag=arrival.flag,
    )  # fmt: skip
    if isinstance(arrival.message, LetterPackage | UntypedMessage):
        row.package_id = arrival.message.package_id
    row.meta = {**values, "genuine": body.code in arrival.genuine_for}
    return row


def _flag(uow: UnitOfWork, new: Sequence[_Taken]) -> None:
    """Mark a message that bears the Message-ID of another one of its sender in the body's intake: an alert."""
    rows = [one.row for one in new if one.row.kind in DECIDED]
    found = queries.same_ids(uow, [(row.entity_id, row.message_id_hash) for row in rows if row.message_id_hash])
    for row in rows:
        if row.message_id_hash is None:
            continue
        place = row.entity_id, row.message_id_hash
        if place in found:
            row.flag = row.flag or SAME_ID_OTHER_BODY
            record(uow, SAME_ID_OTHER_BODY, "message", row.id, entity_id=row.entity_id, row=row)
        found.add(place)


def _by_rule(row: ReceivedMessage, body: RegisteringRules, arrival: Arrival) -> bool:
    """Tell whether a package gets its number at once: the body wants it so, and its seal is good."""
    return not row.flag and body.registers_by_rule and body.code in arrival.genuine_for


def _ordinary(taken: _Taken, body: RegisteringRules) -> bool:
    """Tell whether ordinary mail gets its number at once: the body wants it so, nothing is wrong with the message."""
    message = taken.arrival.message
    plain = isinstance(message, UntypedMessage) and message.package_id is None
    return plain and body.registers_untyped and not taken.row.flag


def _answer_arrived(uow: UnitOfWork, rows: Sequence[ReceivedMessage], arrival: Arrival) -> None:
    """Tell the sender that a package lies in the registry, or why it could not be taken as a letter (an exception).

    Ordinary mail, which names no package, gets no answer from here.
    """
    message = arrival.message
    if not isinstance(message, LetterPackage | UntypedMessage) or message.package_id is None:
        return
    answers: dict[str, list[Answer]] = {}
    for row in rows:
        reason, known = _exception(row, arrival), proving.known_of(row, row.meta)
        answers.setdefault(reason, []).append(Answer(row.entity_id, received=known))
        if reason:
            proving.prove_decision(uow, row, ErdsEvent.CONTENT_HANDOVER_FAILURE, reason=reason)
    for reason, some in answers.items():
        dispatch.answer_all(
            uow, "exception" if reason else "delivered", some, sender_id=rows[0].sender_id,
            package_id=message.package_id, document_code=message.document_code, reason_code=reason,
        )  # fmt: skip


def _exception(row: ReceivedMessage, arrival: Arrival) -> str:
    """Return the code of what is wrong with a package for one body, empty when nothing is."""
    if isinstance(arrival.message, UntypedMessage):
        return next((code for code in arrival.message.problems if code in EXCEPTIONS), "package.other")
    if row.meta["genuine"]:
        return ""
    return "package.not-named" if arrival.genuine_for else "package.seal-doubtful"


def _register_by_rule(
    uow: UnitOfWork, rows: Sequence[ReceivedMessage], package: LetterPackage, files: tuple[UUID, ...]
) -> dict[UUID, str]:
    """Register a package in many bodies at once; where it contradicts an earlier letter it waits for the clerk."""
    if not rows:
        return {}
    letters = receiving.receive_all(
        uow, package, entity_ids=[row.entity_id for row in rows], sender_id=rows[0].sender_id, files=files
    )
    taken = [row for row in rows if row.entity_id in letters and same_letter(row, letters[row.entity_id])]
    for row in taken:
        row.state, row.letter_id, row.decided_at = MessageState.REGISTERED, letters[row.entity_id].id, uow.now
    dispatch.answer_all(
        uow, "registered",
        [Answer(row.entity_id, row.letter_id, letters[row.entity_id].register_number, proving.known_of(row, row.meta))
         for row in taken],
        sender_id=rows[0].sender_id, package_id=package.package_id, document_code=package.document_code,
    )  # fmt: skip
    return {row.id: letters[row.entity_id].register_number for row in taken}


def _register_untyped(uow: UnitOfWork, taken: Sequence[_Taken]) -> dict[UUID, str]:
    """Give ordinary mail its incoming number; a body whose year is closed decides itself."""
    rows, arrivals = [], []
    for one in taken:
        message, row, size = one.arrival.message, one.row, one.arrival.raw_size
        if isinstance(message, UntypedMessage):
            rows.append(row)
            arrivals.append(UntypedArrival(message, row.entity_id, row.sender_id, row.raw_file_id, size, row.raw_hash))
    numbers = {}
    for row, letter in zip(rows, receiving.receive_untyped_all(uow, arrivals) if rows else (), strict=True):
        if letter is not None:
            row.state, row.letter_id, row.decided_at = MessageState.REGISTERED, letter.id, uow.now
            numbers[row.id] = letter.register_number
    return numbers


def _meta(arrival: Arrival) -> dict[str, Any]:
    message = arrival.message
    if isinstance(message, Receipt):
        return {"receipt": message.kind, "signed": message.signed}
    if isinstance(message, Report):
        return {"report": message.kind, "original_id": message.original_id}
    if isinstance(message, Inquiry | Confirmation):
        return {"inquiry": str(message.inquiry_id)}
    if isinstance(message, LetterPackage):
        values = package_meta(message, arrival.files)
        return {**values, "package_id": str(message.package_id), "raw_size": arrival.raw_size,
                "message_id": arrival.message_id}  # fmt: skip
    package_id = str(message.package_id) if message.package_id else ""
    return {"subject": message.subject, "text": message.text, "message_id": message.message_id,
            "problems": list(message.problems), "raw_size": arrival.raw_size, "notify_to": message.notify_to,
            "mail_from": arrival.mail_from,
            "package_id": package_id, "document_code": message.document_code}  # fmt: skip


def _kind(message: WireMessage) -> MessageKind:
    if isinstance(message, LetterPackage):
        return MessageKind.LETTER
    if isinstance(message, Inquiry):
        return MessageKind.INQUIRY
    if isinstance(message, Confirmation):
        return MessageKind.CONFIRMATION
    if isinstance(message, Report):
        return MessageKind.REPORT
    return MessageKind.RECEIPT if isinstance(message, Receipt) else MessageKind.UNTYPED
