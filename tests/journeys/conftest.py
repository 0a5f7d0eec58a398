"""Two installations that know each other: the north writes, the south receives."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.journeys.installation import Installation, furnish, introduce

BODIES = {
    "north": {"moh": ("وزارة الصحة", "moh.gov.example"), "mof": ("وزارة المالية", "mof.gov.example")},
    "south": {"moe": ("وزارة التربية", "moe.gov.example"), "mop": ("وزارة التخطيط", "mop.gov.example")},
}
ARTIFACTS = Path(__file__).resolve().parents[2] / "test-artifacts"


@dataclass(frozen=True, slots=True)
class Two:
    """The two installations and the codes of their bodies."""

    north: Installation
    south: Installation
    codes: dict[str, str]


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine() -> None:
    assert not any(name.startswith("DIWAN_") for name in os.environ)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Two]:
    """Two installations that have been introduced to each other; nothing runs yet."""
    with ExitStack() as stack:
        urls = ["", ""]
        if request.param == "postgresql":
            cluster = request.getfixturevalue("postgres_cluster")
            urls = [stack.enter_context(cluster.database()) for _ in urls]
        pages = request.node.get_closest_marker("browser") is not None
        north, south = (Installation(tmp_path / name, url) for name, url in zip(("north", "south"), urls, strict=True))
        stack.callback(north.stop)
        stack.callback(south.stop)
        with ThreadPoolExecutor(2) as pool:
            begun = [
                pool.submit(furnish, installation, BODIES[name], name=name, first=first, passwords=pages)
                for name, installation, first in (("north", north, 100_000), ("south", south, 300_000))
            ]
        codes = {key: code for each in begun for key, code in each.result().items()}
        introduce(north, south)
        yield Two(north, south, codes)


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where screenshots go; git does not see the folder."""
    ARTIFACTS.mkdir(exist_ok=True)
    return ARTIFACTS
