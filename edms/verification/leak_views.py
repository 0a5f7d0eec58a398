"""Pages of the leak desk: cases, a new one, one of them with its progress, its files and its report."""

from typing import Final
from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as WerkzeugResponse

from crypto.codes import format_code
from crypto.digests import sha256
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.actor import Actor
from edms.core.clock import utc_now
from edms.core.database import Database
from edms.core.errors import Conflict, EdmsError, Invalid, Problem, Unavailable
from edms.entities.keyring import Keyring
from edms.verification import leak_cases, leak_names, leak_queries, leak_showing, tracing
from edms.verification.leak_cases import HandedIn
from edms.verification.leak_rules import MOST_FILES, MOST_TOGETHER, SET_NAME_POLICY, CaseState, NoteKind
from edms.verification.rules import LARGEST_FILE, TRACE
from edms.web.edge import parts, reading, working
from edms.web.errors import status_of
from edms.web.guards import current_actor
from edms.web.page import PAGE_SIZE, Link, go, render
from edms.web.security import attachment_response, clean_filename, image_response

DESK: Final = "/leaks"
_ROOM_FOR_THE_FORM: Final = 256 * 1024
_KIND: Final = "leak-file"

blueprint = Blueprint("leaks", __name__, template_folder="templates")


def leaks_menu(actor: Actor) -> tuple[Link, ...]:
    """Return the menu's links: the desk to auditors, the policy of names to the administrator of a body."""
    found = [Link("Leak desk", DESK)] if actor.may(TRACE) else []
    if actor.may(SET_NAME_POLICY) and not actor.may(TRACE):
        found.append(Link("Opening of names", f"{DESK}/policy"))
    return tuple(found)


@blueprint.url_value_preprocessor
def _limit_body(_endpoint: str | None, _values: object) -> None:
    """Refuse a larger body before any of it is read."""
    request.max_content_length = MOST_TOGETHER + _ROOM_FOR_THE_FORM


@blueprint.get(DESK)
def index() -> Response:
    """List the cases of the auditor's body, newest first."""
    before = request.args.get("before", "")
    with reading() as uow:
        found = leak_queries.cases(uow, before=_uuid(before), limit=PAGE_SIZE + 1)
        rows = [(one, one.title) for one in found[:PAGE_SIZE]]
    older = f"{DESK}?before={rows[-1][0].id}" if len(found) > PAGE_SIZE else None
    return render("verification/leaks.html", rows=rows, older=older, newest=DESK if before else None)


@blueprint.get(f"{DESK}/new")
def new() -> Response:
    """Show the form of a new case."""
    current_actor().require(TRACE)
    return _new_form(())


@blueprint.post(f"{DESK}/new")
def open_case() -> WerkzeugResponse:
    """Open a case with its first files and ask for the look-up; what is wrong is told and nothing is half done."""
    current_actor().require(TRACE)
    try:
        files = _handed_in(leak_cases.wrong_title(request.form.get("title", "")))
        try:
            with working() as uow:
                letters = tracing.letter_codes(uow, request.form.get("letters", ""))
                case_id = leak_cases.open_case(uow, request.form.get("title", "")).id
                leak_cases.add_files(uow, case_id, files, keys=parts()[Keyring])
                leak_cases.ask_look_up(uow, case_id, letters)
        except EdmsError:
            content.forget_staged([one.staged for one in files], parts()[ContentStore])
            raise
    except Invalid as error:
        return _new_form(_problems(error, "letters"), status_of(error))
    return go(f"{DESK}/{case_id}", notice="The case was opened. Its files are being looked into.")


@blueprint.get(f"{DESK}/<uuid:case_id>")
def show(case_id: UUID) -> Response:
    """Show a case; that it was looked at is committed before anything of it is shown."""
    return _page(case_id)


@blueprint.get(f"{DESK}/<uuid:case_id>/progress")
def progress(case_id: UUID) -> Response:
    """Give the part of the page that tells how far a look-up is; once it is over, the page is to be loaded anew."""
    with reading() as uow:
        case = leak_queries.case(uow, case_id)
        busy = leak_queries.busy(uow, case.id)
        shown = leak_showing.shown_look_up(uow, busy) if busy else None
    answer = render("verification/_leak_progress.html", case_id=case_id, busy=shown)
    if shown is None:
        answer.headers["HX-Refresh"] = "true"
    return answer


@blueprint.post(f"{DESK}/<uuid:case_id>/files")
def add_files(case_id: UUID) -> WerkzeugResponse:
    """Put more files into a case and look into all of them again."""
    try:
        files = _handed_in()
        try:
            with working() as uow:
                leak_cases.add_files(uow, case_id, files, keys=parts()[Keyring])
                leak_cases.ask_look_up(uow, case_id, _last_letters(case_id))
        except EdmsError:
            content.forget_staged([one.staged for one in files], parts()[ContentStore])
            raise
    except (Invalid, Conflict) as error:
        return _page(case_id, _problems(error, "files"), status_of(error))
    return _back(case_id, "The files were added. All files of the case are being looked into.")


@blueprint.post(f"{DESK}/<uuid:case_id>/look-up")
def look_up(case_id: UUID) -> WerkzeugResponse:
    """Look into the files of a case again, with the letters that are suspected."""
    try:
        with working() as uow:
            letters = tracing.letter_codes(uow, request.form.get("letters", ""))
            leak_cases.ask_look_up(uow, case_id, letters)
    except (Invalid, Conflict) as error:
        return _page(case_id, _problems(error, "letters"), status_of(error))
    return _back(case_id, "The files are being looked into.")


@blueprint.post(f"{DESK}/<uuid:case_id>/notes")
def write_note(case_id: UUID) -> WerkzeugResponse:
    """Write a note or a decision into a case."""
    kind = NoteKind.DECISION if request.form.get("kind") == NoteKind.DECISION else NoteKind.NOTE
    try:
        with working() as uow:
            leak_cases.write_note(uow, case_id, kind, request.form.get("text", ""))
    except (Invalid, Conflict) as error:
        return _page(case_id, _problems(error, "text"), status_of(error))
    return _back(case_id, "It was written into the case.")


@blueprint.post(f"{DESK}/<uuid:case_id>/close")
def close(case_id: UUID) -> WerkzeugResponse:
    """Close a case with a reason."""
    try:
        with working() as uow:
            leak_cases.close_case(uow, case_id, request.form.get("reason", ""))
    except (Invalid, Conflict) as error:
        return _page(case_id, _problems(error, "reason"), status_of(error))
    return _back(case_id, "The case was closed.")


@blueprint.post(f"{DESK}/<uuid:case_id>/reopen")
def reopen(case_id: UUID) -> WerkzeugResponse:
    """Open a closed case again with a reason."""
    try:
        with working() as uow:
            leak_cases.reopen_case(uow, case_id, request.form.get("reason", ""))
    except (Invalid, Conflict) as error:
        return _page(case_id, _problems(error, "reason"), status_of(error))
    return _back(case_id, "The case was opened again.")


@blueprint.get(f"{DESK}/<uuid:case_id>/files/<uuid:image_id>")
def download(case_id: UUID, image_id: UUID) -> Response:
    """Give a file byte for byte as it was handed in, always as a download."""
    at = parts()
    with working() as uow:
        case = leak_queries.case(uow, case_id)
        image = leak_queries.image(uow, case_id, image_id)
        octets = leak_cases.read_file(uow, image, store=at[ContentStore], keys=at[Keyring])
        leak_cases.note_look(uow, case, "file-exported", image.hash.hex())
        name = image.name
    return attachment_response(octets, name, length=len(octets))


@blueprint.get(f"{DESK}/<uuid:case_id>/pictures/<uuid:file_id>.webp")
def picture(case_id: UUID, file_id: UUID) -> Response:
    """Give a picture that the server made of a file or of a page; those of pages to who may read the letter."""
    at = parts()
    with working() as uow:
        case = leak_queries.case(uow, case_id)
        leak_showing.picture_of_case(uow, case, file_id)
        octets = content.read(uow, file_id, entity_id=case.entity_id, store=at[ContentStore], keys=at[Keyring])
        leak_cases.note_look(uow, case, "picture-seen")
    return image_response(octets, "image/webp")


@blueprint.get(f"{DESK}/<uuid:case_id>/report")
def report(case_id: UUID) -> Response:
    """Show the report of a case, made to be printed: findings, bound, evidence, chain of custody."""
    with working() as uow:  # committed first, so that the report names its own making too
        leak_cases.note_look(uow, leak_queries.case(uow, case_id), "reported")
    with reading() as uow:
        case = leak_queries.case(uow, case_id)
        shown, events = leak_showing.shown_case(uow, case), leak_showing.custody(uow, case)
    return render("verification/leak_report.html", case=shown, events=events, printed_at=utc_now())


@blueprint.post(f"{DESK}/<uuid:case_id>/findings/<uuid:finding_id>/<any(ask, agree, refuse):answer>")
def name(case_id: UUID, finding_id: UUID, answer: str) -> WerkzeugResponse:
    """Ask that a name be opened; agree or refuse as the second auditor."""
    reason = request.form.get("reason", "")
    try:
        with working() as uow:
            if answer == "ask":
                leak_names.ask_name(uow, case_id, finding_id, reason)
            elif answer == "agree":
                leak_names.agree(uow, case_id, finding_id)
            else:
                leak_names.refuse(uow, case_id, finding_id, reason)
    except (Invalid, Conflict) as error:
        return _page(case_id, _problems(error, f"reason-{finding_id}"), status_of(error))
    notices = {
        "ask": "Another auditor of your body has to agree now.",
        "agree": "The name is open.",
        "refuse": "You refused. The name stays closed.",
    }
    return _back(case_id, notices[answer])


@blueprint.get(f"{DESK}/code")
def code_form() -> Response:
    """Show the form that asks whose copy a typed code is."""
    current_actor().require(TRACE)
    return render("verification/leak_code.html", problems=(), asked=False, found=None, typed="")


@blueprint.post(f"{DESK}/code")
def code() -> Response:
    """Say whose copy a typed code is; wrong ones are counted."""
    typed = request.form.get("code", "")[:80]
    problems: tuple[Problem, ...] = ()
    found, status = None, 200
    try:
        found = tracing.look_up_typed(parts()[Database], current_actor(), typed)
    except (Invalid, Unavailable) as error:
        problems, status = (Problem("code", error.code, **error.params),), status_of(error)
    return render(
        "verification/leak_code.html", status, problems=problems, asked=not problems, found=found, typed=typed,
        format_code=format_code,
    )  # fmt: skip


@blueprint.get(f"{DESK}/policy")
def policy_form() -> Response:
    """Show the administrator whether names are opened by two."""
    current_actor().require(SET_NAME_POLICY)
    with reading() as uow:
        entity_id = uow.actor.entity_id
        by_two = entity_id is not None and leak_queries.by_two(uow, entity_id)
    return render("verification/leak_policy.html", by_two=by_two)


@blueprint.post(f"{DESK}/policy")
def set_policy() -> WerkzeugResponse:
    """Decide whether names are opened by two."""
    with working() as uow:
        leak_names.set_policy(uow, request.form.get("by_two") == "1")
    return go(f"{DESK}/policy", notice="It is decided, and holds for findings made from now on.")


def _page(case_id: UUID, problems: tuple[Problem, ...] = (), status: int = 200) -> Response:
    with working() as uow:
        case = leak_queries.case(uow, case_id)
        leak_cases.note_look(uow, case, "case-seen")
        shown = leak_showing.shown_case(uow, case)
    busy = next((one for one in shown.look_ups if one.waits), None)
    return render(
        "verification/leak_case.html", status, case=shown, case_id=shown.id, busy=busy, problems=problems,
        is_open=shown.state == CaseState.OPEN, largest=LARGEST_FILE, most=MOST_FILES,
        letters=request.form.get("letters", ""), text=request.form.get("text", ""),
        reason=request.form.get("reason", ""),
    )  # fmt: skip


def _new_form(problems: tuple[Problem, ...], status: int = 200) -> Response:
    return render(
        "verification/leak_new.html", status, problems=problems, title=request.form.get("title", ""),
        letters=request.form.get("letters", ""), largest=LARGEST_FILE, most=MOST_FILES,
    )  # fmt: skip


def _back(case_id: UUID, notice: str) -> Response:
    return go(f"{DESK}/{case_id}", notice=notice)


def _problems(error: EdmsError, where: str) -> tuple[Problem, ...]:
    found = error.problems if isinstance(error, Invalid) else ()
    return found or (Problem(where, error.code, **error.params),)


def _last_letters(case_id: UUID) -> list[str]:
    """Return the letters that the newest look-up of a case was asked with."""
    with reading() as uow:
        newest = leak_queries.look_ups(uow, leak_queries.case(uow, case_id).id)[:1]
        return newest[0].letters.split() if newest else []


def _handed_in(wrong: tuple[Problem, ...] = ()) -> list[HandedIn]:
    """Take the files of the form and make them durable; raises Invalid before anything is kept.

    ``wrong`` is what is wrong with the rest of the form, and is told with the rest.
    """
    given = [one for one in request.files.getlist("files") if one.filename]
    if not given:
        wrong += (Problem("files", "verification.no-file"),)
    if len(given) > MOST_FILES:
        wrong += (Problem("files", "leaks.too-many-files", limit=MOST_FILES),)
    if wrong:
        raise Invalid("leaks.bad-case", wrong)
    read = [_read(one) for one in given]
    now, store = utc_now(), parts()[ContentStore]
    return [HandedIn(name, sha256(data), content.stage_small(data, kind=_KIND, now=now, store=store))
            for name, data in read]  # fmt: skip


def _read(file: FileStorage) -> tuple[str, bytes]:
    name = clean_filename(file.filename or "")
    data = file.stream.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise Invalid(
            "leaks.bad-case", (Problem("files", "leaks.file-too-large", name=name, limit=LARGEST_FILE >> 20),)
        )
    if not data:
        raise Invalid("leaks.bad-case", (Problem("files", "leaks.file-empty", name=name),))
    return name, data


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
