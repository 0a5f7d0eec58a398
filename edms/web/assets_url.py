"""Addresses of static files with a hash of their content in them, so that a browser keeps them for a year and is never wrong."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from flask import Response, request, send_from_directory

from edms.web.guards import public

STATIC: Final = Path(__file__).with_name("static")
FOR_EVER: Final = "public, max-age=31536000, immutable"


@lru_cache(maxsize=256)
def _digest(path: str, changed: int) -> str:
    """Return the first 12 hex digits of a file's SHA-256; ``changed`` (ns) renews it when the file is written anew."""
    del changed
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def asset_exists(name: str) -> bool:
    """Say whether a static file is there (the bundle is made at build time and may be missing in a bare checkout)."""
    return (STATIC / name).is_file()


def asset(name: str) -> str:
    """Return the address of a static file with its content's hash; raises FileNotFoundError for a name that is not there."""
    path = STATIC / name
    return f"/static/{name}?v={_digest(str(path), path.stat().st_mtime_ns)}"


@public
def static_file(name: str) -> Response:
    """Send a static file: kept for ever where its address names its content, else asked again each time."""
    response = send_from_directory(STATIC, name)
    hashed = "v" in request.args or name.endswith(".woff2")
    response.headers["Cache-Control"] = FOR_EVER if hashed else "no-cache"
    return response
