"""Bringing a database to the newest revision, and telling which one it has."""

from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine


def _config(url: str) -> Config:
    spec = find_spec("migrations")  # by name: the layer of migrations lies above this one
    if spec is None or spec.origin is None:
        raise RuntimeError("the migrations package is not installed")
    config = Config(Path(spec.origin).with_name("alembic.ini"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Apply all migrations up to ``revision``."""
    command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Take migrations back to ``revision``."""
    command.downgrade(_config(url), revision)


def current(url: str) -> str | None:
    """Return the database's revision, or None when it is empty."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def newest() -> str | None:
    """Return the newest revision that this release knows."""
    return ScriptDirectory.from_config(_config("sqlite://")).get_current_head()
