"""What guessing and mistyping come to, counted: a hundred thousand slips of every kind, a million guessed codes."""

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from crypto.codes import (
    CROCKFORD,
    copy_code,
    document_code,
    employee_code,
    entity_code,
    format_code,
    new_verification_code,
    normalize_verification_code,
    parse,
    unit_code,
)
from crypto.digests import sha256
from crypto.errors import BadCode

SLIPS = 100_000
GUESSES = 1_000_000
WELL_FORMED = 60_000
ISSUED = 20_000


def codes(rng: random.Random) -> Iterator[str]:
    """Yield codes of every kind without end."""
    while True:
        entity = rng.randrange(100_000, 1_000_000)
        yield entity_code(entity)
        yield unit_code(str(entity), rng.randrange(10**6))
        yield employee_code(rng.randrange(10**8))
        yield document_code(str(entity), rng.randrange(2020, 2100), rng.randrange(10**8))
        yield copy_code(rng.randrange(10**11))


def digit(rng: random.Random) -> str:
    return rng.choice("0123456789")


def single(code: str, rng: random.Random) -> str:
    place = rng.randrange(len(code))
    return code[:place] + digit(rng) + code[place + 1 :]


def adjacent(code: str, rng: random.Random) -> str:
    place = rng.randrange(len(code) - 1)
    return code[:place] + code[place + 1] + code[place] + code[place + 2 :]


def jump(code: str, rng: random.Random) -> str:
    place = rng.randrange(len(code) - 2)
    return code[:place] + code[place + 2] + code[place + 1] + code[place] + code[place + 3 :]


def twin(code: str, rng: random.Random) -> str:
    """11 for 44."""
    places = [place for place in range(len(code) - 1) if code[place] == code[place + 1]]
    if not places:
        return code
    place = rng.choice(places)
    return code[:place] + digit(rng) * 2 + code[place + 2 :]


def phonetic(code: str, rng: random.Random) -> str:
    """Fifteen for fifty."""
    heard = {f"1{n}": f"{n}0" for n in range(2, 10)}
    heard |= {second: first for first, second in heard.items()}
    places = [place for place in range(len(code) - 1) if code[place : place + 2] in heard]
    if not places:
        return code
    place = rng.choice(places)
    return code[:place] + heard[code[place : place + 2]] + code[place + 2 :]


def dropped(code: str, rng: random.Random) -> str:
    gone, doubled = rng.randrange(len(code)), rng.randrange(len(code) - 1)
    rest = code[:gone] + code[gone + 1 :]
    return rest[:doubled] + rest[doubled] + rest[doubled:]


def two_wrong(code: str, rng: random.Random) -> str:
    return single(single(code, rng), rng)


def groups_swapped(code: str, rng: random.Random) -> str:
    groups = format_code(code).split(".")
    place = rng.randrange(len(groups) - 1)
    groups[place : place + 2] = groups[place + 1], groups[place]
    return ".".join(groups)


def groups_reversed(code: str, _rng: random.Random) -> str:
    return ".".join(format_code(code).split(".")[::-1])


KINDS: tuple[Callable[[str, random.Random], str], ...] = (
    single, adjacent, jump, twin, phonetic, dropped, two_wrong, groups_swapped, groups_reversed,
)  # fmt: skip


def test_of_a_hundred_thousand_typing_errors_99_in_100_are_caught(
    record_property: Callable[[str, object], None],
) -> None:
    rng = random.Random(7)
    made, passed = Counter[str](), Counter[str]()
    for number, code in zip(range(SLIPS * 3), codes(rng), strict=False):
        kind = KINDS[(number // 5) % len(KINDS)]
        typed = kind(code, rng)
        if typed.replace(".", "") == code:
            continue
        made[kind.__name__] += 1
        with contextlib.suppress(BadCode):
            passed[kind.__name__] += parse(typed, year=2026).digits != code
        if made.total() == SLIPS:
            break
    rates = {name: round(100 - 100 * passed[name] / count, 2) for name, count in made.items()}
    record_property("caught", rates)
    assert made.total() == SLIPS
    assert sum(passed.values()) <= 0.01 * made.total(), rates
    assert all(rates[name] == 100 for name in ("single", "adjacent", "jump", "twin", "phonetic"))
    assert all(rate > 98.5 for rate in rates.values()), rates


def test_of_a_million_guessed_verification_codes_none_is_one_that_was_issued() -> None:
    """A guess with a wrong check character is refused by the form itself; every one here is looked up all the same."""
    issued = {sha256(new_verification_code().encode()) for _ in range(ISSUED)}
    rng = random.Random(11)
    hits = 0
    for _ in range(GUESSES):
        typed = "".join(rng.choices(CROCKFORD, k=20))
        hits += sha256(f"{typed[:5]}-{typed[5:10]}-{typed[10:15]}-{typed[15:]}".encode()) in issued
    assert hits == 0


def test_only_one_guess_in_32_has_the_form_of_a_verification_code() -> None:
    rng = random.Random(13)
    well_formed = 0
    for _ in range(WELL_FORMED):
        try:
            normalize_verification_code("".join(rng.choices(CROCKFORD, k=20)))
        except BadCode:
            continue
        well_formed += 1
    assert well_formed == pytest.approx(WELL_FORMED / 32, rel=0.15)
