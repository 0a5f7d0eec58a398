"""Guessing copy codes: an alarm after twenty, and hardly ever a name before it."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crypto.codes import copy_code, new_copy_number
from edms.core.clock import utc_now
from edms.core.database import Database
from edms.core.errors import Invalid, Unavailable
from edms.verification.leak_rules import WRONG_CODES_AN_HOUR
from edms.verification.tracing import look_up_typed
from tests.factories.issued import downloaded_copy, events, issued_letter
from tests.factories.world import OPERATOR, World, make_world
from tests.verification.leaks import auditor_of, traced

ROOM = 10**11
COPIES, GUESSES = 10**6, 10**6


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = make_world(tmp_path, database_url)
    yield made
    made.database.dispose()


def test_of_a_million_guesses_none_names_anybody_without_an_alarm_by_arithmetic() -> None:
    """Among 1 M copies a guess that passes the check digits hits once in 100,000; a guesser has nineteen in silence."""
    hit = COPIES / ROOM
    silent = -math.expm1((WRONG_CODES_AN_HOUR - 1) * math.log1p(-hit))
    assert silent < 2e-4
    hours = math.ceil(GUESSES / WRONG_CODES_AN_HOUR)
    assert hours > 365 * 24 * 5  # years of alarms, one an hour, before a million codes are tried


def test_thousands_of_guesses_name_nobody_and_each_hour_raises_an_alarm(world: World) -> None:
    _, copy = downloaded_copy(world, issued_letter(world), ("a", "employee"))
    auditor = auditor_of(world, "a")
    now = utc_now()
    hours = 100
    for hour in range(hours):
        moment = now + timedelta(hours=hour, minutes=hour)
        clocked = Database(world.database.url, sealer=world.keyring, clock=itertools.repeat(moment).__next__)
        for _ in range(WRONG_CODES_AN_HOUR):
            assert look_up_typed(clocked, auditor, copy_code(new_copy_number())) is None
        with pytest.raises(Unavailable) as caught:
            look_up_typed(clocked, auditor, copy.code)
        assert caught.value.code == "verification.too-many-copy-codes"
        assert 0 < int(str(caught.value.params["retry_after"])) <= 3601
        clocked.dispose()
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "verification.copy-guessing") == hours
    other = replace(auditor_of(world, "a", "head"))
    found = look_up_typed(world.database, other, copy.code)
    assert found is not None
    assert found.copy_code == copy.code


def test_what_is_no_copy_code_counts_for_nothing(world: World) -> None:
    auditor = auditor_of(world, "a")
    for text in ("", "123", "10000119", "هراء", "1" * 80):
        for _ in range(5):
            with pytest.raises(Invalid):
                look_up_typed(world.database, auditor, text)
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "verification.copy-guessing") == 0


def test_codes_drawn_on_a_picture_are_guesses_too(world: World) -> None:
    """Twenty-one made-up codes in a file's text close the desk as typed ones do."""
    import io

    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out)
    for line in range(WRONG_CODES_AN_HOUR + 1):
        canvas.drawString(50, 800 - 20 * line, copy_code(88_000_000_000 + line))
    canvas.save()
    auditor = auditor_of(world, "a")
    assert traced(world, auditor, out.getvalue()).copies == ()
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "verification.copy-guessing") == 1
    with pytest.raises(Unavailable):
        look_up_typed(world.database, auditor, copy_code(1))
