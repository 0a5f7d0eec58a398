"""Turning a letter's rows into the values that its printed form shows."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from edms.core.calendar import Digits, to_digits
from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.entities.rules import EntityType
from edms.letters import queries
from edms.letters.models import Letter
from edms.letters.rendition import labels
from edms.letters.rendition.values import Block, Letterhead, ListBlock, ParagraphBlock, PrintedLetter, TableBlock
from edms.letters.rules import AddresseeRole
from edms.registry.rules import Direction

_UNDER_A_PARENT = frozenset({EntityType.DIRECTORATE, EntityType.BRANCH})
"""Bodies whose letterhead begins with the body above them; a ministry stands for itself."""


@dataclass(frozen=True, slots=True)
class Printing:
    """How letters are printed here: where they are verified, digit set, Hijri adjustment (days), time zone."""

    verify_url: str
    timezone: str = "Asia/Baghdad"
    digits: Digits = "arab"
    hijri_adjust: int = 0


def printed_blocks(body: list[dict[str, Any]]) -> tuple[Block, ...]:
    """Return a checked body as blocks of the printed form."""
    blocks: list[Block] = []
    for block in body:
        if block["type"] == "paragraph":
            blocks.append(ParagraphBlock(block["text"]))
        elif block["type"] == "list":
            blocks.append(ListBlock(block["ordered"], tuple(block["items"])))
        else:
            blocks.append(TableBlock(tuple(block["header"]), tuple(tuple(row) for row in block["rows"])))
    return tuple(blocks)


def printed_letter(uow: UnitOfWork, letter: Letter, printing: Printing, *, day: date | None) -> PrintedLetter:
    """Gather what the sheet of an outgoing letter shows; a draft has no ``day`` and carries the draft's mark."""
    addressed = queries.addressees(uow, letter.id)
    bodies = entities.entities_by_ids(uow, [letter.entity_id, *(each.recipient_id for each in addressed)])
    own = bodies[letter.entity_id]
    parent = own.parent_id
    upper = entities.entity(uow, parent) if parent and own.type in _UNDER_A_PARENT else None
    text = queries.newest_version(uow, letter.id).text
    signed = queries.signature(uow, letter.id)
    name, post = _signer(uow, letter)
    lines_en = tuple(each.name_en for each in (upper, own) if each is not None and each.name_en)
    return PrintedLetter(
        letterhead=Letterhead(tuple(each.name_ar for each in (upper, own) if each is not None), lines_en),
        number="",
        date=day,
        sensitivity=labels.SENSITIVITY[letter.sensitivity],
        precedence=labels.PRECEDENCE[letter.precedence],
        kind_title=labels.KIND_TITLES[letter.kind],
        addressees=tuple(bodies[a.recipient_id].name_ar for a in addressed if a.role == AddresseeRole.TO),
        subject=letter.subject,
        body=printed_blocks(text["body"]),
        references=_references(uow, letter, printing),
        attachments=tuple(each.name for each in queries.attachments(uow, letter.id)),
        signer_name=name,
        signer_post=post,
        signed_on=day if signed is not None else None,
        copies=tuple(
            (bodies[a.recipient_id].name_ar, a.purpose or labels.COPY_PURPOSE)
            for a in addressed
            if a.role == AddresseeRole.COPY
        ),
        verify_url=printing.verify_url,
        watermark="" if day else labels.DRAFT_MARK,
        digits=printing.digits,
        hijri_adjust=printing.hijri_adjust,
    )


def _signer(uow: UnitOfWork, letter: Letter) -> tuple[str, str]:
    """Return name and post of who signed, or of who is to sign while the letter is unfinished."""
    signed = queries.signature(uow, letter.id)
    if signed is not None:
        name = entities.employees_by_ids(uow, [signed.employee_id])[signed.employee_id].name
        return name, entities.post(uow, signed.post_id).title
    if letter.signer_post_id is None:
        return "", ""
    holders = entities.holders(uow, letter.signer_post_id, uow.today)
    return holders[0].name if len(holders) == 1 else "", entities.post(uow, letter.signer_post_id).title


def _references(uow: UnitOfWork, letter: Letter, printing: Printing) -> tuple[str, ...]:
    """Return the lines of reference; of a letter that we hold its number and date, in place of its code."""
    held = queries.references(uow, letter.id)
    own = queries.own_by_codes(uow, letter.entity_id, [each.document_code for each in held if each.document_code])
    lines = []
    for each in held:
        earlier = own.get(each.document_code or "")
        if earlier is None or not earlier.number or earlier.letter_date is None:
            lines.append(each.text)
            continue
        phrase = labels.REFERENCE_YOURS if earlier.direction == Direction.INCOMING else labels.REFERENCE_OURS
        day = earlier.letter_date
        line = phrase.format(number=earlier.number, date=f"{day.year}/{day.month}/{day.day}")
        lines.append(to_digits(line, printing.digits))
    return tuple(lines)
