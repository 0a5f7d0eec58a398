"""What is done to a letter from its page or the tray: submit, return, sign, issue, void, supersede, settle, delete."""

from collections.abc import Callable
from functools import wraps
from typing import NoReturn
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.accounts.step_up_edge import About, ask_step_up
from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, Problem
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.letters import closing, queries, service, signing, signing_views, wording
from edms.letters.compose_views import unseen_warnings
from edms.letters.details import acts_of, details
from edms.letters.edge import issue_letter
from edms.letters.issuing import Issued
from edms.letters.models import Letter
from edms.letters.rules import ANNUL, ISSUE, SIGN, VOID
from edms.letters.steps import signing_authority
from edms.web.edge import parts, reading, working
from edms.web.formats import digits, translate
from edms.web.guards import current_actor, safe_next
from edms.web.page import go, render


def install(blueprint: Blueprint) -> None:
    """Put the acts of this module, and the tray in which most of them are done, on the letters' blueprint."""
    signing_views.install(blueprint)
    for name, view in (
        ("submit", submit),
        ("sign", sign),
        ("sign-and-issue", sign_and_issue),
        ("issue", issue),
        ("return", return_letter),
        ("void", void),
        ("supersede", supersede),
        ("settle", settle),
        ("annul", annul),
        ("assign", assign),
        ("discard", discard),
    ):
        blueprint.add_url_rule(f"/letters/<uuid:letter_id>/{name}", view_func=_of_visible(view), methods=["POST"])
    for name, form in (
        ("return", confirm_return),
        ("void", confirm_void),
        ("supersede", confirm_supersede),
        ("annul", confirm_annul),
        ("assign", choose_unit),
        ("discard", confirm_discard),
    ):
        blueprint.add_url_rule(f"/letters/<uuid:letter_id>/{name}", view_func=form)


def _of_visible(view: Callable[[UUID], WerkzeugResponse]) -> Callable[[UUID], WerkzeugResponse]:
    """Answer 404 for a letter that the reader may not know of, before anything else is said about the act."""

    @wraps(view)
    def act(letter_id: UUID) -> WerkzeugResponse:
        with reading() as uow:
            queries.letter(uow, letter_id)
        return view(letter_id)

    return act


def submit(letter_id: UUID) -> WerkzeugResponse:
    """Hand a draft to the post that signs it; one with warnings is shown in its form first."""
    try:
        with working() as uow:
            if unseen_warnings(uow, queries.letter(uow, letter_id)):
                return go(url_for("letters.edit_letter", letter_id=letter_id, check=1, _anchor="checks-now"))
            service.submit(uow, letter_id)
    except Invalid as error:
        with reading() as uow:
            letter = queries.letter(uow, letter_id)
            return render("letters/incomplete.html", 422, letter=details(uow, letter, pages=0), problems=error.problems)
    return go(_page(letter_id), notice="The letter was sent for signature.")


def sign(letter_id: UUID) -> WerkzeugResponse:
    """Sign a letter as the holder of its signing post or as his deputy, after a fresh step-up."""
    answer = _asked(letter_id, "sign", translate("Sign only"))
    if answer is not None:
        return answer
    _sign(letter_id)
    return go(_next(letter_id), notice="The letter was signed. It gets its number when it is issued.")


def sign_and_issue(letter_id: UUID) -> WerkzeugResponse:
    """Sign a letter and issue it at once, after a fresh step-up."""
    current_actor().require(ISSUE)
    answer = _asked(letter_id, "sign", translate("Sign and issue"))
    if answer is not None:
        return answer
    _sign(letter_id)
    return _issued(issue_letter(letter_id))


def issue(letter_id: UUID) -> WerkzeugResponse:
    """Number, seal and send a signed letter."""
    return _issued(issue_letter(letter_id))


def confirm_return(letter_id: UUID) -> Response:
    """Ask why a letter goes back to its writer."""
    return _reason_page(letter_id, "return")


def return_letter(letter_id: UUID) -> WerkzeugResponse:
    """Send a letter back to its writer with the reason."""
    try:
        with working() as uow:
            service.return_(uow, letter_id, request.form.get("reason", ""))
    except Invalid as error:
        return _reason_page(letter_id, "return", error.problems, 422)
    return go("/signing", notice="The letter went back to its writer.")


def confirm_void(letter_id: UUID) -> Response:
    """Ask why an issued letter is to be void."""
    return _reason_page(letter_id, "void")


def void(letter_id: UUID) -> WerkzeugResponse:
    """Void an issued letter, after a fresh step-up; its number stays with the reason."""
    answer = _closed(letter_id, "void", translate("Make void"), closing.void)
    return answer or go(_page(letter_id), notice="The letter is void. Its number stays in the register.")


def confirm_supersede(letter_id: UUID) -> Response:
    """Ask which later letter took the place of an issued one."""
    return _reason_page(letter_id, "supersede")


def supersede(letter_id: UUID) -> WerkzeugResponse:
    """Note that a later letter took the place of this one, after a fresh step-up; whoever verifies it is told."""
    answer = _closed(letter_id, "supersede", translate("Superseded by a later letter"), closing.supersede)
    return answer or go(
        _page(letter_id), notice="Whoever verifies this letter is told that a later one took its place."
    )


def settle(letter_id: UUID) -> WerkzeugResponse:
    """Mark an incoming letter as dealt with."""
    with working() as uow:
        closing.settle(uow, letter_id)
    return go(_page(letter_id), notice="The letter is marked as dealt with.")


def confirm_annul(letter_id: UUID) -> Response:
    """Ask why the registration of an incoming letter is taken back."""
    return _reason_page(letter_id, "annul")


def annul(letter_id: UUID) -> WerkzeugResponse:
    """Take back the registration of an incoming letter, after a fresh step-up; its sender is told."""
    answer = _closed(letter_id, "annul", translate("Annul the registration"), closing.annul)
    return answer or go(
        _page(letter_id), notice="The registration is annulled. Its number stays, and the sender is told."
    )


def choose_unit(letter_id: UUID) -> Response:
    """Offer the own body's units for an incoming letter."""
    with reading() as uow:
        letter = queries.letter(uow, letter_id)
        units = entities.units_of(uow, letter.entity_id)
        return render(
            "letters/assign.html", letter=details(uow, letter, pages=0), wording=wording,
            allowed="assign" in acts_of(uow.actor, letter),
            units=[(str(each.id), each.name) for each in units], chosen=str(letter.unit_id or ""),
        )  # fmt: skip


def assign(letter_id: UUID) -> WerkzeugResponse:
    """Note which unit deals with an incoming letter; its sender is told."""
    unit_id = request.form.get("unit", type=UUID)
    if unit_id is None:
        raise Invalid("entities.unknown-unit")
    with working() as uow:
        closing.assign(uow, letter_id, unit_id)
    return go(_page(letter_id), notice="The unit was noted. The sender is told.")


def confirm_discard(letter_id: UUID) -> Response:
    """Ask before a draft is deleted."""
    return _reason_page(letter_id, "discard")


def discard(letter_id: UUID) -> WerkzeugResponse:
    """Delete a draft."""
    with working() as uow:
        service.discard(uow, letter_id)
    return go("/drafts", notice="The draft was deleted.")


def _asked(letter_id: UUID, act: str, words: str) -> Response | None:
    """Return the page that asks for PIN or second factor beside the letter's page images, None when it is not due.

    Who may not do the act is refused first: nobody gives a PIN for nothing.
    """
    with reading() as uow:
        letter = queries.letter(uow, letter_id)
        if act not in acts_of(uow.actor, letter):
            _refuse(uow.actor, letter, act)

    def about() -> About:
        with reading() as uow:
            letter = queries.letter(uow, letter_id)
            back = safe_next(request.form.get("next"), _page(letter_id))
            return About(letter.subject, signing_views.sheet_images(uow, letter), back)

    return ask_step_up(words, about)


def _refuse(actor: Actor, letter: Letter, act: str) -> NoReturn:
    """Raise what the service would say to somebody who may not do an act."""
    actor.require({"sign": SIGN, "void": VOID, "supersede": VOID, "annul": ANNUL}[act])
    if act == "sign" and signing_authority(actor, letter) is None:
        raise Forbidden("letters.not-your-post")
    raise Conflict("letters.wrong-state", state=letter.state)


def _sign(letter_id: UUID) -> None:
    with working() as uow:
        signing.sign(uow, letter_id, keys=parts()[Keyring], seen=request.form.get("seen", "")[:64])


def _issued(made: Issued) -> WerkzeugResponse:
    notice = "The letter was issued with number %(number)s on %(date)s and is on its way."
    return go(_next(made.letter_id), notice=notice, number=digits(made.number), date=made.date)


def _closed(
    letter_id: UUID, act: str, words: str, close: Callable[[UnitOfWork, UUID, str], Letter]
) -> WerkzeugResponse | None:
    """Close a letter with the reason that was typed, after a fresh step-up; the page to show instead, if any."""
    answer = _asked(letter_id, act, words)
    if answer is not None:
        return answer
    try:
        with working() as uow:
            close(uow, letter_id, request.form.get("reason", ""))
    except Invalid as error:
        return _reason_page(letter_id, act, error.problems, 422)
    return None


def _reason_page(letter_id: UUID, act: str, problems: tuple[Problem, ...] = (), status: int = 200) -> Response:
    with reading() as uow:
        letter = queries.letter(uow, letter_id)
        return render(
            "letters/confirm.html",
            status,
            letter=details(uow, letter, pages=0),
            act=act,
            problems=problems,
            wording=wording,
            allowed=act in acts_of(uow.actor, letter),
            reason=request.form.get("reason", ""),
        )


def _page(letter_id: UUID) -> str:
    return url_for("letters.show_letter", letter_id=letter_id)


def _next(letter_id: UUID) -> str:
    return safe_next(request.form.get("next"), _page(letter_id))
