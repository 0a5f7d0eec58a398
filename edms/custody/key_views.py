"""The page of the own reading key."""

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.accounts.guard import database
from edms.accounts.keeping import own_account
from edms.accounts.rules import LONGEST_PASSWORD
from edms.core.errors import Invalid, Problem
from edms.custody import queries
from edms.custody.reading_keys import make_key
from edms.custody.rules import LONGEST_PASSPHRASE, SHORTEST_PASSPHRASE
from edms.web.guards import current_actor
from edms.web.page import go, render

blueprint = Blueprint("reading_key", __name__, template_folder="templates")
PAGE = "/account/reading-key"


@blueprint.get(PAGE)
def show() -> Response:
    """Show whether the person has a reading key, and the form that makes one."""
    return _page(())


@blueprint.post(PAGE)
def make() -> WerkzeugResponse:
    """Make a reading key after the password."""
    password = request.form.get("old", "")[: LONGEST_PASSWORD + 1]
    phrase, again = (request.form.get(name, "")[: LONGEST_PASSPHRASE + 1] for name in ("passphrase", "again"))
    try:
        make_key(database(), current_actor(), password, phrase, again)
    except Invalid as error:
        return _page(error.problems, 422)
    return go(PAGE, notice="Your reading key was made.")


def _page(problems: tuple[Problem, ...], status: int = 200) -> Response:
    with database().read(current_actor()) as uow:
        key = queries.own_key(uow)
        return render(
            "custody/reading_key.html", status, problems=problems, key=key, login=own_account(uow).login,
            sealed=queries.sealed_for(uow, key) if key else 0, shortest=SHORTEST_PASSPHRASE,
        )  # fmt: skip
