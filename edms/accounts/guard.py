"""Who makes a request: the session's cookie read before every view, and the password that must be changed first."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from flask import Flask, Response, current_app, g, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.accounts import queries, service
from edms.accounts.rules import TOUCH_EVERY, Limits
from edms.core.actor import ANONYMOUS, Actor
from edms.core.database import Database
from edms.core.parts import Parts
from edms.entities import queries as entities
from edms.web.formats import current_locale
from edms.web.guards import is_public
from edms.web.shell import session_cookie_name

CHANGE_PASSWORD: Final = "/account/password"  # noqa: S105 - an address, not a password
_WITHOUT_SESSION: Final = ("/static/", "/healthz")
_BEFORE_PASSWORD: Final = frozenset({CHANGE_PASSWORD, "/sign-out", "/language"})


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What pages show of the signed-in account (``flask.g.account``)."""

    id: UUID
    login: str
    person: str
    entity_name: str
    entity_code: str
    must_change_password: bool
    factors_reset: bool = False


def cookie_name() -> str:
    """Return the name of the session's cookie: ``__Host-session`` behind TLS, ``session`` on plain loopback."""
    return session_cookie_name(bool(current_app.config["SESSION_COOKIE_SECURE"]))


def database() -> Database:
    """Return the application's database."""
    parts: Parts = current_app.extensions["diwan"]
    return parts[Database]


def limits() -> Limits:
    """Return how long this installation's sessions live and how often somebody may try to sign in."""
    parts: Parts = current_app.extensions["diwan"]
    return parts[Limits]


def keep_token(token: str) -> None:
    """Let this answer carry the session's new token, and let the form tokens of its page belong to it."""
    g.renewed_session = token


def load_actor() -> Actor | None:
    """Return who the session's cookie speaks for and set ``g.account``; the shell calls it before every request."""
    g.account = None
    token = g.get("renewed_session") or request.cookies.get(cookie_name(), "")
    if not token or len(token) > 100 or request.path.startswith(_WITHOUT_SESSION):
        return None
    with database().read(ANONYMOUS) as uow:
        found = queries.live_session(uow, token, limits())
        if found is None:
            return None
        session, account, employee = found
        actor = queries.actor_of(uow, account, employee, session=session)
        body = entities.entity(uow, account.entity_id)
        g.account = SignedIn(
            account.id,
            account.login,
            employee.name,
            body.name(current_locale()),
            body.code,
            service.must_change_password(account),
            account.factors_reset_at is not None,
        )
        idle = uow.now - session.last_seen_at
    if idle >= TOUCH_EVERY:
        with database().work(actor) as uow:
            service.touch_session(uow, session.id)
    return actor


def entity_name(_actor: Actor) -> str:
    """Return the name of the signed-in person's body, for the top bar."""
    account = g.get("account")
    return account.entity_name if isinstance(account, SignedIn) else ""


def _first_password() -> WerkzeugResponse | None:
    """Send a person with a password for one use to change it before anything else."""
    account = g.get("account")
    if not isinstance(account, SignedIn) or not account.must_change_password:
        return None
    if request.path in _BEFORE_PASSWORD or is_public(current_app, request.endpoint):
        return None
    return redirect(CHANGE_PASSWORD, 303)


def install(app: Flask) -> None:
    """Add what comes after the shell's own guards: the first password, and the person's name for the top bar.

    The cookie is SameSite=Lax and not Strict: notices carry links to letters, and a person who follows one from the
    mail client must arrive signed in; every change is protected by the form token and the fetch metadata.
    """
    app.before_request(_first_password)

    def renew(response: Response) -> Response:
        if g.get("renewed_session"):
            secure = cookie_name().startswith("__Host-")
            token = g.renewed_session
            response.set_cookie(cookie_name(), token, secure=secure, httponly=True, samesite="Lax", path="/")
        return response

    app.after_request(renew)

    def person() -> dict[str, object]:
        account = g.get("account")
        return {"person_name": account.person if isinstance(account, SignedIn) else ""}

    app.context_processor(person)
