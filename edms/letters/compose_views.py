"""Writing a letter: the form, finding bodies for it, saving, attachments, preview."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, EdmsError, Invalid, Problem
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.letters import addressing, forms, queries, service, wording
from edms.letters.attachments import Limits, is_active
from edms.letters.edge import parts, reading, working
from edms.letters.models import Attachment, Letter
from edms.letters.printing import Printing, printed_letter
from edms.letters.rendition.images import page_count, page_png
from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.values import PrintedLetter
from edms.letters.rules import DRAFT, Kind, State
from edms.web import locale
from edms.web.formats import translate
from edms.web.guards import current_actor
from edms.web.page import go, render
from edms.web.security import attachment_response, image_response

Key = TypeVar("Key", str, int)
_LONGEST_PREVIEW = 40
_WIDTHS = (160, 794, 1588)


def install(blueprint: Blueprint) -> None:
    """Put the pages of this module on the letters' blueprint."""
    blueprint.add_url_rule("/letters/new", view_func=new_letter)
    blueprint.add_url_rule("/letters/new", view_func=begin_letter, methods=["POST"])
    blueprint.add_url_rule("/letters/addressees", view_func=find_addressees)
    blueprint.add_url_rule("/letters/<uuid:letter_id>/edit", view_func=edit_letter)
    blueprint.add_url_rule("/letters/<uuid:letter_id>/edit", view_func=save_letter, methods=["POST"])
    blueprint.add_url_rule("/letters/<uuid:letter_id>/preview/<int:number>.png", view_func=preview_page)
    blueprint.add_url_rule("/letters/<uuid:letter_id>/preview.pdf", view_func=preview_pdf)


def nearest_width(asked: str | None) -> int:
    """Return the width in pixels that page images are drawn in, the nearest to what is asked for."""
    wanted = int(asked) if asked and asked.isascii() and asked.isdigit() and len(asked) < 6 else 794
    return min(_WIDTHS, key=lambda width: abs(width - wanted))


def new_letter() -> Response:
    """Show an empty form, or one that answers a letter (``?reply=<id>``)."""
    current_actor().require(DRAFT)
    with reading() as uow:
        typed = forms.Typed(signer=_only_signer(uow))
        answered = request.args.get("reply", "")
        if answered:
            typed = _reply(uow, queries.letter(uow, _uuid(answered)), typed)
        return _form(uow, typed)


def begin_letter() -> WerkzeugResponse:
    """Save a new letter, or answer a search for bodies in its form."""
    current_actor().require(DRAFT)
    return _handled(None)


def edit_letter(letter_id: UUID) -> WerkzeugResponse:
    """Show a draft in the form; a letter that is no draft any more is shown as a letter."""
    with reading() as uow:
        letter = queries.letter(uow, letter_id)
        if letter.state != State.DRAFT or letter.author_id != current_actor().employee_id:
            return go(url_for("letters.show_letter", letter_id=letter_id))
        return _form(uow, forms.stored(uow, letter), letter=letter)


def save_letter(letter_id: UUID) -> WerkzeugResponse:
    """Save a draft, with what the pressed button asks for beside it."""
    with reading() as uow:
        queries.letter(uow, letter_id)
    return _handled(letter_id)


def find_addressees() -> Response:
    """Answer what is typed into a search field with the bodies that match, as boxes to tick (htmx)."""
    current_actor().require(DRAFT)
    kind = "copy" if "find_copy" in request.args else "to"
    typed = request.args.get(f"find_{kind}", "")[:200]
    with reading() as uow:
        found = addressing.find(uow, typed) if typed.strip() else []
    return render("letters/_matches.html", kind=kind, typed=typed, matches=found)


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
    return min(_LONGEST_PREVIEW, page_count(_rendered(printed_letter(uow, letter, parts()[Printing], day=None))))


@lru_cache(maxsize=64)
def _rendered(sheet: PrintedLetter) -> bytes:
    return render_letter(sheet)


def _handled(letter_id: UUID | None) -> WerkzeugResponse:
    try:
        return _handle(letter_id)
    finally:
        for each in request.files.values():
            each.close()


def _handle(letter_id: UUID | None) -> WerkzeugResponse:
    action = request.form.get("action", "save")
    with reading() as uow:
        typed = forms.read(uow)
        if action.startswith(("find", "remove-")):
            return _form(uow, replace(typed, problems=()), letter=_letter(uow, letter_id), searched=True)
        typed = forms.settle_search(uow, typed)
        if typed.problems:
            return _form(uow, typed, letter=_letter(uow, letter_id), status=422, searched=True)
    try:
        with working() as uow:
            letter = _save(uow, typed, letter_id, action)
    except Conflict as error:
        return _conflict(typed, letter_id, error)
    except EdmsError as error:
        if not isinstance(error, Invalid):
            raise
        problems = error.problems or (Problem("attachments", error.code, **error.params),)
        with reading() as uow:
            typed = replace(typed, problems=forms.shown(problems))
            return _form(uow, typed, letter=_letter(uow, letter_id), status=422)
    return _after(letter.id, action)


def _save(uow: UnitOfWork, typed: forms.Typed, letter_id: UUID | None, action: str) -> Letter:
    text = forms.letter_text(uow, typed)
    if letter_id is None:
        letter = service.draft(uow, text)
    else:
        newest = request.form.get("newest", "")
        begun = int(newest) if action == "overwrite" and newest.isdigit() else typed.version
        letter = service.save(uow, letter_id, text, expected_version=begun)
    at = parts()
    for each in forms.uploads():
        service.attach(
            uow,
            letter.id,
            each.filename or "",
            each.read(),
            limits=at[Limits],
            store=at[ContentStore],
            keys=at[Keyring],
        )
    if action.startswith("detach-"):
        service.detach(uow, letter.id, _uuid(action.removeprefix("detach-")))
    if action == "submit":
        service.submit(uow, letter.id)
    return letter


def _after(letter_id: UUID, action: str) -> WerkzeugResponse:
    edit = url_for("letters.edit_letter", letter_id=letter_id)
    if action == "submit":
        return go(url_for("letters.show_letter", letter_id=letter_id), notice="The letter was sent for signature.")
    if action == "preview":
        return go(f"{edit}#preview", notice="The draft was saved.")
    if action == "discard":
        return go(url_for("letters.confirm_discard", letter_id=letter_id))
    if action == "attach" or action.startswith("detach-"):
        return go(f"{edit}#attachments", notice="The draft and its attachments were saved.")
    return go(edit, notice="The draft was saved.")


def _conflict(typed: forms.Typed, letter_id: UUID | None, error: Conflict) -> Response:
    """Show what was typed beside what is stored now: nothing that somebody wrote is lost."""
    if letter_id is None:
        raise error
    with reading() as uow:
        letter = queries.letter(uow, letter_id)
        newest = forms.stored(uow, letter)
        version = queries.newest_version(uow, letter_id)
        writer = entities.employees_by_ids(uow, [version.author_id]) if version.author_id else {}
        return _form(
            uow,
            replace(typed, problems=(Problem("body", error.code, **error.params),)),
            letter=letter,
            status=409,
            newest=newest,
            saved_at=version.created_at,
            saved_by=next((one.name for one in writer.values()), ""),
            still_draft=letter.state == State.DRAFT,
        )


def _form(
    uow: UnitOfWork,
    typed: forms.Typed,
    *,
    letter: Letter | None = None,
    status: int = 200,
    searched: bool = False,
    **more: object,
) -> Response:
    actor = current_actor()
    posts = entities.signing_posts(uow, actor.entity_id) if actor.entity_id else []
    today = uow.today
    signers = [
        (str(post.id), " – ".join([post.title, *(one.name for one in entities.holders(uow, post.id, today))]))
        for post in posts
    ]
    taken = [each.code for each in typed.to]
    copied = [each.code for each, _ in typed.copies]
    return render(
        "letters/compose.html",
        status,
        typed=typed,
        problems=typed.problems,
        letter=letter,
        signers=signers,
        kinds=_choices(wording.KINDS),
        precedences=_choices(wording.PRECEDENCES),
        sensitivities=[each for each in _choices(wording.SENSITIVITIES) if each[0] <= actor.clearance],
        found_to=addressing.find(uow, typed.find_to, but=taken) if searched and typed.find_to else [],
        found_copy=addressing.find(uow, typed.find_copy, but=copied) if searched and typed.find_copy else [],
        attachments=[_file(each) for each in queries.attachments(uow, letter.id)] if letter else [],
        limits=parts()[Limits],
        purposes=[locale.gettext(each, "ar") for each in wording.COPY_PURPOSES],
        pages=draft_pages(uow, letter) if letter else 0,
        **more,
    )


def _choices(named: Mapping[Key, str]) -> list[tuple[Key, str]]:
    return [(key, translate(name)) for key, name in named.items()]


def _file(each: Attachment) -> dict[str, object]:
    return {"id": each.id, "name": each.name, "size": each.size, "active": is_active(each.media_type)}


def _reply(uow: UnitOfWork, answered: Letter, typed: forms.Typed) -> forms.Typed:
    if answered.sender_id is None:
        raise Conflict("letters.nothing-to-answer")
    sender = addressing.choice(entities.entity(uow, answered.sender_id))
    return replace(
        typed,
        kind=Kind.REPLY,
        subject=answered.subject,
        to=(sender,),
        sensitivity=min(answered.sensitivity, 3),
        precedence=answered.precedence,
        references=answered.document_code or answered.number,
    )


def _only_signer(uow: UnitOfWork) -> str:
    entity_id = uow.actor.entity_id
    posts = entities.signing_posts(uow, entity_id) if entity_id else []
    return str(posts[0].id) if len(posts) == 1 else ""


def _letter(uow: UnitOfWork, letter_id: UUID | None) -> Letter | None:
    return queries.letter(uow, letter_id) if letter_id else None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
