"""Writing a letter: the form, finding bodies for it, saving, keeping by itself, attachments."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, Problem
from edms.core.ids import new_id
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.letters import addressing, autosaving, drafting_templates, forms, insertions, queries, service, wording
from edms.letters.attachments import Limits, is_active
from edms.letters.compose_wording import KIND_HINTS
from edms.letters.drafting import findings_of_letter, seen_mark
from edms.letters.findings import Finding, errors
from edms.letters.models import Attachment, Letter
from edms.letters.preview_views import draft_pages, nearest_width
from edms.letters.printing_plan import Printing
from edms.letters.rules import DRAFT, Kind, State
from edms.web import locale
from edms.web.edge import parts, reading, working
from edms.web.formats import translate
from edms.web.guards import current_actor
from edms.web.page import go, render

__all__ = ["draft_pages", "install", "nearest_width"]

Key = TypeVar("Key", str, int)


def install(blueprint: Blueprint) -> None:
    """Put the pages of this module on the letters' blueprint."""
    blueprint.add_url_rule("/letters/new", view_func=new_letter)
    blueprint.add_url_rule("/letters/new", view_func=begin_letter, methods=["POST"])
    blueprint.add_url_rule("/letters/addressees", view_func=find_addressees)
    blueprint.add_url_rule("/letters/<uuid:letter_id>/edit", view_func=edit_letter)
    blueprint.add_url_rule("/letters/<uuid:letter_id>/edit", view_func=save_letter, methods=["POST"])


def new_letter() -> Response:
    """Show an empty form, one that answers a letter (``?reply=<id>``), or one left unsaved (``?form=<id>``)."""
    current_actor().require(DRAFT)
    with reading() as uow:
        kept = autosaving.kept(uow, forms.as_uuid(request.args.get("form", "")))
        if kept is not None and kept.letter_id is None:
            return show_form(uow, forms.of_kept(uow, kept), kept_at=kept.saved_at)
        typed = forms.Typed(signer=only_signer(uow), form=new_id())
        answered = request.args.get("reply", "")
        if answered:
            typed = _reply(uow, queries.letter(uow, forms.as_uuid(answered) or UUID(int=0)), typed)
        if answered:
            return show_form(uow, typed)
        unfinished = autosaving.unfinished(uow)[:5]
        return show_form(uow, typed, unfinished=unfinished, templates=drafting_templates.templates(uow))


def begin_letter() -> WerkzeugResponse:
    """Save a new letter, or answer a search for bodies in its form."""
    current_actor().require(DRAFT)
    return _handled(None)


def edit_letter(letter_id: UUID) -> WerkzeugResponse:
    """Show a draft in the form with what was typed last; a letter that is no draft any more is shown as a letter."""
    with reading() as uow:
        letter = queries.letter(uow, letter_id)
        if letter.state != State.DRAFT or letter.author_id != current_actor().employee_id:
            return go(url_for("letters.show_letter", letter_id=letter_id))
        kept = autosaving.kept(uow, letter_id)
        if kept is None:
            return show_form(uow, forms.stored(uow, letter), letter=letter)
        typed = forms.of_kept(uow, kept)
        if kept.version == letter.version:
            return show_form(uow, typed, letter=letter, kept_at=kept.saved_at)
        return _both(uow, typed, letter, Conflict("letters.older-draft", yours=kept.version, newest=letter.version))


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
        if action.startswith(("find", "remove-", "phrase-")):
            typed = insertions.with_phrase(uow, replace(typed, problems=()), action)
            return show_form(uow, typed, letter=_letter(uow, letter_id), searched=True)
        typed = forms.settle_search(uow, typed)
        if typed.problems and action != "drop-kept":
            return show_form(uow, typed, letter=_letter(uow, letter_id), status=422, searched=True)
    try:
        with working() as uow:
            if action == "drop-kept":
                return _drop_kept(uow, letter_id, typed)
            letter, sent = _save(uow, typed, letter_id, action)
    except Conflict as error:
        return _conflict(typed, letter_id, error)
    except Invalid as error:
        problems = error.problems or (Problem("attachments", error.code, **error.params),)
        with reading() as uow:
            typed = replace(typed, problems=forms.shown(problems))
            return show_form(uow, typed, letter=_letter(uow, letter_id), status=422)
    return _after(letter.id, action, sent=sent)


def _save(uow: UnitOfWork, typed: forms.Typed, letter_id: UUID | None, action: str) -> tuple[Letter, bool]:
    """Save what was typed with what the pressed button asks for; say whether the letter was sent for signature."""
    text = forms.letter_text(uow, typed)
    overwrite = action == "overwrite"
    if letter_id is None:
        letter = service.draft(uow, text)
    else:
        begun = forms.number_of("newest") if overwrite else typed.version
        letter = service.save(uow, letter_id, text, expected_version=begun)
        kept = autosaving.kept(uow, letter_id)
        known = forms.number_of("newest_revision") if overwrite else typed.revision
        if kept is not None and kept.revision != known:
            raise Conflict("letters.older-draft", yours=typed.version, newest=kept.version)
    autosaving.put_aside(uow, letter_id or typed.form)
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
        service.detach(uow, letter.id, forms.as_uuid(action.removeprefix("detach-")) or UUID(int=0))
    return letter, action == "submit" and _submit(uow, letter)


def _submit(uow: UnitOfWork, letter: Letter) -> bool:
    """Send a letter for signature unless there are warnings that its writer has not seen; raises Invalid on errors."""
    problems = errors(_findings(uow, letter))
    if problems:
        raise Invalid("letters.incomplete", problems)
    if unseen_warnings(uow, letter):
        return False
    service.submit(uow, letter.id)
    return True


def unseen_warnings(uow: UnitOfWork, letter: Letter) -> bool:
    """Say whether the checks warn of something in a draft without errors that this request's writer has not seen."""
    found = _findings(uow, letter) if letter.state == State.DRAFT else ()
    return not errors(found) and seen_mark(found) != request.form.get("seen", "")


def _findings(uow: UnitOfWork, letter: Letter) -> tuple[Finding, ...]:
    return findings_of_letter(uow, letter, hijri_adjust=parts()[Printing].hijri_adjust)


def _drop_kept(uow: UnitOfWork, letter_id: UUID | None, typed: forms.Typed) -> WerkzeugResponse:
    autosaving.put_aside(uow, letter_id or typed.form)
    back = url_for("letters.edit_letter", letter_id=letter_id) if letter_id else url_for("letters.new_letter")
    return go(back, notice="What was not saved was dropped.")


def _after(letter_id: UUID, action: str, *, sent: bool) -> WerkzeugResponse:
    edit = url_for("letters.edit_letter", letter_id=letter_id)
    if sent:
        return go(url_for("letters.show_letter", letter_id=letter_id), notice="The letter was sent for signature.")
    if action == "submit":
        return go(f"{edit}?check=1#checks-now")
    if action == "preview":
        return go(f"{edit}#preview", notice="The draft was saved.")
    if action == "discard":
        return go(url_for("letters.confirm_discard", letter_id=letter_id))
    if action == "attach" or action.startswith("detach-"):
        return go(f"{edit}#attachments", notice="The draft and its attachments were saved.")
    return go(edit, notice="The draft was saved.")


def _conflict(typed: forms.Typed, letter_id: UUID | None, error: Conflict) -> Response:
    if letter_id is None:
        raise error
    with reading() as uow:
        return _both(uow, typed, queries.letter(uow, letter_id), error, status=409)


def _both(uow: UnitOfWork, typed: forms.Typed, letter: Letter, error: Conflict, *, status: int = 200) -> Response:
    """Show what was typed beside what is stored or kept now: nothing that somebody wrote is lost."""
    version = queries.newest_version(uow, letter.id)
    kept = autosaving.kept(uow, letter.id)
    newest, author, saved_at = forms.stored(uow, letter), version.author_id, version.created_at
    if kept is not None and kept.version == letter.version and kept.revision != typed.revision:
        newest, author, saved_at = forms.of_kept(uow, kept), kept.employee_id, kept.saved_at
    writer = entities.employees_by_ids(uow, [author]) if author else {}
    return show_form(
        uow,
        replace(typed, problems=(Problem("body", error.code, **error.params),)),
        letter=letter,
        status=status,
        newest=newest,
        saved_at=saved_at,
        saved_by=next((one.name for one in writer.values()), ""),
        still_draft=letter.state == State.DRAFT,
    )


def show_form(
    uow: UnitOfWork,
    typed: forms.Typed,
    *,
    letter: Letter | None = None,
    status: int = 200,
    searched: bool = False,
    **more: object,
) -> Response:
    """Show the form of a letter with what was typed; ``searched`` answers what stands in its search fields."""
    actor = current_actor()
    posts = entities.signing_posts(uow, actor.entity_id) if actor.entity_id else []
    today = uow.today
    signers = [
        (str(post.id), " – ".join([post.title, *(one.name for one in entities.holders(uow, post.id, today))]))
        for post in posts
    ]
    taken = [each.code for each in typed.to]
    copied = [each.code for each, _ in typed.copies]
    checked = letter is not None and "check" in request.args
    found = _findings(uow, letter) if checked and letter is not None else ()
    return render(
        "letters/compose.html",
        status,
        typed=typed,
        problems=typed.problems,
        letter=letter,
        signers=signers,
        kinds=_choices(wording.KINDS),
        kind_hints=[(translate(name), translate(KIND_HINTS[key])) for key, name in wording.KINDS.items()],
        precedences=_choices(wording.PRECEDENCES),
        sensitivities=[each for each in _choices(wording.SENSITIVITIES) if each[0] <= actor.clearance],
        found_to=addressing.find(uow, typed.find_to, but=taken) if searched and typed.find_to else [],
        found_copy=addressing.find(uow, typed.find_copy, but=copied) if searched and typed.find_copy else [],
        attachments=[_file(each) for each in queries.attachments(uow, letter.id)] if letter else [],
        limits=parts()[Limits],
        purposes=[locale.gettext(each, "ar") for each in wording.COPY_PURPOSES],
        phrases=insertions.groups(uow),
        findings=found,
        checked=checked,
        seen=seen_mark(found),
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


def only_signer(uow: UnitOfWork) -> str:
    """Return the key of the body's signing post where there is just one, to be chosen already."""
    entity_id = uow.actor.entity_id
    posts = entities.signing_posts(uow, entity_id) if entity_id else []
    return str(posts[0].id) if len(posts) == 1 else ""


def _letter(uow: UnitOfWork, letter_id: UUID | None) -> Letter | None:
    return queries.letter(uow, letter_id) if letter_id else None
