"""The sheet of a letter as it will be signed by the one who looks at it: with the deputy's name where one signs."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from edms.codes.page_images import page_count
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict
from edms.entities import queries as entities
from edms.letters.models import Letter
from edms.letters.printing import printed_letter
from edms.letters.printing_plan import Printing
from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.values import PrintedLetter
from edms.letters.rules import State
from edms.letters.signing import fingerprint
from edms.letters.steps import signing_authority

MOST_IMAGES: Final = 60


def sheet_to_sign(uow: UnitOfWork, letter: Letter, printing: Printing) -> bytes:
    """Return the PDF of an unsigned letter as the actor would sign it; Conflict ``letters.not-unfinished``."""
    if letter.state not in {State.SUBMITTED, State.SIGNED}:
        raise Conflict("letters.not-unfinished")
    sheet = replace(printed_letter(uow, letter, printing, day=None), watermark="")
    authority = signing_authority(uow.actor, letter)
    if letter.state == State.SUBMITTED and authority is not None and uow.actor.employee_id is not None:
        signer = entities.employees_by_ids(uow, [uow.actor.employee_id])[uow.actor.employee_id]
        sheet = replace(sheet, signer_name=signer.name)
        if authority.deputyship is not None:
            own = entities.posts_held(uow, signer.id, letter.entity_id, uow.today)
            behalf = entities.post(uow, authority.post_id).title
            sheet = replace(sheet, signer_post=own[0].title if own else "", on_behalf_of=behalf)
    return _rendered(sheet)


def pages_to_sign(uow: UnitOfWork, letter: Letter, printing: Printing) -> int:
    """Return how many pages that sheet has."""
    return page_count(sheet_to_sign(uow, letter, printing))


def image_addresses(uow: UnitOfWork, letter: Letter, pages: int, *, width: int = 1588) -> Sequence[str]:
    """Return the addresses of the page images; they name the content, so that a browser never shows an older one."""
    print_ = fingerprint(uow, letter)
    shown = min(pages, MOST_IMAGES)
    return [f"/signing/{letter.id}/pages/{n}.png?width={width}&seen={print_}" for n in range(1, shown + 1)]


@lru_cache(maxsize=64)
def _rendered(sheet: PrintedLetter) -> bytes:
    return render_letter(sheet)
