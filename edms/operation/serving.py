"""The web process: gunicorn with our settings, on the application of ``wsgi.py``."""

from collections.abc import Callable
from typing import Any

from gunicorn import util
from gunicorn.app.base import BaseApplication

from edms.operation.site import Web


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        application: Callable[..., Any] = util.import_app("wsgi:application")
        return application


def serve(web: Web, *, level: str) -> None:
    """Serve the pages until a signal ends the process; no access log, since a search is part of the address.

    For the same reason gunicorn's own log stops at ``info``: at ``debug`` it writes every address.
    """
    host = f"[{web.host}]" if ":" in web.host else web.host
    _Server(
        {
            "bind": f"{host}:{web.port}",
            "workers": web.workers,
            "threads": web.threads,
            "worker_class": "gthread",
            "timeout": 120,
            "graceful_timeout": 20,
            "keepalive": 5,
            "loglevel": {"debug": "info", "info": "warning"}.get(level, level),
            "errorlog": "-",
            "accesslog": None,
            "limit_request_line": 0,  # an over-long search is answered by the search page, in words
            "control_socket_disable": True,
            "proc_name": "diwan web",
        }
    ).run()
