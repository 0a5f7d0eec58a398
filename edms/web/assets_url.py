"""Addresses of static files with a hash of their content in them, so that a browser may keep them for a year."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from flask import Response, request
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from edms.web.guards import public

STATIC: Final = Path(__file__).with_name("static")
FOR_EVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {".woff2": "font/woff2", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_COMPRESSED: Final = frozenset({".css", ".js", ".svg", ".txt", ".wasm"})


@dataclass(frozen=True, slots=True)
class _StaticFile:
    """A static file as it is sent: its octets, the same gzipped where that helps, and the digest that names them."""

    content: bytes
    gzipped: bytes | None
    digest: str
    media_type: str


@lru_cache(maxsize=256)
def _load(path: Path, changed: int) -> _StaticFile:
    """Read a file once per change (``changed`` in ns); the digest is the first 12 hex digits of its SHA-256."""
    del changed
    content = path.read_bytes()
    gzipped = gzip.compress(content, mtime=0) if path.suffix in _COMPRESSED else None
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _StaticFile(content, gzipped, hashlib.sha256(content).hexdigest()[:12], media_type)


def _current(path: Path) -> _StaticFile:
    return _load(path, path.stat().st_mtime_ns)


def asset_exists(name: str) -> bool:
    """Say whether a static file is there (the bundle is made at build time and may be missing in a bare checkout)."""
    return (STATIC / name).is_file()


def asset(name: str) -> str:
    """Return the address of a static file with its content's hash; raises FileNotFoundError for an unknown name."""
    return f"/static/{name}?v={_current(STATIC / name).digest}"


@public
def static_file(name: str) -> Response:
    """Send a static file: kept for a year where its address names its content, else asked for again each time."""
    joined = safe_join(str(STATIC), name)
    if joined is None or not Path(joined).is_file() or any(part.startswith(".") for part in Path(name).parts):
        raise NotFound
    found = _current(Path(joined))
    packed = found.gzipped is not None and request.accept_encodings.quality("gzip") > 0
    response = Response(found.gzipped if packed else found.content)
    response.headers["Content-Type"] = found.media_type
    response.headers["Vary"] = "Accept-Encoding"
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    named = request.args.get("v") == found.digest or name.endswith(".woff2")
    response.headers["Cache-Control"] = FOR_EVER if named else "no-cache"
    response.set_etag(found.digest + ("-gz" if packed else ""))
    response.make_conditional(request)
    return response
