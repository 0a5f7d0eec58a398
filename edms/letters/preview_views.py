"""Showing unfinished letters as they would be printed: what is typed at this moment, and drafts that are saved."""

import base64
import threading
import time
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from flask import Blueprint, Response, current_app, request

from edms.codes.page_images import page_count, page_png
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, EdmsError, NotFound
from edms.letters import body as bodies
from edms.letters import forms, queries
from edms.letters.drafting import findings_of_text
from edms.letters.models import Letter
from edms.letters.printing import printed_letter
from edms.letters.printing_plan import Printing
from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.values import PrintedLetter
from edms.letters.rules import DRAFT, State
from edms.letters.unsaved import MOST_CHARACTERS, printed_unsaved
from edms.web.edge import parts, reading
from edms.web.guards import current_actor
from edms.web.page import render, wanted
from edms.web.security import attachment_response, image_response

LONGEST = 40
"""Pages of a draft that are shown as images."""
WIDTHS = (160, 794, 1588)
_AT_ONCE = 8
"""Pages that a browser without scripts is sent in one page."""


class TooOften(EdmsError):
    """One person asks for previews faster than anybody types."""


class Gate:
    """Lets each person preview so often a minute, in this process; one person's previews never stand in a row."""

    def __init__(self, per_minute: int = 180) -> None:
        self._per_minute = per_minute
        self._asked: dict[UUID, deque[float]] = {}
        self._lock = threading.Lock()

    def pass_(self, who: UUID, now: float) -> None:
        """Count one preview at ``now`` (seconds); raises TooOften ``letters.previews-too-many``."""
        with self._lock:
            if len(self._asked) > 10_000:
                self._asked.clear()
            asked = self._asked.setdefault(who, deque())
            while asked and asked[0] <= now - 60:
                asked.popleft()
            if len(asked) >= self._per_minute:
                raise TooOften("letters.previews-too-many")
            asked.append(now)


@dataclass(frozen=True, slots=True)
class Shown:
    """Page images of a letter as ``data:`` addresses: pages ``first``… of ``count``; ``cut`` when text was left out."""

    images: tuple[str, ...]
    first: int
    count: int
    cut: bool


def install(blueprint: Blueprint) -> None:
    """Put the pages of this module on the letters' blueprint."""
    blueprint.add_url_rule("/letters/preview", view_func=preview_typed, methods=["POST"])
    blueprint.add_url_rule("/letters/<uuid:letter_id>/preview/<int:number>.png", view_func=preview_page)
    blueprint.add_url_rule("/letters/<uuid:letter_id>/preview.pdf", view_func=preview_pdf)


def nearest_width(asked: str | None) -> int:
    """Return the width in pixels that page images are drawn in, the nearest to what is asked for."""
    wanted_width = int(asked) if asked and asked.isascii() and asked.isdigit() and len(asked) < 6 else 794
    return min(WIDTHS, key=lambda width: abs(width - wanted_width))


def preview_typed() -> Response:
    """Show what the form holds at this moment as the printed page, with the findings about it; nothing is stored."""
    actor = current_actor()
    actor.require(DRAFT)
    if actor.employee_id is not None:
        gate: Gate = current_app.extensions.setdefault("diwan-previews", Gate())
        gate.pass_(actor.employee_id, time.monotonic())
    fragment = wanted() == "fragment"
    try:
        with reading() as uow:
            typed = forms.read(uow)
            text = forms.letter_text(uow, typed)
            attached = _attached(uow)
            sheet = printed_unsaved(uow, text, parts()[Printing], attached=attached)
            found = findings_of_text(uow, text, attached=max(len(attached), forms.number_of("files")))
        long = len(bodies.plain_text(text.body)) > MOST_CHARACTERS
        asked = max(1, forms.number_of("preview_page"))
        shown = _shown(render_letter(sheet), asked if fragment else 1, 1 if fragment else _AT_ONCE, cut=long)
    finally:
        for each in request.files.values():
            each.close()
    return render(
        "letters/_beside.html" if fragment else "letters/preview.html",
        shown=shown,
        findings=found,
        letter_id=forms.as_uuid(request.form.get("letter", "")),
    )


def preview_page(letter_id: UUID, number: int) -> Response:
    """Show a page of an unfinished letter as it would be printed, with the draft's mark."""
    return image_response(page_png(draft_pdf(letter_id), number, nearest_width(request.args.get("width"))))


def preview_pdf(letter_id: UUID) -> Response:
    """Give the unfinished letter as PDF, with the draft's mark on every page."""
    return attachment_response(draft_pdf(letter_id), "draft.pdf", "application/pdf")


def draft_pdf(letter_id: UUID) -> bytes:
    """Return a visible unfinished letter as PDF; Conflict ``letters.not-unfinished`` for a numbered one."""
    with reading() as uow:
        letter = queries.letter(uow, letter_id)
        if letter.rendition_id is not None or letter.state not in {State.DRAFT, State.SUBMITTED, State.SIGNED}:
            raise Conflict("letters.not-unfinished")
        sheet = printed_letter(uow, letter, parts()[Printing], day=None)
    return _rendered(sheet)


def draft_pages(uow: UnitOfWork, letter: Letter) -> int:
    """Return how many pages an unfinished letter has in print."""
    return min(LONGEST, page_count(_rendered(printed_letter(uow, letter, parts()[Printing], day=None))))


@lru_cache(maxsize=64)
def _rendered(sheet: PrintedLetter) -> bytes:
    return render_letter(sheet)


def _shown(pdf: bytes, first: int, most: int, *, cut: bool) -> Shown:
    count = page_count(pdf)
    first = min(first, count)
    numbers = range(first, min(count, first + most - 1) + 1)
    images = tuple(f"data:image/png;base64,{base64.b64encode(page_png(pdf, n, 794)).decode()}" for n in numbers)
    return Shown(images, first, count, cut)


def _attached(uow: UnitOfWork) -> tuple[str, ...]:
    """Return the names of the files that the letter has already, and of those that come with this request."""
    letter_id = forms.as_uuid(request.form.get("letter", ""))
    names = [each.filename or "" for each in forms.uploads()]
    if letter_id is not None:
        try:
            letter = queries.letter(uow, letter_id)
        except NotFound:
            return tuple(names)
        names = [*(each.name for each in queries.attachments(uow, letter.id)), *names]
    return tuple(names)
