"""Refuses requests forged by other sites: fetch metadata, Origin, and a token bound to this browser and its session."""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from markupsafe import Markup

from edms.core.errors import EdmsError
from edms.web.guards import is_signed_in

FIELD: Final = "csrf_token"
HEADER: Final = "X-CSRF-Token"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
SALT_OCTETS: Final = 12
_SEED: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Forged(EdmsError):
    """The request does not come from a page of ours that belongs to this session."""


def _settings() -> tuple[bytes, str, str]:
    """Return (secret, name of the seed cookie, name of the session cookie) as ``install`` stored them."""
    stored: tuple[bytes, str, str] = g.csrf_settings
    return stored


def _seed() -> str:
    """Return the random seed of this browser, made at the first page and kept in a cookie of its own."""
    if "csrf_seed" not in g:
        known = request.cookies.get(_settings()[1], "")
        g.csrf_seed_is_new = _SEED.fullmatch(known) is None
        g.csrf_seed = secrets.token_urlsafe(32) if g.csrf_seed_is_new else known
    seed: str = g.csrf_seed
    return seed


def _mac(salt: bytes) -> bytes:
    """Bind salt, browser and (once signed in) session: HMAC-SHA-256 under a key of this use only."""
    secret, _, session_cookie = _settings()
    session = (g.get("renewed_session") or request.cookies.get(session_cookie, "")) if is_signed_in() else ""
    key = hmac.digest(secret, b"edms/1/csrf", "sha256")
    return hmac.digest(key, salt + _seed().encode() + b"\0" + hashlib.sha256(session.encode()).digest(), "sha256")


def csrf_token() -> str:
    """Return a token for one page; it differs on every call, so that compression cannot reveal it (BREACH)."""
    salt = secrets.token_bytes(SALT_OCTETS)
    return base64.urlsafe_b64encode(salt + _mac(salt)).decode()


def csrf_field() -> Markup:
    """Return the hidden field that every form with method=post must carry."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, csrf_token())


def _token_fits(token: str) -> bool:
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii"))
    except ValueError:
        return False
    return hmac.compare_digest(raw[SALT_OCTETS:], _mac(raw[:SALT_OCTETS]))


def _from_elsewhere() -> bool:
    """Say whether the browser itself tells that another site made this request.

    Sec-Fetch-Site decides where it is sent. Origin is "null" on our own forms because of our referrer policy
    ``no-referrer`` (Fetch §3.2), so that "null" tells nothing and the token alone decides.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin not in {None, "null"} and urlsplit(origin or "").netloc != request.host


def check() -> None:
    """Let reads and API calls without a session cookie pass; raise Forged for what else is not provably ours."""
    if request.method in SAFE_METHODS:
        return
    if request.path.startswith(("/api/", "/authority/")) and _settings()[2] not in request.cookies:
        return  # no session goes with it, so there is none to be ridden by another site
    if _from_elsewhere():
        raise Forged("web.forged-origin")
    if not _token_fits(request.headers.get(HEADER) or request.form.get(FIELD, "")):
        raise Forged("web.forged-token")


def install(app: Flask, *, secret_key: bytes, https: bool, session_cookie: str) -> None:
    """Give the templates ``csrf_field`` and ``csrf_token``, keep the seed in a cookie; the shell calls ``check``."""
    seed_cookie = "__Host-csrf" if https else "csrf"

    def begin() -> None:
        g.csrf_settings = (secret_key, seed_cookie, session_cookie)

    def keep(response: Response) -> Response:
        if g.get("csrf_seed_is_new"):
            response.set_cookie(seed_cookie, g.csrf_seed, secure=https, httponly=True, samesite="Lax", path="/")
        return response

    app.before_request(begin)
    app.after_request(keep)
    app.jinja_env.globals.update(csrf_field=csrf_field, csrf_token=csrf_token)
