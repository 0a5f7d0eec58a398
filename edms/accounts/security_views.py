"""The page of the own PIN, authenticator app and recovery codes."""

from collections.abc import Sequence

import segno
from flask import Blueprint, Response, request
from markupsafe import Markup
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.accounts import second_factor
from edms.accounts.app_passwords import app_passwords_of
from edms.accounts.factor_rules import PIN_SIZES, RECOVERY_CODES
from edms.accounts.guard import database
from edms.accounts.keeping import own_account
from edms.accounts.pin import choose_pin, proved_password
from edms.accounts.rules import LONGEST_PASSWORD
from edms.accounts.step_up_edge import stepped_up
from edms.core.errors import Conflict, Invalid, Problem
from edms.web.formats import translate
from edms.web.guards import current_actor, safe_next
from edms.web.page import go, render

blueprint = Blueprint("security", __name__, template_folder="templates")
PAGE = "/account/security"


@blueprint.get(PAGE)
def show() -> Response:
    """Show which factors the person has, and the form of the PIN."""
    return _page(())


@blueprint.post(f"{PAGE}/pin")
def set_pin() -> WerkzeugResponse:
    """Set or change the PIN after the password."""
    password, pin, again = (request.form.get(name, "")[: LONGEST_PASSWORD + 1] for name in ("old", "pin", "again"))
    try:
        choose_pin(database(), current_actor(), password, pin, again)
    except Invalid as error:
        return _page(error.problems, 422)
    return go(safe_next(request.form.get("next"), PAGE), notice="Your signing PIN was set.")


@blueprint.get(f"{PAGE}/app")
def app_form() -> WerkzeugResponse:
    """Show the QR symbol that an authenticator app reads."""
    return _app_page(())


@blueprint.post(f"{PAGE}/app")
def confirm_app() -> WerkzeugResponse:
    """End the enrolment with the password and a code of the app, and show the recovery codes this once."""
    actor, typed = current_actor(), request.form.get("code", "")[:40]
    try:
        proved = proved_password(database(), actor, request.form.get("old", "")[: LONGEST_PASSWORD + 1])
        with database().work(actor) as uow:
            codes = second_factor.confirm_totp(uow, proved, typed)
    except Invalid as error:
        return _app_page(error.problems, 422)
    return _codes_page(codes)


@blueprint.post(f"{PAGE}/app/remove")
@stepped_up(lambda: translate("Remove the app"))
def remove_app() -> WerkzeugResponse:
    """Take the authenticator app away."""
    with database().work(current_actor()) as uow:
        second_factor.remove_totp(uow)
    return go(PAGE, notice="The authenticator app was removed.")


@blueprint.post(f"{PAGE}/codes")
@stepped_up(lambda: translate("Make new recovery codes"))
def renew_codes() -> WerkzeugResponse:
    """Make new recovery codes and show them this once."""
    with database().work(current_actor()) as uow:
        codes = second_factor.renew_recovery_codes(uow)
    return _codes_page(codes)


@blueprint.post(f"{PAGE}/reset-read")
def acknowledge() -> WerkzeugResponse:
    """Note that the person has read that the own factors were reset."""
    with database().work(current_actor()) as uow:
        second_factor.acknowledge_reset(uow)
    return go(PAGE)


def qr_svg(text: str) -> Markup:
    """Return a QR symbol as inline SVG, black on white whatever the page's colours."""
    symbol = segno.make(text, error="m", micro=False)
    return Markup(symbol.svg_inline(scale=5, border=3, dark="#000", light="#fff", omitsize=False))  # noqa: S704 - ours


def _page(problems: tuple[Problem, ...], status: int = 200) -> Response:
    actor = current_actor()
    with database().read(actor) as uow:
        account = own_account(uow)
        return render(
            "accounts/security.html", status, problems=problems, login=account.login,
            factors=second_factor.factors_of(uow, account.id), was_reset=account.factors_reset_at,
            target=safe_next(request.values.get("next"), PAGE), sizes=(PIN_SIZES[0], PIN_SIZES[-1]),
            may_delegate=bool(actor.post_ids), mail_passwords=len(app_passwords_of(uow, account.id)),
        )  # fmt: skip


def _app_page(problems: tuple[Problem, ...], status: int = 200) -> WerkzeugResponse:
    try:
        with database().work(current_actor()) as uow:
            secret, address = second_factor.begin_totp(uow)
            login = own_account(uow).login
    except Conflict:
        return go(PAGE)
    grouped = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return render(
        "accounts/enrol_app.html", status, problems=problems, secret=grouped, symbol=qr_svg(address), login=login
    )  # fmt: skip


def _codes_page(codes: Sequence[str]) -> Response:
    return render("accounts/recovery_codes.html", codes=codes, count=RECOVERY_CODES)
