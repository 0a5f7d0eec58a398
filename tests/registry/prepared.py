"""Many signed letters of one body, made quickly: what the tests of numbering then issue."""

from datetime import date
from uuid import UUID

from edms.entities import queries as entities
from edms.letters import service
from edms.letters.checks import AddresseeText, LetterText
from edms.letters.rules import Kind
from tests.factories.world import World

_BATCH = 100


def signed_letters(world: World, number: int, *, subject: str = "تأييد استلام") -> list[UUID]:
    """Return the ids of ``number`` short letters of body a to body b, signed and waiting for their numbers."""
    writer, head = world.actor("a", "employee"), world.actor("a", "head")
    made: list[UUID] = []
    with world.database.read(head) as uow:
        (post, *_) = entities.signing_posts(uow, world.entity_a.id)
    while len(made) < number:
        batch = []
        with world.database.work(writer) as uow:
            for place in range(len(made), min(len(made) + _BATCH, number)):
                text = LetterText(
                    kind=Kind.LETTER, subject=f"{subject} {place + 1}", signer_post_id=post.id,
                    body=[{"type": "paragraph", "text": "نؤيد استلام كتابكم، للتفضل بالاطلاع مع التقدير."}],
                    addressees=(AddresseeText(world.entity_b.id),),
                )  # fmt: skip
                batch.append(service.draft(uow, text).id)
                service.submit(uow, batch[-1])
        with world.database.work(head) as uow:
            for letter_id in batch:
                service.sign(uow, letter_id, keys=world.keyring)
        made += batch
    return made


def this_year() -> int:
    return date.today().year  # noqa: DTZ011
