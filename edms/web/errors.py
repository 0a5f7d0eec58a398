"""Answers every refusal and failure: a page, a part of a page for htmx, RFC 9457 JSON for the API."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import structlog
from flask import Flask, Response, g, make_response, render_template, request
from flask.json import dumps
from werkzeug.exceptions import HTTPException

from edms.core.errors import Conflict, EdmsError, Forbidden, Invalid, NotFound, Problem, Unavailable
from edms.web.csrf import Forged
from edms.web.formats import translate
from edms.web.guards import SIGN_IN, SignedOut
from edms.web.locale import as_locale, msgid, translate_error
from edms.web.page import REQUEST_ID_HEADER, request_id, wanted

PROBLEM_JSON: Final = "application/problem+json"
STATUS_OF: Final[tuple[tuple[type[EdmsError], int], ...]] = (
    (SignedOut, 401),
    (Forged, 403),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Invalid, 422),
    (Unavailable, 503),
)
STATUS_OF_ENDING: Final = {"too-many": 429, "too-large": 413}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    """The three sentences of an error page, as msgids: what happened, the general text, what to do."""

    title: str
    text: str
    advice: str


_TRY_AGAIN: Final = msgid("Go back, correct it and try again.")
_HELP_DESK: Final = msgid("If it happens again, tell the help desk the number below.")
WORDS: Final[dict[int, Words]] = {
    400: Words(
        msgid("The request was not understood"), msgid("Something in the request is missing or malformed."), _TRY_AGAIN
    ),
    401: Words(
        msgid("Please sign in"), msgid("Your session has ended."), msgid("Sign in again; what you saved is kept.")
    ),
    403: Words(
        msgid("You may not do this"),
        msgid("Your post does not carry this right."),
        msgid("If your work needs it, ask the administrator of your entity."),
    ),
    404: Words(
        msgid("Page not found"),
        msgid("What you asked for does not exist, or is not open to you."),
        msgid("Check the address or search for the letter by its number."),
    ),
    405: Words(msgid("The request was not understood"), msgid("This address is not used in this way."), _TRY_AGAIN),
    409: Words(
        msgid("It has changed meanwhile"),
        msgid("Somebody changed this after you opened it."),
        msgid("Open it again to see its present state, then repeat your change."),
    ),
    413: Words(
        msgid("The file is too large"),
        msgid("What you sent is larger than is allowed."),
        msgid("Send a smaller file, or split it into several attachments."),
    ),
    422: Words(msgid("There is a problem"), msgid("What you entered cannot be accepted."), _TRY_AGAIN),
    429: Words(
        msgid("Too many attempts"),
        msgid("There were too many attempts in a short time."),
        msgid("Wait a few minutes and try again."),
    ),
    500: Words(
        msgid("Something went wrong here"),
        msgid("The system could not finish the request. Nothing was changed."),
        _HELP_DESK,
    ),
    503: Words(
        msgid("Not available now"),
        msgid("The system cannot serve this request at the moment. Nothing was changed."),
        msgid("Try again in a few minutes. If it happens again, tell the help desk the number below."),
    ),
}
_GENERAL: Final = {500, 404}


def status_of(error: EdmsError) -> int:
    """Return the HTTP status that an error is answered with (RFC 9110 §15; 429 of RFC 6585)."""
    ending = STATUS_OF_ENDING.get(error.code.rpartition(".")[2])
    return ending or next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)


def problem_document(status: int, error: EdmsError | None) -> dict[str, object]:
    """Return the RFC 9457 problem details of an error; the caller's Accept-Language chooses Arabic or English."""
    locale = as_locale("ar" if request.headers.get("Accept-Language", "").lower().startswith("ar") else "en")
    title = HTTPStatus(status).phrase
    document: dict[str, object] = {"type": "about:blank", "title": title, "status": status, "request_id": request_id()}
    if error is not None:
        document |= {"type": f"urn:diwan:error:{error.code}", "code": error.code}
        document["detail"] = translate_error(error, locale)
    if isinstance(error, Invalid):
        document["problems"] = [
            {"where": one.where, "code": one.code, "detail": translate_error(one, locale)} for one in error.problems
        ]
    return document


def answer(status: int, error: EdmsError | None = None) -> Response:
    """Answer ``status`` in the form the caller reads, saying what ``error`` says where that may be said."""
    form = wanted()
    if form == "json":
        response = make_response(dumps(problem_document(status, error)), status)
        response.content_type = PROBLEM_JSON
    else:
        words = WORDS.get(status, WORDS[500 if status >= 500 else 400])
        specific = error is not None and status not in _GENERAL
        problems: tuple[Problem, ...] = error.problems if isinstance(error, Invalid) else ()
        template = "errors/fragment.html" if form == "fragment" else "errors/error.html"
        page = render_template(
            template,
            status=status,
            title=translate(words.title),
            advice=translate(words.advice),
            problems=problems,
            text=translate_error(error, as_locale(g.get("locale"))) if specific and error else translate(words.text),
        )
        response = make_response(page, status)
    if status == 401 and form == "fragment":
        response.headers["HX-Redirect"] = SIGN_IN
    retry_after = error.params.get("retry_after") if error else None
    if isinstance(retry_after, int) and status in {429, 503}:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _on_refusal(error: EdmsError) -> Response:
    """Answer one of our own errors; those we did not foresee as such are failures of ours."""
    status = status_of(error)
    if status == 500:
        log.error("unmapped error", code=error.code)
    elif status == 503:
        log.warning("unavailable", code=error.code)
    return answer(status, error)


def _on_http(error: HTTPException) -> Response:
    """Answer what Flask itself refuses (404, 405, 413…); a redirect passes as it is."""
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    response = answer(status)
    allow = error.get_response().headers.get("Allow")
    if allow:
        response.headers["Allow"] = allow
    return response


def _on_failure(error: Exception) -> Response:
    """Answer anything unexpected with 500 and the request's number; the log has the whole story."""
    log.error("unexpected failure", path=request.path, exc_info=error)
    try:
        return answer(500)
    except Exception:  # the page itself failed: the plainest answer is still owed
        log.exception("the error page failed")
        response = make_response(f"{translate(WORDS[500].title)}\n{request_id()}\n", 500)
        response.content_type = "text/plain; charset=utf-8"
        response.headers[REQUEST_ID_HEADER] = request_id()
        return response


def install(app: Flask) -> None:
    """Register the handlers on ``app``."""
    app.register_error_handler(EdmsError, _on_refusal)
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(Exception, _on_failure)
