"""Reading CSV tables of bodies and staff: the header, every row, and a plan in which parents come before children."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from graphlib import CycleError, TopologicalSorter
from typing import Any
from uuid import UUID

from crypto.codes import CodeKind, parse
from crypto.errors import BadCode
from edms.core.arabic import fold_digits
from edms.core.errors import Invalid, Problem
from edms.core.ids import new_id
from edms.entities.rules import LONGEST_MARK, LONGEST_NAME, EntityType, NewEntity, clean_domain, clean_name

Row = Mapping[Any, object]
Rows = Iterable[tuple[int, Row]]

ENTITY_COLUMNS = ("key", "name_ar", "name_en", "type", "parent_key", "mail_domain", "short_mark", "valid_from")
ENTITY_OPTIONAL = ("code", "valid_to", "installation")
LARGEST = 32 * 1024 * 1024


def read_rows(data: bytes, columns: Sequence[str], optional: Sequence[str] = ()) -> list[tuple[int, Row]]:
    """Return (line number, row) of a CSV in UTF-8, with commas or semicolons (RFC 4180); empty lines are skipped.

    A row with cells too many or too few keeps that fact for ``shape_problem``. Raises Invalid ``csv.bad-file`` with
    its problems: not UTF-8, a column missing, unknown or twice, no rows, over 32 MiB.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad_file(Problem("line 1", "csv.not-utf8", position=error.start)) from None
    if len(data) > LARGEST or "\0" in text:
        raise _bad_file(Problem("line 1", "csv.too-large" if len(data) > LARGEST else "csv.not-text"))
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [name.strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = header
    problems = [Problem("line 1", "csv.missing-column", column=name) for name in columns if name not in header]
    allowed = {*columns, *optional}
    problems += [Problem("line 1", "csv.unknown-column", column=name) for name in header if name not in allowed]
    problems += [Problem("line 1", "csv.double-column", column=name) for name in allowed if header.count(name) > 1]
    if problems:
        raise _bad_file(*problems)
    try:
        rows: list[tuple[int, Row]] = [(reader.line_num, row) for row in reader]
    except csv.Error:
        raise _bad_file(Problem(f"line {reader.line_num}", "csv.not-text")) from None
    if not rows:
        raise _bad_file(Problem("line 1", "csv.no-rows"))
    return rows


def _bad_file(*problems: Problem) -> Invalid:
    return Invalid("csv.bad-file", problems)


def cell(row: Row, column: str) -> str:
    """Return a cell without spaces around it; an absent column is empty."""
    value = row.get(column)
    return value.strip() if isinstance(value, str) else ""


def shape_problem(row: Row) -> str | None:
    """Return the code of what is wrong with the number of cells of a row, or None."""
    if row.get(None):
        return "csv.too-many-cells"
    return "csv.too-few-cells" if any(value is None for value in row.values()) else None


def read_day(text: str) -> date | None:
    """Return a date written 2020-01-31 in any digit set, or None when it is not one."""
    try:
        return date.fromisoformat(fold_digits(text))
    except ValueError:
        return None


def read_entity_code(text: str) -> tuple[str | None, Problem | None]:
    """Return the 8 digits of a typed entity code, or the problem: not a code, or another kind of code."""
    try:
        code = parse(text)
    except BadCode as error:
        if error.suggestion:
            return None, Problem("", "entities.code-slip", written=text, suggestion=error.suggestion)
        return None, Problem("", "entities.bad-code", written=text)
    if code.kind is not CodeKind.ENTITY:
        return None, Problem("", "entities.bad-code", written=text)
    return code.digits, None


@dataclass(slots=True)
class Known:
    """What is registered before the import: codes with their ids, mail domains, installations by name."""

    codes: Mapping[str, UUID]
    domains: frozenset[str]
    installations: Mapping[str, UUID]


@dataclass(slots=True)
class _Plan:
    known: Known
    problems: list[Problem] = field(default_factory=list)
    ids: dict[str, UUID] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    domains: dict[str, int] = field(default_factory=dict)

    def wrong(self, line: int, code: str, **params: object) -> None:
        self.problems.append(Problem(f"line {line}", code, **params))


def plan_entities(rows: Rows, known: Known) -> list[NewEntity]:
    """Return the bodies to add, each with its id, parents first.

    ``key`` and ``parent_key`` are the table's own keys; a key that is itself an entity code becomes the body's code,
    and a parent may be named by the code of a registered body. Raises Invalid ``entities.bad-csv`` with every bad row.
    """
    plan = _Plan(known)
    listed = [(line, row) for line, row in rows if not _misshapen(plan, line, row)]
    for line, row in listed:
        _take_key(plan, line, cell(row, "key"))
    made = {cell(row, "key"): (cell(row, "parent_key"), _entity(plan, line, row)) for line, row in listed}
    order = _parents_first(plan, {key: [parent] for key, (parent, _) in made.items()})
    if plan.problems:
        plan.problems.sort(key=lambda problem: int(problem.where.removeprefix("line ")))
        raise Invalid("entities.bad-csv", tuple(plan.problems), count=len(plan.problems))
    planned = (made[key][1] for key in order if key in made)
    return [entity for entity in planned if entity is not None]


def _parents_first(plan: _Plan, parents: dict[str, list[str]]) -> list[str]:
    """Return the keys in an order where each comes after its parent; every ring of parents becomes problems."""
    while True:
        try:
            return list(TopologicalSorter(parents).static_order())
        except CycleError as error:
            for key in dict.fromkeys(error.args[1]):
                plan.wrong(plan.lines[key], "entities.parent-cycle", key=key)
                del parents[key]


def _misshapen(plan: _Plan, line: int, row: Row) -> bool:
    wrong = shape_problem(row)
    if wrong:
        plan.wrong(line, wrong)
    return wrong is not None


def _take_key(plan: _Plan, line: int, key: str) -> None:
    if not key:
        plan.wrong(line, "csv.empty-cell", column="key")
    elif key in plan.lines:
        plan.wrong(line, "entities.duplicate-key", key=key, other_line=plan.lines[key])
    else:
        plan.lines[key] = line
        plan.ids[key] = new_id()


def _entity(plan: _Plan, line: int, row: Row) -> NewEntity | None:
    """Read one row; everything wrong with it goes to the plan's problems."""
    before = len(plan.problems)
    key, parent = cell(row, "key"), cell(row, "parent_key")
    names = {column: _name(plan, line, row, column) for column in ("name_ar", "name_en", "short_mark")}
    kind = cell(row, "type").lower()
    if kind not in set(EntityType):
        plan.wrong(line, "entities.unknown-type", type=kind or "—")
    if parent and parent not in plan.ids and _registered(plan.known, parent) is None:
        plan.wrong(line, "entities.unknown-parent", parent=parent)
    domain = _domain(plan, line, cell(row, "mail_domain"))
    begin, end = _days(plan, line, row)
    code = _code(plan, line, cell(row, "code") or (key if read_entity_code(key)[0] else ""))
    home = cell(row, "installation")
    if home and home not in plan.known.installations:
        plan.wrong(line, "entities.unknown-installation", installation=home)
    if len(plan.problems) > before or key not in plan.ids or begin is None or domain is None:
        return None
    return NewEntity(
        id=plan.ids[key], name_ar=names["name_ar"], name_en=names["name_en"], short_mark=names["short_mark"],
        type=EntityType(kind), mail_domain=domain, valid_from=begin, valid_to=end, code=code,
        parent_id=(plan.ids.get(parent) or _registered(plan.known, parent)) if parent else None,
        installation_id=plan.known.installations[home] if home else None,
    )  # fmt: skip


def _registered(known: Known, text: str) -> UUID | None:
    digits, _ = read_entity_code(text)
    return known.codes.get(digits) if digits else None


def _name(plan: _Plan, line: int, row: Row, column: str) -> str:
    name = clean_name(cell(row, column))
    limit = LONGEST_MARK if column == "short_mark" else LONGEST_NAME
    if not name and column == "name_ar":
        plan.wrong(line, "csv.empty-cell", column=column)
    if len(name) > limit:
        plan.wrong(line, "csv.too-long", column=column, limit=limit)
    return name


def _domain(plan: _Plan, line: int, text: str) -> str | None:
    domain = clean_domain(text)
    if domain is None:
        plan.wrong(line, "entities.bad-domain", domain=text or "—")
    elif domain in plan.known.domains:
        plan.wrong(line, "entities.duplicate-domain", domain=domain)
    elif plan.domains.setdefault(domain, line) != line:
        plan.wrong(line, "entities.domain-twice", domain=domain, other_line=plan.domains[domain])
    return domain


def _days(plan: _Plan, line: int, row: Row) -> tuple[date | None, date | None]:
    begin, written = read_day(cell(row, "valid_from")), cell(row, "valid_to")
    if begin is None:
        plan.wrong(line, "csv.bad-date", column="valid_from", value=cell(row, "valid_from") or "—")
    end = read_day(written) if written else None
    if written and end is None:
        plan.wrong(line, "csv.bad-date", column="valid_to", value=written)
    if begin and end and end < begin:
        plan.wrong(line, "entities.ends-before-it-begins")
    return begin, end


def _code(plan: _Plan, line: int, text: str) -> str | None:
    if not text:
        return None
    digits, problem = read_entity_code(text)
    if problem:
        plan.wrong(line, problem.code, **problem.params)
    elif digits in plan.known.codes:
        plan.wrong(line, "entities.duplicate-code", entity=digits)
    elif digits and plan.codes.setdefault(digits, line) != line:
        plan.wrong(line, "entities.code-twice", entity=digits, other_line=plan.codes[digits])
    return digits
