"""One world for all refusals, as none of them may change it, with its pages and its command line."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from edms import commands
from edms.core.parts import Parts
from tests.factories import letters as make
from tests.factories.issued import IssuedLetter, issued_letter
from tests.factories.pages import make_app, sign_in
from tests.factories.world import World, make_world

People = Callable[[str, str], FlaskClient]
Diwan = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("refusals"))
    yield made
    made.database.dispose()


@pytest.fixture(scope="package")
def letter(world: World) -> IssuedLetter:
    """A letter that body A has issued."""
    return issued_letter(world)


@pytest.fixture(scope="package")
def unsigned(world: World) -> str:
    """The inner id of a letter that waits for the signature of body A's head."""
    return str(make.submitted(world))


@pytest.fixture(scope="package")
def person(world: World) -> People:
    """The browser of one of the world's people."""
    app = make_app(world)
    clients: dict[tuple[str, str], FlaskClient] = {}

    def of(where: str, who: str) -> FlaskClient:
        if (where, who) not in clients:
            clients[where, who] = sign_in(app, world.logins[where, who])
        return clients[where, who]

    return of


@pytest.fixture
def diwan(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Diwan:
    """``diwan …`` as it is typed: returns the exit status, the output and the errors."""

    def parts_of(_settings: object) -> Parts:
        return world.parts

    def typed(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("edms.wiring.parts_of", parts_of)
        monkeypatch.setattr("sys.argv", ["diwan", "--data", str(Path(world.settings.data)), *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            commands.main()
        written = capsys.readouterr()
        code = ended.value.code
        return code if isinstance(code, int) else int(code is not None), written.out, written.err

    return typed
