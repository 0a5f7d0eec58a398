"""What operation must know of the settings; ``config.settings.Settings`` has this shape."""

# ruff: noqa: D102 - config/defaults.toml says what each value is

from pathlib import Path
from typing import Protocol


class Web(Protocol):
    """Where the pages are served, and by how many processes and threads."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def workers(self) -> int: ...
    @property
    def threads(self) -> int: ...


class Gateway(Protocol):
    """Where mail is taken."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def submission_port(self) -> int: ...
    @property
    def hostname(self) -> str: ...
    @property
    def tls_certificate(self) -> str: ...
    @property
    def tls_key(self) -> str: ...


class Keys(Protocol):
    """What opens the key file; "" when a secret file does."""

    @property
    def passphrase(self) -> str: ...


class Worker(Protocol):
    """How often the followers look."""

    @property
    def poll_seconds(self) -> float: ...


class Logging(Protocol):
    """The log of the processes themselves."""

    @property
    def level(self) -> str: ...
    @property
    def json(self) -> bool: ...


class Installation(Protocol):
    """What this installation calls itself."""

    @property
    def name(self) -> str: ...


class Site(Protocol):
    """Folders, addresses and secrets of one installation; ``parts[Site]``."""

    @property
    def data(self) -> Path: ...
    @property
    def database_url(self) -> str: ...
    @property
    def keys_file(self) -> Path: ...
    @property
    def secret_file(self) -> Path: ...
    @property
    def content_folder(self) -> Path: ...
    @property
    def index_folder(self) -> Path: ...
    @property
    def run_folder(self) -> Path: ...
    @property
    def public_url(self) -> str: ...
    @property
    def installation(self) -> Installation: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def web(self) -> Web: ...
    @property
    def gateway(self) -> Gateway: ...
    @property
    def worker(self) -> Worker: ...
    @property
    def logging(self) -> Logging: ...
