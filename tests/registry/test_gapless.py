"""Fifty threads in two processes issue letters on one register, one process is killed: 1…N all the same.

Two hundred on each database; ``make nightly`` sets ``DIWAN_GAPLESS_LETTERS`` to a thousand.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pypdfium2
import pytest
from sqlalchemy import select

from crypto.digests import sha256
from edms.content import service as content
from edms.core.actor import system_actor
from edms.letters.models import Letter
from edms.registry.models import RegisterEntry, RegisterYear
from tests.factories.world import World, make_world
from tests.registry.prepared import signed_letters

OPERATOR = system_actor("operator")
LETTERS = int(os.environ.get("DIWAN_GAPLESS_LETTERS", "200"))
KILL_AFTER = LETTERS * 3 // 20
SECONDS = 420.0


class Issuer:
    """A process that issues its share of the letters; its lines are kept in a file."""

    def __init__(self, world: World, letters: Sequence[UUID], folder: Path, name: str) -> None:
        self.lines_file = folder / f"{name}.lines"
        self._errors = folder / f"{name}.errors"
        asked = folder / f"{name}.letters"
        asked.write_text("".join(f"{each}\n" for each in letters), "ascii")
        environ = {
            **os.environ, "DIWAN_DATA": str(world.settings.data), "DIWAN_DATABASE_URL": world.settings.database_url,
            "DIWAN_DATABASE_POOL_SIZE": "30",
        }  # fmt: skip
        with asked.open("rb") as given, self.lines_file.open("wb") as out, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.registry.issuing_process", "head.a"],
                stdin=given, stdout=out, stderr=errors, env=environ, cwd=Path(__file__).parents[2],
            )  # fmt: skip

    def lines(self) -> list[str]:
        return [line for line in self.lines_file.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]

    def wait_for(self, issued: int) -> None:
        deadline = time.monotonic() + SECONDS
        while len(self.lines()) < issued:
            assert self.process.poll() is None, self.why()
            assert time.monotonic() < deadline, self.why()
            time.sleep(0.02)

    def finish(self) -> None:
        assert self.process.wait(SECONDS) == 0, self.why()

    def why(self) -> str:
        return self._errors.read_text("utf-8", "replace")[-6000:]

    def failures(self) -> list[str]:
        return [line for line in self.lines() if line.startswith("!")]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_letters_are_numbered_one_to_n_though_a_process_is_killed(tmp_path: Path, database_url: str) -> None:
    world = make_world(tmp_path, database_url)
    letters = signed_letters(world, LETTERS)
    shares = letters[: LETTERS // 2], letters[LETTERS // 2 :]
    began = time.monotonic()
    victim, other = (Issuer(world, share, tmp_path, name) for share, name in zip(shares, "ab", strict=True))
    issuers = [victim, other]
    try:
        victim.wait_for(KILL_AFTER)
        victim.process.send_signal(signal.SIGKILL)
        victim.process.wait(SECONDS)
        with world.database.read(OPERATOR) as uow:
            left = uow.session.scalars(
                select(Letter.id).where(Letter.id.in_(shares[0]), Letter.state == "signed")
            ).all()
        assert 0 < len(left) < len(shares[0]), "the kill came before or after the work"
        issuers.append(Issuer(world, left, tmp_path, "c"))
        for issuer in issuers[1:]:
            issuer.finish()
    finally:
        for issuer in issuers:
            issuer.process.kill()
            issuer.process.wait(30)
    seconds = time.monotonic() - began
    assert [line for issuer in issuers for line in issuer.failures()] == []
    balance(world, letters)
    told = dict(line.split() for issuer in issuers for line in issuer.lines())
    printed(world, letters[:: LETTERS // 20], told)
    sys.stderr.write(f"{database_url.split(':', maxsplit=1)[0]}: {LETTERS / seconds:.0f} letters/s with one kill\n")


def balance(world: World, letters: Sequence[UUID]) -> None:
    with world.database.read(OPERATOR) as uow:
        entries = uow.session.scalars(select(RegisterEntry).order_by(RegisterEntry.number)).all()
        assert [entry.number for entry in entries] == list(range(1, LETTERS + 1))
        assert {entry.letter_id for entry in entries} == set(letters)
        states = {letter.id: letter for letter in uow.session.scalars(select(Letter))}
        assert {letter.state for letter in states.values()} == {"issued"}
        for entry in entries:
            assert states[entry.letter_id].register_number == f"{entry.year}/{entry.number}"
            assert states[entry.letter_id].number == f"{world.entity_a.short_mark}/{entry.number}"
        codes = {letter.document_code for letter in states.values()}
        assert len(codes) == LETTERS
        (counter,) = uow.session.scalars(select(RegisterYear)).all()
        assert (counter.last_number, counter.turn_owner, counter.turn_until) == (LETTERS, None, None)


def printed(world: World, sample: Sequence[UUID], told: dict[str, str]) -> None:
    """The sealed PDF shows the number that the register gave, and is the file that the letter's row names."""
    with world.database.read(OPERATOR) as uow:
        for letter_id in sample:
            letter = uow.session.get_one(Letter, letter_id)
            assert told.get(str(letter_id), letter.number) == letter.number
            assert letter.rendition_id is not None
            pdf = content.read(
                uow, letter.rendition_id, entity_id=letter.entity_id, store=world.store, keys=world.keyring
            )
            assert sha256(pdf) == letter.rendition_hash
            document = pypdfium2.PdfDocument(pdf)
            text = document[0].get_textpage().get_text_range()
            document.close()
            number = letter.number.rpartition("/")[2]
            shown = number.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
            assert shown in text or number in text or shown[::-1] in text, text[:300]
