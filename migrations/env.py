"""Alembic's environment: runs on the URL given by the caller, else on the configured installation."""

import os
from pathlib import Path

from alembic import context
from sqlalchemy import create_engine

from config.settings import load
from edms.models import metadata


def _url() -> str:
    url = context.config.get_main_option("sqlalchemy.url")
    if url:
        return url
    return load(None, os.environ).database_url  # the caller gave no URL: `alembic` was typed by hand


def run() -> None:
    """Run the migrations in one transaction each."""
    engine = create_engine(_url())
    if engine.dialect.name == "sqlite" and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    try:
        with engine.connect() as connection:
            context.configure(
                connection=connection,
                target_metadata=metadata,
                render_as_batch=engine.dialect.name == "sqlite",
                transaction_per_migration=True,
            )
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()


run()
