"""Finding what a letter's text says of days and of other letters: dates in both calendars, weekdays, numbers."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Literal

from edms.core.arabic import normalize

Calendar = Literal["gregorian", "hijri"]
MOST = 200
"""Dates and numbers of letters looked at in one text; a list of thousands is not prose."""


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date as the text has it: places in the folded text, its own words, and the weekday (1 Monday) before it."""

    start: int
    end: int
    text: str
    calendar: Calendar
    year: int
    month: int
    number: int
    weekday: int | None = None

    @property
    def day(self) -> date | None:
        """The day of a Gregorian date; None when there is no such day, or it is a Hijri one."""
        if self.calendar == "hijri":
            return None
        try:
            return date(self.year, self.month, self.number)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Mention:
    """A letter that the text names: ours or theirs, its number, and the Gregorian day beside it."""

    ours: bool
    number: str
    day: date | None
    text: str


class Folded:
    """A text in one spelling, with the way back to the letters as they were typed."""

    def __init__(self, text: str) -> None:
        self._text = text
        pieces = [_fold(sign) for sign in text]
        self.text = "".join(pieces)
        self._places = [at for at, piece in enumerate(pieces) for _ in piece]

    def original(self, start: int, end: int) -> str:
        """Return what was typed between two places of the folded text, on one line."""
        if start >= end:
            return ""
        last = self._places[end - 1] + 1
        while last < len(self._text) and not _fold(self._text[last]):
            last += 1  # the marks of the last letter
        return " ".join(self._text[self._places[start] : last].split())


@lru_cache(maxsize=4096)
def _fold(sign: str) -> str:
    return sign if sign in "\n\t " else normalize(sign)


@cache
def words() -> dict[str, Any]:
    """Return the tables of ``data/drafting.toml``."""
    return tomllib.loads((files("edms.letters") / "data" / "drafting.toml").read_text("utf-8"))


def any_of(listed: Iterable[str]) -> str:
    """Return a pattern for one of some words in folded spelling, longest first."""
    return "|".join(sorted({re.escape(normalize(each)) for each in listed}, key=len, reverse=True))


@cache
def _names(table: str) -> dict[str, int]:
    return {normalize(name): int(number) for number, names in words()[table].items() for name in names}


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    told = words()["words"]
    inside, eras = any_of(told["inside_date"]), any_of([*told["hijri_era"], *told["gregorian_era"]])
    months = any_of([*_names("gregorian"), *_names("hijri")])
    era = rf"(?:\s*({eras})(?![\w/]))?"
    weekday, before = any_of(_names("weekdays")), any_of(told["before_date"])
    same = any_of(told["same_day"])
    side, number = any_of([*told["ours"], *told["yours"]]), any_of(told["number"])
    return {
        "numeric": re.compile(rf"(?<![\w/.\-])(\d{{1,4}})([/\-.])(\d{{1,2}})\2(\d{{1,4}})(?![\w/]|[.\-]\d){era}"),
        "worded": re.compile(
            rf"(?<![\w/])(\d{{1,2}})\s*(?:(?:{inside})\s+)*({months})\s*[,،]?\s*(?:(?:{inside})\s+)*(\d{{4}})(?!\d){era}"
        ),
        "weekday": re.compile(rf"(?<!\w)({weekday})\s*[,،(]?\s*(?:(?:{before})\s*)*[(]?\s*$"),
        "same": re.compile(rf"\s*[-–=()،,/]?\s*(?:(?:{same})\s*)*(?:(?:{before})\s*)*(?:{weekday})?\s*[(]?\s*"),
        "mention": re.compile(
            rf"(?<!\w)(?:{any_of(told['clitics'])})?({side})(?!\w)(?:\s+[^\s\d]+){{0,4}}?\s+[(]?\s*(?:{number})(?!\w)\s*[:(/]*\s*"
            rf"([^\s():;،,]+(?:\s?/\s?[^\s():;،,]+)*)\s*[)]?"
        ),
        "dated": re.compile(rf"\s*[،,(]?\s*(?:(?:{any_of(told['dated'])})\s*)*[(]?\s*"),
        "attached": re.compile(rf"(?<!\w)(?:{any_of(told['attached'])})(?!\w)"),
    }


def dates_of(folded: Folded) -> list[WrittenDate]:
    """Return the dates of a text in their order: «٢٠/١١/٢٠٢٥», «٢٩ جمادى الأولى ١٤٤٧ هـ», "20 November 2025"."""
    found = sorted([*_numeric(folded), *_worded(folded)], key=lambda each: each.start)
    return [each for at, each in enumerate(found[:MOST]) if not at or each.start >= found[at - 1].end]


def pairs_of(folded: Folded, dates: list[WrittenDate]) -> Iterator[tuple[WrittenDate, WrittenDate]]:
    """Yield the dates of both calendars that stand side by side for one day, the Hijri one first."""
    for first, second in pairwise(dates):
        between = folded.text[first.end : second.start]
        if first.calendar == second.calendar or len(between) > 40 or not _patterns()["same"].fullmatch(between):
            continue
        yield (first, second) if first.calendar == "hijri" else (second, first)


def mentions_of(folded: Folded, dates: list[WrittenDate]) -> Iterator[Mention]:
    """Yield the letters that a text names by number, as «كتابنا ذي العدد ت/٤/١٢٨٧ في ٢٠٢٥/١١/٢٠»."""
    ours = {normalize(each) for each in words()["words"]["ours"]}
    for at, match in enumerate(_patterns()["mention"].finditer(folded.text)):
        if at >= MOST:
            return
        if not any(sign.isdigit() for sign in match[2]):
            continue
        gap = _patterns()["dated"].match(folded.text, match.end())
        start = gap.end() if gap else match.end()
        day = next((each.day for each in dates if each.start == start and each.calendar == "gregorian"), None)
        number = folded.original(match.start(2), match.end(2)).strip(".")
        yield Mention(match[1] in ours, number, day, folded.original(match.start(), match.end()))


def names_attachments(folded: Folded) -> str:
    """Return the word by which a text speaks of attachments, "" when it does not."""
    found = _patterns()["attached"].search(folded.text)
    return folded.original(*found.span()) if found else ""


def _numeric(folded: Folded) -> Iterator[WrittenDate]:
    for match in _patterns()["numeric"].finditer(folded.text):
        first, middle, last = int(match[1]), int(match[3]), int(match[4])
        year, number = (first, last) if len(match[1]) == 4 else (last, first)
        calendar = _calendar(year, match[5])
        if calendar is not None and len(match[1]) + len(match[4]) <= 6:
            yield _written(folded, match, calendar, (year, middle, number))


def _worded(folded: Folded) -> Iterator[WrittenDate]:
    hijri = _names("hijri")
    for match in _patterns()["worded"].finditer(folded.text):
        calendar: Calendar = "hijri" if match[2] in hijri else "gregorian"
        month = hijri[match[2]] if calendar == "hijri" else _names("gregorian")[match[2]]
        year = int(match[3])
        if _calendar(year, None) == calendar:
            yield _written(folded, match, calendar, (year, month, int(match[1])))


def _written(folded: Folded, match: re.Match[str], calendar: Calendar, parts: tuple[int, int, int]) -> WrittenDate:
    before = _patterns()["weekday"].search(folded.text, max(0, match.start() - 40), match.start())
    weekday = _names("weekdays")[before[1]] if before else None
    start = before.start() if before else match.start()
    return WrittenDate(
        match.start(), match.end(), folded.original(start, match.end()), calendar, *parts, weekday=weekday
    )


def _calendar(year: int, era: str | None) -> Calendar | None:
    """Return the calendar of a year that a letter may speak of; None for other numbers."""
    if 1300 <= year < 1550 and (era is None or era in {normalize(e) for e in words()["words"]["hijri_era"]}):
        return "hijri"
    return "gregorian" if 1800 <= year < 2200 else None
