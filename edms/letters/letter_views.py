"""The page of a letter, its page images, its coded copies and its attachments."""

from typing import Literal
from uuid import UUID

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from crypto.codes import format_code
from edms.codes.models import IssuedCopy
from edms.codes.queries import own_copy
from edms.content.store import ContentStore
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Invalid, NotFound
from edms.entities.keyring import Keyring
from edms.letters import copies, queries, reading, wording
from edms.letters.compose_views import draft_pages, nearest_width
from edms.letters.details import details
from edms.letters.models import Letter
from edms.letters.rules import NUMBERED
from edms.web.edge import parts, working
from edms.web.edge import reading as reading_unit
from edms.web.guards import current_actor
from edms.web.page import render
from edms.web.security import attachment_response, image_response

MOST_PAGES = 60


def install(blueprint: Blueprint) -> None:
    """Put the pages of this module on the letters' blueprint."""
    blueprint.add_url_rule("/letters/<uuid:letter_id>", view_func=show_letter)
    blueprint.add_url_rule("/letters/<uuid:letter_id>/pages/<int:number>.png", view_func=page_image)
    blueprint.add_url_rule("/letters/<uuid:letter_id>/copy.pdf", view_func=download_copy)
    blueprint.add_url_rule("/letters/<uuid:letter_id>/print.pdf", view_func=print_copy)
    blueprint.add_url_rule("/letters/<uuid:letter_id>/attachments/<uuid:attachment_id>", view_func=download_attachment)


def show_letter(letter_id: UUID) -> Response:
    """Show a letter; that it was opened is committed before anything of it leaves."""
    copy_code = ""
    with reading_unit() as uow:
        letter = queries.letter(uow, letter_id)
        numbered = letter.state in NUMBERED
        sheet = letter.rendition_id is not None and queries.destruction(uow, letter.id) is None
    if numbered and sheet:
        copy_code = copies.issue_view(parts()[Database], current_actor(), letter_id, **_stores())
    elif numbered:
        with working() as uow:
            reading.note_opening(uow, queries.letter(uow, letter_id))
    with reading_unit() as uow:
        letter = queries.letter(uow, letter_id)
        destroyed = queries.destruction(uow, letter.id)
        try:
            pages, broken = 0 if destroyed else _pages(uow, letter), False
        except Invalid:
            pages, broken = 0, True
        return render(
            "letters/letter.html",
            letter=details(uow, letter, pages=pages),
            destroyed=destroyed,
            broken=broken,
            copy_code=format_code(copy_code),
            document_code=format_code(letter.document_code or ""),
            wording=wording,
            text=request.args.get("view") == "text",
            most_pages=MOST_PAGES,
            images="pages" if letter.rendition_id else "preview",
            track_url=_track_url(letter_id),
        )


def page_image(letter_id: UUID, number: int) -> Response:
    """Show one page of the reader's coded copy."""
    with reading_unit() as uow:
        letter = queries.letter(uow, letter_id)
        copy = _own_view(uow, letter)
    if copy is None:
        copies.issue_view(parts()[Database], current_actor(), letter_id, **_stores())
    with reading_unit() as uow:
        view = copies.view(uow, queries.letter(uow, letter_id), **_stores())
    return image_response(view.page(number, nearest_width(request.args.get("width"))))


def download_copy(letter_id: UUID) -> Response:
    """Give the reader's coded copy as PDF, to keep."""
    return _copy(letter_id, "download")


def print_copy(letter_id: UUID) -> Response:
    """Give the reader's coded copy as PDF, to print."""
    return _copy(letter_id, "print")


def download_attachment(letter_id: UUID, attachment_id: UUID) -> Response:
    """Give the reader's copy of an attachment, always as a download in a sandbox."""
    issued = copies.issue_attachment(parts()[Database], current_actor(), letter_id, attachment_id, **_stores())
    return attachment_response(issued.data, issued.name, issued.media_type, length=len(issued.data))


def _copy(letter_id: UUID, act: Literal["print", "download"]) -> Response:
    issued = copies.issue_sheet(parts()[Database], current_actor(), letter_id, act, **_stores())
    return attachment_response(issued.data, issued.name, issued.media_type, length=len(issued.data))


def _stores() -> copies.Stores:
    return {"store": parts()[ContentStore], "keys": parts()[Keyring]}


def _own_view(uow: UnitOfWork, letter: Letter) -> IssuedCopy | None:
    if letter.rendition_id is None:
        raise NotFound("letters.no-rendition")
    return own_copy(uow, letter.rendition_id, "view")


def _pages(uow: UnitOfWork, letter: Letter) -> int:
    """Return how many page images there are; an incoming letter's count is read from its sheet."""
    if letter.rendition_id is None:
        return 0 if letter.state in NUMBERED else draft_pages(uow, letter)
    if letter.pages:
        return letter.pages
    return copies.view(uow, letter, **_stores()).pages() if _own_view(uow, letter) else 0


def _track_url(letter_id: UUID) -> str:
    """Return where the letter's movement is shown, when that page is part of this application."""
    path = f"/letters/{letter_id}/track"
    try:
        current_app.url_map.bind("").match(path)
    except RequestRedirect:
        return path
    except HTTPException:
        return ""
    return path
