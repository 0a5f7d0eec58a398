"""A body's templates (قوالب): letters with fields like ``{name}``, kept by its registry and administrators."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import func, select

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden, Invalid, NotFound, Problem
from edms.letters import body as bodies
from edms.letters.checks import MAX_SUBJECT
from edms.letters.findings import empty_fields
from edms.letters.models import LetterTemplate
from edms.letters.rules import DRAFT, KEEP_TEMPLATES, Kind

MAX_NAME = 100
MAX_TEXT = 20_000
MAX_FIELDS = 30
MAX_VALUE = 500
MAX_ADDRESSEES = 50
MAX_TEMPLATES = 200


@dataclass(frozen=True, slots=True)
class TemplateText:
    """What a template holds: ``body`` in the plain form; ``to`` and ``copies`` are 8-digit codes of bodies."""

    name: str
    kind: str = Kind.LETTER
    subject: str = ""
    body: str = ""
    to: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()

    @property
    def fields(self) -> list[str]:
        """The names of the fields to be filled in, in their order."""
        return empty_fields(f"{self.subject}\n{self.body}")


@dataclass(frozen=True, slots=True)
class Template:
    """A stored template."""

    id: UUID
    text: TemplateText


def templates(uow: UnitOfWork) -> list[Template]:
    """Return the templates of the actor's body in order of name."""
    _require_reader(uow)
    rows = uow.session.scalars(select(LetterTemplate).where(LetterTemplate.entity_id == uow.actor.entity_id))
    return sorted((_template(row) for row in rows), key=lambda each: each.text.name)


def template(uow: UnitOfWork, template_id: UUID) -> Template:
    """Return a template of the actor's body; NotFound ``letters.no-template`` for any other."""
    _require_reader(uow)
    return _template(_row(uow, template_id))


def add(uow: UnitOfWork, text: TemplateText) -> Template:
    """Add a template to the actor's body; raises Invalid with every finding."""
    uow.actor.require(KEEP_TEMPLATES)
    if uow.actor.entity_id is None:
        raise Forbidden("letters.no-entity")
    count = select(func.count()).select_from(LetterTemplate).where(LetterTemplate.entity_id == uow.actor.entity_id)
    if (uow.session.scalar(count) or 0) >= MAX_TEMPLATES:
        raise Invalid("letters.invalid", (Problem("name", "letters.too-many-templates", limit=MAX_TEMPLATES),))
    row = LetterTemplate(entity_id=uow.actor.entity_id)
    _write(uow, row, text)
    uow.session.add(row)
    uow.flush()
    record(uow, "letters.template-added", "letter-template", row.id, row=row)
    return _template(row)


def change(uow: UnitOfWork, template_id: UUID, text: TemplateText) -> Template:
    """Replace what a template holds; raises Invalid with every finding."""
    uow.actor.require(KEEP_TEMPLATES)
    row = _row(uow, template_id)
    _write(uow, row, text)
    uow.flush()
    record(uow, "letters.template-changed", "letter-template", row.id, row=row)
    return _template(row)


def remove(uow: UnitOfWork, template_id: UUID) -> None:
    """Take a template away; letters written from it stay as they are."""
    uow.actor.require(KEEP_TEMPLATES)
    row = _row(uow, template_id)
    uow.session.delete(row)
    uow.flush()
    record(uow, "letters.template-removed", "letter-template", template_id, gone=row)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with the values of its fields, each on one line; a field without a value stays as it is.

    >>> fill("الموظف {الاسم} في {القسم}", {"الاسم": "عمر", "القسم": ""})
    'الموظف عمر في {القسم}'
    """
    told = {name: " ".join(value.split())[:MAX_VALUE] for name, value in values.items()}
    return re.sub(r"\{([^{}\n]+)\}", lambda match: told.get(match[1].strip()) or match[0], text)


def _problems(text: TemplateText) -> Iterator[Problem]:
    if not text.name.strip():
        yield Problem("name", "letters.template-without-name")
    if len(text.name) > MAX_NAME:
        yield Problem("name", "letters.template-name-too-long", limit=MAX_NAME)
    if text.kind not in tuple(Kind):
        yield Problem("kind", "letters.unknown-kind")
    if len(text.subject) > MAX_SUBJECT:
        yield Problem("subject", "letters.subject-too-long", limit=MAX_SUBJECT)
    if not text.body.strip():
        yield Problem("body", "letters.body-empty")
    elif len(text.body) > MAX_TEXT:
        yield Problem("body", "letters.body-too-long", limit=MAX_TEXT)
    elif len(text.fields) > MAX_FIELDS:
        yield Problem("body", "letters.too-many-fields", limit=MAX_FIELDS)
    if len(text.to) + len(text.copies) > MAX_ADDRESSEES:
        yield Problem("to", "letters.too-many-addressees", limit=MAX_ADDRESSEES)


def _write(uow: UnitOfWork, row: LetterTemplate, text: TemplateText) -> None:
    problems = tuple(_problems(text))
    if problems:
        raise Invalid("letters.invalid", problems)
    row.kind, row.changed_at, row.changed_by_id = text.kind, uow.now, uow.actor.employee_id
    clean = bodies.to_markup(bodies.from_markup(text.body))
    row.text = {**asdict(text), "name": " ".join(text.name.split()), "body": clean}


def _template(row: LetterTemplate) -> Template:
    held = {**row.text, "to": tuple(row.text["to"]), "copies": tuple(row.text["copies"])}
    return Template(row.id, TemplateText(**held))


def _row(uow: UnitOfWork, template_id: UUID) -> LetterTemplate:
    found = uow.session.get(LetterTemplate, template_id)
    if found is None or found.entity_id != uow.actor.entity_id:
        raise NotFound("letters.no-template")
    return found


def _require_reader(uow: UnitOfWork) -> None:
    if not uow.actor.may(KEEP_TEMPLATES):
        uow.actor.require(DRAFT)
