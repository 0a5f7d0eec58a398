"""Destroying a letter of a body, or a whole year of one, with its keys: no backup of database and files opens it again.

First the intent is committed, then the vault destroys the secrets, then the certificate is completed: broken off
anywhere, the same call again finishes it. Wraps and ciphertext that stay behind open nowhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args
from uuid import UUID

from sqlalchemy import delete, func, or_, select

from crypto import punctured_tree as tree
from crypto.digests import sha256
from edms.audit.service import record
from edms.confirmations.models import InquiryRow
from edms.content.models import FileKey, SmallFile
from edms.content.store import ContentStore
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict, Invalid
from edms.custody.models import Reservation
from edms.dispatch.models import OutboundPackage, OutboxItem
from edms.dispatch.packing import files_of
from edms.dispatch.rules import ItemState
from edms.entities.keyring import UNDER_VAULT, Keyring, bucket_of, year_of
from edms.intake.models import ReceivedMessage
from edms.letters import queries
from edms.letters.models import Attachment, Destruction, Letter, UnfinishedForm, Version
from edms.letters.rules import DESTROY, DESTROY_YEAR, NUMBERED, READERS, State
from edms.search.indexes import Indexes

Reason = Literal["retention", "court", "mistake"]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
LONGEST_ORDER: Final = 60
_LONGEST: Final = timedelta(minutes=10)
_PATH_BYTES: Final = 2 * tree.STEPS // 2
_PLAIN_WRAP: Final = 61
"""Octets of a file's wrap that needs no vault."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was destroyed: ``keys`` secrets, ``key_hash`` SHA-256 (hex) over their places in the vault."""

    id: UUID
    keys: int
    key_hash: str


@dataclass(frozen=True, slots=True)
class Shredder:
    """What destroying needs of the installation."""

    database: Database
    store: ContentStore
    keys: Keyring
    indexes: Indexes


def destroy_letter(at: Shredder, actor: Actor, letter_id: UUID, *, reason: Reason, order: str = "") -> Certificate:
    """Destroy a numbered letter of the actor's body for good; its numbers, dates and events stay.

    Copies that other bodies hold are theirs. Raises Conflict ``letters.destroy-unnumbered``, ``.destroy-on-the-way``
    while a consignment is not at its end, ``.destroy-older`` when part of it was stored before the vault was begun,
    ``.destroy-shared`` when another letter of the body has a file of it; what ``queries.letter`` does.
    """
    files: set[UUID] = set()
    with at.database.work(actor) as uow:
        uow.actor.require(DESTROY)
        letter = queries.letter_for_update(uow, letter_id)
        row = queries.destruction(uow, letter.id)
        if row is None:
            row, files = begin(uow, letter, reason, order)
        elif row.reason == READERS:
            files = _begun_for_readers_too(uow, letter, row, reason, order)
    return finish(at, actor, row, files)


def check(uow: UnitOfWork, letter: Letter) -> None:
    """Raise what ``begin`` would."""
    _check(uow, letter, _parts_of(uow, letter)[0])


def begin(uow: UnitOfWork, letter: Letter, reason: str, order: str = "") -> tuple[Destruction, set[UUID]]:
    """Commit to destroying a letter as its body stores it, and return its certificate and files; raises as above."""
    files, items = _parts_of(uow, letter)
    _check(uow, letter, files)
    paths = [_path(letter.entity_id, one) for one in {*files, *items}]
    return _begun(uow, letter.entity_id, paths, reason, order, letter_id=letter.id), files


def destroy_year(at: Shredder, actor: Actor, year: int, *, reason: Reason, order: str = "") -> Certificate:
    """Destroy all that the actor's body stored under the vault in a year (UTC) that is over: letters, files and mail.

    Raises Conflict ``letters.destroy-year-open``, or ``.destroy-year-unfinished`` while a letter of it is not numbered
    or still on its way.
    """
    with at.database.work(actor) as uow:
        uow.actor.require(DESTROY_YEAR)
        body = uow.actor.entity_id
        if body is None or year >= uow.now.year:
            raise Conflict("letters.destroy-year-open", year=year)
        row = uow.session.scalars(
            select(Destruction).where(Destruction.entity_id == body, Destruction.year == year)
        ).first()
        if row is None:
            if unfinished := _unfinished(uow, body, year):
                raise Conflict("letters.destroy-year-unfinished", year=year, count=unfinished)
            row = _begun(uow, body, [tree.path_of(bucket_of(body, year))], reason, order, year=year)
    return finish(at, actor, row, set())


def repeat_all(at: Shredder, actor: Actor) -> int:
    """Finish what was broken off, and destroy again what certificates name on a vault that was restored from a copy.

    Returns how many secrets had come back.
    """
    with at.database.read(actor) as uow:
        uow.actor.require(DESTROY_YEAR)
        rows = uow.session.scalars(select(Destruction)).all()
        paths = [path for row in rows for path in _paths(row)]
    for row in rows:
        finish(at, actor, row, set())
    found = at.keys.vault().destroy(paths)
    with at.database.work(actor) as uow:
        record(uow, "keys.destroyed-again", "keys", None, certificates=len(paths), found=found)
    return found


def unfinished(uow: UnitOfWork) -> int:
    """Count certificates of destructions that were broken off before the vault had destroyed what they name."""
    begun = Destruction.begun_at < uow.now - _LONGEST
    return uow.session.scalar(select(func.count()).where(Destruction.done_at.is_(None), begun)) or 0


def not_destroyed(uow: UnitOfWork, *, keys: Keyring) -> int:
    """Return how many secrets that were certified as destroyed the vault can still derive."""
    vault = keys.vault()
    return sum(
        not vault.destroyed(path)
        for row in uow.session.scalars(select(Destruction).where(Destruction.done_at.is_not(None)))
        for path in _paths(row)
    )


def _begun_for_readers_too(uow: UnitOfWork, letter: Letter, row: Destruction, reason: str, order: str) -> set[UUID]:
    """Commit to destroying what named readers still could open, too; return its file."""
    file_id = uow.session.scalars(select(Reservation.file_id).where(Reservation.letter_id == letter.id)).one()
    paths = [*_paths(row), _path(letter.entity_id, file_id)]
    row.paths = b"".join(sorted({tree.packed(path) for path in paths}))
    row.key_hash, row.reason, row.order_number = sha256(row.paths), reason, _order(order)
    row.employee_id, row.begun_at, row.done_at = uow.actor.employee_id, uow.now, None
    _told(uow, row)
    return {file_id}


def _begun(
    uow: UnitOfWork, body: UUID, paths: Iterable[tree.Path], reason: str, order: str, *,
    letter_id: UUID | None = None, year: int | None = None,
) -> Destruction:  # fmt: skip
    packed = b"".join(sorted(tree.packed(path) for path in paths))
    row = Destruction(
        entity_id=body, letter_id=letter_id, year=year, reason=reason, order_number=_order(order), paths=packed,
        key_hash=sha256(packed), employee_id=uow.actor.employee_id, begun_at=uow.now,
    )  # fmt: skip
    uow.session.add(row)
    _told(uow, row)
    return row


def _told(uow: UnitOfWork, row: Destruction) -> None:
    uow.flush()
    record(
        uow, "letters.destroying", *_object(row), entity_id=row.entity_id, row=row, reason=row.reason,
        key_hash=row.key_hash.hex(),
    )  # fmt: skip


def _object(row: Destruction) -> tuple[str, UUID | None]:
    return ("letter", row.letter_id) if row.letter_id else ("keys", None)


def _order(typed: str) -> str:
    order = typed.strip()
    if len(order) > LONGEST_ORDER:
        raise Invalid("letters.destroy-order-long", limit=LONGEST_ORDER)
    return order


def _path(body: UUID, item: UUID) -> tree.Path:
    """Return the place in the vault of an item's secret."""
    return tree.path_of(bucket_of(body, year_of(item)), item.bytes)


def finish(at: Shredder, actor: Actor, row: Destruction, files: set[UUID]) -> Certificate:
    """Destroy what a certificate names, and complete it; done again, it does nothing."""
    paths = _paths(row)
    certificate = Certificate(row.id, len(paths), row.key_hash.hex())
    if row.done_at is not None:
        return certificate
    at.keys.vault().destroy(paths)
    with at.database.work(actor) as uow:
        held = uow.session.get_one(Destruction, row.id, with_for_update=True)
        held.done_at = uow.now
        if held.letter_id is not None:
            uow.session.execute(delete(UnfinishedForm).where(UnfinishedForm.letter_id == held.letter_id))
        unreadable = _unreadable(uow, files, at.keys)
        uow.session.execute(delete(SmallFile).where(SmallFile.file_id.in_(unreadable)))
        record(
            uow, "letters.destroyed", *_object(held), entity_id=held.entity_id, row=held, reason=held.reason,
            order=held.order_number, year=held.year, keys=len(paths), key_hash=certificate.key_hash,
        )  # fmt: skip
    for file_id in unreadable:
        at.store.delete(file_id)
    at.indexes.request(row.entity_id)  # the words of what is gone leave the index with the files of the old one
    return certificate


def _paths(row: Destruction) -> list[tree.Path]:
    packed = bytes(row.paths)
    size = tree.STEPS // 2 if row.year is not None else _PATH_BYTES
    return [tree.unpacked(packed[at : at + size]) for at in range(0, len(packed), size)]


def _parts_of(uow: UnitOfWork, letter: Letter) -> tuple[set[UUID], set[UUID]]:
    """Return the files of a letter in its body, and the items that its texts are sealed with."""
    session, body = uow.session, letter.entity_id
    files = set(session.scalars(select(Attachment.file_id).where(Attachment.letter_id == letter.id)))
    files |= {letter.rendition_id} if letter.rendition_id else set()
    items = {letter.id, *session.scalars(select(UnfinishedForm.id).where(UnfinishedForm.letter_id == letter.id))}
    if letter.document_code:  # an answer to «was this issued by you?» repeats the subject
        asked = select(InquiryRow.id).where(
            InquiryRow.entity_id == body, InquiryRow.document_code == letter.document_code
        )
        items |= set(session.scalars(asked))
    received = select(ReceivedMessage).where(ReceivedMessage.letter_id == letter.id, ReceivedMessage.entity_id == body)
    for message in session.scalars(received):
        items.add(message.id)
        files |= {message.raw_file_id, *_named(message.meta)}
    sent = select(OutboxItem.package_id).where(OutboxItem.letter_id == letter.id, OutboxItem.entity_id == body)
    for package in session.scalars(select(OutboundPackage).where(OutboundPackage.id.in_(sent))):
        items.add(package.id)
        files |= set(_named(package.meta))
    held = select(FileKey.file_id).where(FileKey.entity_id == body, FileKey.file_id.in_(files))
    return set(session.scalars(held)), items


def _named(meta: dict[str, object]) -> Sequence[UUID]:
    return files_of(meta) if meta.get("parts") else ()


def _check(uow: UnitOfWork, letter: Letter, files: set[UUID]) -> None:
    session, body = uow.session, letter.entity_id
    if letter.state not in NUMBERED:
        raise Conflict("letters.destroy-unnumbered")
    moving = select(OutboxItem.id).where(
        OutboxItem.letter_id == letter.id, OutboxItem.entity_id == body,
        OutboxItem.state.in_([ItemState.QUEUED, ItemState.SENDING]),
    )  # fmt: skip
    if session.scalars(moving.limit(1)).first() is not None:
        raise Conflict("letters.destroy-on-the-way")
    sealed = [
        letter.subject_sealed,
        *session.scalars(select(Version.text_sealed).where(Version.letter_id == letter.id)),
    ]
    wraps = session.scalars(select(FileKey.wrapped).where(FileKey.entity_id == body, FileKey.file_id.in_(files)))
    plain = any(one and not int.from_bytes(one[:2], "big") & UNDER_VAULT for one in sealed)
    if plain or any(len(one) <= _PLAIN_WRAP for one in wraps):
        raise Conflict("letters.destroy-older")
    others = (
        select(Letter.id).outerjoin(Attachment, Attachment.letter_id == Letter.id).where(
            Letter.entity_id == body, Letter.id != letter.id,
            or_(Letter.rendition_id.in_(files), Attachment.file_id.in_(files)),
        )
    )  # fmt: skip
    if session.scalars(others.limit(1)).first() is not None:
        raise Conflict("letters.destroy-shared")


def _unfinished(uow: UnitOfWork, body: UUID, year: int) -> int:
    """Count what was begun in a year and goes on: unnumbered letters, and what waits to be sent."""
    first, after = (UUID(int=int(datetime(one, 1, 1, tzinfo=UTC).timestamp() * 1000) << 80) for one in (year, year + 1))
    letters = select(func.count()).select_from(Letter).where(
        Letter.entity_id == body, Letter.id >= first, Letter.id < after,
        Letter.state.in_([State.DRAFT, State.SUBMITTED, State.SIGNED]),
    )  # fmt: skip
    moving = select(func.count()).select_from(OutboxItem).where(
        OutboxItem.entity_id == body, OutboxItem.package_id >= first, OutboxItem.package_id < after,
        OutboxItem.state.in_([ItemState.QUEUED, ItemState.SENDING]),
    )  # fmt: skip
    return (uow.session.scalar(letters) or 0) + (uow.session.scalar(moving) or 0)


def _unreadable(uow: UnitOfWork, files: set[UUID], keys: Keyring) -> list[UUID]:
    """Return those of some files that no body can open any more."""
    vault, opens = keys.vault(), set()
    held = select(FileKey.file_id, FileKey.entity_id, FileKey.wrapped).where(FileKey.file_id.in_(files))
    for file_id, body, wrapped in uow.session.execute(held):
        if len(wrapped) <= _PLAIN_WRAP or not vault.destroyed(_path(body, file_id)):
            opens.add(file_id)
    return sorted(files - opens)
