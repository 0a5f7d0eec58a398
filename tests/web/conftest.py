"""A small application with the shell on it: one page, one form, one of each refusal."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from flask import Flask, Response, abort, request
from flask.testing import FlaskClient

from edms.core.actor import Actor
from edms.core.errors import Conflict, EdmsError, Forbidden, Invalid, NotFound, Problem, Unavailable
from edms.web.guards import public
from edms.web.page import Link, Section, go, paginate, render
from edms.web.security import attachment_response
from edms.web.shell import configure_web

CLERK = Actor("هدى كاظم", frozenset({"employee"}), employee_id=UUID(int=7), employee_code="0023", entity_id=UUID(int=1))
REFUSALS: dict[str, Callable[[], EdmsError]] = {
    "missing": lambda: NotFound("test.not-found"),
    "forbidden": lambda: Forbidden("core.forbidden", permission="letters.sign"),
    "conflict": lambda: Conflict("database.conflict"),
    "invalid": lambda: Invalid("web.unknown-error", (Problem("subject", "web.signed-out"),), error="x"),
    "unavailable": lambda: Unavailable("database.unavailable", retry_after=7),
    "throttled": lambda: Unavailable("test.too-many", retry_after=60),
}


def load_actor() -> Actor | None:
    return CLERK if request.cookies.get("session") == "clerk" else None


def menu(_actor: Actor) -> tuple[Section, ...]:
    return (Section("Pages", (Link("Search", "/letters", 3), Link("Menu", "/letters/late"))),)


def refuse(kind: str) -> Response:
    if kind == "boom":
        raise RuntimeError("canary-secret")
    if kind.isdigit():
        abort(int(kind))
    raise REFUSALS[kind]()


@public
def open_page() -> Response:
    return render("public.html")


def letters() -> Response:
    pages = paginate(120)
    return Response(f"{pages.first} {pages.last} {pages.previous_url} {pages.next_url}")


def save() -> Response:
    return go("/letters", notice="%(n)s attachment", n=3)


def download() -> Response:
    return attachment_response(b"<script>", "../../كتاب\u202egpj.html", "text/html")


def make_app(*, https: bool = False) -> Flask:
    app = Flask("shell-under-test", static_folder=None)
    configure_web(
        app,
        secret_key=b"k" * 32,
        https=https,
        load_actor=load_actor,
        navigation=menu,
        largest_body=100_000,
        entity_name=lambda _: "وزارة التخطيط",
    )
    app.add_url_rule("/letters", "letters", letters)
    app.add_url_rule("/page", "page", lambda: render("base.html", now=datetime(2025, 11, 20, tzinfo=UTC)))
    app.add_url_rule("/open", "open", open_page, methods=["GET", "POST"])
    app.add_url_rule("/save", "save", save, methods=["POST"])
    app.add_url_rule("/download", "download", download)
    app.add_url_rule("/refuse/<kind>", "refuse", refuse)
    app.add_url_rule("/api/v1/refuse/<kind>", "api", refuse)
    return app


@pytest.fixture
def app() -> Flask:
    return make_app()


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def clerk(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.set_cookie("session", "clerk")
    return client
