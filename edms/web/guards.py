"""Deny by default: a page is for signed-in employees unless its view says ``@public``; safe places to go next."""

from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import quote

from flask import Flask, Response, current_app, g, make_response, redirect, request

from edms.core.actor import ANONYMOUS, Actor
from edms.core.errors import EdmsError

SIGN_IN: Final = "/sign-in"
_PUBLIC: Final = "edms_public"
_AFTER_SIGN_IN: Final = 1000

View = TypeVar("View", bound=Callable[..., Any])


class SignedOut(EdmsError):
    """The call needs an employee and there is none (401); pages are sent to sign in instead."""


def public(view: View) -> View:
    """Mark a view as open to anybody; everything else needs a signed-in employee."""
    setattr(view, _PUBLIC, True)
    return view


def is_public(app: Flask, endpoint: str | None) -> bool:
    """Say whether an endpoint is open to anybody; an address that leads nowhere is (it answers 404)."""
    return endpoint is None or bool(getattr(app.view_functions.get(endpoint), _PUBLIC, False))


def is_signed_in() -> bool:
    """Say whether this request is an employee's."""
    return current_actor().employee_id is not None


def current_actor() -> Actor:
    """Return who makes this request; ``ANONYMOUS`` where nobody is signed in."""
    actor = g.get("actor")
    return actor if isinstance(actor, Actor) else ANONYMOUS


def safe_next(target: str | None, default: str = "/") -> str:
    """Return ``target`` if it is a path on this site, else ``default`` (no open redirect: CWE-601)."""
    if not target or len(target) > _AFTER_SIGN_IN or not target.startswith("/") or target.startswith(("//", "/\\")):
        return default
    if any(character == "\\" or not character.isprintable() for character in target):
        return default
    return target


def signed_in_required() -> Response | None:
    """``before_request`` of the whole site: send a stranger to sign in; raise SignedOut where no page was asked for."""
    if is_signed_in() or is_public(current_app, request.endpoint):
        return None
    if request.path.startswith("/api/") or "HX-Request" in request.headers:
        raise SignedOut("web.signed-out")
    here = request.full_path.rstrip("?") if request.method == "GET" else "/"
    target = SIGN_IN if here == "/" else f"{SIGN_IN}?next={quote(safe_next(here), safe='')}"
    return make_response(redirect(target, 303))
