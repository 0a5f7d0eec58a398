"""The web application: the only wiring of the web side."""

import contextlib
import hashlib
import secrets

from flask import Flask, g
from werkzeug.middleware.proxy_fix import ProxyFix

from config.settings import Settings
from crypto.keystore import KeyStore
from edms.core.parts import Parts
from edms.navigation import install_pages
from edms.tracking import measures
from edms.wiring import load_judges, parts_of

_ROOM_MB = 8  # the other fields of a form that carries a letter's attachments


def create_app(settings: Settings, parts: Parts | None = None) -> Flask:
    """Return the application of one installation; ``parts`` are given by tests that share them with other edges."""
    load_judges()
    app = Flask("edms", static_folder=None)
    app.extensions["diwan"] = parts or parts_of(settings)
    if settings.web.https:  # a TLS proxy stands in front: trust its one hop for address and scheme
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    install_pages(
        app,
        secret_key=_secret(settings, app.extensions["diwan"]),
        https=settings.web.https,
        largest_body=(settings.letters.letter_mb + _ROOM_MB) << 20,
    )

    measures.install(app, token=settings.metrics.token, run_folder=settings.run_folder)

    def tell_zone() -> None:
        g.time_zone = settings.locale.timezone

    app.before_request(tell_zone)
    return app


def _secret(settings: Settings, parts: Parts) -> bytes:
    """Return the secret that signs notices and form tokens: the configured one, else a random one kept wrapped."""
    if settings.web.secret:
        return hashlib.sha256(settings.web.secret.encode()).digest()
    kept = settings.run_folder / "web.secret"
    context = b"edms/1/web-secret"
    keys = parts[KeyStore]
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        aside = kept.with_suffix(f".{secrets.token_hex(4)}")
        aside.write_bytes(keys.wrap(secrets.token_bytes(32), context))
        with contextlib.suppress(FileExistsError):  # the first process wins, the others use its secret
            kept.hardlink_to(aside)
        aside.unlink()
    return keys.unwrap(kept.read_bytes(), context)
