"""Signing in and out, the own account: password and sessions."""

from urllib.parse import quote
from uuid import UUID

from flask import Blueprint, Response, g, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.accounts import entry, queries, service
from edms.accounts.guard import CHANGE_PASSWORD, cookie_name, database, keep_token, limits, load_actor
from edms.accounts.rules import LONGEST_PASSWORD, SHORTEST_PASSWORD, roles_of
from edms.core.errors import Invalid, Problem, Unavailable
from edms.entities import queries as entities
from edms.entities.forms import ROLE_LABELS
from edms.web.guards import current_actor, is_signed_in, public, safe_next
from edms.web.page import go, render

blueprint = Blueprint("accounts", __name__, template_folder="templates")


@blueprint.get("/sign-in")
@public
def sign_in_form() -> WerkzeugResponse:
    """Show the form, or go on where somebody is signed in already."""
    target = safe_next(request.args.get("next"))
    return go(target) if is_signed_in() else _sign_in_page(target, "", ())


@blueprint.post("/sign-in")
@public
def sign_in() -> WerkzeugResponse:
    """Check login and password and begin a session; one answer for whatever is wrong with them."""
    target, login = safe_next(request.form.get("next")), request.form.get("login", "")[:200]
    try:
        token = entry.enter(
            database(), login, request.form.get("password", "")[: LONGEST_PASSWORD + 1],
            client=request.user_agent.string[:100], address=request.remote_addr or "",
            limits=limits(),
        )  # fmt: skip
    except service.SignInRefused as error:
        slowed = "n" in error.params
        return _sign_in_page(target, login, (Problem("login", error.code, **error.params),), 429 if slowed else 422)
    except Unavailable as error:
        return _sign_in_page(target, login, (Problem("login", error.code, **error.params),), 503)
    keep_token(token)
    if entry.awaits_code(database(), token, limits()):
        return go(f"/sign-in/code?next={quote(target, safe='')}")
    load_actor()
    if g.account is not None and g.account.factors_reset:
        return go("/account/security")  # the first thing that the person reads
    return go(target)


@blueprint.get("/sign-in/code")
@public
def code_form() -> WerkzeugResponse:
    """Ask for the second factor of a session whose password was right."""
    return _code_page(safe_next(request.args.get("next")), ())


@blueprint.post("/sign-in/code")
@public
def enter_code() -> WerkzeugResponse:
    """Check the code of the app or a recovery code and complete the session."""
    target = safe_next(request.form.get("next"))
    try:
        token = entry.enter_code(
            database(), request.cookies.get(cookie_name(), "")[:100], request.form.get("code", "")[:100], limits()
        )
    except service.StepUpRefused as error:
        slowed = "n" in error.params
        return _code_page(target, (Problem("code", error.code, **error.params),), 429 if slowed else 422)
    if token is None:
        return go("/sign-in")
    keep_token(token)
    return go(target)


@blueprint.post("/sign-out")
@public
def sign_out() -> WerkzeugResponse:
    """End this session, and let the browser forget what it kept of it."""
    actor = current_actor()
    if actor.session_id is not None:
        with database().work(actor) as uow:
            service.sign_out(uow, actor.session_id)
    response = go("/sign-in", notice="You are signed out.")
    secure = cookie_name().startswith("__Host-")
    response.delete_cookie(cookie_name(), secure=secure, httponly=True, samesite="Lax", path="/")
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@blueprint.get("/account")
def account() -> Response:
    """Show the own account: person, roles, posts, sessions."""
    actor = current_actor()
    with database().read(actor) as uow:
        own = service.own_account(uow)
        posts = entities.posts_held(uow, own.employee_id, own.entity_id, uow.today)
        return render(
            "accounts/account.html", account=g.account, actor_code=actor.employee_code, posts=posts,
            roles=[ROLE_LABELS[role] for role in sorted(roles_of(own.roles))], here_id=actor.session_id,
            browser_name=browser_name,
            sessions=queries.sessions_of(uow, own.id, limits()),
        )  # fmt: skip


@blueprint.get(CHANGE_PASSWORD)
def password_form() -> Response:
    """Show the form that changes the own password."""
    return _password_page(())


@blueprint.post(CHANGE_PASSWORD)
def change_password() -> WerkzeugResponse:
    """Change the own password; the other sessions end."""
    old, new = (request.form.get(name, "")[: LONGEST_PASSWORD + 1] for name in ("old", "password"))
    if new != request.form.get("again", ""):
        return _password_page((Problem("again", "accounts.password-differs"),), 422)
    try:
        entry.change_password(database(), current_actor(), old, new)
    except Invalid as error:
        return _password_page(error.problems, 422)
    return go("/account", notice="The password was changed and your other sessions were ended.")


@blueprint.post("/account/sessions/<uuid:session_id>/end")
def end_session(session_id: UUID) -> WerkzeugResponse:
    """End one of the own sessions."""
    with database().work(current_actor()) as uow:
        service.sign_out(uow, session_id)
    return go("/account", notice="The session was ended.")


@blueprint.post("/account/sessions/end-others")
def end_other_sessions() -> WerkzeugResponse:
    """End all own sessions but this one."""
    with database().work(current_actor()) as uow:
        service.sign_out_everywhere(uow)
    return go("/account", notice="Your other sessions were ended.")


def _sign_in_page(target: str, login: str, problems: tuple[Problem, ...], status: int = 200) -> Response:
    return render("accounts/sign_in.html", status, target=target, login=login, problems=problems)


def _code_page(target: str, problems: tuple[Problem, ...], status: int = 200) -> WerkzeugResponse:
    if not entry.awaits_code(database(), request.cookies.get(cookie_name(), "")[:100], limits()):
        return go(target if is_signed_in() else "/sign-in")
    return render("accounts/sign_in_code.html", status, target=target, problems=problems)


def _password_page(problems: tuple[Problem, ...], status: int = 200) -> Response:
    return render("accounts/password.html", status, problems=problems, account=g.account, shortest=SHORTEST_PASSWORD)


def browser_name(agent: str) -> str:
    """Return the browser and the system that a user-agent header tells, as people know them."""
    browsers = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
    systems = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
               ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip
    browser = next((name for mark, name in browsers if mark in agent), agent.split("/", maxsplit=1)[0][:20])
    system = next((name for mark, name in systems if mark in agent), "")
    return " · ".join(filter(None, (browser, system))) or "—"
