"""What a writer typed into the form of a letter: read from the request, checked, and shown again as it was."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from flask import request
from werkzeug.datastructures import FileStorage

from edms.core.database import UnitOfWork
from edms.core.errors import Problem
from edms.entities import queries as entities
from edms.letters import addressing, queries
from edms.letters import body as bodies
from edms.letters.addressing import Choice
from edms.letters.checks import AddresseeText, LetterText
from edms.letters.models import Letter, UnfinishedForm
from edms.letters.rules import AddresseeRole, Kind, Precedence, Sensitivity

MANY = 20
"""More addressees than this that are all there are: the form then says «all bodies» instead of naming each."""
_BLOCK = re.compile(r"block \d+")


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields of the form; ``to`` and ``copies`` are bodies chosen already, ``find_…`` what is typed to find more.

    ``version`` is the version that the writer began from, 0 for a letter that was never saved; ``form`` and
    ``revision`` tell which form it is and how often it was kept by itself since then.
    """

    kind: str = Kind.LETTER
    subject: str = ""
    body: str = ""
    sensitivity: int = 0
    precedence: str = Precedence.ORDINARY
    signer: str = ""
    references: str = ""
    to: tuple[Choice, ...] = ()
    copies: tuple[tuple[Choice, str], ...] = ()
    all_bodies: bool = False
    find_to: str = ""
    find_copy: str = ""
    version: int = 0
    form: UUID | None = None
    revision: int = 0
    problems: tuple[Problem, ...] = field(default=())

    def fields(self) -> dict[str, Any]:
        """Return what was typed as JSON values, for keeping it while it is not saved."""
        return {
            "kind": self.kind, "subject": self.subject, "body": self.body, "sensitivity": self.sensitivity,
            "precedence": self.precedence, "signer": self.signer, "references": self.references,
            "to": [each.code for each in self.to], "copies": [[each.code, purpose] for each, purpose in self.copies],
            "all_bodies": self.all_bodies,
        }  # fmt: skip


def read(uow: UnitOfWork) -> Typed:
    """Return what this request's form holds, the boxes ticked among the matches added to the chosen bodies."""
    form = request.form
    unwanted = form.get("action", "")
    to = [code for code in [*form.getlist("to"), *form.getlist("add_to")] if unwanted != f"remove-to-{code}"]
    copies = [code for code in [*form.getlist("copy"), *form.getlist("add_copy")] if unwanted != f"remove-copy-{code}"]
    known = addressing.by_codes(uow, [*to, *copies])
    problems = [Problem("to", "letters.addressee-not-found", typed=code) for code in to if code not in known]
    problems += [Problem("copies", "letters.addressee-not-found", typed=code) for code in copies if code not in known]
    return Typed(
        kind=form.get("kind", Kind.LETTER),
        subject=form.get("subject", ""),
        body=form.get("body", ""),
        sensitivity=_number(form.get("sensitivity")),
        precedence=form.get("precedence", Precedence.ORDINARY),
        signer=form.get("signer", ""),
        references=form.get("references", ""),
        to=tuple(known[code] for code in dict.fromkeys(to) if code in known),
        copies=tuple((known[code], form.get(f"purpose-{code}", "")) for code in dict.fromkeys(copies) if code in known),
        all_bodies="all_bodies" in form,
        find_to=_still_sought("to"),
        find_copy=_still_sought("copy"),
        version=_number(form.get("version")),
        form=as_uuid(form.get("form", "")),
        revision=_number(form.get("revision")),
        problems=tuple(problems),
    )


def restored(uow: UnitOfWork, fields: Mapping[str, Any]) -> Typed:
    """Return what :meth:`Typed.fields` gave as the form shows it; bodies that are gone meanwhile are left out."""
    known = addressing.by_codes(uow, [*fields["to"], *(code for code, _ in fields["copies"])])
    plain = {key: value for key, value in fields.items() if key not in {"to", "copies"}}
    return Typed(
        **plain,
        to=tuple(known[code] for code in fields["to"] if code in known),
        copies=tuple((known[code], purpose) for code, purpose in fields["copies"] if code in known),
    )


def of_kept(uow: UnitOfWork, kept: UnfinishedForm) -> Typed:
    """Return what was kept of a form while it was typed, as the form shows it."""
    typed = restored(uow, kept.fields)
    return replace(typed, version=kept.version, form=kept.id, revision=kept.revision)


def uploads() -> list[FileStorage]:
    """Return the files that this request carries, empty file fields left out."""
    return [each for each in request.files.getlist("attachments") if each.filename]


def settle_search(uow: UnitOfWork, typed: Typed) -> Typed:
    """Take the body that is still only typed in a search field, when it names exactly one; else note the problem."""
    problems = list(typed.problems)
    if typed.find_to:
        found = addressing.resolve(uow, typed.find_to, field="to", but=[each.code for each in typed.to])
        if isinstance(found, Choice):
            typed = replace(typed, to=(*typed.to, found), find_to="")
        else:
            problems.append(found)
    if typed.find_copy:
        taken = [each.code for each, _ in typed.copies]
        found = addressing.resolve(uow, typed.find_copy, field="copies", but=taken)
        if isinstance(found, Choice):
            typed = replace(typed, copies=(*typed.copies, (found, "")), find_copy="")
        else:
            problems.append(found)
    if problems and not typed.subject.strip():
        problems.append(Problem("subject", "letters.subject-empty"))
    return replace(typed, problems=tuple(problems))


def letter_text(uow: UnitOfWork, typed: Typed) -> LetterText:
    """Return the typed fields as the values of the service, which checks them; needs no ``problems`` in them."""
    copied = {each.id for each, _ in typed.copies}
    if typed.all_bodies:
        addressed = [AddresseeText(each.id) for each in addressing.others(uow) if each.id not in copied]
    else:
        addressed = [AddresseeText(each.id) for each in typed.to]
    addressed += [AddresseeText(each.id, AddresseeRole.COPY, purpose) for each, purpose in typed.copies]
    return LetterText(
        kind=Kind(typed.kind) if typed.kind in tuple(Kind) else Kind.LETTER,
        subject=typed.subject,
        body=bodies.from_markup(typed.body),
        addressees=tuple(addressed),
        sensitivity=Sensitivity(min(typed.sensitivity, Sensitivity.TOP_SECRET)),
        precedence=Precedence(typed.precedence) if typed.precedence in tuple(Precedence) else Precedence.ORDINARY,
        references=tuple(line.strip() for line in typed.references.splitlines() if line.strip()),
        signer_post_id=as_uuid(typed.signer),
    )


def stored(uow: UnitOfWork, letter: Letter) -> Typed:
    """Return a saved letter as the form shows it."""
    addressed = queries.addressees(uow, letter.id)
    found = entities.entities_by_ids(uow, [each.recipient_id for each in addressed])
    known = {key: addressing.choice(each) for key, each in found.items()}
    to = tuple(known[a.recipient_id] for a in addressed if a.role == AddresseeRole.TO)
    copies = tuple((known[a.recipient_id], a.purpose) for a in addressed if a.role == AddresseeRole.COPY)
    everybody = len(to) > MANY and {each.id for each in addressing.others(uow)} <= set(known)
    return Typed(
        kind=letter.kind,
        subject=letter.subject,
        body=bodies.to_markup(queries.newest_version(uow, letter.id).text["body"]),
        sensitivity=letter.sensitivity,
        precedence=letter.precedence,
        signer=str(letter.signer_post_id or ""),
        references="\n".join(each.text for each in queries.references(uow, letter.id)),
        to=() if everybody else to,
        copies=copies,
        all_bodies=everybody,
        version=letter.version,
    )


def shown(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return problems with the names of form fields as their places."""
    moved: list[Problem] = []
    for each in problems:
        here = Problem("body", each.code, **each.params) if _BLOCK.fullmatch(each.where) else each
        if here not in moved:
            moved.append(here)
    return tuple(moved)


def _still_sought(kind: str) -> str:
    """Return what is typed to find more bodies; ticking one of the matches has answered it."""
    form = request.form
    return "" if form.getlist(f"add_{kind}") else form.get(f"find_{kind}", "").strip()[:200]


def number_of(name: str) -> int:
    """Return the number in a field of this request, 0 where there is none."""
    return _number(request.form.get(name))


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else 0


def as_uuid(text: str) -> UUID | None:
    """Return an inner key as typed or linked; None for none, the zero one (of nothing) for what is no key."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return UUID(int=0)
