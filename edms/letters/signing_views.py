"""The signing tray: the list, one letter at a time as the pages that will be signed, and several in one go."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from flask import Blueprint, Response, request, stream_template
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.accounts.step_up_edge import About, ask_step_up, step_up_state
from edms.codes.page_images import page_png
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, EdmsError, NotFound, Problem
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.letters import queries, sightings, signing, wording
from edms.letters.changes import Change, changes
from edms.letters.details import Details, acts_of, details
from edms.letters.drafting import findings_of_letter
from edms.letters.edge import issue_letter
from edms.letters.listing import rows
from edms.letters.models import Letter, Version
from edms.letters.preview_views import nearest_width
from edms.letters.printing_plan import Printing
from edms.letters.rules import ISSUE, SIGN, State
from edms.letters.signing_sheet import image_addresses, pages_to_sign, sheet_to_sign
from edms.letters.steps import signing_authority
from edms.registry.rules import Direction
from edms.web.edge import parts, reading, working
from edms.web.formats import current_locale, translate
from edms.web.guards import current_actor
from edms.web.page import go, render
from edms.web.security import image_response

TRAY = 20
_LONGEST_BATCH = 50
_log = structlog.get_logger("letters")


@dataclass(frozen=True, slots=True)
class InTray:
    """A letter in the tray: its particulars, the content's mark, whether it was seen whole, for whom it is signed."""

    letter: Details
    fingerprint: str
    images: Sequence[str]
    seen: bool
    on_behalf_of: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one letter of a batch: signed, issued with a number, or refused for a reason."""

    letter_id: UUID
    subject: str
    number: str = ""
    signed: bool = False
    problem: Problem | None = None


def install(blueprint: Blueprint) -> None:
    """Put the pages of this module on the letters' blueprint."""
    blueprint.add_url_rule("/signing", view_func=tray)
    blueprint.add_url_rule("/signing/batch", view_func=sign_batch, methods=["POST"])
    blueprint.add_url_rule("/signing/<uuid:letter_id>", view_func=one_to_sign)
    blueprint.add_url_rule("/signing/<uuid:letter_id>/pages/<int:number>.png", view_func=page_to_sign)


def tray() -> Response:
    """Show the letters that wait for the reader's signature, and the signed ones that wait for their number."""
    return _tray(())


def one_to_sign(letter_id: UUID) -> WerkzeugResponse:
    """Show one letter as it will be signed, with what changed since it was sent back, and what the checks found."""
    with reading() as uow:
        letter = queries.letter(uow, letter_id)
        if "sign" not in acts_of(uow.actor, letter):
            return go(f"/letters/{letter_id}")
        waiting = [each.id for each in _waiting(uow)]
        at = waiting.index(letter.id) if letter.id in waiting else 0
        older = _older_version(uow, letter)
        return render(
            "letters/signing_one.html",
            wording=wording,
            item=_in_tray(uow, letter, {}),
            place=at + 1,
            count=max(len(waiting), 1),
            previous=waiting[at - 1] if at > 0 else None,
            following=waiting[at + 1] if at + 1 < len(waiting) else None,
            older=older,
            changed=_changes(uow, letter, older),
            findings=findings_of_letter(uow, letter, hijri_adjust=parts()[Printing].hijri_adjust),
            step_up=step_up_state(),
            may_issue=uow.actor.may(ISSUE),
        )


def page_to_sign(letter_id: UUID, number: int) -> Response:
    """Show one page as it will be signed, and note that it was opened; an address of older content is refused."""
    with working() as uow:
        letter = queries.letter(uow, letter_id)
        if request.args.get("seen", "") != signing.fingerprint(uow, letter):
            raise Conflict("letters.changed-since-seen")
        pdf = sheet_to_sign(uow, letter, parts()[Printing])
        pages = pages_to_sign(uow, letter, parts()[Printing])
        if not 1 <= number <= pages:
            raise NotFound("letters.no-rendition")
        if signing_authority(uow.actor, letter) is not None:
            sightings.note_page(uow, letter, number, pages)
    return image_response(page_png(pdf, number, nearest_width(request.args.get("width"))))


def sign_batch() -> WerkzeugResponse:
    """Sign the ticked letters after one step-up, each in a transaction of its own; the answer grows as it goes."""
    actor = current_actor()
    actor.require(SIGN)
    chosen = _chosen(request.form.getlist("letter"))
    if not chosen:
        return _tray((Problem("letters", "letters.none-chosen"),), 422)
    if len(chosen) > _LONGEST_BATCH:
        return _tray((Problem("letters", "letters.too-many-chosen", n=_LONGEST_BATCH),), 422)
    with_issue = request.form.get("act") == "sign-and-issue"
    if with_issue:
        actor.require(ISSUE)
    words = translate("Sign and issue the chosen letters") if with_issue else translate("Sign the chosen letters")
    answer = ask_step_up(words, lambda: About(back="/signing"))
    if answer is not None:
        return answer
    subjects = _subjects([letter_id for letter_id, _ in chosen])
    outcomes = (_signed(letter_id, seen, subjects.get(letter_id, ""), with_issue) for letter_id, seen in chosen)
    return Response(stream_template("letters/signing_batch.html", outcomes=_told(outcomes), count=len(chosen)))


def sheet_images(uow: UnitOfWork, letter: Letter) -> Sequence[str]:
    """Return the page images that stand beside a question about a letter: as it will be signed; none once numbered."""
    if letter.state not in {State.SUBMITTED, State.SIGNED}:
        return ()
    return image_addresses(uow, letter, pages_to_sign(uow, letter, parts()[Printing]))


def _tray(problems: tuple[Problem, ...], status: int = 200) -> Response:
    actor = current_actor()
    with reading() as uow:
        waiting = _waiting(uow)
        seen = sightings.seen_in_session(uow, [each.id for each in waiting])
        signed = queries.letters(uow, direction=Direction.OUTGOING, states=(State.SIGNED,), limit=TRAY)
        return render(
            "letters/signing.html",
            status,
            wording=wording,
            problems=problems,
            more=len(waiting) > TRAY,
            waiting=[_in_tray(uow, each, seen) for each in waiting[:TRAY]],
            signed=rows(uow, signed if actor.may(ISSUE) else (), locale=current_locale()),
            step_up=step_up_state(),
            may_issue=actor.may(ISSUE),
        )


def _waiting(uow: UnitOfWork) -> Sequence[Letter]:
    return queries.letters(uow, direction=Direction.OUTGOING, states=(State.SUBMITTED,), to_sign=True, limit=TRAY + 1)


def _in_tray(uow: UnitOfWork, letter: Letter, seen: dict[UUID, str]) -> InTray:
    pages = pages_to_sign(uow, letter, parts()[Printing])
    mark = signing.fingerprint(uow, letter)
    authority = signing_authority(uow.actor, letter)
    holder = authority.deputyship.holder_id if authority and authority.deputyship else None
    return InTray(
        details(uow, letter, pages=pages),
        mark,
        image_addresses(uow, letter, pages),
        seen.get(letter.id) == mark,
        entities.employees_by_ids(uow, [holder])[holder].name if holder else "",
    )


def _older_version(uow: UnitOfWork, letter: Letter) -> Version | None:
    if letter.returned_version is None or letter.returned_version == letter.version:
        return None
    return queries.version(uow, letter.id, letter.returned_version)


def _changes(uow: UnitOfWork, letter: Letter, older: Version | None) -> tuple[Change, ...]:
    return changes(older.text, queries.newest_version(uow, letter.id).text) if older is not None else ()


def _chosen(sent: Sequence[str]) -> list[tuple[UUID, str]]:
    """Read the ticked boxes, ``<letter>~<fingerprint>``, each letter once and in order."""
    found: dict[UUID, str] = {}
    for each in sent[:1000]:
        letter, _, seen = each.partition("~")
        try:
            found.setdefault(UUID(letter), seen[:64])
        except ValueError:
            continue
    return list(found.items())


def _subjects(letter_ids: Sequence[UUID]) -> dict[UUID, str]:
    with reading() as uow:
        return {key: letter.subject for key, letter in queries.visible_ids(uow, letter_ids).items()}


def _signed(letter_id: UUID, seen: str, subject: str, with_issue: bool) -> Outcome:
    """Sign one letter of a batch and issue it where asked; whatever goes wrong is this letter's outcome alone."""
    signed, problem, number = False, None, ""
    try:
        with working() as uow:
            sightings.require_seen(uow, queries.letter(uow, letter_id), seen)
            signing.sign(uow, letter_id, keys=parts()[Keyring], seen=seen)
        signed = True
        number = issue_letter(letter_id).number if with_issue else ""
    except EdmsError as error:
        problem = Problem("letters", error.code, **error.params)
    except Exception:
        _log.exception("letters.batch-failed", letter=str(letter_id))
        problem = Problem("letters", "letters.batch-failed")
    return Outcome(letter_id, subject, number, signed, problem)


def _told(outcomes: Iterator[Outcome]) -> Callable[[], Iterator[Outcome]]:
    """Return what the template calls to go through the outcomes one by one, each when it has come about."""
    return lambda: outcomes
