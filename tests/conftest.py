"""What every test may ask for: a migrated database of either kind, a browser, an environment without our variables."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import uuid4

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.postgres import TEMPLATE, Cluster, NoServer, new_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_CLUSTER = pytest.StashKey[Cluster]()
_JOURNEYS = "tests/journeys/"
_SHARED = "diwan_postgres"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_MEMORY = Path("/dev/shm")
_ENOUGH_MEMORY = 8 << 30
_ENGINES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))


def pytest_configure(config: pytest.Config) -> None:
    """Name the folder of this run's cluster; the workers are told the controller's.

    Files of the tests live in memory where there is enough, as they ask for thousands of databases: a killed process
    leaves a file system in memory as it leaves a disk.
    """
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ENOUGH_MEMORY:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None
    shared = getattr(config, "workerinput", {}).get(_SHARED)
    config.stash[_CLUSTER] = Cluster(Path(shared) if shared else new_folder())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the cluster when the whole run is over."""
    if not hasattr(config, "workerinput"):
        config.stash[_CLUSTER].stop()


class _ToWorkers:
    """Hands the folder of the cluster to each worker."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[_SHARED] = str(node.config.stash[_CLUSTER].folder)


def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    """Join the hooks of xdist, where it is used."""
    if type(plugin).__name__ == "DSession":
        manager.register(_ToWorkers())


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types for it
    """Keeps a file's tests on one worker, and all journeys on one, since they start servers and measure time."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return _JOURNEYS if path.startswith(_JOURNEYS) else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Distribute by file (the marks of ``--dist loadgroup`` do not reach pytest 9.2)."""
    return _ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the journeys, which are the longest, so that no worker ends alone with them."""
    items.sort(key=lambda item: not item.nodeid.startswith(_JOURNEYS))


def _missing(reason: str) -> NoReturn:
    """In CI a missing server is a failure; elsewhere the test is skipped and says why."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_this_machine() -> None:
    for name in [name for name in os.environ if name.startswith("DIWAN_")]:
        del os.environ[name]


@pytest.fixture(scope="session")
def postgres_cluster(pytestconfig: pytest.Config) -> Cluster:
    """The run's private PostgreSQL cluster, started when the first test asks."""
    cluster = pytestconfig.stash[_CLUSTER]
    with cluster.locked():
        try:
            cluster.start()
        except NoServer as error:
            _missing(str(error))
    return cluster


@pytest.fixture(scope="session")
def postgres_url(postgres_cluster: Cluster) -> str:
    """The address of the cluster's own database ``postgres``."""
    return postgres_cluster.url()


@pytest.fixture(scope="session")
def _postgres_template(postgres_cluster: Cluster) -> str:
    """The name of a database at the newest revision."""
    from edms.core.migrate import upgrade

    with postgres_cluster.locked():
        if not postgres_cluster.has(TEMPLATE):
            postgres_cluster.execute(f"CREATE DATABASE {TEMPLATE}_new")
            upgrade(postgres_cluster.url(f"{TEMPLATE}_new"))
            postgres_cluster.execute(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}")
    return TEMPLATE


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest revision."""
    from edms.core.migrate import upgrade

    path = tmp_path_factory.mktemp("template") / "template.sqlite3"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=_ENGINES)
def database_kind(request: pytest.FixtureRequest) -> str:
    """``sqlite``, then ``postgresql``: a test that asks for this, or for a URL below, runs on both."""
    return str(request.param)


@pytest.fixture
def new_database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """A function that returns the URL of a fresh migrated database each time it is called."""
    with ExitStack() as stack:
        if database_kind == "sqlite":
            template: Path = request.getfixturevalue("_sqlite_template")

            def fresh() -> str:
                copy = tmp_path / f"{uuid4().hex}.sqlite3"
                shutil.copyfile(template, copy)
                return f"sqlite:///{copy}"
        else:
            name: str = request.getfixturevalue("_postgres_template")
            cluster: Cluster = request.getfixturevalue("postgres_cluster")

            def fresh() -> str:
                return stack.enter_context(cluster.database(name))

        yield fresh


@pytest.fixture
def database_url(new_database_url: Callable[[], str]) -> str:
    """The URL of a fresh migrated database."""
    return new_database_url()


@pytest.fixture
def empty_database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table, for tests of the migrations themselves."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    else:
        with request.getfixturevalue("postgres_cluster").database() as url:
            yield url


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of a Chromium that tests may run headless."""
    for name in _BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    _missing("Chromium is not installed; on Debian: apt-get install chromium")


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator["Browser"]:
    """A headless Chromium for the tests of one file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tools:
        started = tools.chromium.launch(executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()
