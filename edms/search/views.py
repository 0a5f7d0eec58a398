"""The search page: one address that holds words and filters, a list of the letters found."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from edms.core.errors import Invalid, Problem
from edms.letters import wording
from edms.search import forms, service
from edms.search.edge import find
from edms.search.terms import QUERY_LIMIT
from edms.web.page import go, page_number, paginate, render

blueprint = Blueprint("search", __name__, template_folder="templates")


@blueprint.get("/search")
def search() -> Response:
    """Show what was found; a document code leads straight to its letter; nothing asked shows the form with advice."""
    given = {name: request.args.get(name, "") for name in ("q", "direction", "since", "until")}
    try:
        asked = forms.read(given)
        if not asked.text and not asked.filtered:
            return _page(given)
        found = find(asked, page_number())
    except Invalid as error:
        return _page(given, problems=error.problems or (Problem("q", error.code, **error.params),), status=422)
    if found.exact:
        return go(f"/letters/{found.exact}")
    return _page(given, found=found)


def _page(
    given: dict[str, str],
    *,
    found: service.Results | None = None,
    problems: tuple[Problem, ...] = (),
    status: int = 200,
) -> Response:
    text = given["q"]
    shown = {**given, "q": text[:QUERY_LIMIT]}
    return render(
        "search/search.html", status, given=shown, search_text=shown["q"], found=found, problems=problems,
        pages=paginate(found.total, size=found.size) if found else None, wording=wording,
    )  # fmt: skip
