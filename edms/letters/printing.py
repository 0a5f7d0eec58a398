"""Turning a letter, stored or only typed, into the values that its printed form shows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from edms.core.calendar import Digits, Locale, format_date
from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.entities.models import Entity
from edms.entities.rules import EntityType
from edms.letters import queries
from edms.letters.letterheads import look_of
from edms.letters.models import Letter
from edms.letters.paper import planned_room
from edms.letters.printing_plan import Printing
from edms.letters.rendition import labels
from edms.letters.rendition.head import written_number
from edms.letters.rendition.letter import language
from edms.letters.rendition.values import (
    Block,
    HeadingBlock,
    Letterhead,
    ListBlock,
    ParagraphBlock,
    PrintedLetter,
    TableBlock,
)
from edms.letters.rules import AddresseeRole, Kind
from edms.registry.rules import Direction

_UNDER_A_PARENT = frozenset({EntityType.DIRECTORATE, EntityType.BRANCH})
"""Bodies whose letterhead begins with the body above them; a ministry stands for itself."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, as the sheet shows it; ``on_behalf_of`` is the post for which a deputy signs."""

    name: str = ""
    post: str = ""
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True)
class SheetText:
    """What a letter of a body says, stored or only typed.

    ``to`` and ``copies`` name bodies by their inner keys, a copy with its purpose; each of ``references`` is an earlier
    letter that we hold and that has a number, or the words that stand for one that we do not hold.
    """

    entity_id: UUID
    kind: str
    sensitivity: int
    precedence: str
    subject: str
    body: Sequence[dict[str, Any]]
    to: tuple[UUID, ...] = ()
    copies: tuple[tuple[UUID, str], ...] = ()
    references: tuple[Letter | str, ...] = ()
    attachments: tuple[str, ...] = ()
    signer: Signer = Signer()


def printed_blocks(body: Iterable[dict[str, Any]]) -> tuple[Block, ...]:
    """Return a checked body as blocks of the printed form."""
    return tuple(_block(block) for block in body)


def printed_letter(uow: UnitOfWork, letter: Letter, printing: Printing, *, day: date | None) -> PrintedLetter:
    """Gather what the sheet of an outgoing letter shows.

    A draft has no ``day``, carries the draft's mark, and keeps the room that its paper seal will take.
    """
    addressed = queries.addressees(uow, letter.id)
    stored = queries.newest_version(uow, letter.id).text
    told = SheetText(
        entity_id=letter.entity_id,
        kind=letter.kind,
        sensitivity=letter.sensitivity,
        precedence=letter.precedence,
        subject=letter.subject,
        body=stored["body"],
        to=tuple(each.recipient_id for each in addressed if each.role == AddresseeRole.TO),
        copies=tuple((each.recipient_id, each.purpose) for each in addressed if each.role == AddresseeRole.COPY),
        references=_references(uow, letter),
        attachments=tuple(each.name for each in queries.attachments(uow, letter.id)),
        signer=_signer(uow, letter),
    )
    signed = queries.signature(uow, letter.id)
    sheet = replace(printed_text(uow, told, printing, day=day), signed_on=day if signed is not None else None)
    if day is not None:
        return sheet
    room = planned_room(
        uow, letter.entity_id, subject=letter.subject, sensitivity=letter.sensitivity, body=stored["body"],
        recipients=[each.recipient_id for each in addressed],
    )  # fmt: skip
    return replace(sheet, seal_mm=room)


def printed_text(uow: UnitOfWork, told: SheetText, printing: Printing, *, day: date | None) -> PrintedLetter:
    """Set what a letter says under its body's letterhead, in the letter's own language; without a day it is a draft.

    The number of reads does not grow with the addressees.
    """
    earlier = [each for each in told.references if isinstance(each, Letter)]
    wanted = [told.entity_id, *told.to, *(key for key, _ in told.copies), *(each.sender_id for each in earlier)]
    bodies = entities.entities_by_ids(uow, [key for key in wanted if key is not None])
    own = bodies[told.entity_id]
    look = look_of(uow, own.id)
    plain = PrintedLetter(
        letterhead=Letterhead(()), number="", date=day, sensitivity="", precedence="", kind_title="", addressees=(),
        subject=told.subject, body=printed_blocks(told.body), attachments=told.attachments,
        signer_name=told.signer.name, signer_post=told.signer.post, on_behalf_of=told.signer.on_behalf_of,
        verify_url=printing.verify_url, digits=look.digits_or(printing.digits), hijri_adjust=printing.hijri_adjust,
        months=look.months_or(printing.months), hijri=look.hijri, kashida=look.kashida,
    )  # fmt: skip
    locale = language(plain)
    digits: Digits = "latn" if locale == "en" else plain.digits
    sheet = replace(plain, digits=digits)
    return replace(
        sheet,
        letterhead=look.letterhead(*names_on_sheet(uow, own), locale),
        sensitivity=labels.SENSITIVITIES[locale][told.sensitivity],
        precedence=labels.PRECEDENCES[locale][told.precedence],
        kind_title=labels.TITLES[locale][told.kind],
        addressees=tuple(bodies[key].name(locale) for key in told.to if key in bodies),
        sender=(told.signer.post or own.name(locale)) if told.kind == Kind.MEMO else "",
        references=tuple(_reference(each, told, sheet, locale, bodies) for each in told.references),
        copies=tuple(
            (bodies[key].name(locale), purpose.strip() or labels.COPY_PURPOSES[locale])
            for key, purpose in told.copies
            if key in bodies
        ),
        watermark="" if day else labels.DRAFT_MARKS[locale],
    )


def _block(block: dict[str, Any]) -> Block:
    match block["type"]:
        case "paragraph":
            return ParagraphBlock(block["text"])
        case "heading":
            return HeadingBlock(block["text"], block.get("level", 1))
        case "list":
            return ListBlock(block["ordered"], tuple(block["items"]))
        case _:
            return TableBlock(tuple(block["header"]), tuple(tuple(row) for row in block["rows"]))


def names_on_sheet(uow: UnitOfWork, own: Entity) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names on a body's sheet in Arabic and in English; a directorate's begin with the body above it."""
    parent = own.parent_id if own.type in _UNDER_A_PARENT else None
    shown = [own] if parent is None else [entities.entity(uow, parent), own]
    return tuple(each.name_ar for each in shown), tuple(each.name_en for each in shown if each.name_en)


def _signer(uow: UnitOfWork, letter: Letter) -> Signer:
    """Return who signed, or who is to sign while the letter is unfinished; a deputy by the own post."""
    signed = queries.signature(uow, letter.id)
    if signed is None:
        return signer_of_post(uow, letter.signer_post_id)
    name = entities.employees_by_ids(uow, [signed.employee_id])[signed.employee_id].name
    post = entities.post(uow, signed.post_id).title
    if signed.on_behalf_of_id is None:
        return Signer(name, post)
    own = entities.posts_held(uow, signed.employee_id, letter.entity_id, uow.today)
    return Signer(name, own[0].title if own else "", post)


def signer_of_post(uow: UnitOfWork, post_id: UUID | None) -> Signer:
    """Return the holder of a signing post and its title; no name where two hold it."""
    if post_id is None:
        return Signer()
    holders = entities.holders(uow, post_id, uow.today)
    return Signer(holders[0].name if len(holders) == 1 else "", entities.post(uow, post_id).title)


def _references(uow: UnitOfWork, letter: Letter) -> tuple[Letter | str, ...]:
    """Return the earlier letters that a letter refers to: ours, where we hold them, else the words."""
    held = queries.references(uow, letter.id)
    own = queries.own_by_codes(uow, letter.entity_id, [each.document_code for each in held if each.document_code])
    numbered = {code: earlier for code, earlier in own.items() if earlier.number and earlier.letter_date}
    return tuple(numbered.get(each.document_code or "") or each.text for each in held)


def _reference(
    each: Letter | str, told: SheetText, sheet: PrintedLetter, locale: Locale, bodies: Mapping[UUID, Entity]
) -> str:
    """Return the line that names an earlier letter by its number and date, in place of its code."""
    if isinstance(each, str):
        return each
    incoming = each.direction == Direction.INCOMING
    sender = bodies.get(each.sender_id) if each.sender_id else None
    return labels.reference_line(
        told.kind,
        locale,
        number=written_number(each.number, sheet.digits, locale),
        date=_day(each.letter_date, sheet, locale),
        incoming=incoming,
        sender=sender.name(locale) if incoming and sender and sender.id not in told.to else "",
    )


def _day(day: date | None, sheet: PrintedLetter, locale: Locale) -> str:
    return format_date(day, digits=sheet.digits, months=sheet.months, locale=locale, era=False) if day else ""
