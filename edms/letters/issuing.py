"""Issuing a letter: number, codes, sealed PDF, encrypted files, outbox rows and events commit together or not at all.

No database lock is held while the page is rendered and sealed: the register's turn promises the number, and the last,
short transaction takes it only if the promise still holds (docs/decisions/number-before-seal.md).
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from uuid import UUID

from crypto.codes import new_verification_code, normalize_verification_code
from crypto.digests import sha256
from crypto.timestamps import TimeStamper
from edms.audit.service import record
from edms.codes import service as codes
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict, NotFound, Unavailable
from edms.dispatch import service as dispatch
from edms.dispatch.rules import PackageKind
from edms.entities import queries as entities
from edms.entities import service as entity_service
from edms.entities.keyring import Keyring
from edms.letters import queries, service
from edms.letters.models import Letter
from edms.letters.outgoing import letter_data, package_meta
from edms.letters.paper import paper_claims
from edms.letters.preserving import begin_preservation
from edms.letters.printing import printed_letter
from edms.letters.printing_plan import Printing
from edms.letters.rules import ISSUE, Kind, State, after
from edms.letters.sealing import ReadyLetter, SealedSheet, seal_sheet
from edms.letters.signing import signed_content
from edms.letters.steps import on_behalf_of
from edms.registry import service as registry
from edms.registry.rules import Direction
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


def issue(
    database: Database,
    actor: Actor,
    letter_id: UUID,
    *,
    turns: TurnQueue,
    store: ContentStore,
    keys: Keyring,
    printing: Printing,
    stamper: TimeStamper | None = None,
) -> Issued:
    """Number, seal and send a signed letter.

    Opens its own units of work. Without a ``stamper``, or while it gives no token, the letter is issued all the same
    and waits for its time-stamp. Raises Conflict when the letter is not signed, its signature does not hold or the
    year is closed; Unavailable ``registry.busy`` when the register's turn does not come.
    """
    for _ in range(_TRIES):
        with database.work(actor) as uow:
            ready = _prepare(uow, letter_id, keys=keys, printing=printing)
        with turns.stand_in_line(ready.register_id, ready.day.year):
            turn = registry.take_turn(database, actor, ready.register_id, ready.day.year)
            try:
                sealed = seal_sheet(ready, turn.number, turn.year, store=store, stamper=stamper)
                with database.work(actor) as uow:
                    return _commit(uow, ready, turn, sealed, keys=keys)
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


def _prepare(uow: UnitOfWork, letter_id: UUID, *, keys: Keyring, printing: Printing) -> ReadyLetter:
    uow.actor.require(ISSUE)
    letter = queries.letter_for_update(uow, letter_id)
    if after(letter.state, "issue") is None:
        raise Conflict(
            "letters.not-signed" if letter.state == State.SUBMITTED else "letters.wrong-state", state=letter.state
        )
    signature = service.valid_signature(uow, letter)
    signed, day = signed_content(uow, letter), uow.today
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
    return ReadyLetter(
        letter_id=letter.id,
        version=letter.version,
        signature_id=signature.id,
        register_id=register.id,
        pattern=register.pattern,
        mark=own.short_mark or own.code,
        day=day,
        sheet=sheet,
        claims=paper_claims(uow, letter, signed, day=day),
        data=letter_data(uow, letter, signature, printing, day=day),
        signed_content=signed,
        signature=signature.signature,
        seal=seal,
        sign=partial(keys.keys.sign, seal.key_name),
    )


def _commit(uow: UnitOfWork, ready: ReadyLetter, turn: Turn, sealed: SealedSheet, *, keys: Keyring) -> Issued:
    letter = queries.letter_for_update(uow, ready.letter_id)
    state, signature = after(letter.state, "issue"), queries.signature(uow, ready.letter_id)
    if state is None or letter.version != ready.version or signature is None or signature.id != ready.signature_id:
        raise Conflict("letters.wrong-state", state=letter.state)
    register = registry.register_of(uow, letter.entity_id, Direction.OUTGOING)
    entry = registry.allocate(uow, register, turn.year, letter.id, entry_date=ready.day, turn=turn)
    letter.state, letter.number, letter.letter_date = state, sealed.number, ready.day
    letter.issued_at = letter.registered_at = letter.changed_at = uow.now
    letter.register_number = f"{entry.year}/{entry.number}"
    letter.rendition_hash, letter.pages = sealed.digest, sealed.pages
    letter.rendition_id = content.adopt(uow, sealed.file, entities=[letter.entity_id], keys=keys).id
    begin_preservation(uow, letter, sealed.digest, sealed.level)
    meta = package_meta(uow, letter, signature, sealed)
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
        rows=[entry],
        code=letter.document_code,
        number=entry.number,
        year=entry.year,
        seal=sealed.level,
        on_behalf_of=on_behalf_of(uow.actor, letter),
    )
    return Issued(
        letter.id, letter.document_code or "", letter.number, ready.day, sealed.hijri, letter.verification_code
    )


def _settle_answered(uow: UnitOfWork, letter: Letter) -> None:
    """Settle our incoming letters that a reply answers."""
    if letter.kind != Kind.REPLY:
        return
    for reference in queries.references(uow, letter.id):
        answered = queries.incoming_by_code(uow, letter.entity_id, reference.document_code)
        if answered is not None and after(answered.state, "settle"):
            answered.state, answered.settled_at = State.SETTLED, uow.now
            record(uow, "letters.settled", "letter", answered.id, row=answered, by=letter.document_code)
