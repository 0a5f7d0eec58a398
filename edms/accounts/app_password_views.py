"""The page of the own mail passwords: made once after a step-up, shown once, listed with their last use, taken away."""

from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.accounts import app_passwords, second_factor
from edms.accounts.app_passwords import NAME_LENGTH
from edms.accounts.keeping import own_account
from edms.accounts.rules import MailServer
from edms.accounts.step_up_edge import stepped_up
from edms.core.errors import Conflict, Invalid, Problem
from edms.entities import queries as entities
from edms.web.edge import parts, reading, working
from edms.web.formats import translate
from edms.web.page import go, render

blueprint = Blueprint("mail_passwords", __name__, template_folder="templates")
PAGE = "/account/mail-passwords"


@blueprint.get(PAGE)
def show() -> Response:
    """List the mail passwords, with the form for one more and the settings that a mail program asks for."""
    return _page(())


@blueprint.post(PAGE)
@stepped_up(lambda: translate("Make a mail password"))
def make() -> Response:
    """Make a mail password and show it this once."""
    name = request.form.get("name", "")[: NAME_LENGTH + 1]
    try:
        with working() as uow:
            made = app_passwords.make_app_password(uow, name)
    except Invalid as error:
        return _page(error.problems, 422)
    except Conflict as error:
        return _page((Problem("name", error.code),), 409)
    return _page((), made=made, name=name)


@blueprint.post(f"{PAGE}/<uuid:app_password_id>/revoke")
def revoke(app_password_id: UUID) -> WerkzeugResponse:
    """Take a mail password away."""
    with working() as uow:
        app_passwords.revoke_app_password(uow, app_password_id)
    return go(PAGE, notice="The mail password was taken away.")


def _page(problems: tuple[Problem, ...], status: int = 200, *, made: str = "", name: str = "") -> Response:
    with reading() as uow:
        account = own_account(uow)
        return render(
            "accounts/mail_passwords.html", status, problems=problems, made=made, name=name,
            rows=app_passwords.app_passwords_of(uow, account.id), server=parts()[MailServer],
            user=f"{account.login}@{entities.entity(uow, account.entity_id).mail_domain}",
            only=second_factor.totp_of(uow, account.id) is not None, length=NAME_LENGTH,
        )  # fmt: skip
