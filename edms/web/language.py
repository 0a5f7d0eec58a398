"""Which language a request is answered in, and the form that changes it (a cookie, never the address)."""

from typing import Final

from flask import Blueprint, Flask, Response, g, request

from edms.web import locale as language
from edms.web.formats import current_locale
from edms.web.guards import public, safe_next
from edms.web.page import go

COOKIE: Final = "lang"
YEAR: Final = 365 * 24 * 3600

blueprint = Blueprint("language", __name__)


@blueprint.post("/language")
@public
def change() -> Response:
    """Keep the chosen language for a year and come back to the page it was chosen on."""
    chosen = language.as_locale(request.form.get("lang"))
    response = go(safe_next(request.form.get("next")))
    response.set_cookie(COOKIE, chosen, max_age=YEAR, secure=request.is_secure, httponly=True, samesite="Lax", path="/")
    return response


def other_locales() -> tuple[str, ...]:
    """Return the languages that this page is not in."""
    return tuple(code for code in language.LOCALES if code != current_locale())


def language_name(code: str) -> str:
    """Return the name of a language in that language."""
    return language.gettext("web.language-name", language.as_locale(code))


def install(app: Flask) -> None:
    """Choose the language before anything is written; tell it to the templates and the caller."""

    def begin() -> None:
        g.locale = language.as_locale(request.cookies.get(COOKIE))

    def common() -> dict[str, object]:
        here = current_locale()
        return {"locale": here, "direction": language.direction(here)}

    app.before_request(begin)
    app.context_processor(common)
    app.jinja_env.globals.update(
        other_locales=other_locales, language_name=language_name, direction_of=language.direction
    )
    app.register_blueprint(blueprint)
