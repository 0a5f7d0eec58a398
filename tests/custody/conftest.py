"""A world whose people have reading keys; tests that destroy letters make a plain one of their own."""

from pathlib import Path

import pytest

from tests.custody.readers import with_readers
from tests.factories.world import World


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return with_readers(tmp_path, database_url)
