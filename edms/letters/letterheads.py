"""The letterhead of each body: reading it for the printer, changing it, and checking what was told."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast, get_args
from uuid import UUID

from sqlalchemy import select

from edms.audit.service import record
from edms.core.calendar import Digits, Locale, MonthNames
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, Problem
from edms.entities import queries as entities
from edms.letters.emblems import read_emblem
from edms.letters.models import LetterheadRow
from edms.letters.rendition.values import Letterhead
from edms.letters.rules import KEEP_LETTERHEAD
from edms.registry import patterns
from edms.registry.rules import clean_pattern, pattern_problem

LONGEST_TOP: Final = 80
LONGEST_CONTACT: Final = 160
LEAST_CONTRAST: Final = 4.5
"""The least contrast of coloured words on white paper (WCAG 2.2 §1.4.3)."""

_WORDS: Final = {
    "top_ar": LONGEST_TOP,
    "top_en": LONGEST_TOP,
    "contact_ar": LONGEST_CONTACT,
    "contact_en": LONGEST_CONTACT,
}
_HEX: Final = re.compile("#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class LetterheadChange:
    """What is to become different in a body's letterhead; None leaves a value as it is.

    ``top_ar`` and ``top_en`` stand above the names of the bodies; ``colour`` is ``#rrggbb``, "" the usual one;
    ``digits`` and ``months`` are "" for the installation's. ``emblem`` is an uploaded SVG or PNG, b"" the neutral star;
    ``pattern`` is how outgoing numbers are printed from now on.
    """

    top_ar: str | None = None
    top_en: str | None = None
    contact_ar: str | None = None
    contact_en: str | None = None
    colour: str | None = None
    digits: str | None = None
    months: str | None = None
    hijri: bool | None = None
    kashida: bool | None = None
    emblem: bytes | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """How a body's sheet looks, whether it has said so or not; ``digits`` and ``months`` are "" where it has not."""

    top_ar: str = ""
    top_en: str = ""
    contact_ar: str = ""
    contact_en: str = ""
    colour: str = ""
    digits: str = ""
    months: str = ""
    hijri: bool = True
    kashida: bool = False
    emblem: bytes = b""

    def letterhead(self, names_ar: tuple[str, ...], names_en: tuple[str, ...], locale: Locale) -> Letterhead:
        """Return the head of a sheet in one language over the names of the bodies, highest first."""
        return Letterhead(
            tuple(text for text in (self.top_ar, *names_ar) if text),
            tuple(text for text in (self.top_en, *names_en) if text),
            self.emblem,
            self.contact_en or self.contact_ar if locale == "en" else self.contact_ar,
            self.colour,
        )

    def digits_or(self, usual: Digits) -> Digits:
        """Return the body's digit set, else the usual one."""
        return cast("Digits", self.digits) if self.digits in get_args(Digits) else usual

    def months_or(self, usual: MonthNames) -> MonthNames:
        """Return the body's names of months, else the usual ones."""
        return cast("MonthNames", self.months) if self.months in get_args(MonthNames) else usual


def look_of(uow: UnitOfWork, entity_id: UUID) -> Look:
    """Return how a body's sheet looks; one read."""
    row = _row(uow, entity_id)
    return Look() if row is None else _look(row)


def require_keeper(uow: UnitOfWork, entity_id: UUID) -> None:
    """Raise Forbidden unless the actor keeps the letterhead of a body: its administrator, the centre, the operator."""
    uow.actor.require(KEEP_LETTERHEAD)
    if uow.actor.entity_id != entity_id and uow.actor.roles.isdisjoint({"centre", "system:operator"}):
        raise Forbidden("core.forbidden", permission=KEEP_LETTERHEAD.name)


def changed_look(look: Look, change: LetterheadChange) -> Look:
    """Return a letterhead with a change carried out, unsaved.

    Raises Invalid ``letters.bad-letterhead`` with every problem of what was told, one for each field.
    """
    problems = list(_problems(change))
    values = {name: value for name, value in _told(change).items() if name != "pattern"}
    if change.emblem:
        try:
            values["emblem"] = read_emblem(change.emblem)
        except Invalid as error:
            problems += error.problems
    if problems:
        raise Invalid("letters.bad-letterhead", tuple(problems))
    kept = {name: getattr(look, name) for name in Look.__slots__}
    return Look(**{**kept, **values})


def set_letterhead(uow: UnitOfWork, entity_id: UUID, change: LetterheadChange) -> Look:
    """Change how the coming letters of a body look; what is issued stays as it was printed.

    Raises Forbidden for another body's administrator, Conflict ``entities.served-elsewhere`` for a peer's body,
    Invalid ``letters.bad-letterhead``.
    """
    require_keeper(uow, entity_id)
    body = entities.entity(uow, entity_id)
    if body.installation_id != entities.home(uow).id:
        raise Conflict("entities.served-elsewhere", entity=body.code)
    row = _row(uow, entity_id)
    before = Look() if row is None else _look(row)
    after = changed_look(before, change)
    changed = [name for name in Look.__slots__ if getattr(before, name) != getattr(after, name)]
    if changed:
        if row is None:
            row = LetterheadRow(entity_id=entity_id)
            uow.session.add(row)
        for name in changed:
            setattr(row, name, getattr(after, name))
        row.changed_at = uow.now
        uow.flush()
        record(
            uow, "letters.letterhead-changed", "letterhead", row.id, entity_id=entity_id, row=row, code=body.code,
            changed=" ".join(changed),
        )  # fmt: skip
    if change.pattern is not None:
        patterns.set_pattern(uow, entity_id, change.pattern)
    return after


def contrast_on_white(colour: str) -> float:
    """Return the contrast of a colour (``#rrggbb``) with white, 1 to 21 (WCAG 2.2, relative luminance)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _row(uow: UnitOfWork, entity_id: UUID) -> LetterheadRow | None:
    return uow.session.scalars(select(LetterheadRow).where(LetterheadRow.entity_id == entity_id)).one_or_none()


def _look(row: LetterheadRow) -> Look:
    return Look(**{name: getattr(row, name) for name in Look.__slots__})


def _told(change: LetterheadChange) -> dict[str, object]:
    """Return what a change tells, words without control characters and doubled spaces, colours in small letters."""
    told: dict[str, object] = {}
    for name in LetterheadChange.__slots__:
        value = getattr(change, name)
        if value is not None:
            told[name] = _clean(value) if name in _WORDS else value.strip().lower() if name == "colour" else value
    return told


def _clean(text: str) -> str:
    kept = "".join(" " if one.isspace() else one for one in unicodedata.normalize("NFC", text))
    return " ".join("".join(one for one in kept if unicodedata.category(one) not in {"Cc", "Cs", "Co", "Cn"}).split())


def _problems(change: LetterheadChange) -> Iterator[Problem]:
    told = _told(change)
    for name, limit in _WORDS.items():
        if len(str(told.get(name, ""))) > limit:
            yield Problem(name, "letters.letterhead-long", limit=limit)
    colour = str(told.get("colour", ""))
    if colour and not _HEX.fullmatch(colour):
        yield Problem("colour", "letters.letterhead-colour")
    elif colour and contrast_on_white(colour) < LEAST_CONTRAST:
        yield Problem("colour", "letters.letterhead-pale", contrast=f"{contrast_on_white(colour):.1f}")
    if told.get("digits", "") not in {"", *get_args(Digits)}:
        yield Problem("digits", "letters.letterhead-choice")
    if told.get("months", "") not in {"", *get_args(MonthNames)}:
        yield Problem("months", "letters.letterhead-choice")
    problem = pattern_problem(clean_pattern(change.pattern)) if change.pattern is not None else None
    if problem is not None:
        yield problem
