"""What the centre does with a body's mail: suspend and resume it, renew, add and revoke the keys that sign it."""

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, NotFound, Problem
from edms.entities import dkim_keys, suspending
from edms.entities.edge import body_at, named
from edms.entities.mail_forms import LARGEST_FILE, problem_at
from edms.entities.mail_showing import shown_key
from edms.entities.models import DkimKey, Entity
from edms.entities.rules import KEEP_DKIM_KEYS, LONGEST_REASON, SUSPEND_MAIL
from edms.web.edge import reading, working
from edms.web.guards import current_actor
from edms.web.page import go, render

blueprint = Blueprint("entity_mail", __name__, url_prefix="/entities/<code>", template_folder="templates")


@blueprint.get("/suspend")
def suspension(code: str) -> Response:
    """Ask before a body's mail is suspended, and why it is."""
    current_actor().require(SUSPEND_MAIL)
    return _suspension(code)


@blueprint.post("/suspend")
def suspend(code: str) -> WerkzeugResponse:
    """Suspend a body's mail, or ask again for the reason."""
    current_actor().require(SUSPEND_MAIL)
    try:
        with working() as uow:
            suspending.suspend_mail(uow, body_at(uow, code), request.form.get("reason", ""))
    except Invalid as error:
        return _suspension(code, error.problems, 422)
    return go(f"/entities/{code}", notice="The body's mail is suspended.")


@blueprint.post("/resume")
def resume(code: str) -> WerkzeugResponse:
    """Let a body's mail go again."""
    current_actor().require(SUSPEND_MAIL)
    with working() as uow:
        suspending.resume_mail(uow, body_at(uow, code))
    return go(f"/entities/{code}", notice="The body's mail goes again.")


@blueprint.get("/dkim/rotate")
def rotation(code: str) -> Response:
    """Ask before new keys are made for a body."""
    current_actor().require(KEEP_DKIM_KEYS)
    with reading() as uow:
        body = body_at(uow, code)
        made = any(row.revoked_at is None for row in dkim_keys.dkim_keys_of(uow, body.id))
        return _ask("rotate" if made else "make", body, "dkim/rotate")


@blueprint.post("/dkim/rotate")
def rotate(code: str) -> WerkzeugResponse:
    """Make new keys for a body that is served here."""
    current_actor().require(KEEP_DKIM_KEYS)
    with working() as uow:
        dkim_keys.rotate_keys(uow, body_at(uow, code))
    return go(f"/entities/{code}", notice="The new keys were made and sign from now on.")


@blueprint.get("/dkim/add")
def key_form(code: str) -> Response:
    """Show the form of a key by which a body's own server signs."""
    current_actor().require(KEEP_DKIM_KEYS)
    return _key_form(code, "", "")


@blueprint.post("/dkim/add")
def add_key(code: str) -> WerkzeugResponse:
    """Keep a key that a server's owner told, or show the form again with what is wrong."""
    current_actor().require(KEEP_DKIM_KEYS)
    selector, typed = request.form.get("selector", "")[:300], request.form.get("key", "")[:LARGEST_FILE]
    file = request.files.get("file")
    told = (file.read(LARGEST_FILE) if file else b"") or typed.encode()
    try:
        with working() as uow:
            name = dkim_keys.add_key(uow, body_at(uow, code), selector, told).selector
    except Invalid as error:
        return _key_form(code, selector, typed, error.problems, 422)
    except Conflict as error:
        return _key_form(code, selector, typed, (problem_at("selector", error),), 409)
    return go(f"/entities/{code}", notice="The key %(selector)s was registered.", selector=name)


@blueprint.get("/dkim/<selector>/revoke")
def revocation(code: str, selector: str) -> Response:
    """Ask before a key is revoked."""
    current_actor().require(KEEP_DKIM_KEYS)
    with reading() as uow:
        body = body_at(uow, code)
        key = _key(uow, body, selector)
        return _ask("revoke", body, f"dkim/{key.selector}/revoke", key=shown_key(body, key))


@blueprint.post("/dkim/<selector>/revoke")
def revoke(code: str, selector: str) -> WerkzeugResponse:
    """Let a key count no more."""
    current_actor().require(KEEP_DKIM_KEYS)
    with working() as uow:
        dkim_keys.revoke_key(uow, body_at(uow, code), selector)
    return go(f"/entities/{code}", notice="The key %(selector)s was revoked.", selector=selector)


def _key(uow: UnitOfWork, body: Entity, selector: str) -> DkimKey:
    rows = dkim_keys.dkim_keys_of(uow, body.id)
    found = next((row for row in rows if row.selector == selector and row.revoked_at is None), None)
    if found is None:
        raise NotFound("entities.unknown-dkim-key", selector=selector[:63])
    return found


def _suspension(code: str, problems: tuple[Problem, ...] = (), status: int = 200) -> Response:
    with reading() as uow:
        reason = request.form.get("reason", "")
        return _ask("suspend", body_at(uow, code), "suspend", problems, status, reason=reason, limit=LONGEST_REASON)


def _ask(
    act: str, body: Entity, at: str, problems: tuple[Problem, ...] = (), status: int = 200, **shown: object
) -> Response:
    back = f"/entities/{body.code}"
    return render(
        "entities/confirm.html", status, act=act, entity=body, at=f"{back}/{at}", back=back, named=named,
        problems=problems, **shown,
    )  # fmt: skip


def _key_form(code: str, selector: str, typed: str, problems: tuple[Problem, ...] = (), status: int = 200) -> Response:
    with reading() as uow:
        return render(
            "entities/dkim_key.html", status, entity=body_at(uow, code), named=named, selector=selector, typed=typed,
            problems=problems,
        )  # fmt: skip
