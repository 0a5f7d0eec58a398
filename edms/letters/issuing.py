"""Issuing a letter: number, codes, sealed PDF, encrypted files, outbox rows and events commit together or not at all.

No database lock is held while the page is rendered and sealed: the register's turn promises the number, and the last,
short transaction takes it only if the promise still holds (docs/decisions/number-before-seal.md).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from crypto.codes import new_verification_code, normalize_verification_code
from crypto.digests import sha256
from crypto.pdf_signatures import seal_pdf
from edms.audit.service import record
from edms.codes import service as codes
from edms.content import service as content
from edms.content.service import StagedFile
from edms.content.store import ContentStore
from edms.core.actor import Actor
from edms.core.calendar import hijri_iso
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict, NotFound, Unavailable
from edms.dispatch import service as dispatch
from edms.dispatch.rules import PackageKind
from edms.entities import queries as entities
from edms.entities import service as entity_service
from edms.entities.keyring import Keyring
from edms.entities.sealing import SealInForce
from edms.letters import body as bodies
from edms.letters import queries, service
from edms.letters.models import Letter
from edms.letters.printing import Printing, printed_letter
from edms.letters.rendition.images import page_count
from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.values import PrintedLetter
from edms.letters.rules import ISSUE, Kind, Sensitivity, State, after
from edms.registry import service as registry
from edms.registry.rules import Direction, printed_number
from edms.registry.service import Turn, TurnQueue

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Issued:
    """What became of an issued letter; ``hijri`` is ``1448-06-11``."""

    letter_id: UUID
    document_code: str
    number: str
    date: date
    hijri: str
    verification_code: str


@dataclass(frozen=True, slots=True)
class _Prepared:
    letter_id: UUID
    version: int
    entity_code: str
    register_id: UUID
    pattern: str
    mark: str
    day: date
    sheet: PrintedLetter
    seal: SealInForce
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class _Sealed:
    number: str
    digest: bytes
    pages: int
    file: StagedFile


def issue(
    database: Database,
    actor: Actor,
    letter_id: UUID,
    *,
    turns: TurnQueue,
    store: ContentStore,
    keys: Keyring,
    printing: Printing,
) -> Issued:
    """Number, seal and send a signed letter.

    Opens its own units of work. Raises Conflict when the letter is not signed, its signature does not hold or the
    year is closed; Unavailable ``registry.busy`` when the register's turn does not come.
    """
    for _ in range(_TRIES):
        with database.work(actor) as uow:
            prepared = _prepare(uow, letter_id, keys=keys, printing=printing)
        with turns.stand_in_line(prepared.register_id, prepared.day.year):
            turn = registry.take_turn(database, actor, prepared.register_id, prepared.day.year)
            try:
                sealed = _seal(prepared, turn, store=store)
                with database.work(actor) as uow:
                    return _commit(uow, prepared, turn, sealed, keys=keys, printing=printing)
            except BaseException as error:
                registry.give_back(database, actor, turn)
                if not (isinstance(error, Conflict) and error.code == "registry.turn-lost"):
                    raise
    raise Unavailable("registry.busy")


def original(uow: UnitOfWork, letter: Letter, *, store: ContentStore, keys: Keyring) -> bytes:
    """Return a letter's sealed PDF byte for byte and note that it was exported; NotFound before it is issued."""
    if letter.rendition_id is None:
        raise NotFound("letters.no-rendition")
    record(uow, "letters.exported", "letter", letter.id, entity_id=letter.entity_id)
    return content.read(uow, letter.rendition_id, entity_id=letter.entity_id, store=store, keys=keys)


def _prepare(uow: UnitOfWork, letter_id: UUID, *, keys: Keyring, printing: Printing) -> _Prepared:
    uow.actor.require(ISSUE)
    letter = queries.letter_for_update(uow, letter_id)
    if after(letter.state, "issue") is None:
        raise Conflict(
            "letters.not-signed" if letter.state == State.SUBMITTED else "letters.wrong-state", state=letter.state
        )
    service.valid_signature(uow, letter)
    day = uow.today
    own = entities.entity(uow, letter.entity_id)
    if letter.document_code is None:
        letter.document_code = codes.assign(uow, own.id, own.code, day.year)
        letter.verification_code = new_verification_code()
        letter.verification_digest = sha256(normalize_verification_code(letter.verification_code).encode())
    seal = entity_service.ensure_seal(uow, own.id, keys=keys)
    register = registry.register_of(uow, own.id, Direction.OUTGOING)
    sheet = replace(
        printed_letter(uow, letter, printing, day=day),
        document_code=letter.document_code,
        verification_code=letter.verification_code,
    )
    return _Prepared(
        letter.id,
        letter.version,
        own.code,
        register.id,
        register.pattern,
        own.short_mark or own.code,
        day,
        sheet,
        seal,
        partial(keys.keys.sign, seal.key_name),
    )


def _seal(prepared: _Prepared, turn: Turn, *, store: ContentStore) -> _Sealed:
    number = printed_number(prepared.pattern, turn.number, turn.year, prepared.mark)
    when = datetime.now(ZoneInfo("UTC")).replace(microsecond=0)
    pdf = seal_pdf(
        render_letter(replace(prepared.sheet, number=number)),
        sign=prepared.sign,
        certificate=prepared.seal.certificate,
        chain=prepared.seal.chain,
        reason=prepared.sheet.document_code,
        location=prepared.entity_code,
        when=when,
    ).pdf
    return _Sealed(number, sha256(pdf), page_count(pdf), content.stage(pdf, kind="rendition", now=when, store=store))


def _commit(
    uow: UnitOfWork, prepared: _Prepared, turn: Turn, sealed: _Sealed, *, keys: Keyring, printing: Printing
) -> Issued:
    letter = queries.letter_for_update(uow, prepared.letter_id)
    state = after(letter.state, "issue")
    if state is None or letter.version != prepared.version:
        raise Conflict("letters.wrong-state", state=letter.state)
    register = registry.register_of(uow, letter.entity_id, Direction.OUTGOING)
    entry = registry.allocate(uow, register, turn.year, letter.id, entry_date=prepared.day, turn=turn)
    letter.state, letter.number, letter.letter_date = state, sealed.number, prepared.day
    letter.issued_at = letter.registered_at = letter.changed_at = uow.now
    letter.register_number = f"{entry.year}/{entry.number}"
    letter.rendition_hash, letter.pages = sealed.digest, sealed.pages
    letter.rendition_id = content.adopt(uow, sealed.file, entities=[letter.entity_id], keys=keys).id
    meta = _package_meta(uow, letter, sealed, hijri_iso(prepared.day, printing.hijri_adjust))
    addressed = [(each.recipient_id, each.role) for each in queries.addressees(uow, letter.id)]
    letter.package_id = dispatch.enqueue(
        uow, kind=PackageKind.LETTER, entity_id=letter.entity_id, letter_id=letter.id, meta=meta, recipients=addressed
    )
    _settle_answered(uow, letter)
    uow.flush()
    record(
        uow,
        "letters.issued",
        "letter",
        letter.id,
        entity_id=letter.entity_id,
        row=letter,
        code=letter.document_code,
        number=entry.number,
        year=entry.year,
    )
    return Issued(
        letter.id, letter.document_code or "", letter.number, prepared.day, meta["hijri"], letter.verification_code
    )


def _package_meta(uow: UnitOfWork, letter: Letter, sealed: _Sealed, hijri: str) -> dict[str, Any]:
    """Return the values of ``dispatch.package.LetterPackage``, with stored files in place of bytes."""
    signature = service.valid_signature(uow, letter)
    signer = entities.employees_by_ids(uow, [signature.employee_id])[signature.employee_id]
    addressed = queries.addressees(uow, letter.id)
    bodies_by_id = entities.entities_by_ids(uow, [letter.entity_id, *(each.recipient_id for each in addressed)])
    code = letter.document_code or ""
    parts = [
        {
            "role": "letter",
            "name": f"{code}.pdf",
            "media_type": "application/pdf",
            "size": sealed.file.size,
            "sha256": sealed.digest.hex(),
            "file_id": str(sealed.file.id),
        }
    ]
    parts += [
        {
            "role": "attachment",
            "name": each.name,
            "media_type": each.media_type,
            "size": each.size,
            "sha256": each.hash,
            "file_id": str(each.file_id),
        }
        for each in queries.attachments(uow, letter.id)
    ]
    return {
        "letter_id": str(letter.id),
        "document_code": code,
        "number": letter.number,
        "date": letter.letter_date.isoformat() if letter.letter_date else "",
        "hijri": hijri,
        "sender_code": bodies_by_id[letter.entity_id].code,
        "sender_unit": None,
        "recipients": [[bodies_by_id[a.recipient_id].code, a.role, a.purpose] for a in addressed],
        "subject": letter.subject,
        "kind": letter.kind,
        "sensitivity": Sensitivity(letter.sensitivity).name.lower(),
        "precedence": letter.precedence,
        "references": [each.document_code or each.text for each in queries.references(uow, letter.id)],
        "verification_code": letter.verification_code,
        "signer_name": signer.name,
        "signer_post": entities.post(uow, signature.post_id).title,
        "signer_code": signer.code,
        "body_text": bodies.to_markup(queries.newest_version(uow, letter.id).text["body"]),
        "parts": parts,
    }


def _settle_answered(uow: UnitOfWork, letter: Letter) -> None:
    """Settle our incoming letters that a reply answers."""
    if letter.kind != Kind.REPLY:
        return
    for reference in queries.references(uow, letter.id):
        answered = queries.incoming_by_code(uow, letter.entity_id, reference.document_code)
        if answered is not None and after(answered.state, "settle"):
            answered.state, answered.settled_at = State.SETTLED, uow.now
            record(uow, "letters.settled", "letter", answered.id, row=answered, by=letter.document_code)
