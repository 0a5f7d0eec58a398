"""Gathering the facts that the checks of a draft look at: its own text, who is addressed, what it refers to."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from crypto import codes
from crypto.codes import CodeKind
from crypto.errors import BadCode
from edms.core.calendar import to_digits
from edms.core.database import UnitOfWork
from edms.core.errors import Problem
from edms.entities import queries as entities
from edms.letters import body as bodies
from edms.letters import queries
from edms.letters.checks import LetterText
from edms.letters.findings import Facts, Finding, Level, Referred, Signer, errors, findings
from edms.letters.models import Letter
from edms.letters.rules import AddresseeRole, Kind
from edms.letters.written_dates import Folded, Mention, dates_of, mentions_of
from edms.registry.rules import Direction

_INVISIBLE = str.maketrans("", "", "\u200e\u200f\u061c\u2066\u2067\u2068\u2069\ufeff")


def findings_of_text(uow: UnitOfWork, text: LetterText, *, attached: int, hijri_adjust: int = 0) -> tuple[Finding, ...]:
    """Return what the checks find in a letter that is only typed; ``attached`` is how many files go with it."""
    to = [each.entity_id for each in text.addressees if each.role == AddresseeRole.TO]
    everybody = [each.entity_id for each in text.addressees]
    plain = bodies.plain_text(bodies.clean(text.body))
    return findings(
        Facts(
            kind=text.kind,
            subject=text.subject,
            text=plain,
            signer=_signer(uow, text.signer_post_id),
            to=len(to),
            copies=len(everybody) - len(to),
            attachments=attached,
            today=uow.today,
            hijri_adjust=hijri_adjust,
            refused=_refused(uow, everybody, int(text.sensitivity)),
            referred=(*_lines(uow, text.references), *_mentions(uow, plain)),
        )
    )


def findings_of_letter(uow: UnitOfWork, letter: Letter, *, hijri_adjust: int = 0) -> tuple[Finding, ...]:
    """Return what the checks find in a saved letter that the actor may read."""
    addressed = queries.addressees(uow, letter.id)
    plain = bodies.plain_text(queries.newest_version(uow, letter.id).text["body"])
    to = sum(each.role == AddresseeRole.TO for each in addressed)
    lines = [each.text for each in queries.references(uow, letter.id)]
    return findings(
        Facts(
            kind=Kind(letter.kind),
            subject=letter.subject,
            text=plain,
            signer=_signer(uow, letter.signer_post_id),
            to=to,
            copies=len(addressed) - to,
            attachments=len(queries.attachments(uow, letter.id)),
            today=uow.today,
            hijri_adjust=hijri_adjust,
            refused=_refused(uow, [each.recipient_id for each in addressed], letter.sensitivity),
            referred=(*_lines(uow, lines), *_mentions(uow, plain)),
        )
    )


def missing(uow: UnitOfWork, letter: Letter) -> tuple[Problem, ...]:
    """Return what keeps a draft from being sent for signature."""
    return errors(findings_of_letter(uow, letter))


def seen_mark(found: Sequence[Finding]) -> str:
    """Return the mark of some warnings, by which a form tells that its writer has seen these and no others."""
    shown = sorted(repr(each.problem) for each in found if each.level == Level.WARNING)
    return hashlib.sha256("\n".join(shown).encode()).hexdigest()[:16] if shown else ""


def _signer(uow: UnitOfWork, post_id: UUID | None) -> Signer:
    if post_id is None:
        return Signer.MISSING
    return Signer.HELD if entities.holders(uow, post_id, uow.today) else Signer.VACANT


def _refused(uow: UnitOfWork, addressed: Sequence[UUID], sensitivity: int) -> tuple[str, ...]:
    if not sensitivity:
        return ()
    found = entities.entities_by_ids(uow, addressed).values()
    return tuple(each.name_ar for each in found if each.max_sensitivity < sensitivity)


def _lines(uow: UnitOfWork, lines: Sequence[str]) -> Iterator[Referred]:
    for line in lines:
        code = _document_code(uow, line)
        if code is None:
            yield from _mentions(uow, line, "references")
            continue
        known = _letters(uow, Letter.document_code == code)
        yield Referred("references", codes.format_code(code), bool(known), None, _days(known), certain=True)


def _mentions(uow: UnitOfWork, text: str, where: str = "body") -> Iterator[Referred]:
    folded = Folded(text)
    for each in mentions_of(folded, dates_of(folded)):
        code = _document_code(uow, each.number)
        if code is not None:
            known = _letters(uow, Letter.document_code == code)
        else:
            direction = Direction.OUTGOING if each.ours else Direction.INCOMING
            known = _letters(uow, (Letter.direction == direction) & Letter.number.in_(_spellings(each)))
        yield Referred(where, each.text, bool(known), each.day, _days(known), certain=code is not None)


def _letters(uow: UnitOfWork, condition: object) -> list[tuple[date | None, bool]]:
    """Return the days of the body's letters that fit, with whether the actor may read each; few have one number."""
    rows = uow.session.execute(
        select(Letter.letter_date, queries.visible(uow.actor))
        .where(Letter.entity_id == uow.actor.entity_id, condition)  # type: ignore[arg-type]
        .limit(20)
    )
    return [(day, bool(may)) for day, may in rows]


def _days(known: Sequence[tuple[date | None, bool]]) -> tuple[date, ...]:
    """Return the days of the letters found; none when one of them is not the actor's to read."""
    return tuple(day for day, _ in known if day is not None) if all(may for _, may in known) else ()


def _spellings(each: Mention) -> list[str]:
    """Return a number as the registers may have it: in both digit sets, with and without spaces about the slashes."""
    plain = each.number.translate(_INVISIBLE)
    tight = "/".join(part.strip() for part in plain.split("/"))
    forms = [form for text in (plain, tight) for form in (text, to_digits(text, "latn"), to_digits(text, "arab"))]
    return list(dict.fromkeys(forms))


def _document_code(uow: UnitOfWork, text: str) -> str | None:
    try:
        found = codes.parse(text, year=uow.now.year)
    except BadCode:
        return None
    return found.digits if found.kind is CodeKind.DOCUMENT else None
