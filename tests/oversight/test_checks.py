"""A letter held against the log, a register's year, unusual reading, and a search taken along signed."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from datetime import datetime, time, timedelta
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Executable, update

from crypto.codes import copy_code
from edms.audit import tiles
from edms.audit.checkpoints import follow
from edms.audit.log_seal import LogSeal
from edms.audit.models import Event, Tile
from edms.audit.service import record
from edms.content.store import ContentStore
from edms.entities.keyring import Keyring
from edms.letters import closing
from edms.letters.models import Letter
from edms.oversight import life, queries, registers, rules
from edms.oversight.exporting import safe_cell
from edms.oversight.rules import Reading, Rule, Thresholds
from edms.oversight.watching import watch
from edms.registry.models import RegisterEntry
from edms.verification import leak_names
from tests.factories.issued import IssuedLetter, downloaded_copy, events, issued_letter
from tests.factories.pages import post
from tests.factories.world import OPERATOR, World, make_world
from tests.oversight.room import Room, make_room

ZONE = ZoneInfo("Asia/Baghdad")


@pytest.fixture
def room(database_url: str, database_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Room:
    url = database_url if database_kind == "postgresql" else None
    return make_room(make_world(tmp_path_factory.mktemp("checks"), url))


@pytest.fixture
def letter(room: Room) -> IssuedLetter:
    made = issued_letter(room.world)
    downloaded_copy(room.world, made, ("a", "employee"))
    seal(room.world)
    return made


def seal(world: World) -> None:
    follow(world.database, world.parts[LogSeal], now=True)


def check(room: Room, letter_id: UUID) -> life.LetterCheck:
    world = room.world
    with world.database.read(room.auditors["a"]) as uow:
        found = queries.letter(uow, letter_id)
        return life.check(uow, found, store=world.parts[ContentStore], keys=world.parts[Keyring])


def behind(world: World, change: Executable) -> None:
    """Change rows as somebody with the database alone would."""
    with world.database.engine.execution_options(diwan_write=True).begin() as connection:
        connection.execute(change)


def test_a_letter_that_nobody_touched_fits(room: Room, letter: IssuedLetter) -> None:
    found = check(room, letter.id)
    assert (found.ok, found.file, found.sealed, found.faults) == (True, True, True, ())
    assert found.rows["letters"] == found.rows["signatures"] == found.rows["register_entries"] == 1


@pytest.mark.parametrize(
    ("change", "table"),
    [
        (update(Letter).values(number="9/9"), "letters"),
        (update(RegisterEntry).values(number=77), "register_entries"),
    ],
)
def test_a_row_changed_behind_the_log_is_named(
    room: Room, letter: IssuedLetter, change: Executable, table: str
) -> None:
    behind(room.world, change)
    found = check(room, letter.id)
    assert not found.ok
    assert [fault.partition("/")[0] for fault in found.faults] == [table]
    page = room.browser("a").get(f"/audit-log/letters/{letter.id}/check")
    assert "Something was changed behind the log" in page.text


def test_another_file_under_the_letter_is_found(room: Room, letter: IssuedLetter) -> None:
    behind(room.world, update(Letter).where(Letter.id == letter.id).values(rendition_hash=bytes(32)))
    found = check(room, letter.id)
    assert found.file is False
    assert not found.ok


def test_a_registers_year_is_whole_until_a_number_is_taken_out(room: Room, letter: IssuedLetter) -> None:
    world = room.world
    second, third = issued_letter(world), issued_letter(world)
    with world.database.work(world.actor("a", "head")) as uow:
        closing.void(uow, second.id, reason="طُبع خطأً")
    with world.database.read(room.auditors["a"]) as uow:
        (outgoing,) = [year for year, register, _ in registers.years(uow) if register.direction == "outgoing"]
        found = registers.check_year(uow, outgoing.id)
        assert (found.whole, found.entries, found.gaps) == (True, 3, [])
        assert [(each.entry.number, each.entry.void_reason) for each in found.cancelled] == [(2, "طُبع خطأً")]
    page = room.browser("a").get(f"/audit-log/registers/{outgoing.id}")
    assert "طُبع خطأً" in page.text
    assert room.browser("b").get(f"/audit-log/registers/{outgoing.id}").status_code == 404
    behind(world, update(RegisterEntry).where(RegisterEntry.letter_id == third.id).values(number=7))
    with world.database.read(room.auditors["a"]) as uow:
        assert registers.check_year(uow, outgoing.id).gaps == [(3, 6)]
        assert not registers.check_year(uow, outgoing.id).whole


def acts(count: int, *, at: datetime, act: str = "codes.view", person: UUID, step: timedelta) -> list[Reading]:
    return [Reading(at + step * number, person, uuid4(), act) for number in range(count)]


SUNDAY = datetime(2026, 11, 29, 9, tzinfo=ZONE)
FRIDAY = datetime(2026, 11, 27, 9, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("rule", "least", "some"),
    [
        (Rule.MANY_COPIES, 30, {"at": SUNDAY, "act": "codes.print", "step": timedelta(minutes=1)}),
        (Rule.ODD_HOURS, 3, {"at": FRIDAY, "step": timedelta(minutes=11)}),
        (Rule.QUICK, 25, {"at": SUNDAY, "step": timedelta(seconds=20)}),
    ],
)
def test_each_rule_begins_at_its_threshold(rule: Rule, least: int, some: dict[str, object]) -> None:
    person = uuid4()
    for count, expected in ((least - 1, []), (least, [least])):
        given = acts(count, person=person, **some)  # type: ignore[arg-type]
        found = [one for one in rules.unusual(given, Thresholds(), units={}, unit_of={}) if one.rule is rule]
        assert [one.count for one in found] == expected
        assert all(one.employee_id == person for one in found)


def test_slow_reading_of_own_letters_in_working_hours_is_not_unusual() -> None:
    person, unit = uuid4(), uuid4()
    given = acts(26, at=SUNDAY, person=person, step=timedelta(minutes=5))
    units = {person: frozenset({unit})}
    own = {each.letter_id: unit for each in given if each.letter_id}
    assert rules.unusual(given, Thresholds(), units=units, unit_of=own) == []
    others = {key: uuid4() for key in own}
    (found,) = rules.unusual(given, Thresholds(), units=units, unit_of=others)
    assert (found.rule, found.count) == (Rule.OTHER_UNITS, 26)


def test_one_letter_printed_by_many_counts_people_and_not_prints() -> None:
    letter, people = uuid4(), [uuid4() for _ in range(5)]
    given = [Reading(SUNDAY + timedelta(hours=n), one, letter, "codes.print") for n, one in enumerate(people)]
    twice = [Reading(each.local, people[0], letter, each.act) for each in given]
    (found,) = rules.unusual(given, Thresholds(), units={}, unit_of={})
    assert (found.rule, found.count, found.letter_id) == (Rule.PRINTED_BY_MANY, 5, letter)
    assert rules.unusual(twice, Thresholds(), units={}, unit_of={}) == []


def test_the_page_leads_to_the_entries_and_keeps_to_the_own_body(room: Room, letter: IssuedLetter) -> None:
    world, clerk = room.world, room.world.actor("a", "employee")
    with world.database.work(clerk) as uow:
        for _ in range(30):
            record(uow, "codes.print", "letter", letter.id, copy="12345678901234")
    today = world.database.today()
    limits = Thresholds(opens=time(0), closes=time(23, 59, 59), working_days=frozenset(range(1, 8)))
    counts = {}
    for who, auditor in room.auditors.items():
        with world.database.read(auditor) as uow:
            counts[who] = [(one.rule, one.count) for one in watch(uow, today, limits, ZONE).findings]
    assert counts == {"a": [(Rule.MANY_COPIES, 31)], "b": [], "all": [(Rule.MANY_COPIES, 31)]}
    browser = room.browser("a")
    page = browser.get("/audit-log/unusual")
    assert "Many copies in a day" in page.text
    assert "at least 30 copies" in page.text
    link = page.text.split('<td><a href="')[1].split('"')[0].replace("&amp;", "&")
    listed = browser.get(link)
    assert listed.text.count("A coded copy was printed") == 30
    assert "<b>Many copies in a day</b></td>" not in room.browser("b").get("/audit-log/unusual").text


def exported(room: Room, folder: Path, who: str = "a", **typed: str) -> dict[str, bytes]:
    answer = post(room.browser(who), "/audit-log/export", dict(typed), form="/audit-log")
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.data)) as packed:
        packed.extractall(folder)
        return {name: packed.read(name) for name in packed.namelist()}


def judged(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "check_log.py", "--selection", ".", "--json"], cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_an_export_is_checked_without_diwan_and_any_change_is_seen(
    room: Room, letter: IssuedLetter, tmp_path: Path
) -> None:
    files = exported(room, tmp_path, letter=letter.document_code)
    code, said = judged(tmp_path)
    assert code == 0, said
    told = json.loads(said)
    rows = list(csv.DictReader(io.StringIO(files["entries.csv"].decode("utf-8-sig"))))
    assert told["entries"] == len(rows) > 5
    assert told["by"] == room.auditors["a"].employee_code
    assert {row["document_code"] for row in rows} == {letter.document_code}
    assert {row["body"] for row in rows} == {room.world.entity_a.code}
    assert "A letter was issued" in {row["words"] for row in rows}
    for name in ("entries.jsonl", "paths.jsonl", "entries.csv", "checkpoint.txt", "selection.json", "selection.note"):
        kept = (tmp_path / name).read_bytes()
        spot = len(kept) // 2
        (tmp_path / name).write_bytes(kept[:spot] + bytes([kept[spot] ^ 1]) + kept[spot + 1 :])
        code, said = judged(tmp_path)
        assert code in {1, 2}, (name, said)
        assert '"ok": true' not in said
        (tmp_path / name).write_bytes(kept)
    assert judged(tmp_path)[0] == 0
    with room.world.database.read(OPERATOR) as uow:
        noted = [event.act for event in queries.search(uow, rules.Search(act="oversight.exported"), limit=9)[0]]
    assert noted == ["oversight.exported"]


def test_another_bodys_entries_are_not_in_an_export(room: Room, letter: IssuedLetter, tmp_path: Path) -> None:
    files = exported(room, tmp_path, who="b", letter=letter.document_code)
    assert files["entries.jsonl"] == b""
    assert judged(tmp_path)[0] == 0


@pytest.mark.parametrize("cell", ["=cmd|'/c calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert safe_cell(cell).startswith("'")


def test_the_proof_of_an_entry_reads_kept_hashes_and_does_not_believe_them(
    room: Room, letter: IssuedLetter, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = room.world
    with world.database.work(world.actor("a", "employee")) as uow:
        for number in range(700):
            record(uow, "letters.opened", "letter", letter.id, first=number == 0)
    seal(world)
    assert tiles.follow(world.database) in {2, 3}
    assert tiles.follow(world.database) == 0
    browser = room.browser("a")
    with world.database.read(room.auditors["a"]) as uow:
        found, _ = queries.search(uow, rules.Search(act="letters.opened"), limit=1000)
        seqs = [event.seq for event in found]
    monkeypatch.setattr("edms.audit.exporting.leaves", _must_not_read)
    for seq in (seqs[-1], seqs[350], seqs[0]):
        told = browser.get(f"/audit-log/entries/{seq}/proof").json
        assert told is not None
        assert told["seq"] == seq
    monkeypatch.undo()
    behind(world, update(Tile).values(hash=bytes(32)))
    told = browser.get(f"/audit-log/entries/{seqs[-1]}/proof").json
    assert told is not None
    assert told["path"]
    behind(world, update(Event).where(Event.seq == 2).values(entry=b"{}"))
    assert browser.get(f"/audit-log/entries/{seqs[-1]}/proof").status_code == 409


def _must_not_read(*_: object) -> None:
    raise AssertionError("the whole log was read")


def test_guessed_copy_codes_raise_the_alarm_here_too(room: Room) -> None:
    browser = room.browser("a")
    for number in range(20):
        told = post(
            browser, "/audit-log/verify", {"code": copy_code(66_000_000_000 + number)}, form="/audit-log/verify"
        )
        assert told.status_code == 200
    closed = post(browser, "/audit-log/verify", {"code": copy_code(1)}, form="/audit-log/verify")
    assert closed.status_code == 503
    with room.world.database.read(OPERATOR) as uow:
        assert events(uow, "verification.copy-guessing") == 1


def test_the_holder_of_a_copy_is_not_told_where_names_are_opened_by_two(room: Room) -> None:
    _, copy = downloaded_copy(room.world, issued_letter(room.world), ("a", "employee"))
    browser, person = room.browser("a"), room.world.actor("a", "employee").employee_code
    asked = {"code": copy.code}
    assert person in post(browser, "/audit-log/verify", asked, form="/audit-log/verify").text
    with room.world.database.work(room.world.actor("a", "administrator")) as uow:
        leak_names.set_policy(uow, True)
    assert person not in post(browser, "/audit-log/verify", asked, form="/audit-log/verify").text
