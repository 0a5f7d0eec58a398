"""All of a letter as its body stores it, in one piece: what is sealed for named readers."""

from dataclasses import asdict, dataclass
from typing import Any

import cbor2
from sqlalchemy import func, select

from edms.content import service as content
from edms.content.models import StoredFile
from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict
from edms.custody.rules import LARGEST
from edms.entities.keyring import Keyring
from edms.intake.models import ReceivedMessage
from edms.letters import queries
from edms.letters.models import Letter
from edms.registry.rules import Direction

_FORM = "diwan-reserved/1"


@dataclass(frozen=True, slots=True)
class HeldFile:
    """An attachment; ``id`` is that of its row, hex."""

    id: str
    name: str
    media_type: str
    hash: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Package:
    """A letter's words and files; ``text`` is its newest version, ``message`` the mail as it came (if it came)."""

    subject: str
    verification_code: str
    text: dict[str, Any]
    sheet: bytes
    attachments: tuple[HeldFile, ...]
    message: bytes

    def encoded(self) -> bytes:
        """Return it as CBOR."""
        return cbor2.dumps({"form": _FORM, **asdict(self)})

    @classmethod
    def decoded(cls, data: bytes) -> "Package":
        """Return what ``encoded`` made."""
        told = cbor2.loads(data)
        if told.pop("form") != _FORM:
            raise ValueError("another form of reserved letter")
        files = tuple(HeldFile(**one) for one in told.pop("attachments"))
        return cls(attachments=files, **told)


def package_of(uow: UnitOfWork, letter: Letter, *, store: ContentStore, keys: Keyring) -> Package:
    """Gather a letter; raises Conflict ``custody.too-large`` before anything is read."""

    def read(file_id: Any) -> bytes:
        return content.read(uow, file_id, entity_id=letter.entity_id, store=store, keys=keys)

    attached, message = queries.attachments(uow, letter.id), message_of(uow, letter)
    ids = [letter.rendition_id, message.raw_file_id if message else None, *(one.file_id for one in attached)]
    size = uow.session.scalar(select(func.sum(StoredFile.size)).where(StoredFile.id.in_([one for one in ids if one])))
    if (size or 0) > LARGEST:
        raise Conflict("custody.too-large", limit=LARGEST >> 20)
    files = tuple(HeldFile(one.id.hex, one.name, one.media_type, one.hash, read(one.file_id)) for one in attached)
    sheet = read(letter.rendition_id) if letter.rendition_id else b""
    raw = read(message.raw_file_id) if message else b""
    text = queries.newest_version(uow, letter.id).text
    return Package(letter.subject, letter.verification_code, text, sheet, files, raw)


def message_of(uow: UnitOfWork, letter: Letter) -> ReceivedMessage | None:
    """Return the mail that a letter came as, if it came by mail; what comes about a sent one is a receipt."""
    if letter.direction != Direction.INCOMING:
        return None
    query = select(ReceivedMessage).where(
        ReceivedMessage.letter_id == letter.id, ReceivedMessage.entity_id == letter.entity_id
    )
    return uow.session.scalars(query.order_by(ReceivedMessage.id).limit(1)).first()
