"""What a view needs to answer with a page: rendering, the request's number, the answer wanted, paging, notices."""

import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

import structlog
from flask import Flask, Response, flash, g, make_response, redirect, render_template, request

from edms.web.formats import translate
from edms.web.guards import current_actor, is_signed_in, safe_next

PAGE_SIZE: Final = 50
REQUEST_ID_HEADER: Final = "X-Request-ID"
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")

Wanted = Literal["page", "fragment", "json"]
NoticeKind = Literal["info", "success", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the menu or a tab: ``label`` is a msgid; ``count`` is shown beside it, red when ``urgent``."""

    label: str
    url: str
    count: int | None = None
    urgent: bool = False
    active: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A titled group of the side menu; ``label`` is a msgid, or empty for a group without a title."""

    label: str
    items: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Pages:
    """Where a page of a list stands: rows ``first``…``last`` (from 1) of ``total``, and the addresses beside it."""

    number: int
    size: int
    total: int
    previous_url: str | None
    next_url: str | None

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.number - 1) * self.size

    @property
    def first(self) -> int:
        """Number of the first row shown, 0 for an empty list."""
        return min(self.offset + 1, self.total)

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return min(self.offset + self.size, self.total)


def page_number(argument: str = "page") -> int:
    """Return the page asked for in the query string, 1 where it is missing or is no sensible number."""
    text = request.args.get(argument, "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) else 1


def paginate(total: int, *, size: int = PAGE_SIZE, argument: str = "page") -> Pages:
    """Return the page asked for of ``total`` rows; the other arguments (filters) stay in the addresses beside it."""
    last = max(1, -(-total // size))
    number = min(page_number(argument), last)
    others = [(name, value) for name, value in request.args.items(multi=True) if name != argument]

    def address(wanted: int) -> str:
        return f"{request.path}?{urlencode([*others, (argument, str(wanted))])}"

    return Pages(
        number,
        size,
        total,
        address(number - 1) if number > 1 else None,
        address(number + 1) if number < last else None,
    )


def render(template: str, status: int = 200, **context: object) -> Response:
    """Render a template as a page with ``status``."""
    return make_response(render_template(template, **context), status)


def wanted() -> Wanted:
    """Say which form of answer the caller reads: JSON under /api/, a part of a page for htmx, else a whole page."""
    if request.path.startswith("/api/"):
        return "json"
    return "fragment" if request.headers.get("HX-Request") == "true" and "HX-Boosted" not in request.headers else "page"


def go(url: str, *, notice: str | None = None, kind: NoticeKind = "success", **params: object) -> Response:
    """Answer a form that succeeded: redirect (303, so that reloading never repeats it) with a notice (a msgid)."""
    if notice:
        flash(translate(notice, **params), kind)
    return make_response(redirect(url, 303))


def request_id() -> str:
    """Return the number of this request: the caller's if well-formed, else a new one short enough to read out."""
    if "request_id" not in g:
        given = request.headers.get(REQUEST_ID_HEADER, "")
        fresh = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))
        g.request_id = given if _REQUEST_ID.fullmatch(given) else fresh
    value: str = g.request_id
    return value


def here() -> str:
    """Return the address of this page, for forms that come back to it."""
    return safe_next(request.full_path.rstrip("?")) if request.method == "GET" else safe_next(request.path)


def active_url(sections: tuple[Section, ...]) -> str | None:
    """Return the menu address that this page belongs to: the longest one its own path begins with."""
    path = request.path
    urls = [item.url for section in sections for item in section.items]
    fitting = [url for url in urls if path == url or (url != "/" and path.startswith(url.rstrip("/") + "/"))]
    return max(fitting, key=len, default=None)


def install(app: Flask) -> None:
    """Number every request, tell it to the log lines and the caller, and give the templates their common names."""

    def begin() -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id())

    def tell(response: Response) -> Response:
        response.headers[REQUEST_ID_HEADER] = request_id()
        return response

    def common() -> dict[str, object]:
        return {"actor": current_actor(), "signed_in": is_signed_in()}

    app.before_request(begin)
    app.after_request(tell)
    app.context_processor(common)
    app.jinja_env.globals.update(request_id=request_id, here=here)
