"""Letters of the test world, registered without mail, files or printed form."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from crypto import codes
from edms.core.actor import system_actor
from edms.core.ids import new_id
from edms.dispatch.package import LetterPackage, PackagePart
from edms.letters.receiving import receive
from tests.factories.world import World

GATEWAY = system_actor("gateway")
DAY = date(2026, 3, 9)
BODY = "نرفق لكم تقرير لجنة الكشف على المولدات، ويرجى صرف المبالغ قبل نهاية السنة المالية."


def package(world: World, serial: int, subject: str, body: str = BODY, **other: object) -> LetterPackage:
    """Return a letter from the centre as it would come by mail."""
    given: dict[str, object] = {
        "package_id": new_id(), "letter_id": new_id(), "number": f"م.م/٤/{serial}", "date": DAY,
        "document_code": codes.document_code(world.centre.code[:6], 2026, serial), "hijri": "1447-09-20",
        "sender_code": world.centre.code, "sender_unit": None, "recipients": (), "subject": subject, "kind": "letter",
        "sensitivity": "ordinary", "precedence": "ordinary", "references": (), "verification_code": "",
        "signer_name": "", "signer_post": "", "signer_code": "", "body_text": body, "parts": tuple[PackagePart, ...](),
    }  # fmt: skip
    return LetterPackage(**{**given, **other})  # type: ignore[arg-type]


def arrive(world: World, entity_id: UUID, packages: Sequence[LetterPackage]) -> list[UUID]:
    """Register letters as incoming mail of a body and return their ids."""
    with world.database.work(GATEWAY) as uow:
        return [
            receive(
                uow, one, entity_id=entity_id, sender_id=world.centre.id, files=()
            )[0].id
            for one in packages
        ]  # fmt: skip
