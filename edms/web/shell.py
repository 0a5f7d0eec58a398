"""Puts the whole shell on a Flask application in one call: everything a page has before it has a feature."""

import io
from collections.abc import Callable
from typing import IO, Final

from flask import Blueprint, Flask, Request, Response, g, request

from edms.core.actor import Actor
from edms.web import assets_url, csrf, errors, formats, guards, language, page, security

SMALLEST_KEY: Final = 32
LARGEST_BODY: Final = 512 * 2**20
LARGEST_TEXT: Final = 8 * 2**20
STRANGERS_BODY: Final = 256 * 2**10

Navigation = Callable[[Actor], tuple[page.Section, ...]]


class InMemoryRequest(Request):
    """A request whose uploads stay in memory: the default would write large ones to a temporary file, unencrypted."""

    def _get_file_stream(
        self, total_content_length: int | None, content_type: str | None, filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:  # fmt: skip
        return io.BytesIO()


def _no_actor() -> Actor | None:
    actor = g.get("actor")
    return actor if isinstance(actor, Actor) else None


def _no_navigation(_actor: Actor) -> tuple[page.Section, ...]:
    return ()


def session_cookie_name(https: bool) -> str:
    """Return the name of the sign-in session's cookie (``__Host-`` needs TLS: RFC 6265bis §4.1.3.2)."""
    return "__Host-session" if https else "session"


def configure_web(
    app: Flask,
    *,
    secret_key: bytes,
    https: bool,
    load_actor: Callable[[], Actor | None] = _no_actor,
    navigation: Navigation = _no_navigation,
    primary_action: Callable[[Actor], page.Link | None] | None = None,
    entity_name: Callable[[Actor], str] | None = None,
    largest_body: int = LARGEST_BODY,
) -> None:
    """Install locale, security headers, CSRF, guards, errors, static files, ``/healthz`` and the templates on ``app``.

    ``app`` is made with ``static_folder=None``. ``load_actor`` reads the session of the request (views then find the
    actor in ``flask.g.actor``); ``navigation`` gives the side menu of an actor; ``largest_body`` is in octets.
    Raises ValueError for a secret under 32 octets or an application that serves its own static folder.
    """
    if len(secret_key) < SMALLEST_KEY:
        raise ValueError(f"the secret of the pages needs at least {SMALLEST_KEY} octets")
    if app.has_static_folder:
        raise ValueError("make the application with static_folder=None: the shell serves /static")
    app.secret_key = secret_key
    app.request_class = InMemoryRequest
    app.config.update(
        SESSION_COOKIE_NAME="__Host-notice" if https else "notice",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=largest_body,
        MAX_FORM_MEMORY_SIZE=LARGEST_TEXT,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.register_blueprint(Blueprint("web", __name__, template_folder="templates"))
    formats.register(app)
    page.install(app)
    language.install(app)
    security.install(app, https=https)
    csrf.install(app, secret_key=secret_key, https=https, session_cookie=session_cookie_name(https))
    errors.install(app)
    _install_static(app)

    def identify() -> None:
        g.actor = load_actor()
        if g.actor is None and request.max_content_length == largest_body:
            request.max_content_length = STRANGERS_BODY

    def menu() -> dict[str, object]:
        actor = guards.current_actor()
        sections = navigation(actor) if guards.is_signed_in() else ()
        return {
            "navigation": sections,
            "active_url": page.active_url(sections),
            "primary_action": primary_action(actor) if primary_action and guards.is_signed_in() else None,
            "entity_name": entity_name(actor) if entity_name and guards.is_signed_in() else "",
        }

    app.before_request(identify)
    app.before_request(csrf.check)
    app.before_request(guards.signed_in_required)
    app.context_processor(menu)


def _install_static(app: Flask) -> None:
    """Serve the static files and the sign of life."""

    @guards.public
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    app.add_url_rule("/static/<path:name>", "static", assets_url.static_file)
    app.add_url_rule("/healthz", "healthz", healthz)
    app.jinja_env.globals.update(asset=assets_url.asset, asset_exists=assets_url.asset_exists)
