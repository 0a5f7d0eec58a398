"""``diwan entity letterhead``."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edms.core.errors import EdmsError, Invalid
from edms.demo.emblems import emblem_svg
from edms.letters.letterhead_commands import entity
from tests.factories.world import World, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("commands"))


def run(world: World, *words: str) -> Any:
    done = CliRunner().invoke(entity, ["letterhead", world.entity_a.code, *words, "--json"], obj=world.parts)
    if isinstance(done.exception, EdmsError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_letterhead_is_set_and_shown(world: World, tmp_path: Path) -> None:
    file = tmp_path / "emblem.svg"
    file.write_text(emblem_svg("book", "star", "#0b4a8f"), "utf-8")
    made = run(
        world, "--emblem", str(file), "--colour", "#0b4a8f", "--contact-ar", "بغداد", "--digits", "latn", "--months",
        "maghreb", "--no-hijri", "--pattern", "{mark}/4/{number}",
    )  # fmt: skip
    assert (made["colour"], made["digits"], made["months"], made["hijri"]) == ("#0b4a8f", "latn", "maghreb", False)
    assert made["pattern"] == "{mark}/4/{number}"
    assert made["emblem"] > 1000
    assert run(world) == made


def test_emblem_is_taken_away(world: World) -> None:
    assert run(world, "--neutral")["emblem"] == 0


def test_pale_colour_is_refused(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        run(world, "--colour", "#ffff00")
    assert [each.code for each in refused.value.problems] == ["letters.letterhead-pale"]


def test_two_wishes_about_the_emblem_exclude_each_other(world: World, tmp_path: Path) -> None:
    file = tmp_path / "emblem.svg"
    file.write_text("<svg/>", "utf-8")
    words = ["letterhead", world.entity_a.code, "--neutral", "--emblem", str(file)]
    assert CliRunner().invoke(entity, words, obj=world.parts).exit_code == 2
