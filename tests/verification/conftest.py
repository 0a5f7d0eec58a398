"""A world with one issued letter, shared by a file's tests; what a test changes it makes for itself."""

from collections.abc import Iterator

import pytest

from tests.factories.issued import IssuedLetter, issued_letter
from tests.factories.world import World, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("world"))
    yield made
    made.database.dispose()


@pytest.fixture(scope="module")
def letter(world: World) -> IssuedLetter:
    return issued_letter(world)
