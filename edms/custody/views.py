"""Pages of a reserved letter: reserving it, its readers, opening it."""

import base64
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from crypto.codes import format_code
from edms.accounts.step_up import StepUpRefused
from edms.accounts.step_up_edge import About, ask_step_up
from edms.content.store import ContentStore
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict, Invalid, NotFound, Problem
from edms.custody import queries, reserving
from edms.custody.package import Package, message_of
from edms.custody.rules import FEWEST_KEYS, LONGEST_PASSPHRASE
from edms.custody.shredding import Shredder
from edms.entities.keyring import Keyring
from edms.letters import body as bodies
from edms.letters import copies
from edms.letters import queries as letters
from edms.letters.copies import IssuedFile, View
from edms.letters.models import Letter
from edms.letters.rules import RESERVE
from edms.search.indexes import Indexes
from edms.web.edge import parts, reading, working
from edms.web.formats import translate
from edms.web.guards import current_actor
from edms.web.page import go, render
from edms.web.security import attachment_response

MOST_PAGES: Final = 20
_PAGE_WIDTH: Final = 794
_NOTHING: Final[tuple[list[str], int]] = ([], 0)

blueprint = Blueprint("custody", __name__, template_folder="templates")


@blueprint.get("/letters/<uuid:letter_id>/reserve")
def choose(letter_id: UUID) -> Response:
    """Ask for whom a letter is to be reserved."""
    return _choice(letter_id, ())


@blueprint.post("/letters/<uuid:letter_id>/reserve")
def reserve(letter_id: UUID) -> WerkzeugResponse:
    """Reserve a letter, after a fresh step-up."""
    with reading() as uow:
        shown = _name(letters.letter(uow, letter_id))
        uow.actor.require(RESERVE)
    if not request.form.get("sure"):
        return _choice(letter_id, (Problem("sure", "custody.not-sure"),), 422)
    answer = ask_step_up(
        translate("Reserve for named readers"), lambda: About(shown, back=f"/letters/{letter_id}/reserve")
    )
    if answer is not None:
        return answer
    at = Shredder(parts()[Database], parts()[ContentStore], parts()[Keyring], parts()[Indexes])
    try:
        reserving.reserve(at, current_actor(), letter_id, _ids("readers"))
    except Invalid as error:
        return _choice(letter_id, error.problems, 422)
    except Conflict as error:
        return _choice(letter_id, (Problem("readers", error.code, **error.params),), 409)
    return go(_page(letter_id), notice="The letter is reserved. Nobody else opens it any more.")


@blueprint.get("/letters/<uuid:letter_id>/reserved")
def show(letter_id: UUID) -> Response:
    """Show who can open a reserved letter; who can is asked for the passphrase."""
    return _shown(letter_id, ())


@blueprint.post("/letters/<uuid:letter_id>/reserved")
def open_(letter_id: UUID) -> Response:
    """Open a reserved letter: its pages and words, its sheet as a file, or one attachment, as copies of the reader."""
    wanted = request.form.get("part", "pages")
    part = wanted if wanted in {"pages", "sheet", "message"} else "attachment"
    try:
        package = reserving.open_letter(
            parts()[Database], current_actor(), letter_id, _phrase(), part=part, **_stores()
        )  # fmt: skip
    except (Invalid, StepUpRefused) as error:
        return _refused(letter_id, error)
    if wanted == "pages":
        return _pages(letter_id, package)
    issued = _issued(letter_id, package, wanted)
    return attachment_response(issued.data, issued.name, issued.media_type, length=len(issued.data))


@blueprint.post("/letters/<uuid:letter_id>/readers")
def give(letter_id: UUID) -> WerkzeugResponse:
    """Let one more person open a reserved letter."""
    reader = next(iter(_ids("reader")), UUID(int=0))
    try:
        reserving.give(parts()[Database], current_actor(), letter_id, reader, _phrase(), keys=parts()[Keyring])
    except (Invalid, StepUpRefused) as error:
        return _refused(letter_id, error)
    return go(_page(letter_id), notice="One more person can open the letter.")


@blueprint.post("/letters/<uuid:letter_id>/readers/<uuid:wrap_id>/take")
def take(letter_id: UUID, wrap_id: UUID) -> WerkzeugResponse:
    """Let a person open a reserved letter no more."""
    with working() as uow:
        reserving.take(uow, letter_id, wrap_id)
    return go(_page(letter_id), notice="That person opens the letter no more.")


def _choice(letter_id: UUID, problems: tuple[Problem, ...], status: int = 200) -> Response:
    with reading() as uow:
        letter = letters.letter(uow, letter_id)
        uow.actor.require(RESERVE)
        return render(
            "custody/reserve.html", status, problems=problems, letter=letter, name=_name(letter),
            candidates=queries.candidates(uow, letter), escrow=queries.escrow_key(uow, letter.entity_id),
            chosen=set(_ids("readers")),
        )  # fmt: skip


def _shown(letter_id: UUID, problems: tuple[Problem, ...], status: int = 200) -> Response:
    with reading() as uow:
        letter = letters.letter(uow, letter_id)
        held = queries.reservation(uow, letter.id)
        readers = queries.readers(uow, held)
        known = {each.key_id for each in readers}
        own = queries.own_wrap(uow, held)
        done = letters.destruction(uow, letter.id)
        return render(
            "custody/reserved.html", status, problems=problems, letter=letter, name=_name(letter), readers=readers,
            held=held, own=own is not None, replaced=own is not None and own[1].ended_at is not None,
            others=[each for each in queries.candidates(uow, letter) if each.key_id not in known],
            may_take=uow.actor.may(RESERVE) and len(readers) > FEWEST_KEYS, files=_files(uow, letter),
            message=message_of(uow, letter) is not None,
            unfinished=uow.actor.may(RESERVE) and done is not None and done.done_at is None,
        )  # fmt: skip


def _pages(letter_id: UUID, package: Package) -> Response:
    """Show a letter that was opened; its page images come with the page, since nothing opens them a second time."""
    code, (images, count) = "", _NOTHING
    if package.sheet:
        issued = copies.issue_sheet(
            parts()[Database], current_actor(), letter_id, "view", data=package.sheet, **_stores()
        )  # fmt: skip
        code = format_code(issued.code)
        images, count = _drawn(View(issued.data, ours=False))
    blocks = package.text.get("body")
    blocks = blocks if isinstance(blocks, list) else bodies.from_markup(str(package.text.get("text") or ""))
    with reading() as uow:
        letter = letters.letter(uow, letter_id)
        return render(
            "custody/opened.html", letter=letter, package=package, images=images, copy_code=code, count=count,
            blocks=blocks, document_code=format_code(letter.document_code or ""),
        )  # fmt: skip


def _drawn(view: View) -> tuple[list[str], int]:
    """Return the first pages as addresses that hold them, and how many there are; none of a sheet that is broken."""
    try:
        count = view.pages()
        drawn = [view.page(number, _PAGE_WIDTH) for number in range(1, min(count, MOST_PAGES) + 1)]
    except Invalid:
        return _NOTHING
    return [f"data:image/png;base64,{base64.b64encode(one).decode()}" for one in drawn], count


def _issued(letter_id: UUID, package: Package, wanted: str) -> IssuedFile:
    if wanted == "sheet" and package.sheet:
        return copies.issue_sheet(
            parts()[Database], current_actor(), letter_id, "download", data=package.sheet, **_stores()
        )  # fmt: skip
    if wanted == "message" and package.message:
        return IssuedFile("", "message.eml", "message/rfc822", package.message)
    one = next((one for one in package.attachments if one.id == wanted), None)
    if one is None:
        raise NotFound("letters.no-attachment")
    return copies.issue_opened_attachment(
        parts()[Database], current_actor(), letter_id, UUID(one.id), one.name, one.hash, one.data, **_stores()
    )  # fmt: skip


def _refused(letter_id: UUID, error: Invalid | StepUpRefused) -> Response:
    if isinstance(error, Invalid):
        return _shown(letter_id, error.problems, 422)
    return _shown(letter_id, (Problem("passphrase", error.code, **error.params),), 429)


def _files(uow: UnitOfWork, letter: Letter) -> list[tuple[str, str, int]]:
    """Return the attachments that can be asked for: part, media type, octets; names are known to readers alone."""
    return [(one.id.hex, one.media_type, one.size) for one in letters.attachments(uow, letter.id)]


def _name(letter: Letter) -> str:
    return letter.number or letter.register_number or format_code(letter.document_code or "")


def _ids(field: str) -> list[UUID]:
    found = []
    for text in request.form.getlist(field):
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _phrase() -> str:
    return request.form.get("passphrase", "")[: LONGEST_PASSPHRASE + 1]


def _stores() -> copies.Stores:
    return {"store": parts()[ContentStore], "keys": parts()[Keyring]}


def _page(letter_id: UUID) -> str:
    return f"/letters/{letter_id}/reserved"
