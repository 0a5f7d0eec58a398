"""Issuing coded copies of letters and their attachments: marked outside any lock, on record before the first byte."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, TypedDict
from uuid import UUID

from crypto.digests import sha256
from crypto.errors import CannotMark
from crypto.marks.marking import HiddenMark
from crypto.marks.tint import Profile
from edms.audit.service import record
from edms.codes import mark_keys
from edms.codes import queries as codes_queries
from edms.codes import service as codes
from edms.codes.foreign_files import marked_apart, page_count_apart, page_png_apart
from edms.codes.page_images import page_count, page_png
from edms.codes.service import Copied, DrawnCopy
from edms.codes.stamp import CopyMark, marked_pdf
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict, NotFound, Unavailable
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.letters import queries
from edms.letters.models import Letter
from edms.letters.reading import note_opening

Act = Literal["view", "print", "download"]

_TRIES: Final = 3
_MEANWHILE: Final = frozenset({"codes.drawn-meanwhile", "database.conflict"})
_PROFILES: Final = {"view": Profile.SCREEN, "download": Profile.STANDARD, "print": Profile.PRINT}
_PDF: Final = "application/pdf"


class Stores(TypedDict):
    """Where files and keys are."""

    store: ContentStore
    keys: Keyring


@dataclass(frozen=True, slots=True)
class IssuedFile:
    """A copy as it leaves: its code ("" where the letter has no number yet), name, media type and bytes."""

    code: str
    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class View:
    """A reader's marked sheet, shown page by page; one that others drew is drawn in a child process."""

    pdf: bytes = field(repr=False)
    ours: bool

    def page(self, number: int, width_px: int) -> bytes:
        """Return a page (from 1) as PNG; raises NotFound, Invalid and Unavailable."""
        return (page_png if self.ours else page_png_apart)(self.pdf, number, width_px)

    def pages(self) -> int:
        """Return how many pages there are; raises Invalid and Unavailable."""
        return (page_count if self.ours else page_count_apart)(self.pdf)


@dataclass(frozen=True, slots=True)
class _Part:
    """A file of a letter that is to be copied; ``ours`` was drawn by this installation's own hand.

    ``data`` is given where the caller has opened the file; else it is read by the body's key.
    """

    copied: Copied
    name: str
    media_type: str
    ours: bool
    data: bytes | None = field(default=None, repr=False)


def issue_sheet(
    database: Database, actor: Actor, letter_id: UUID, act: Act, *, store: ContentStore, keys: Keyring,
    data: bytes | None = None,
) -> IssuedFile:  # fmt: skip
    """Issue the actor's copy of a visible letter's sheet and note the opening. Opens its own units of work.

    ``data`` is the sheet where it was opened by another key than the body's. Raises NotFound ``letters.no-rendition``
    when the letter has none (not issued, or it came untyped).
    """

    def part(uow: UnitOfWork, letter: Letter) -> _Part:
        return _Part(_sheet(uow, letter), letter.document_code or "", _PDF, ours=_drawn_here(uow, letter), data=data)

    issued = _issued(database, actor, letter_id, part, act, store=store, keys=keys, opens=True)
    return IssuedFile(issued.code, f"{issued.name}-{issued.code}.pdf", issued.media_type, issued.data)


def issue_view(database: Database, actor: Actor, letter_id: UUID, *, store: ContentStore, keys: Keyring) -> str:
    """Do what ``issue_sheet`` does for a view, and return its code; a view that is on record is not made again."""
    with database.read(actor) as uow:
        letter = queries.letter(uow, letter_id)
        held = codes_queries.own_copy(uow, letter.rendition_id, "view") if letter.rendition_id else None
    if held is None:
        return issue_sheet(database, actor, letter_id, "view", store=store, keys=keys).code
    with database.work(actor) as uow:
        letter = queries.letter(uow, letter_id)
        note_opening(uow, letter)
        drawn = DrawnCopy(held.code, None, on_record=True)
        return codes.issue_copy(uow, drawn, _sheet(uow, letter), "view", issued_hash=held.issued_hash).code


def issue_opened_attachment(
    database: Database, actor: Actor, letter_id: UUID, attachment_id: UUID, name: str, content_hash: str, data: bytes,
    *, store: ContentStore, keys: Keyring,
) -> IssuedFile:  # fmt: skip
    """Do what ``issue_attachment`` does for one that was opened by another key than the body's."""

    def part(uow: UnitOfWork, letter: Letter) -> _Part:
        found = queries.attachment(uow, letter.id, attachment_id)
        copied = _copied(uow, letter, found.file_id, bytes.fromhex(content_hash))
        return _Part(copied, name, found.media_type, ours=False, data=data)

    return _issued(database, actor, letter_id, part, "download", store=store, keys=keys)


def issue_attachment(
    database: Database, actor: Actor, letter_id: UUID, attachment_id: UUID, *, store: ContentStore, keys: Keyring
) -> IssuedFile:
    """Issue the actor's copy of an attachment: a PDF is marked, any other file is given as it is, both are on record.

    Of a letter without a number it is an event alone. Opens its own units of work.
    """

    def part(uow: UnitOfWork, letter: Letter) -> _Part:
        found = queries.attachment(uow, letter.id, attachment_id)
        copied = _copied(uow, letter, found.file_id, bytes.fromhex(found.hash))
        return _Part(copied, found.name, found.media_type, ours=False)

    return _issued(database, actor, letter_id, part, "download", store=store, keys=keys)


def view(uow: UnitOfWork, letter: Letter, *, store: ContentStore, keys: Keyring) -> View:
    """Return the view that was issued before to the actor; raises NotFound."""
    if letter.rendition_id is None:
        raise NotFound("letters.no-rendition")
    drawn = codes.draw(uow, letter.rendition_id, "view", keys=keys, hidden=True)
    if not drawn.on_record:
        raise NotFound("letters.no-rendition")
    pdf = content.read(uow, letter.rendition_id, entity_id=letter.entity_id, store=store, keys=keys)
    mark, ours = _mark(uow, drawn, "view", pdf), _drawn_here(uow, letter)
    return View(_kept(pdf, mark, ours=ours) if mark else pdf, ours)


def _issued(
    database: Database,
    actor: Actor,
    letter_id: UUID,
    find: Callable[[UnitOfWork, Letter], _Part],
    act: Act,
    *,
    store: ContentStore,
    keys: Keyring,
    opens: bool = False,
) -> IssuedFile:
    mark_keys.ensure(database, actor, keys=keys)
    for _ in range(_TRIES):
        with database.read(actor) as uow:
            letter = queries.letter(uow, letter_id)
            part = find(uow, letter)
            drawn = _drawn(uow, part, act, keys)
            data = part.data
            if data is None:
                data = content.read(uow, part.copied.file_id, entity_id=letter.entity_id, store=store, keys=keys)
            mark = _mark(uow, drawn, act, data) if drawn else None
        if drawn is not None and mark is not None:
            try:
                data = _marked(data, mark, ours=part.ours)
            except CannotMark:
                drawn = DrawnCopy(drawn.code, None, drawn.on_record)
        try:
            with database.work(actor) as uow:
                letter = queries.letter(uow, letter_id)
                if opens:
                    note_opening(uow, letter)
                if drawn is None:
                    record(uow, "letters.attachment-read", "letter", letter.id, entity_id=letter.entity_id)
                    return IssuedFile("", part.name, part.media_type, data)
                copy = codes.issue_copy(uow, drawn, part.copied, act, issued_hash=sha256(data))
                return IssuedFile(copy.code, part.name, part.media_type, data)
        except Conflict as error:
            if error.code not in _MEANWHILE:
                raise
    raise Unavailable("codes.busy")


def _marked(pdf: bytes, mark: CopyMark, *, ours: bool) -> bytes:
    """Mark a copy; of a file that others made, in a child process."""
    return marked_pdf(pdf, mark) if ours else marked_apart(pdf, mark)


_kept = lru_cache(maxsize=8)(_marked)


def _drawn_here(uow: UnitOfWork, letter: Letter) -> bool:
    """Tell whether this installation drew a letter's sheet: its sender lives here."""
    sender = entities.entity(uow, letter.sender_id or letter.entity_id)
    return sender.installation_id == entities.home(uow).id


def _sheet(uow: UnitOfWork, letter: Letter) -> Copied:
    if letter.rendition_id is None or letter.document_code is None:
        raise NotFound("letters.no-rendition")
    return _copied(uow, letter, letter.rendition_id, letter.rendition_hash or b"")


def _copied(uow: UnitOfWork, letter: Letter, file_id: UUID, content_hash: bytes) -> Copied:
    behalf = uow.actor.deputyship(letter.signer_post_id, letter.kind, letter.sensitivity)
    return Copied(
        letter_id=letter.id,
        letter_version=letter.version,
        document_code=letter.document_code or "",
        file_id=file_id,
        content_hash=content_hash,
        on_behalf_of_id=behalf.holder_id if behalf else None,
    )


def _drawn(uow: UnitOfWork, part: _Part, act: Act, keys: Keyring) -> DrawnCopy | None:
    """Return what the copy is to be; nothing of a letter that has no number yet."""
    if not part.copied.document_code:
        return None
    return codes.draw(uow, part.copied.file_id, act, keys=keys, hidden=part.media_type == _PDF)


def _mark(uow: UnitOfWork, drawn: DrawnCopy, act: str, original: bytes) -> CopyMark | None:
    if drawn.key is None or uow.actor.entity_id is None:
        return None
    own = entities.entity(uow, uow.actor.entity_id)
    hidden = HiddenMark.of(drawn.number, drawn.key, sha256(original), _PROFILES[act])
    return CopyMark(drawn.code, own.code, uow.actor.employee_code, hidden)
