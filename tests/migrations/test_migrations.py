"""Migrations: the newest revision is the models, the way down and up again, and the file that names the newest."""

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from edms.core import migrate
from edms.models import metadata

HEAD = Path(__file__).parents[2] / "migrations" / "HEAD"


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def differences(url: str) -> list[object]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
            return list(compare_metadata(context, metadata))
    finally:
        engine.dispose()


def test_the_newest_revision_is_what_the_models_say(empty_database_url: str) -> None:
    migrate.upgrade(empty_database_url)
    assert differences(empty_database_url) == []
    assert tables(empty_database_url) == set(metadata.tables)
    assert migrate.current(empty_database_url) == migrate.newest()


def test_down_to_nothing_and_up_again(empty_database_url: str) -> None:
    migrate.upgrade(empty_database_url)
    migrate.downgrade(empty_database_url, "base")
    assert tables(empty_database_url) == set()
    assert migrate.current(empty_database_url) is None
    migrate.upgrade(empty_database_url)
    assert differences(empty_database_url) == []


def test_each_revision_goes_down_and_up_by_itself(empty_database_url: str) -> None:
    script = ScriptDirectory.from_config(migrate._config(empty_database_url))
    for revision in reversed(list(script.walk_revisions())):
        migrate.upgrade(empty_database_url, revision.revision)
        migrate.downgrade(empty_database_url, str(revision.down_revision or "base"))
        migrate.upgrade(empty_database_url, revision.revision)
    assert differences(empty_database_url) == []


def test_upgrading_twice_changes_nothing(empty_database_url: str) -> None:
    migrate.upgrade(empty_database_url)
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE event_head SET last_seq = 7"))
    migrate.upgrade(empty_database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id, last_seq FROM event_head")).all() == [(1, 7)]
    engine.dispose()


def test_the_log_begins_with_its_head(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id, last_seq FROM event_head")).all() == [(1, 0)]
    engine.dispose()


def test_an_upgrade_that_fails_leaves_no_half_revision(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if empty_database_url.startswith("sqlite"):
        pytest.skip("the driver commits before CREATE TABLE; `diwan init` removes the file instead")
    from alembic import op

    real, made = op.create_table, []

    def create(name: str, *args: Any, **kwargs: Any) -> object:
        made.append(name)
        if len(made) == 5:
            raise OSError("the disk is full")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(op, "create_table", create)
    with pytest.raises(OSError, match="disk is full"):
        migrate.upgrade(empty_database_url)
    assert tables(empty_database_url) == set()
    monkeypatch.undo()
    migrate.upgrade(empty_database_url)


def test_head_names_the_newest_revision() -> None:
    assert HEAD.read_text("ascii").strip() == migrate.newest()


def test_there_is_one_line_of_revisions() -> None:
    script = ScriptDirectory.from_config(migrate._config("sqlite://"))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1
