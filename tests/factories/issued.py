"""Letters issued in a world, for tests of what happens to them afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from crypto.timestamps import TimeStamper
from edms.codes.models import IssuedCopy
from edms.content import service as content
from edms.core.database import UnitOfWork
from edms.letters import issuing, queries, service
from edms.letters.checks import AddresseeText, LetterText
from edms.letters.copies import issue_sheet
from edms.letters.issuing import Issued
from edms.letters.printing_plan import Printing
from edms.letters.rules import AddresseeRole, Kind, Sensitivity
from edms.registry.service import TurnQueue
from tests.factories.world import World

BODY = [{"type": "paragraph", "text": "نود إعلامكم بأن كتابكم المرقم ت/٤/١٢٨٧ قد أُنجز، للتفضل بالاطلاع مع التقدير."}]


@dataclass(frozen=True, slots=True)
class IssuedLetter:
    """An issued letter with its sealed PDF."""

    id: UUID
    document_code: str
    verification_code: str
    number: str
    pdf: bytes


def issued_letter(
    world: World,
    *,
    subject: str = "تخصيصات مشروع الأرشفة",
    sensitivity: Sensitivity = Sensitivity.ORDINARY,
    to: Sequence[UUID] = (),
    body: Sequence[dict[str, str]] = BODY,
) -> IssuedLetter:
    """Let body A's clerk write a letter to B (or to ``to``), its head sign and issue it."""
    clerk, head = world.actor("a", "employee"), world.actor("a", "head")
    addressed = tuple(AddresseeText(each, AddresseeRole.TO) for each in to or (world.entity_b.id,))
    text = LetterText(
        Kind.LETTER, subject, list(body), addressed, sensitivity=sensitivity, signer_post_id=next(iter(head.post_ids))
    )
    author = head if sensitivity > clerk.clearance else clerk
    with world.database.work(author) as uow:
        letter_id = service.draft(uow, text).id
    with world.database.work(author) as uow:
        service.submit(uow, letter_id)
    with world.database.work(head) as uow:
        service.sign(uow, letter_id, keys=world.keyring)
    issued: Issued = issuing.issue(
        world.database, head, letter_id, turns=world.parts[TurnQueue], store=world.store, keys=world.keyring,
        printing=world.parts[Printing], stamper=world.parts[TimeStamper],
    )  # fmt: skip
    with world.database.read(head) as uow:
        row = queries.letter(uow, letter_id)
        assert row.rendition_id is not None
        pdf = content.read(uow, row.rendition_id, entity_id=row.entity_id, store=world.store, keys=world.keyring)
    return IssuedLetter(letter_id, issued.document_code, issued.verification_code, issued.number, pdf)


def downloaded_copy(world: World, letter: IssuedLetter, who: tuple[str, str]) -> tuple[bytes, IssuedCopy]:
    """Return the coded copy that somebody of body A downloads."""
    issued = issue_sheet(
        world.database, world.actor(*who), letter.id, "download", store=world.store, keys=world.keyring
    )
    with world.database.read(world.actor(*who)) as uow:
        return issued.data, uow.session.scalars(select(IssuedCopy).where(IssuedCopy.code == issued.code)).one()


def events(uow: UnitOfWork, act: str) -> int:
    """Count the events of one act."""
    from sqlalchemy import func, select

    from edms.audit.models import Event

    return uow.session.scalar(select(func.count()).select_from(Event).where(Event.act == act)) or 0
