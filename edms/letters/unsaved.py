"""Turning a letter that is only typed, not saved, into the values that its printed form shows."""

from collections.abc import Sequence
from dataclasses import replace

from crypto import codes
from crypto.errors import BadCode
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden, NotFound
from edms.entities import queries as entities
from edms.letters import body as bodies
from edms.letters import queries
from edms.letters.checks import MAX_SUBJECT, LetterText
from edms.letters.models import Letter
from edms.letters.paper import planned_room
from edms.letters.printing import SheetText, Signer, printed_text
from edms.letters.printing_plan import Printing
from edms.letters.rendition.values import PrintedLetter
from edms.letters.rules import AddresseeRole

MOST_CHARACTERS = 60_000
"""Characters of the text that a live preview sets, some 20 pages; the PDF of the saved draft has all of it."""


def shortened(body: bodies.Body, most: int = MOST_CHARACTERS) -> tuple[bodies.Body, bool]:
    """Return the beginning of a body, at most ``most`` characters of it, and whether anything was left out."""
    taken: bodies.Body = []
    for block in body:
        size = len(bodies.plain_text([block]))
        if size > most:
            if block["type"] in {"paragraph", "heading"}:
                taken.append({**block, "text": block["text"][:most]})
            return taken, True
        taken.append(block)
        most -= size
    return taken, False


def printed_unsaved(
    uow: UnitOfWork, text: LetterText, printing: Printing, *, attached: Sequence[str] = ()
) -> PrintedLetter:
    """Gather what the sheet of an unsaved letter of the actor's body shows; nothing typed is refused here.

    ``attached`` are the names of its attachments. The sheet carries the draft's mark, no number and date, and the room
    that the paper seal of these words will take. Raises Forbidden ``letters.no-entity`` for an actor without a body.
    """
    if uow.actor.entity_id is None:
        raise Forbidden("letters.no-entity")
    told = SheetText(
        entity_id=uow.actor.entity_id,
        kind=text.kind,
        sensitivity=text.sensitivity,
        precedence=text.precedence,
        subject=" ".join(text.subject.split())[:MAX_SUBJECT],
        body=shortened(bodies.clean(text.body))[0],
        to=tuple(each.entity_id for each in text.addressees if each.role == AddresseeRole.TO),
        copies=tuple(
            (each.entity_id, each.purpose.strip()) for each in text.addressees if each.role == AddresseeRole.COPY
        ),
        references=tuple(_referred(uow, words) or words for words in text.references),
        attachments=tuple(attached),
        signer=_signer(uow, text),
    )
    room = planned_room(
        uow, told.entity_id, subject=told.subject, sensitivity=text.sensitivity, body=bodies.clean(text.body),
        recipients=[each.entity_id for each in text.addressees],
    )  # fmt: skip
    return replace(printed_text(uow, told, printing, day=None), seal_mm=room)


def _signer(uow: UnitOfWork, text: LetterText) -> Signer:
    """Return name and post of who is to sign; of another body's post nothing is told."""
    if text.signer_post_id is None:
        return Signer()
    try:
        post = entities.post(uow, text.signer_post_id)
    except NotFound:
        return Signer()
    if post.entity_id != uow.actor.entity_id:
        return Signer()
    holders = entities.holders(uow, post.id, uow.today)
    return Signer(holders[0].name if len(holders) == 1 else "", post.title)


def _referred(uow: UnitOfWork, words: str) -> Letter | None:
    """Return the numbered letter whose document code a line of reference is, where the writer may see it."""
    try:
        found = queries.letter_by_code(uow, codes.parse(words, year=uow.now.year).digits)
    except (BadCode, NotFound):
        return None
    return found if found.number and found.letter_date is not None else None
