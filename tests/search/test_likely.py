"""A text that was read with errors leads to its letter, and to no letter that the reader may not read."""

import random

import pytest

from edms.letters.rules import Sensitivity
from edms.search.follower import follow
from edms.search.indexes import Indexes
from edms.search.likely import likely_letters
from tests.factories.issued import IssuedLetter, issued_letter
from tests.factories.world import World, make_world
from tests.shared_data import official_texts


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("likely"))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [part for text in official_texts(150) for part in text.split("\n") if 260 < len(part) < 420]


@pytest.fixture(scope="module")
def issued(world: World, texts: list[str]) -> list[IssuedLetter]:
    """Letters of real official texts, the last of them confidential."""
    made = [
        issued_letter(
            world, subject=f"كتاب {at}", body=[{"type": "paragraph", "text": texts[at]}],
            sensitivity=Sensitivity.CONFIDENTIAL if at == 7 else Sensitivity.ORDINARY,
        )
        for at in range(8)
    ]  # fmt: skip
    while follow(world.database, world.parts[Indexes]):
        pass
    return made


def misread(text: str, seed: int) -> list[str]:
    """A text as it is read from a bad photocopy: two of five words are wrong, a line holds eight."""
    rng = random.Random(seed)
    words = [word if rng.random() < 0.6 else word[:-1] + rng.choice("بتثنمكل") for word in text.split()]
    return [" ".join(words[at : at + 8]) for at in range(0, len(words), 8)]


def found(world: World, who: tuple[str, str], lines: list[str]) -> list[str | None]:
    with world.database.read(world.actor(*who)) as uow:
        return [one.document_code for one in likely_letters(uow, lines, indexes=world.parts[Indexes])]


@pytest.mark.parametrize("at", range(7))
def test_a_badly_read_letter_is_found_first(
    world: World, issued: list[IssuedLetter], texts: list[str], at: int
) -> None:  # fmt: skip
    assert found(world, ("a", "head"), misread(texts[at], at))[0] == issued[at].document_code


def test_a_text_of_no_letter_finds_none(world: World, issued: list[IssuedLetter], texts: list[str]) -> None:
    assert issued
    assert found(world, ("a", "head"), misread(texts[30], 1)) == []
    assert found(world, ("a", "head"), []) == []
    assert found(world, ("a", "head"), ["«»\"'", "* OR (", "x" * 200]) == []


def test_who_may_not_read_a_letter_is_not_led_to_it(
    world: World, issued: list[IssuedLetter], texts: list[str]
) -> None:  # fmt: skip
    assert found(world, ("a", "head"), misread(texts[7], 7))[0] == issued[7].document_code
    assert issued[7].document_code not in found(world, ("a", "employee"), misread(texts[7], 7))
    assert found(world, ("b", "head"), misread(texts[1], 1)) == []
    assert found(world, ("centre", "auditor"), misread(texts[1], 1)) == []
