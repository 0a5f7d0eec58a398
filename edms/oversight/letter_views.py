"""The page of one letter's life, and the comparison of a letter with the log."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from crypto.codes import format_code
from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.entities.models import Entity
from edms.letters import queries as letters
from edms.letters.models import Letter
from edms.oversight import life, queries, service
from edms.oversight.edge import HOME
from edms.oversight.forms import read_place, written_place
from edms.oversight.rules import SEE_LOG
from edms.tracking import queries as tracking
from edms.tracking.rules import FACTS
from edms.web.edge import parts, reading, working
from edms.web.formats import current_locale
from edms.web.page import paginate, render

_STEPS = 100


def install(blueprint: Blueprint) -> None:
    """Put the pages of this module on the auditor's blueprint."""
    blueprint.add_url_rule(f"{HOME}/letters/<uuid:letter_id>", view_func=letter_life)
    blueprint.add_url_rule(f"{HOME}/letters/<uuid:letter_id>/check", view_func=letter_check)


def letter_life(letter_id: UUID) -> Response:
    """Show what was done with a letter in one body, who read which copy, and where it went."""
    with reading() as uow:
        uow.actor.require(SEE_LOG)
        letter = queries.letter(uow, letter_id)
        steps = life.timeline(uow, letter, after=read_place(request.args.get("after", "")), limit=_STEPS)
        totals = tracking.totals(uow, letter)
        copies = paginate(queries.count_copies(uow, letter.id), argument="copies")
        sent = paginate(totals.recipients, argument="sent")
        shown: dict[str, Any] = {
            "names": FACTS, "format_code": format_code,
            "letter": letter, "body": entities.entity(uow, letter.entity_id), "steps": steps, "totals": totals,
            "open": letter.id in letters.visible_ids(uow, [letter.id]), "copies_pages": copies, "sent_pages": sent,
            "copies": life.copies(uow, letter, limit=copies.size, offset=copies.offset),
            "facts_of": tracking.facts(uow, letter, offset=sent.offset, limit=sent.size, locale=current_locale()),
            "elsewhere": _elsewhere(uow, letter),
        }  # fmt: skip
        onward = f"{HOME}/letters/{letter_id}?after={written_place(steps.onward)}" if steps.onward else None
        page = render("oversight/life.html", onward=onward, **shown)
        owner, code = letter.entity_id, letter.document_code
    with working() as uow:
        service.note(uow, "oversight.life-seen", "letter", letter_id, entity_id=owner, code=code)
    return page


def letter_check(letter_id: UUID) -> Response:
    """Compare a letter's file and rows with the log."""
    with reading() as uow:
        uow.actor.require(SEE_LOG)
        letter = queries.letter(uow, letter_id)
        body = entities.entity(uow, letter.entity_id)
        found = life.check(uow, letter, store=parts()[ContentStore], keys=parts()[Keyring])
        page = render("oversight/letter_check.html", letter=letter, body=body, found=found, format_code=format_code)
        owner, code = letter.entity_id, letter.document_code
    with working() as uow:
        service.note(uow, "oversight.letter-checked", "letter", letter_id, entity_id=owner, code=code, ok=found.ok)
    return page


def _elsewhere(uow: UnitOfWork, letter: Letter) -> list[tuple[Letter, Entity]]:
    """Return the rows that other bodies hold of the same letter, where the auditor sees them."""
    if not letter.document_code:
        return []
    rows = [each for each in queries.letters_by_code(uow, letter.document_code) if each.id != letter.id]
    bodies = entities.entities_by_ids(uow, [each.entity_id for each in rows])
    return [(each, bodies[each.entity_id]) for each in rows]
