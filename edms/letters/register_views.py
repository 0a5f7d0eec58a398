"""The daily register (دفتر الصادر / الوارد) on screen and as PDF."""

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from flask import Blueprint, Response, request

from crypto.checkpoints import own_note
from edms.audit.queries import latest_checkpoint
from edms.core import calendar
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden, Invalid
from edms.entities import queries as entities
from edms.letters import listing, queries
from edms.letters.printing_plan import Printing
from edms.letters.rendition.register import render_register
from edms.letters.rendition.values import RegisterPage
from edms.registry.rules import SEE_REGISTER, Direction
from edms.web import locale
from edms.web.edge import parts, reading
from edms.web.locale import msgid
from edms.web.page import render
from edms.web.security import attachment_response

MOST = 2_000
TITLES = {Direction.OUTGOING: msgid("Outgoing register"), Direction.INCOMING: msgid("Incoming register")}
COLUMNS = (
    msgid("Register no."),
    msgid("Entered on"),
    msgid("Letter no."),
    msgid("Letter date"),
    msgid("Other body"),
    msgid("Subject"),
    msgid("Remarks"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of the register; ``row`` is None where the letter is not open to the reader."""

    number: int
    year: int
    entry_date: date
    row: listing.Row | None
    void: bool
    void_reason: str
    letter_id: UUID


@dataclass(frozen=True, slots=True)
class Asked:
    """Which pages of which register: days counted in the office's time zone."""

    direction: Direction
    day_from: date
    day_to: date


def install(blueprint: Blueprint) -> None:
    """Put the pages of this module on the letters' blueprint."""
    blueprint.add_url_rule("/register", view_func=register)
    blueprint.add_url_rule("/register.pdf", view_func=register_pdf)


def register() -> Response:
    """Show a register's days on screen, today's by default."""
    with reading() as uow:
        asked = _asked(uow)
        lines = _lines(uow, asked)
    return render("letters/register.html", asked=asked, lines=lines, most=MOST, title=TITLES[asked.direction])


def register_pdf() -> Response:
    """Give a register's days as PDF, to print and bind."""
    with reading() as uow:
        asked = _asked(uow)
        lines = _lines(uow, asked)
        own = entities.entity(uow, _entity(uow)).name_ar
        pdf = render_register(_with_checkpoint(uow, _sheet(asked, lines, own, uow.today)))
    name = f"register-{asked.direction}-{asked.day_from}-{asked.day_to}.pdf"
    return attachment_response(pdf, name, "application/pdf", length=len(pdf))


def _asked(uow: UnitOfWork) -> Asked:
    uow.actor.require(SEE_REGISTER)
    today = uow.today
    given = request.args.get("direction", Direction.INCOMING)
    direction = Direction(given) if given in tuple(Direction) else Direction.INCOMING
    day_from, day_to = _day("from", today), _day("to", today)
    if day_to < day_from:
        day_from, day_to = day_to, day_from
    return Asked(direction, day_from, day_to)


def _day(argument: str, today: date) -> date:
    typed = calendar.fold_digits(request.args.get(argument, "").strip())
    if not typed:
        return today
    try:
        return date.fromisoformat(typed)
    except ValueError as error:
        raise Invalid("letters.bad-date", typed=typed) from error


def _lines(uow: UnitOfWork, asked: Asked) -> list[Line]:
    found = queries.register_lines(
        uow, entity_id=_entity(uow), direction=asked.direction, day_from=asked.day_from, day_to=asked.day_to, limit=MOST
    )
    open_ = {row.id: row for row in listing.rows(uow, [letter for _, letter, may in found if may])}
    return [
        Line(
            entry.number,
            entry.year,
            entry.entry_date,
            open_.get(letter.id) if may else None,
            entry.void_at is not None,
            entry.void_reason if may else "",
            letter.id,
        )
        for entry, letter, may in found
    ]


def _sheet(asked: Asked, lines: list[Line], own: str, today: date) -> RegisterPage:
    printing = parts()[Printing]
    period = [calendar.format_pair(each, digits=printing.digits) for each in (asked.day_from, asked.day_to)]
    return RegisterPage(
        title=_ar(TITLES[asked.direction]),
        entity_name=own,
        period=" – ".join(dict.fromkeys(period)),
        columns=tuple(_ar(each) for each in COLUMNS),
        rows=tuple(_in_digits(_printed(each), printing) for each in lines),
        totals=_ar(msgid("Entries: %(n)s, of these void: %(void)s"), n=len(lines), void=sum(e.void for e in lines)),
        printed_on=today,
        digits=printing.digits,
    )


def _with_checkpoint(uow: UnitOfWork, page: RegisterPage) -> RegisterPage:
    """Return the register with how the event log stands, signed, at its end; as it is before the first checkpoint."""
    latest = latest_checkpoint(uow)
    if latest is None:
        return page
    size = calendar.format_number(latest.size, page.digits)
    day = calendar.format_date(latest.at, digits=page.digits)
    words = _ar(msgid("How the event log stood on %(day)s, after %(n)s entries, signed"), n=size, day=day)
    return replace(page, checkpoint=own_note(latest.note), checkpoint_words=words)


def _printed(line: Line) -> tuple[str, ...]:
    row, day = line.row, _short(line.entry_date)
    if row is None:
        return (str(line.number), day, "", "", "", _ar(msgid("Not open to the reader")), "")
    party = row.party if not row.more else f"{row.party} (+{row.more})"
    remark = f"{_ar(msgid('Void'))}: {line.void_reason}" if line.void else ""
    date_ = _short(row.letter_date) if row.letter_date else ""
    return (str(line.number), day, row.number, date_, party, row.subject, remark)


def _in_digits(cells: tuple[str, ...], printing: Printing) -> tuple[str, ...]:
    """Write the numbers and dates of a row in the register's digits; subject and remarks stay as they were written."""
    *numbers, party, subject, remark = cells
    return (*(calendar.to_digits(each, printing.digits) for each in [*numbers, party]), subject, remark)


def _short(day: date) -> str:
    return f"{day.year}/{day.month}/{day.day}"


def _ar(text: str, **params: object) -> str:
    return locale.gettext(text, "ar", **params)


def _entity(uow: UnitOfWork) -> UUID:
    if uow.actor.entity_id is None:
        raise Forbidden("letters.no-entity")
    return uow.actor.entity_id
