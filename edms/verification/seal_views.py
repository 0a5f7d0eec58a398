"""The reader of paper seals in the browser: on line with the camera, and as one file to keep for use off line."""

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, current_app, render_template
from markupsafe import Markup

from edms.core.actor import ANONYMOUS
from edms.core.clock import utc_now
from edms.core.database import Database
from edms.core.parts import Parts
from edms.verification.offline import as_script, lists, script_hash, words
from edms.web.formats import current_locale
from edms.web.guards import public
from edms.web.page import render
from edms.web.security import CONTENT_SECURITY_POLICY, PERMISSIONS_POLICY

blueprint = Blueprint("seal", __name__, template_folder="templates")

_FRESH = timedelta(minutes=1)
_STATIC = Path(__file__).resolve().parents[1] / "web" / "static"


@blueprint.get("/verify/scan")
@public
def scan() -> Response:
    """Read seals with the camera or from a picture, on this machine alone."""
    told, _ = _lists()
    page = render("verification/scan.html", texts=words(current_locale()), lists=Markup(told))  # noqa: S704 - as_script
    page.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace(
        "script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'"
    ).replace("default-src 'none'", "default-src 'none'; media-src 'self' blob:")
    page.headers["Permissions-Policy"] = PERMISSIONS_POLICY.replace("camera=()", "camera=(self)")
    return page


@blueprint.get("/verify/offline")
@public
def offline() -> Response:
    """Give one file with script, trusted keys and status inside, to be kept and opened without a network."""
    told, now = _lists()
    page = Response(
        render_template(
            "verification/offline.html", texts=words(current_locale()), lists=Markup(told), made_at=now,  # noqa: S704
            script=Markup(_script()), script_hash=script_hash(_script()), style=Markup(_style()),  # noqa: S704
        ),
        mimetype="text/html",
    )  # fmt: skip
    page.headers["Content-Disposition"] = f'attachment; filename="diwan-verify-{now:%Y-%m-%d}.html"'
    return page


@cache
def _script() -> str:
    """Return the bundle as it may stand inside a page: no end tag of a script in it."""
    return (_STATIC / "built" / "seal.js").read_text("utf-8").replace("</script", "<\\/script").strip()


@cache
def _style() -> str:
    return (_STATIC / "css" / "seal.css").read_text("utf-8")


def _lists() -> tuple[str, datetime]:
    """Return the lists as script text and their moment; made anew every minute, whatever is asked."""
    parts: Parts = current_app.extensions["diwan"]
    kept: tuple[str, datetime] | None = current_app.extensions.get("diwan-seal-lists")
    if kept is None or utc_now() - kept[1] > _FRESH:
        with parts[Database].read(ANONYMOUS) as uow:
            kept = as_script(lists(uow)), uow.now
        current_app.extensions["diwan-seal-lists"] = kept
    return kept
