"""The search of the log: whose events an auditor sees, what narrows it, how it goes on, and that each look is told."""

import json
import re
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from crypto.codes import Code, parse
from edms.audit.checkpoints import follow
from edms.audit.log_seal import LogSeal
from edms.audit.models import Event
from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden, NotFound
from edms.letters.models import Letter
from edms.oversight import codes, queries, registers, service
from edms.oversight import rules as oversight_rules
from edms.oversight.forms import read_place, read_search, written_place
from edms.oversight.rules import Kind, Search
from tests.factories.issued import IssuedLetter, downloaded_copy, issued_letter
from tests.factories.letters import receive
from tests.factories.pages import sign_in
from tests.factories.world import OPERATOR, World, make_world
from tests.oversight.room import Room, make_room


@pytest.fixture
def world(new_world_url: str | None, tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("room"), new_world_url)


@pytest.fixture
def new_world_url(database_url: str, database_kind: str) -> str | None:
    return database_url if database_kind == "postgresql" else None


@pytest.fixture
def room(world: World) -> Room:
    return make_room(world)


@pytest.fixture
def letter(world: World) -> IssuedLetter:
    made = issued_letter(world)
    downloaded_copy(world, made, ("a", "employee"))
    receive(world, made.id, world.entity_b.id)
    follow(world.database, world.parts[LogSeal], now=True)
    return made


def search(world: World, actor: Actor, **typed: str) -> list[Event]:
    with world.database.read(actor) as uow:
        found: list[Event] = []
        wanted, place = read_search(uow, typed), None
        while True:
            some, place = queries.search(uow, wanted, after=place, limit=40)
            found += some
            if place is None:
                return found


def test_two_bodies_do_not_see_each_other(room: Room, letter: IssuedLetter) -> None:
    world, actors = room.world, room.auditors
    seen = {who: search(world, actor) for who, actor in actors.items()}
    assert {event.entity_id for event in seen["a"]} == {world.entity_a.id}
    assert {event.entity_id for event in seen["b"]} == {world.entity_b.id}
    with world.database.read(OPERATOR) as uow:
        every = uow.session.scalars(select(Event).order_by(Event.at.desc(), Event.seq.desc())).all()
    assert [event.seq for event in seen["all"]] == [event.seq for event in every]
    foreign, own = seen["b"][0].seq, seen["a"][0].seq
    with world.database.read(actors["a"]) as uow:
        assert queries.entry(uow, own).seq == own
        for seq in (foreign, every[0].seq + 1000):
            with pytest.raises(NotFound):
                queries.entry(uow, seq)
        with pytest.raises(NotFound):
            queries.letter(uow, _incoming(uow, world.entity_b.id))
        (mine,) = queries.letters_by_code(uow, letter.document_code)
        assert mine.entity_id == world.entity_a.id
        assert {body.id for _, _, body in registers.years(uow)} == {world.entity_a.id}
    with world.database.read(actors["b"]) as uow:
        with pytest.raises(NotFound):
            queries.letter(uow, letter.id)
        assert queries.count_copies(uow, letter.id) == 0
    with world.database.read(actors["all"]) as uow:
        assert len(queries.letters_by_code(uow, letter.document_code)) == 2


def _incoming(uow: UnitOfWork, entity_id: UUID) -> UUID:
    query = select(Letter.id).where(Letter.entity_id == entity_id, Letter.direction == "incoming")
    return uow.session.scalars(query).one()


@pytest.mark.parametrize(("where", "who"), [("a", "employee"), ("a", "registry"), ("centre", "centre")])
def test_who_is_no_auditor_sees_nothing(room: Room, where: str, who: str) -> None:
    actor = room.world.actor(where, who)
    assert search(room.world, actor) == []
    with room.world.database.read(actor) as uow:
        with pytest.raises(Forbidden):
            service.search(uow, Search(), limit=5)
        with pytest.raises(Forbidden):
            registers.years(uow)


def test_person_letter_kind_and_day_narrow_it(room: Room, letter: IssuedLetter) -> None:
    world, auditor = room.world, room.auditors["a"]
    clerk = world.actor("a", "employee")
    mine = search(world, auditor, person=clerk.employee_code)
    assert mine
    assert {event.employee_id for event in mine} == {clerk.employee_id}
    about = search(world, auditor, letter=letter.document_code)
    assert {event.object_id for event in about} == {letter.id}
    assert {"letters.drafted", "letters.issued", "codes.download"} <= {event.act for event in about}
    number = next(event for event in about if event.act == "letters.issued")
    facts = json.loads(number.entry)["facts"]
    by_number = search(world, auditor, letter=f"{facts['number']}/{facts['year']}")
    assert [event.seq for event in by_number] == [event.seq for event in about]
    read = search(world, auditor, kind="reading", person=clerk.employee_code)
    assert {event.act for event in read} <= set(oversight_rules.READING)
    assert read
    day = world.database.today()
    assert search(world, auditor, **{"from": str(day + timedelta(days=1))}) == []
    assert search(world, auditor, to=str(day - timedelta(days=1))) == []
    both = search(world, auditor, **{"from": str(day - timedelta(days=1)), "to": str(day + timedelta(days=1))})
    assert [event.seq for event in both] == [event.seq for event in search(world, auditor)]


def test_what_is_another_bodys_finds_nothing(room: Room, letter: IssuedLetter) -> None:
    world = room.world
    stranger = world.actor("b", "employee").employee_code
    assert search(world, room.auditors["a"], person=stranger) == []
    assert search(world, room.auditors["b"], letter=letter.document_code) != []  # its own, incoming
    assert {event.entity_id for event in search(world, room.auditors["b"], letter=letter.document_code)} == {
        world.entity_b.id
    }
    with world.database.read(room.auditors["b"]) as uow:
        assert not codes.known(uow, _code(world.actor("a", "employee").employee_code)).found
        assert codes.known(uow, _code(stranger)).found
        assert codes.known(uow, _code(world.entity_a.code)).found
    with world.database.work(world.actor("a", "employee")) as uow:
        copy = queries.copies_of  # of the reader alone, who is no auditor
        assert list(copy(uow, letter.id, limit=9)) == []


def _code(text: str) -> Code:
    return parse(text)


def test_a_copy_code_names_its_person_to_the_own_auditor_alone(room: Room, letter: IssuedLetter) -> None:
    world = room.world
    with world.database.read(room.auditors["a"]) as uow:
        (copy,) = queries.copies_of(uow, letter.id, limit=9)
        found = codes.known(uow, _code(copy.code))
        assert found.person is not None
        assert found.person.code == world.actor("a", "employee").employee_code
    with world.database.read(room.auditors["b"]) as uow:
        assert not codes.known(uow, _code(copy.code)).found


def test_a_search_looks_at_a_bounded_part_and_goes_on(
    room: Room, letter: IssuedLetter, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, auditor = room.world, room.auditors["a"]
    whole = [event.seq for event in search(world, auditor, kind="access")]
    monkeypatch.setattr(queries, "MOST_LOOKED_AT", 7)
    with world.database.read(auditor) as uow:
        pages, place = [], None
        while True:
            some, place = queries.search(uow, Search(kind=Kind.ACCESS), after=place, limit=3)
            pages.append([event.seq for event in some])
            if place is None:
                break
            assert read_place(written_place(place)) == place
    assert [seq for page in pages for seq in page] == whole
    assert max(map(len, pages)) <= 3
    assert [] in pages or len(pages) > len(whole) // 3


def test_bad_input_is_told_at_its_field_and_nothing_is_searched(room: Room) -> None:
    page = room.browser("a").get("/audit-log?person=1234567890&from=yesterday&letter=12")
    assert page.status_code == 422
    for where in ("person", "from", "letter"):
        assert f'href="#field-{where}"' in page.text
    assert 'value="1234567890"' in page.text
    assert not search(room.world, room.auditors["a"], act="oversight.searched")


def test_each_look_is_an_event_with_codes_and_without_words(room: Room, letter: IssuedLetter) -> None:
    world, browser = room.world, room.browser("a")
    clerk = world.actor("a", "employee")
    assert browser.get(f"/audit-log?person={clerk.employee_code}&kind=reading").status_code == 200
    first = search(world, room.auditors["a"])[-1]
    assert browser.get(f"/audit-log/entries/{first.seq}").status_code == 200
    assert browser.get(f"/audit-log/letters/{letter.id}").status_code == 200
    assert browser.get(f"/audit-log/letters/{letter.id}/check").status_code == 200
    assert browser.get("/audit-log/unusual").status_code == 200
    looks = {event.act: json.loads(event.entry) for event in search(world, room.auditors["a"], kind="audit")}
    asked = looks["oversight.searched"]
    assert asked["facts"]["employee"] == clerk.employee_code
    assert asked["facts"]["kind"] == "reading"
    assert asked["employee"] == str(room.auditors["a"].employee_id)
    assert looks["oversight.entry-seen"]["facts"] == {"seq": first.seq}
    assert looks["oversight.life-seen"]["id"] == str(letter.id)
    assert looks["oversight.letter-checked"]["facts"]["ok"] is True
    assert "oversight.unusual-seen" in looks


def test_the_page_shows_entries_in_words_and_who_is_not_allowed_gets_403(room: Room, letter: IssuedLetter) -> None:
    page = room.browser("a", "ar").get("/audit-log")
    assert "إصدار كتاب بعدده" in page.text
    assert letter.number.split("/")[-1] in page.text or "٢٠٢" in page.text
    assert 'href="/audit-log/verify"' in page.text
    assert "object at 0x" not in page.text
    assert not re.search(r">(act|object)\.[a-z.]+<", page.text)
    other = sign_in(room.app, room.world.logins["a", "employee"])
    for path in ("", "/verify", "/unusual", "/entries/1", f"/letters/{letter.id}", "/log-key.pem"):
        assert other.get(f"/audit-log{path}").status_code == 403, path
    assert "/audit-log" not in other.get("/account").text


def test_the_centre_sees_a_letters_life_and_not_its_words(room: Room, letter: IssuedLetter) -> None:
    page = room.browser("all").get(f"/audit-log/letters/{letter.id}")
    assert page.status_code == 200
    assert "تخصيصات مشروع الأرشفة" not in page.text
    assert "not open to you" in page.text
    assert room.world.entity_b.name_ar in page.text
    own = room.browser("a").get(f"/audit-log/letters/{letter.id}")
    assert "تخصيصات مشروع الأرشفة" in own.text
    assert own.text.index("A draft was begun") < own.text.index("A coded copy was downloaded")
    assert "مها جاسم" not in own.text.split("Who holds which copy")[1].split("</ul>")[0]
