"""Reads what a person asked for from the address of the search page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from edms.core.calendar import fold_digits
from edms.core.errors import Invalid, Problem
from edms.registry.rules import Direction
from edms.search.terms import QUERY_LIMIT


@dataclass(frozen=True, slots=True)
class Asked:
    """Words and filters of one search; dates count both ends."""

    text: str
    direction: str | None = None
    since: date | None = None
    until: date | None = None

    @property
    def filtered(self) -> bool:
        """Say whether anything but words was given."""
        return bool(self.direction or self.since or self.until)


def read(arguments: Mapping[str, str]) -> Asked:
    """Return what ``q``, ``direction``, ``since`` and ``until`` (YYYY-MM-DD, any digit set) ask for.

    Raises Invalid ``search.bad-query`` with a problem for each field that cannot be used.
    """
    problems: list[Problem] = []
    text = arguments.get("q", "").strip()
    if len(text) > QUERY_LIMIT:
        problems.append(Problem("q", "search.query-too-long", limit=QUERY_LIMIT))
    direction = arguments.get("direction", "")
    if direction and direction not in tuple(Direction):
        problems.append(Problem("direction", "search.bad-direction"))
    since = _day(arguments, "since", problems)
    until = _day(arguments, "until", problems)
    if since and until and until < since:
        problems.append(Problem("until", "search.dates-reversed"))
    if problems:
        raise Invalid("search.bad-query", tuple(problems))
    return Asked(text, direction or None, since, until)


def _day(arguments: Mapping[str, str], name: str, problems: list[Problem]) -> date | None:
    written = fold_digits(arguments.get(name, "").strip())
    if not written:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        problems.append(Problem(name, "search.bad-date"))
        return None
