"""Taking in: ordinary mail registered by rule, what is flagged, a group with a message that cannot be taken."""

import asyncio
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from edms.audit.models import Event
from edms.content import service as content
from edms.content.models import SmallFile, StoredFile
from edms.core.clock import utc_now
from edms.entities import changing
from edms.entities.rules import EntityChange
from edms.intake.accepting import Accepted
from edms.intake.models import ReceivedMessage
from edms.letters.models import Attachment, Letter
from edms.registry.models import RegisterEntry
from mailgw.directory import read_snapshot
from mailgw.handler import RegistryHandler
from mailgw.replies import Reply
from mailgw.taking import Desk, Parcel, prepare, take_in
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.arrivals import desk_of, envelope, with_handler

A, B = "moh.gov.example", "moe.gov.example"
WHEN = format_datetime(utc_now())


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    """A world whose body B registers ordinary mail by rule."""
    made = make_world(tmp_path, database_url)
    with made.database.work(made.actor("b", "administrator")) as uow:
        changing.change_entity(uow, made.entity_b.id, EntityChange(registers_untyped=True))
    return made


def mail(message_id: str, text: str = "تحية طيبة", more: str = "") -> bytes:
    return (f"From: <diwan@{A}>\r\nTo: <diwan@{B}>\r\nDate: {WHEN}\r\nMessage-ID: <{message_id}>\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\n{more}Subject: test\r\n\r\n{text}\r\n").encode()  # fmt: skip


def answers(world: World, *raws: bytes) -> list[str]:
    """Return what is answered to messages of A to B that come at once."""

    async def use(handler: RegistryHandler) -> list[Reply]:
        return await asyncio.gather(*[handler.data(envelope(raw, A, B)) for raw in raws])

    return [answer.lines().decode().strip() for answer in with_handler(world, use)]


def rows(world: World) -> list[ReceivedMessage]:
    with world.database.read(OPERATOR) as uow:
        return list(uow.session.scalars(select(ReceivedMessage).order_by(ReceivedMessage.received_at)))


def parcels(world: World, desk: Desk, *raws: bytes) -> list[Parcel]:
    with world.database.read(OPERATOR) as uow:
        register = read_snapshot(uow)
    return [prepare(envelope(raw, A, B), register.by_domain[A], register, desk) for raw in raws]


def test_ordinary_mail_is_registered_where_the_body_says_so(world: World) -> None:
    raws = [mail(f"{n}@x") for n in range(5)]
    told = answers(world, *raws, raws[0])
    numbers = [answer.split("registered as ")[1].split()[0].split("/")[1] for answer in told]
    assert sorted(numbers[:5]) == ["1", "2", "3", "4", "5"]
    assert numbers[5] == numbers[0]
    with world.database.read(world.actor("b", "registry")) as uow:
        assert uow.session.scalars(select(RegisterEntry.number).order_by(RegisterEntry.number)).all() == [1, 2, 3, 4, 5]
        assert uow.session.scalar(select(func.count()).select_from(Letter).where(Letter.direction == "incoming")) == 5
        found = uow.session.scalars(select(Attachment)).all()
        originals = {
            content.read(uow, each.file_id, entity_id=world.entity_b.id, store=world.store, keys=world.keyring)
            for each in found
        }
        assert originals == set(raws)
        assert uow.session.scalar(select(func.count()).select_from(SmallFile)) == 5
        assert list(world.store.ids()) == []


def test_a_known_message_id_over_another_body_waits_and_raises_an_alert(world: World) -> None:
    (first,) = answers(world, mail("same@x"))
    second, third = answers(world, mail("same@x", "نص آخر"), mail("same@x"))
    assert "registered as" in first
    assert second == "250 2.0.0 Ok: waiting for the registry"
    assert third == f"{first} (repeat)"
    assert [row.flag for row in rows(world)] == ["", "intake.same-id-other-body"]
    with world.database.read(OPERATOR) as uow:
        alert = uow.session.scalars(select(Event).where(Event.act == "intake.same-id-other-body")).one()
        assert (alert.entity_id, alert.object_id) == (world.entity_b.id, rows(world)[1].id)


def test_two_bodies_under_one_message_id_at_once_are_told_apart(world: World) -> None:
    desk = desk_of(world)
    results = take_in(parcels(world, desk, mail("one@x"), mail("one@x", "نص آخر"), mail("one@x")), desk)
    first, second, third = (
        one for each in results if isinstance(each, list) for one in each if isinstance(one, Accepted)
    )
    assert (bool(first.number), bool(second.number), third) == (True, False, replace(first, repeat=True))


def test_what_cannot_be_read_is_flagged_and_never_registered_by_rule(world: World) -> None:
    deep = "".join(f'Content-Type: multipart/mixed; boundary="{n}"\r\n\r\n--{n}\r\n' for n in range(40))
    head = f"From: <diwan@{A}>\r\nTo: <diwan@{B}>\r\nDate: {WHEN}\r\nMessage-ID: <deep@x>\r\nMIME-Version: 1.0\r\n"
    raw = f"{head}{deep}".encode()
    assert answers(world, raw) == ["250 2.0.0 Ok: waiting for the registry"]
    assert [row.flag for row in rows(world)] == ["intake.opaque"]


def test_a_message_that_cannot_be_taken_fails_alone(world: World) -> None:
    desk = desk_of(world)
    good, bad, other = parcels(world, desk, mail("good@x"), mail("bad@x"), mail("other@x"))
    poison = replace(bad, raw_hash=None)  # type: ignore[arg-type]
    results = take_in([good, poison, other], desk)
    assert isinstance(results[1], Exception)
    taken = [
        one for each in (results[0], results[2]) if isinstance(each, list) for one in each if isinstance(one, Accepted)
    ]
    assert [one.number.split("/")[1] for one in taken] == ["1", "2"]
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalar(select(func.count()).select_from(StoredFile)) == 2
        assert uow.session.scalar(select(func.count()).select_from(Event).where(Event.act == "intake.accepted")) == 2
    assert len(rows(world)) == 2
    assert take_in([bad], desk) == [[Accepted(taken[0].state, taken[0].number.replace("/1", "/3"))]]
