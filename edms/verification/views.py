"""Pages of verification: the public desk, open to anybody."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, request
from werkzeug.datastructures import FileStorage

from crypto.codes import format_code
from crypto.timestamps import StampRoots
from edms.core.actor import ANONYMOUS
from edms.core.clock import utc_now
from edms.core.database import Database
from edms.core.errors import EdmsError, Invalid, Problem, Unavailable
from edms.core.parts import Parts
from edms.entities.keyring import Keyring
from edms.letters.printing_plan import Printing
from edms.verification import desk
from edms.verification.rules import LARGEST_FILE, TRACE, Answer, Verdict, age_of
from edms.verification.signed_lists import ListKind, signed_list
from edms.web.errors import status_of
from edms.web.guards import current_actor, public
from edms.web.page import go, render

blueprint = Blueprint("verification", __name__, template_folder="templates")

_FRESH = timedelta(minutes=1)
_ROOM_FOR_THE_FORM = 64 * 1024


@blueprint.url_value_preprocessor
def _limit_body(_endpoint: str | None, _values: object) -> None:
    """Refuse a larger body before any of it is read (this runs before the form's token is looked at)."""
    request.max_content_length = LARGEST_FILE + _ROOM_FOR_THE_FORM


@blueprint.get("/verify")
@public
def form() -> Response:
    """Show the form."""
    return render("verification/verify.html", problems=(), largest=LARGEST_FILE)


@blueprint.post("/verify")
@public
def verify() -> Response:
    """Judge the code or the file that was given; neither ever stands in an address."""
    parts: Parts = current_app.extensions["diwan"]
    typed, file = request.form.get("code", ""), request.files.get("file")
    try:
        verdict = _asked(parts[Database], typed, file)
    except (Invalid, Unavailable) as error:
        where = "file" if file else "code"
        problems = (Problem(where, error.code, **error.params),)
        page = render(
            "verification/verify.html",
            status_of(error),
            problems=problems,
            typed=typed,
            largest=LARGEST_FILE,
            suggestion=error.params.get("suggestion"),
        )
        return _with_patience(page, error)
    today = utc_now().astimezone(ZoneInfo(parts[Printing].timezone)).date()
    told = verdict.signed or verdict.facts
    day = told.day if told else None
    about = "paper" if verdict.signed and verdict.answer is Answer.AUTHENTIC else str(verdict.answer)
    return render(
        "verification/verdict.html", verdict=verdict, facts=verdict.facts, signed=verdict.signed,
        age=age_of(day, today) if day else None, reasons=tuple(Problem("", reason) for reason in verdict.reasons),
        format_code=format_code, answer_key=f"verification.answer-{about}", meaning_key=f"verification.meaning-{about}",
    )  # fmt: skip


@blueprint.get("/verify/trust-list")
@public
def trust_list() -> Response:
    """Give the keys that papers may name, signed."""
    return _list("trust-list")


@blueprint.get("/verify/status-list")
@public
def status_list() -> Response:
    """Say which letters are void or superseded, signed."""
    return _list("status-list")


@blueprint.get("/trace")
def trace() -> Response:
    """Lead to the leak desk, which stood here before."""
    current_actor().require(TRACE)
    return go("/leaks")


def _list(kind: ListKind) -> Response:
    """Return a signed list, made anew every minute, whatever is asked."""
    parts: Parts = current_app.extensions["diwan"]
    kept: dict[str, tuple[bytes, datetime]] = current_app.extensions.setdefault("diwan-signed-lists", {})
    known = kept.get(kind)
    if known is None or utc_now() - known[1] > _FRESH:
        with parts[Database].read(ANONYMOUS) as uow:
            known = kept[kind] = signed_list(uow, kind, keys=parts[Keyring]), uow.now
    answer = Response(known[0], mimetype="application/cose; cose-type=cose-sign1")
    answer.headers["Cache-Control"] = "public, max-age=60"
    return answer


def _asked(database: Database, typed: str, file: FileStorage | None) -> Verdict:
    address = request.remote_addr or ""
    if file:
        roots = current_app.extensions["diwan"][StampRoots].roots
        return desk.ask_file(database, current_actor(), _content(file), address=address, stamp_roots=roots)
    return desk.ask_code(database, typed, address=address)


def _content(file: FileStorage) -> bytes:
    return file.stream.read(LARGEST_FILE + 1)


def _with_patience(page: Response, error: EdmsError) -> Response:
    wait = error.params.get("retry_after")
    if isinstance(wait, int):
        page.headers["Retry-After"] = str(wait)
    return page
