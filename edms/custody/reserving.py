"""Reserving a letter of the highest class for named readers: from then on no key of the installation opens it.

All of it is sealed in one file, whose key is sealed by a secret of the vault and then for each reader's own key (HPKE,
RFC 9180); then what the body stored of it is destroyed in the vault. Intent and sealed letter are committed together
before that: broken off anywhere, the same call again finishes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from crypto.errors import DecryptionError, KeyDestroyed, KeyUnavailable
from crypto.passphrase_keys import open_private
from crypto.recipients import unwrap_with, wrap_for
from edms.accounts.keeping import own_account
from edms.accounts.step_up import StepUpRefused, count_try, forgive_tries, note_wrong
from edms.audit.service import record
from edms.content import service as content
from edms.content.models import SmallFile
from edms.content.service import StagedFile
from edms.content.store import ContentStore
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from edms.custody import queries, shredding
from edms.custody.models import ReaderWrap, ReadingKey, Reservation
from edms.custody.package import Package, package_of
from edms.custody.rules import FEWEST_KEYS, MOST_READERS, RESERVED_FROM, clean_passphrase
from edms.custody.shredding import Shredder
from edms.entities.keyring import Keyring
from edms.letters import queries as letters
from edms.letters.models import Destruction, Letter
from edms.letters.rules import READERS, RESERVE

_KIND = "reserved"


@dataclass(frozen=True, slots=True)
class _Held:
    """What opening a reserved letter starts from, as plain values."""

    account_id: UUID
    entity_id: UUID
    file_id: UUID
    reading_key_id: UUID
    sealed: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)


def reserve(at: Shredder, actor: Actor, letter_id: UUID, key_ids: Sequence[UUID]) -> None:
    """Seal a numbered letter of class 3 for the holders of some reading keys, and for the body's escrow key.

    Raises Invalid ``custody.no-readers``, ``.unknown-reader`` or ``.one-way-in``; Conflict ``custody.not-top-secret``,
    ``custody.too-large`` and, as in ``shredding.destroy_letter``, ``letters.destroy-unnumbered`` and its like.
    """
    with at.database.read(actor) as uow:
        letter = letters.letter(uow, letter_id)
        uow.actor.require(RESERVE)
        row = letters.destruction(uow, letter.id)
        if row is None:
            _chosen(uow, letter, key_ids)
            shredding.check(uow, letter)
            package = package_of(uow, letter, store=at.store, keys=at.keys)
    if row is not None:
        if row.reason != READERS:
            raise Conflict("custody.destroyed")
        shredding.finish(at, actor, row, set())
        return
    staged = content.stage(package.encoded(), kind=_KIND, now=uow.now, store=at.store)
    try:
        with at.database.work(actor) as uow:
            row, files = _sealed(uow, letters.letter_for_update(uow, letter_id), staged, key_ids, at.keys)
    except BaseException:
        content.forget_staged([staged], at.store)
        raise
    shredding.finish(at, actor, row, files)


def _sealed(
    uow: UnitOfWork, letter: Letter, staged: StagedFile, key_ids: Sequence[UUID], keys: Keyring
) -> tuple[Destruction, set[UUID]]:
    """Keep the sealed letter with a wrap for each reader, and commit to destroying what the body stores of it."""
    if letters.destruction(uow, letter.id) is not None:
        raise Conflict("custody.destroyed")
    chosen = _chosen(uow, letter, key_ids)
    begun = shredding.begin(uow, letter, READERS)
    content.adopt(uow, staged, entities=(), keys=keys)
    held = Reservation(
        entity_id=letter.entity_id, letter_id=letter.id, file_id=staged.id, employee_id=uow.actor.employee_id,
        reserved_at=uow.now,
    )  # fmt: skip
    uow.session.add(held)
    uow.flush()
    wraps = [_wrap(uow, held, key, staged.key, keys) for key in chosen]
    uow.flush()
    escrow = sum(key.employee_id is None for key in chosen)
    record(
        uow, "letters.reserved", "letter", letter.id, entity_id=letter.entity_id, row=held, rows=wraps,
        readers=len(chosen) - escrow, escrow=bool(escrow),
    )  # fmt: skip
    return begun


def open_letter(
    database: Database, actor: Actor, letter_id: UUID, passphrase: str, *, store: ContentStore, keys: Keyring,
    part: str = "pages",
) -> Package:  # fmt: skip
    """Open a reserved letter with the actor's own reading key; that it was opened is on record before it is returned.

    ``part`` says in the log what is to be taken out of it. Raises NotFound ``custody.not-reserved``, Forbidden
    ``custody.no-reader``, Invalid ``custody.wrong-passphrase`` (each try counts as one at the PIN does), StepUpRefused
    ``accounts.step-up-slowed``.
    """
    held, key = _key(database, actor, letter_id, passphrase, keys)
    with database.work(actor) as uow:
        record(uow, "letters.reserved-opened", "letter", letter_id, entity_id=held.entity_id, part=part)
        blob = uow.session.scalar(select(SmallFile.blob).where(SmallFile.file_id == held.file_id))
    return Package.decoded(b"".join(content.decrypted(held.file_id, key, store, blob)))


def give(
    database: Database, actor: Actor, letter_id: UUID, reading_key_id: UUID, passphrase: str, *, keys: Keyring
) -> None:
    """Let one more person open a reserved letter; only who can open it can give it. Raises as ``open_letter``."""
    _, key = _key(database, actor, letter_id, passphrase, keys)
    with database.work(actor) as uow:
        _give(uow, letter_id, reading_key_id, key, keys, escrow=False)


def give_by_officer(
    database: Database, actor: Actor, letter_id: UUID, reading_key_id: UUID, private: bytes, *, keys: Keyring
) -> None:
    """Let a person open a reserved letter by the body's escrow key, whose ``private`` half its officer brought.

    Raises NotFound ``custody.not-reserved``; Invalid ``custody.no-escrow`` when the letter is not sealed for that key.
    """
    with database.work(actor) as uow:
        letter = letters.letter(uow, letter_id)
        uow.actor.require(RESERVE)
        held = queries.reservation(uow, letter.id)
        found = select(ReaderWrap).join(ReadingKey, ReadingKey.id == ReaderWrap.reading_key_id).where(
            ReaderWrap.reservation_id == held.id, ReadingKey.employee_id.is_(None)
        )  # fmt: skip
        for wrap in uow.session.scalars(found):
            try:
                inner = unwrap_with(private, wrap.wrapped, _context(held.file_id, wrap.reading_key_id))
            except (DecryptionError, KeyUnavailable):
                continue
            key = _unsealed(keys, held.entity_id, held.file_id, inner)
            _give(uow, letter_id, reading_key_id, key, keys, escrow=True)
            return
        raise Invalid("custody.no-escrow")


def take(uow: UnitOfWork, letter_id: UUID, wrap_id: UUID) -> None:
    """Let a person open a reserved letter no more; what was read is read. Two keys stay.

    Raises NotFound ``custody.not-reserved`` or ``custody.unknown-reader``, Conflict ``custody.one-way-in``.
    """
    letter = letters.letter(uow, letter_id)
    uow.actor.require(RESERVE)
    held = queries.reservation(uow, letter.id)
    wrap = uow.session.get(ReaderWrap, wrap_id)
    if wrap is None or wrap.reservation_id != held.id:
        raise NotFound("custody.unknown-reader")
    if len(queries.readers(uow, held)) <= FEWEST_KEYS:
        raise Conflict("custody.one-way-in")
    record(uow, "letters.reader-taken", "letter", letter_id, entity_id=held.entity_id, gone=wrap)
    uow.session.delete(wrap)
    uow.flush()


def _chosen(uow: UnitOfWork, letter: Letter, key_ids: Sequence[UUID]) -> list[ReadingKey]:
    """Return the keys that a letter is sealed for, of persons who may read it, and the escrow key."""
    if letter.sensitivity < RESERVED_FROM:
        raise Conflict("custody.not-top-secret")
    if not key_ids or len(key_ids) > MOST_READERS:
        raise Invalid("custody.no-readers", (Problem("readers", "custody.no-readers", limit=MOST_READERS),))
    if not set(key_ids) <= {each.key_id for each in queries.candidates(uow, letter)}:
        raise Invalid("custody.unknown-reader", (Problem("readers", "custody.unknown-reader"),))
    escrow = queries.escrow_key(uow, letter.entity_id)
    chosen = [*queries.keys_by_ids(uow, key_ids), *([escrow] if escrow else [])]
    if len(chosen) < FEWEST_KEYS:
        raise Invalid("custody.one-way-in", (Problem("readers", "custody.one-way-in"),))
    return chosen


def _key(database: Database, actor: Actor, letter_id: UUID, passphrase: str, keys: Keyring) -> tuple[_Held, bytes]:
    """Return the key of a reserved letter's file by the actor's own reading key; the try is counted before it is."""
    with database.work(actor) as uow:
        held = _held(uow, letter_id)
        wait = count_try(uow, held.account_id)
    if wait:
        raise StepUpRefused("accounts.step-up-slowed", n=wait)
    try:
        private = open_private(held.sealed, clean_passphrase(passphrase).encode())
    except KeyUnavailable:
        with database.work(actor) as uow:
            note_wrong(uow, held.account_id, held.entity_id)
        wrong = "custody.wrong-passphrase"
        raise Invalid(wrong, (Problem("passphrase", wrong),)) from None
    with database.work(actor) as uow:
        forgive_tries(uow, held.account_id)
    inner = unwrap_with(private, held.wrapped, _context(held.file_id, held.reading_key_id))
    return held, _unsealed(keys, held.entity_id, held.file_id, inner)


def _held(uow: UnitOfWork, letter_id: UUID) -> _Held:
    held = queries.reservation(uow, letters.letter(uow, letter_id).id)
    own = queries.own_wrap(uow, held)
    if own is None:
        raise Forbidden("custody.no-reader")
    wrap, key = own
    return _Held(own_account(uow).id, held.entity_id, held.file_id, key.id, key.sealed, wrap.wrapped)


def _give(uow: UnitOfWork, letter_id: UUID, key_id: UUID, key: bytes, keys: Keyring, *, escrow: bool) -> None:
    letter = letters.letter(uow, letter_id)
    held = queries.reservation(uow, letter.id)
    if key_id not in {each.key_id for each in queries.candidates(uow, letter)}:
        raise Invalid("custody.unknown-reader", (Problem("reader", "custody.unknown-reader"),))
    if key_id in {each.key_id for each in queries.readers(uow, held)}:
        raise Conflict("custody.reader-already")
    (reading_key,) = queries.keys_by_ids(uow, [key_id])
    wrap = _wrap(uow, held, reading_key, key, keys)
    uow.flush()
    record(uow, "letters.reader-given", "letter", letter.id, entity_id=held.entity_id, row=wrap, escrow=escrow)


def _wrap(uow: UnitOfWork, held: Reservation, reading_key: ReadingKey, key: bytes, keys: Keyring) -> ReaderWrap:
    inner = keys.under_vault(uow.session, held.entity_id, held.file_id, key, _vault_context(held.file_id))
    made = ReaderWrap(
        reservation_id=held.id, reading_key_id=reading_key.id,
        wrapped=wrap_for(reading_key.public, inner, _context(held.file_id, reading_key.id)),
        given_by_id=uow.actor.employee_id, given_at=uow.now,
    )  # fmt: skip
    uow.session.add(made)
    return made


def _unsealed(keys: Keyring, body: UUID, file_id: UUID, inner: bytes) -> bytes:
    try:
        return keys.from_vault(body, file_id, inner, _vault_context(file_id))
    except KeyDestroyed as error:
        raise NotFound("content.destroyed") from error


def _context(file_id: UUID, reading_key_id: UUID) -> bytes:
    return f"reserved|{file_id}|{reading_key_id}".encode()


def _vault_context(file_id: UUID) -> bytes:
    return f"edms/1/reserved|{file_id}".encode()
