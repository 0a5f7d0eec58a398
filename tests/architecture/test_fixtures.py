"""The test suite's own ground: databases are migrated, separate and of both kinds."""

from collections.abc import Callable

from sqlalchemy import create_engine, inspect, text


def _tables(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_database_url_is_migrated(database_url: str, database_kind: str) -> None:
    assert database_url.startswith(database_kind)
    assert {"alembic_version", "events"} <= _tables(database_url)


def test_each_database_is_fresh(new_database_url: Callable[[], str]) -> None:
    first, second = new_database_url(), new_database_url()
    engine = create_engine(first)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE only_here (id INTEGER)"))
    engine.dispose()
    assert "only_here" in _tables(first)
    assert "only_here" not in _tables(second)


def test_empty_database_has_no_table(empty_database_url: str) -> None:
    assert _tables(empty_database_url) == set()


def test_postgres_syncs_to_disk(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.execute(text("SHOW fsync")).scalar() == "on"
    engine.dispose()
