"""Evidence of sealed letters: it comes by itself, stays behind the file, and its loss is a clear state."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from crypto.digests import sha256
from crypto.errors import TimestampUnavailable
from crypto.pdf_signatures import PdfSeal, verify_pdf
from crypto.timestamps import TimeStamper
from edms.audit.models import Event
from edms.content import service as content
from edms.core.actor import system_actor
from edms.core.errors import Conflict, NotFound
from edms.entities import peers
from edms.entities import queries as entities
from edms.letters import closing, commands, issuing, preservation_follower, preserving, queries
from edms.letters.models import Preservation
from edms.letters.preserving import PreservationPlan
from edms.letters.printing_plan import Printing
from edms.registry.service import TurnQueue
from tests.factories.letters import signed
from tests.factories.world import World, make_world

OPERATOR = system_actor("operator")


@dataclass
class Unreachable:
    """A time-stamping authority that can be lost."""

    inner: TimeStamper
    lost: bool = True

    def token(self, digest: bytes) -> bytes:
        if self.lost:
            raise TimestampUnavailable("timestamp.unreachable")
        return self.inner.token(digest)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


def issue(world: World, stamper: TimeStamper | None = None) -> UUID:
    return issuing.issue(
        world.database, world.actor("a", "head"), signed(world), turns=world.parts[TurnQueue], store=world.store,
        keys=world.keyring, printing=world.parts[Printing], stamper=stamper or world.parts[TimeStamper],
    ).letter_id  # fmt: skip


def follow(world: World, stamper: TimeStamper | None = None, plan: PreservationPlan | None = None) -> None:
    for _ in range(20):
        done = preservation_follower.follow(
            world.database, store=world.store, keys=world.keyring, stamper=stamper or world.parts[TimeStamper],
            stamp_roots=(), plan=plan or PreservationPlan(),
        )  # fmt: skip
        if not done:
            return
    raise AssertionError("the follower never rests")


def kept(world: World, letter_id: UUID) -> tuple[bytes, bytes, Preservation]:
    """Return original, evidence and row of a letter."""
    with world.database.read(OPERATOR) as uow:
        letter = queries.letter(uow, letter_id)
        assert letter.rendition_id is not None
        pdf = content.read(uow, letter.rendition_id, entity_id=letter.entity_id, store=world.store, keys=world.keyring)
        row = preserving.preservation_of(uow, letter.rendition_hash)
        assert row is not None
        return pdf, row.suffix, row


def judged(world: World, pdf: bytes) -> PdfSeal:
    with world.database.read(OPERATOR) as uow:
        seal = verify_pdf(pdf, [entities.home(uow).ca_certificate], crls=peers.crls(uow))
    assert seal is not None
    return seal


def later(world: World, letter_id: UUID, **values: object) -> None:
    """Let the next step of a letter's evidence be due now."""
    with world.database.work(OPERATOR) as uow:
        values.setdefault("due_at", uow.now - timedelta(seconds=1))
        uow.session.execute(update(Preservation).where(Preservation.letter_id == letter_id).values(**values))


def test_a_letter_is_issued_with_a_time_stamp_and_gets_its_long_term_evidence(world: World) -> None:
    letter_id = issue(world)
    before, nothing, row = kept(world, letter_id)
    assert (row.level, nothing, judged(world, before).level) == ("B-T", b"", "B-T")
    follow(world)
    original, suffix, row = kept(world, letter_id)
    assert original == before  # never touched again
    assert (row.level, row.goal, row.problem) == ("B-LT", "LTA", "")
    assert row.due_at is not None
    assert row.due_at > datetime.now(UTC) + timedelta(days=360)
    seal = judged(world, original + suffix)
    assert (seal.genuine, seal.level, seal.reasons) == (True, "B-LT", ())
    assert seal.original_sha256 == sha256(original) == row.rendition_hash


def test_losing_the_authority_of_time_leaves_a_letter_that_waits_for_its_stamp(world: World) -> None:
    away = Unreachable(world.parts[TimeStamper])
    letter_id = issue(world, away)
    follow(world, away)
    original, suffix, row = kept(world, letter_id)
    assert (row.level, row.problem, row.failures, suffix) == ("B-B", "timestamp.unreachable", 1, b"")
    assert judged(world, original).genuine
    with world.database.read(OPERATOR) as uow:
        told = preserving.state_of(uow, queries.letter(uow, letter_id))
    assert told is not None
    assert told.waits_for_stamp

    away.lost = False
    follow(world, away)
    assert kept(world, letter_id)[1] == b""  # not before its time
    later(world, letter_id)
    follow(world, away)
    again, suffix, row = kept(world, letter_id)
    assert again == original
    assert (row.level, row.problem, row.failures) == ("B-LT", "", 0)
    seal = judged(world, original + suffix)
    assert (seal.genuine, seal.reasons) == (True, ())
    assert seal.stamped_at is not None


def test_a_letter_that_waits_long_raises_an_alarm(world: World) -> None:
    away = Unreachable(world.parts[TimeStamper])
    letter_id = issue(world, away)
    for _ in range(3):
        later(world, letter_id)
        follow(world, away)
    with world.database.read(OPERATOR) as uow:
        alarms = uow.session.scalars(
            select(Event).where(Event.act == "letters.evidence-late", Event.object_id == letter_id)
        ).all()
    assert len(alarms) == 1


@pytest.mark.parametrize("end", ["void", "archive", "age"])
def test_the_end_of_a_letter_lays_the_archive_stamp(world: World, end: str) -> None:
    letter_id = issue(world)
    follow(world)
    with world.database.work(world.actor("a", "head")) as uow:
        if end == "void":
            closing.void(uow, letter_id, "صدر سهواً")
        if end == "archive":
            preserving.archive(uow, letter_id)
    if end == "age":
        later(world, letter_id)
    follow(world)
    original, suffix, row = kept(world, letter_id)
    assert row.level == "B-LTA"
    seal = judged(world, original + suffix)
    assert (seal.genuine, seal.level, seal.reasons) == (True, "B-LTA", ())
    assert row.stamp_ends_at is not None
    assert row.due_at == row.stamp_ends_at - timedelta(days=90)


def test_an_archive_stamp_is_renewed_before_it_ends(world: World) -> None:
    letter_id = issue(world)
    with world.database.work(OPERATOR) as uow:
        preserving.archive(uow, letter_id)
    follow(world)
    _, first, row = kept(world, letter_id)
    away = Unreachable(world.parts[TimeStamper])
    for _ in range(4):
        later(world, letter_id)
        follow(world, away)
    with world.database.read(OPERATOR) as uow:
        late = select(Event).where(Event.act == "letters.evidence-late", Event.object_id == letter_id)
        assert len(uow.session.scalars(late).all()) == 2  # with every failure from the third on
    later(world, letter_id)
    follow(world)
    original, second, row = kept(world, letter_id)
    assert second.startswith(first)
    assert len(second) > len(first)
    assert (row.level, row.failures, judged(world, original + second).genuine) == ("B-LTA", 0, True)
    with world.database.work(OPERATOR) as uow, pytest.raises(Conflict, match=r"letters\.archived-already"):
        preserving.archive(uow, letter_id)


def test_the_archival_export_is_the_original_and_its_evidence(world: World, tmp_path: Path) -> None:
    letter_id = issue(world)
    with world.database.work(OPERATOR) as uow, pytest.raises(NotFound, match=r"letters\.no-evidence"):
        preserving.with_evidence(uow, queries.letter(uow, letter_id), store=world.store, keys=world.keyring)
    follow(world)
    with world.database.work(OPERATOR) as uow:
        exported = preserving.with_evidence(uow, queries.letter(uow, letter_id), store=world.store, keys=world.keyring)
    original, suffix, _ = kept(world, letter_id)
    assert exported == original + suffix


def test_the_command_line_archives_and_exports(world: World, tmp_path: Path) -> None:
    letter_id = issue(world)
    with world.database.read(OPERATOR) as uow:
        code = queries.letter(uow, letter_id).document_code or ""
    shell = CliRunner()
    archived = shell.invoke(commands.letter, ["archive", code, "--json"], obj=world.parts, catch_exceptions=False)
    assert json.loads(archived.output) == {"level": "B-T", "goal": "LTA"}
    follow(world)
    for name, more in (("plain.pdf", []), ("archival.pdf", ["--archival"])):
        out = ["export", code, "-o", str(tmp_path / name), *more]
        assert shell.invoke(commands.letter, out, obj=world.parts, catch_exceptions=False).exit_code == 0
    original, suffix, _ = kept(world, letter_id)
    assert (tmp_path / "plain.pdf").read_bytes() == original
    assert (tmp_path / "archival.pdf").read_bytes() == original + suffix
    assert judged(world, original + suffix).level == "B-LTA"
