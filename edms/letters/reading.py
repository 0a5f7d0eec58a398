"""Opening a letter: every view, print and download is one coded copy of one person and one event."""

from functools import lru_cache
from typing import Literal

from edms.audit.service import record
from edms.codes.models import IssuedCopy
from edms.codes.service import issue_copy
from edms.codes.stamp import CopyMark, stamp_pdf
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden, NotFound
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.letters import queries
from edms.letters.closing import tell_opened
from edms.letters.models import Attachment, Letter, Opening

Act = Literal["view", "print", "download"]


def note_opening(uow: UnitOfWork, letter: Letter) -> bool:
    """Note that the actor opened a letter and return whether it was the first time (unread marks come from it).

    The first person of the receiving body who opens it is what the sender is told as the fact «opened».
    """
    if uow.actor.employee_id is None:
        raise Forbidden("codes.person-required")
    first = queries.opening(uow, letter.id) is None
    if first:
        if not queries.is_opened(uow, letter.id):
            tell_opened(uow, letter)
        uow.session.add(Opening(letter_id=letter.id, employee_id=uow.actor.employee_id, opened_at=uow.now))
        uow.flush()
    record(uow, "letters.opened", "letter", letter.id, entity_id=letter.entity_id, first=first)
    return first


def issue_view(uow: UnitOfWork, letter: Letter, act: Act = "view") -> IssuedCopy:
    """Issue the actor's copy of a letter's sheet; NotFound when the letter has none (not issued, or came untyped).

    The caller commits before the first byte of the copy leaves.
    """
    if letter.rendition_id is None or letter.document_code is None:
        raise NotFound("letters.no-rendition")
    return issue_copy(
        uow,
        letter_id=letter.id,
        file_id=letter.rendition_id,
        document_code=letter.document_code,
        act=act,
        content_hash=letter.rendition_hash or b"",
    )


def read_copy(uow: UnitOfWork, letter: Letter, copy: IssuedCopy, *, store: ContentStore, keys: Keyring) -> bytes:
    """Return the marked PDF of a copy that was issued before to the actor."""
    if letter.rendition_id is None or copy.employee_id != uow.actor.employee_id:
        raise NotFound("letters.no-rendition")
    pdf = content.read(uow, letter.rendition_id, entity_id=letter.entity_id, store=store, keys=keys)
    own = entities.entity(uow, copy.entity_id)
    return _stamped(pdf, CopyMark(copy.code, own.code, uow.actor.employee_code))


def open_copy(
    uow: UnitOfWork, letter: Letter, act: Act, *, store: ContentStore, keys: Keyring
) -> tuple[bytes, IssuedCopy]:
    """Issue the actor's copy of a visible letter and return its marked PDF with the copy's row.

    Notes the opening too. The caller commits before it lets a byte out.
    """
    copy = issue_view(uow, letter, act)
    note_opening(uow, letter)
    return read_copy(uow, letter, copy, store=store, keys=keys), copy


def open_attachment(
    uow: UnitOfWork, letter: Letter, attachment: Attachment, *, store: ContentStore, keys: Keyring
) -> bytes:
    """Return an attachment's exact bytes; of a numbered letter this is a coded copy, else an event alone."""
    if letter.document_code is not None:
        issue_copy(
            uow,
            letter_id=letter.id,
            file_id=attachment.file_id,
            document_code=letter.document_code,
            act="download",
            content_hash=bytes.fromhex(attachment.hash),
        )
    else:
        record(uow, "letters.attachment-read", "letter", letter.id, entity_id=letter.entity_id)
    return content.read(uow, attachment.file_id, entity_id=letter.entity_id, store=store, keys=keys)


@lru_cache(maxsize=16)
def _stamped(pdf: bytes, mark: CopyMark) -> bytes:
    return stamp_pdf(pdf, mark)
