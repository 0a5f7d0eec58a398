"""The pages of a body's templates and stock phrases, and a new letter from a template."""

from dataclasses import replace
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, Problem
from edms.core.ids import new_id
from edms.letters import addressing, drafting_templates, forms, phrases, wording
from edms.letters.addressing import Choice
from edms.letters.compose_views import only_signer, show_form
from edms.letters.drafting_templates import MAX_FIELDS, TemplateText, fill
from edms.letters.insertions import PLACES
from edms.letters.rules import DRAFT, KEEP_TEMPLATES
from edms.web.edge import reading, working
from edms.web.formats import translate
from edms.web.guards import current_actor
from edms.web.page import go, render


def install(blueprint: Blueprint) -> None:
    """Put the pages of this module on the letters' blueprint."""
    add = blueprint.add_url_rule
    add("/templates", view_func=list_templates)
    add("/templates/new", view_func=new_template)
    add("/templates/new", view_func=add_template, methods=["POST"])
    add("/templates/<uuid:template_id>", view_func=edit_template)
    add("/templates/<uuid:template_id>", view_func=change_template, methods=["POST"])
    add("/templates/<uuid:template_id>/remove", view_func=remove_template, methods=["POST"])
    add("/phrases", view_func=add_phrase, methods=["POST"])
    add("/phrases/<uuid:phrase_id>", view_func=change_phrase, methods=["POST"])
    add("/phrases/<uuid:phrase_id>/remove", view_func=remove_phrase, methods=["POST"])
    add("/letters/from-template/<uuid:template_id>", view_func=ask_fields)
    add("/letters/from-template/<uuid:template_id>", view_func=from_template, methods=["POST"])


def list_templates() -> Response:
    """List the templates and the stock phrases of the reader's body."""
    return _listed()


def new_template() -> Response:
    """Show the form of a new template."""
    current_actor().require(KEEP_TEMPLATES)
    return _template_form(TemplateText(""), "", "")


def add_template() -> WerkzeugResponse:
    """Add a template."""
    return _kept(None)


def edit_template(template_id: UUID) -> Response:
    """Show a template in its form."""
    current_actor().require(KEEP_TEMPLATES)
    with reading() as uow:
        held = drafting_templates.template(uow, template_id)
        known = addressing.by_codes(uow, [*held.text.to, *held.text.copies])
        to, copies = (
            "\n".join(known[code].name for code in codes if code in known) for codes in (held.text.to, held.text.copies)
        )
    return _template_form(held.text, to, copies, template_id=template_id)


def change_template(template_id: UUID) -> WerkzeugResponse:
    """Replace what a template holds."""
    return _kept(template_id)


def remove_template(template_id: UUID) -> WerkzeugResponse:
    """Take a template away."""
    with working() as uow:
        drafting_templates.remove(uow, template_id)
    return go("/templates", notice="The template was removed.")


def add_phrase() -> WerkzeugResponse:
    """Add a stock phrase."""
    try:
        with working() as uow:
            phrases.add(uow, request.form.get("place", ""), request.form.get("phrase", ""))
    except Invalid as error:
        return _listed(error.problems, request.form.get("phrase", ""), status=422)
    return go("/templates#phrases", notice="The phrase was added.")


def change_phrase(phrase_id: UUID) -> WerkzeugResponse:
    """Replace a stock phrase."""
    try:
        with working() as uow:
            phrases.change(uow, phrase_id, request.form.get("place", ""), request.form.get("phrase", ""))
    except Invalid as error:
        return _listed(error.problems, request.form.get("phrase", ""), status=422)
    return go("/templates#phrases", notice="The phrase was changed.")


def remove_phrase(phrase_id: UUID) -> WerkzeugResponse:
    """Take a stock phrase away."""
    with working() as uow:
        phrases.remove(uow, phrase_id)
    return go("/templates#phrases", notice="The phrase was removed.")


def ask_fields(template_id: UUID) -> WerkzeugResponse:
    """Ask for what a template's fields are to say; a template without fields opens the letter's form at once."""
    current_actor().require(DRAFT)
    with reading() as uow:
        held = drafting_templates.template(uow, template_id)
        if not held.text.fields:
            return _letter_form(uow, held.text, {})
    return render("letters/fields.html", held=held, fields=list(enumerate(held.text.fields)), wording=wording)


def from_template(template_id: UUID) -> WerkzeugResponse:
    """Open the letter's form with a template whose fields were filled in; nothing is saved yet."""
    current_actor().require(DRAFT)
    with reading() as uow:
        held = drafting_templates.template(uow, template_id)
        values = {name: request.form.get(f"field-{at}", "") for at, name in enumerate(held.text.fields[:MAX_FIELDS])}
        return _letter_form(uow, held.text, values)


def _letter_form(uow: UnitOfWork, text: TemplateText, values: dict[str, str]) -> Response:
    known = addressing.by_codes(uow, [*text.to, *text.copies])
    typed = forms.Typed(
        kind=text.kind,
        subject=" ".join(fill(text.subject, values).split()),
        body=fill(text.body, values),
        signer=only_signer(uow),
        to=tuple(known[code] for code in text.to if code in known),
        copies=tuple((known[code], "") for code in text.copies if code in known and code not in text.to),
        form=new_id(),
    )
    return show_form(uow, typed)


def _kept(template_id: UUID | None) -> WerkzeugResponse:
    current_actor().require(KEEP_TEMPLATES)
    form = request.form
    typed = TemplateText(
        name=form.get("name", ""), kind=form.get("kind", ""), subject=form.get("subject", ""), body=form.get("body", "")
    )
    to, copies = form.get("to", ""), form.get("copies", "")
    problems: list[Problem] = []
    with reading() as uow:
        typed = replace(typed, to=_codes(uow, to, "to", problems), copies=_codes(uow, copies, "copies", problems))
    if problems:
        return _template_form(typed, to, copies, template_id=template_id, problems=tuple(problems), status=422)
    try:
        with working() as uow:
            if template_id is None:
                drafting_templates.add(uow, typed)
            else:
                drafting_templates.change(uow, template_id, typed)
    except Invalid as error:
        return _template_form(typed, to, copies, template_id=template_id, problems=error.problems, status=422)
    return go("/templates", notice="The template was saved.")


def _codes(uow: UnitOfWork, lines: str, field: str, problems: list[Problem]) -> tuple[str, ...]:
    """Return the codes of the bodies named one on each line, by name or code."""
    found: list[str] = []
    for line in lines.splitlines()[: drafting_templates.MAX_ADDRESSEES + 1]:
        if not line.strip():
            continue
        body = addressing.resolve(uow, line.strip()[:200], field=field)
        if isinstance(body, Choice):
            found.append(body.code)
        else:
            problems.append(body)
    return tuple(dict.fromkeys(found))


def _template_form(
    text: TemplateText,
    to: str,
    copies: str,
    *,
    template_id: UUID | None = None,
    problems: tuple[Problem, ...] = (),
    status: int = 200,
) -> Response:
    return render(
        "letters/template.html",
        status,
        text=text,
        to=to,
        copies=copies,
        template_id=template_id,
        problems=problems,
        kinds=[(key, translate(name)) for key, name in wording.KINDS.items()],
        limits=drafting_templates,
        action=url_for("letters.change_template", template_id=template_id) if template_id else "/templates/new",
    )


def _listed(problems: tuple[Problem, ...] = (), typed: str = "", status: int = 200) -> Response:
    actor = current_actor()
    with reading() as uow:
        return render(
            "letters/templates.html",
            status,
            templates=drafting_templates.templates(uow),
            phrases=phrases.phrases(uow),
            places=[(str(place), translate(title)) for place, title in PLACES.items()],
            problems=problems,
            typed=typed,
            wording=wording,
            keeps=actor.may(KEEP_TEMPLATES),
            writes=actor.may(DRAFT),
        )
