"""What the paper seal of a letter says, how much room its symbol takes, and sealing it when the pages are known."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from crypto import codes
from crypto.digests import sha256
from crypto.errors import SealInvalid
from crypto.paper_seal import SealClaims, fitted, make_seal, plan_seal
from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.letters import body as bodies
from edms.letters import queries
from edms.letters.models import Letter
from edms.letters.rendition.values import PrintedLetter
from edms.letters.rules import Sensitivity

_HASH = 16
_SERIAL = slice(8, 16)


def paper_claims(uow: UnitOfWork, letter: Letter, content: bytes, *, day: date) -> SealClaims:
    """Return what the seal of a letter with a document code will say, still without its number and pages.

    ``content`` is what the person signed. Subject, addressees and text are told of ordinary letters only: whoever
    sees the symbol can read it (docs/decisions/seal-on-paper.md).
    """
    code = letter.document_code or ""
    open_letter = letter.sensitivity == Sensitivity.ORDINARY
    addressed = queries.addressees(uow, letter.id)
    known = entities.entities_by_ids(uow, [letter.entity_id, *(each.recipient_id for each in addressed)])
    text = queries.newest_version(uow, letter.id).text
    return SealClaims(
        document_code=code,
        day=day,
        content_hash=sha256(content)[:_HASH],
        subject=letter.subject if open_letter else "",
        sender=known[letter.entity_id].code,
        recipients=tuple(known[each.recipient_id].code for each in addressed) if open_letter else (),
        recipient_count=len(addressed),
        pages=0,
        sensitivity=int(letter.sensitivity),
        status_index=int(code[_SERIAL]),
        number="",
        text=signed_words(text["body"]) if open_letter else None,
    )


def planned_room(
    uow: UnitOfWork, entity_id: UUID, *, subject: str, sensitivity: int, body: bodies.Body, recipients: Sequence[UUID]
) -> float:
    """Return the side in millimetres of the symbol that a letter still without number and code will carry.

    0 where none can be made of these words. Pages seen before the issue keep this room, so that they break alike.
    """
    own = entities.entity(uow, entity_id)
    is_open = sensitivity == Sensitivity.ORDINARY
    to = entities.entities_by_ids(uow, recipients).values() if is_open else ()
    claims = SealClaims(
        document_code=codes.document_code(own.code[:6], uow.today.year, 1),
        day=uow.today,
        content_hash=bytes(_HASH),
        subject=subject if is_open else "",
        sender=own.code,
        recipients=tuple(each.code for each in to),
        recipient_count=len(recipients),
        pages=1,
        sensitivity=sensitivity,
        status_index=0,
        number="",
        text=signed_words(body) if is_open else None,
    )
    try:
        return plan_seal(claims)
    except SealInvalid:
        return 0.0


def paper_seal(
    sheet: PrintedLetter, claims: SealClaims, *, sign: Callable[[bytes], bytes], key_id: bytes
) -> tuple[PrintedLetter, Callable[[int], str]]:
    """Return the numbered sheet with the room that its symbol takes, and the function that seals a count of pages.

    ``sign`` takes bytes and gives a DER signature of the body's seal (ECDSA P-256, SHA-256). Raises
    crypto.errors.SealInvalid ``crypto.seal-too-long`` for a number of hundreds of letters.
    """
    sealed, side = fitted(replace(claims, number=sheet.number))

    def symbol(pages: int) -> str:
        return make_seal(replace(sealed, pages=pages), sign=sign, key_id=key_id)

    return replace(sheet, seal_mm=side), symbol


def signed_words(body: bodies.Body) -> str:
    """Return a body as the seal carries it: one block, item or row a line, items with their marks."""
    return re.sub(r"\n{2,}", "\n", bodies.to_markup(body)).strip()
