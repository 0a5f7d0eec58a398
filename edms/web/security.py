"""The headers every response carries, and the only way a user's file leaves: as a download, never inline."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from flask import Flask, Response, request

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types htmx ProseMirrorClipboard",
    )
)
FILE_POLICY: Final = "sandbox; default-src 'none'; frame-ancestors 'none'"
PERMISSIONS_POLICY: Final = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "autoplay",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "hid",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "publickey-credentials-create",
        "serial",
        "usb",
        "xr-spatial-tracking",
    )
)
HEADERS: Final[dict[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS_POLICY,
    "X-Permitted-Cross-Domain-Policies": "none",
    "X-Robots-Tag": "noindex, nofollow",
}
TRANSPORT_SECURITY: Final = "max-age=63072000; includeSubDomains"
INLINE_IMAGES: Final = frozenset({"image/png", "image/webp"})
MAX_NAME_OCTETS: Final = 200
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,80}/[A-Za-z0-9!#$&^_.+-]{1,80}")


def install(app: Flask, *, https: bool) -> None:
    """Add the headers to every response of ``app``; a response that set its own policy keeps it."""

    def harden(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if https:
            response.headers.setdefault("Strict-Transport-Security", TRANSPORT_SECURITY)
        if not (request.path.startswith("/static/") and response.status_code < 400):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.after_request(harden)


def clean_filename(name: str, default: str = "file") -> str:
    """Return a file name without folders, control characters and direction marks, at most 200 octets of UTF-8."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(one for one in last if unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}).strip(" .")
    if len(kept.encode()) > MAX_NAME_OCTETS:
        stem, dot, ending = kept.rpartition(".")
        ending = f".{ending}" if dot and len(ending.encode()) <= 16 else ""
        stem = stem if ending else kept
        room = MAX_NAME_OCTETS - len(ending.encode())
        kept = stem.encode()[:room].decode("utf-8", "ignore") + ending
    return kept or default


def content_disposition(filename: str) -> str:
    """Return ``attachment`` with an ASCII name for old readers and the true name beside it (RFC 6266, RFC 8187)."""
    name = clean_filename(filename)
    ending = name.rpartition(".")[2] if "." in name else ""
    plain = name if re.fullmatch(r"[A-Za-z0-9 ._-]+", name) else "file"
    if plain == "file" and re.fullmatch(r"[A-Za-z0-9]{1,8}", ending):
        plain = f"file.{ending}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def attachment_response(
    content: bytes | Iterable[bytes],
    filename: str,
    media_type: str = "application/octet-stream",
    *,
    length: int | None = None,
) -> Response:
    """Return a user's file as a download in a sandbox; ``length`` (octets) where the size of a stream is known."""
    kind = media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream"
    response = Response(content)
    response.headers["Content-Type"] = kind
    response.headers["Content-Disposition"] = content_disposition(filename)
    response.headers["Content-Security-Policy"] = FILE_POLICY
    if length is not None:
        response.content_length = length
    return response


def image_response(image: bytes, media_type: str = "image/png") -> Response:
    """Return an image that this server drew itself (a page of a letter) inline; raises ValueError for other types."""
    if media_type not in INLINE_IMAGES:
        raise ValueError(f"only {sorted(INLINE_IMAGES)} are shown inline, not {media_type!r}")
    response = Response(image)
    response.headers["Content-Type"] = media_type
    response.headers["Content-Security-Policy"] = FILE_POLICY
    return response
