"""The checks of a draft before it is signed: each a pure function over the facts, all in one table."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final

from edms.core.arabic import normalize
from edms.core.calendar import hijri_iso, reference
from edms.core.errors import Problem
from edms.letters.rendition.fonts import undrawable
from edms.letters.rules import Kind
from edms.letters.written_dates import Folded, WrittenDate, dates_of, names_attachments, pairs_of, words

COPIED: Final = frozenset({Kind.ORDER, Kind.CIRCULAR})
"""Kinds of which copies customarily go to others."""
MOST: Final = 12
"""Findings of one check; more of the same help nobody."""
_FIELD: Final = re.compile(r"\{ *([^\W\d_][^{}\n\"':;=<>]{0,59})\}")
_ARABIC: Final = re.compile("[\u0620-\u06ff]")
_WEEKDAY_IS: Final = (
    "letters.date-is-monday", "letters.date-is-tuesday", "letters.date-is-wednesday", "letters.date-is-thursday",
    "letters.date-is-friday", "letters.date-is-saturday", "letters.date-is-sunday",
)  # fmt: skip


class Level(StrEnum):
    """How grave a finding is: an error keeps the letter from being sent for signature, a warning must be seen."""

    ERROR = "error"
    WARNING = "warning"


class Signer(StrEnum):
    """Whether somebody can sign: no post chosen, a post that nobody holds today, or one that is held."""

    MISSING = "missing"
    VACANT = "vacant"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Referred:
    """An earlier letter that a line of reference (``where`` references) or the text (body) names.

    ``day`` is what is written beside it, ``days`` those of our letters with that number or code. ``known`` tells
    whether our registers have it; ``certain`` that it was named by a document code, of which there is one alone.
    """

    where: str
    text: str
    known: bool
    day: date | None = None
    days: tuple[date, ...] = ()
    certain: bool = False


@dataclass(frozen=True)
class Facts:
    """What the checks look at; ``refused`` are names of addressees below the letter's sensitivity."""

    kind: Kind
    subject: str
    text: str
    signer: Signer
    to: int
    copies: int
    attachments: int
    today: date
    hijri_adjust: int = 0
    refused: tuple[str, ...] = ()
    referred: tuple[Referred, ...] = ()

    @cached_property
    def folded(self) -> Folded:
        """The text in one spelling."""
        return Folded(self.text)

    @cached_property
    def dates(self) -> list[WrittenDate]:
        """The dates that the text holds."""
        return dates_of(self.folded)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: how grave, and the place, code and parameters of its sentence."""

    level: Level
    problem: Problem


Check = Callable[[Facts], Iterator[Problem]]


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Return what all checks find, errors first."""
    found = []
    for level, check in CHECKS:
        for number, problem in enumerate(check(facts)):
            if number < MOST and Finding(level, problem) not in found:
                found.append(Finding(level, problem))
    return tuple(sorted(found, key=lambda each: each.level != Level.ERROR))


def errors(found: tuple[Finding, ...]) -> tuple[Problem, ...]:
    """Return the problems that keep a letter from being sent for signature."""
    return tuple(each.problem for each in found if each.level == Level.ERROR)


def quoted(text: str) -> str:
    """Return words of a letter as a sentence of any language holds them: Arabic ones isolated, their slashes marked."""
    return f"\u2068{reference(text)}\u2069" if _ARABIC.search(text) else text


def empty_fields(text: str) -> list[str]:
    """Return the names of a template's fields that stand in a text, ``{name}``, each once."""
    return list(dict.fromkeys(match.strip() for match in _FIELD.findall(text)))


def _no_subject(facts: Facts) -> Iterator[Problem]:
    if not facts.subject.strip():
        yield Problem("subject", "letters.subject-empty")


def _undrawable(facts: Facts) -> Iterator[Problem]:
    for where, text in (("subject", facts.subject), ("body", facts.text)):
        boxes = [char for char in undrawable(text) if char.isprintable()]
        if boxes:
            yield Problem(where, "letters.undrawable", letters=" ".join(boxes[:MOST]))


def _no_body(facts: Facts) -> Iterator[Problem]:
    if not facts.text.strip():
        yield Problem("body", "letters.body-empty")


def _no_addressee(facts: Facts) -> Iterator[Problem]:
    if not facts.to:
        yield Problem("to", "letters.no-addressee")


def _no_signer(facts: Facts) -> Iterator[Problem]:
    if facts.signer == Signer.MISSING:
        yield Problem("signer", "letters.no-signer")
    elif facts.signer == Signer.VACANT:
        yield Problem("signer", "letters.signer-vacant")


def _field_left_empty(facts: Facts) -> Iterator[Problem]:
    for where, text in (("subject", facts.subject), ("body", facts.text)):
        for name in empty_fields(text):
            yield Problem(where, "letters.field-left", name=name)


def _too_sensitive(facts: Facts) -> Iterator[Problem]:
    for name in facts.refused:
        yield Problem("to", "letters.addressee-not-cleared", entity=name)


def _code_with_another_date(facts: Facts) -> Iterator[Problem]:
    return (_another_date(each) for each in facts.referred if each.certain and _disagrees(each))


def _number_with_another_date(facts: Facts) -> Iterator[Problem]:
    return (_another_date(each) for each in facts.referred if not each.certain and _disagrees(each))


def _disagrees(each: Referred) -> bool:
    return each.day is not None and bool(each.days) and each.day not in each.days


def _another_date(each: Referred) -> Problem:
    stored = each.days[0]
    return Problem(each.where, "letters.reference-date", reference=quoted(each.text), written=each.day, stored=stored)


def _unknown_code(facts: Facts) -> Iterator[Problem]:
    for each in facts.referred:
        if each.certain and not each.known:
            yield Problem(each.where, "letters.reference-unknown", reference=quoted(each.text))


def _unknown_number(facts: Facts) -> Iterator[Problem]:
    for each in facts.referred:
        if not each.certain and not each.known:
            yield Problem(each.where, "letters.reference-unknown", reference=quoted(each.text))


def _later_than_today(facts: Facts) -> Iterator[Problem]:
    for each in facts.referred:
        if each.day is not None and each.day > facts.today:
            yield Problem(each.where, "letters.reference-later", reference=quoted(each.text), written=each.day)


def _no_such_day(facts: Facts) -> Iterator[Problem]:
    for each in facts.dates:
        wrong = each.number > 30 or each.month > 12 or not each.number or not each.month
        if each.day is None and (each.calendar == "gregorian" or wrong):
            yield Problem("body", "letters.date-impossible", date=quoted(each.text))


def _other_weekday(facts: Facts) -> Iterator[Problem]:
    for each in facts.dates:
        if each.weekday is not None and each.day is not None and each.day.isoweekday() != each.weekday:
            yield Problem("body", _WEEKDAY_IS[each.day.weekday()], date=quoted(each.text))


def _other_hijri_day(facts: Facts) -> Iterator[Problem]:
    for hijri, gregorian in pairs_of(facts.folded, facts.dates):
        if gregorian.day is None:
            continue
        near = {hijri_iso(gregorian.day + timedelta(days=step), facts.hijri_adjust) for step in (-1, 0, 1)} - {""}
        if near and f"{hijri.year:04d}-{hijri.month:02d}-{hijri.number:02d}" not in near:
            yield Problem(
                "body",
                "letters.date-pair",
                hijri=quoted(hijri.text),
                gregorian=quoted(gregorian.text),
                day=gregorian.day,
            )


def _no_copies(facts: Facts) -> Iterator[Problem]:
    if facts.kind in COPIED and not facts.copies:
        yield Problem("copies", "letters.no-copies")


def _nothing_attached(facts: Facts) -> Iterator[Problem]:
    word = "" if facts.attachments else names_attachments(facts.folded)
    if word:
        yield Problem("attachments", "letters.nothing-attached", word=word)


def _subject_with_label(facts: Facts) -> Iterator[Problem]:
    subject = normalize(facts.subject).replace(" ", "")
    for label in words()["words"]["subject_label"]:
        if subject.startswith(normalize(label).replace(" ", "")):
            yield Problem("subject", "letters.subject-label", label=label)
            return


def _subject_repeated(facts: Facts) -> Iterator[Problem]:
    first = facts.text.strip().split("\n", 1)[0]
    if facts.subject.strip() and normalize(first).strip(" .:،") == normalize(facts.subject).strip(" .:،"):
        yield Problem("body", "letters.subject-repeated")


CHECKS: Final[tuple[tuple[Level, Check], ...]] = (
    (Level.ERROR, _no_addressee),
    (Level.ERROR, _no_subject),
    (Level.ERROR, _no_body),
    (Level.ERROR, _no_signer),
    (Level.ERROR, _field_left_empty),
    (Level.ERROR, _too_sensitive),
    (Level.ERROR, _code_with_another_date),
    (Level.WARNING, _unknown_code),
    (Level.WARNING, _number_with_another_date),
    (Level.WARNING, _unknown_number),
    (Level.WARNING, _later_than_today),
    (Level.WARNING, _no_such_day),
    (Level.WARNING, _other_weekday),
    (Level.WARNING, _other_hijri_day),
    (Level.WARNING, _no_copies),
    (Level.WARNING, _nothing_attached),
    (Level.WARNING, _undrawable),
    (Level.WARNING, _subject_with_label),
    (Level.WARNING, _subject_repeated),
)
