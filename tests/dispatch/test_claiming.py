"""Who carries what next: lanes in turn whatever their length, next hops that rest, moves, and what takes too long."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Uuid, bindparam, insert, select, text, update

from edms.core.actor import system_actor
from edms.core.ids import new_id
from edms.dispatch import claiming, overdue, queries, service
from edms.dispatch.models import Evidence, NextHop, OutboxItem
from edms.dispatch.queries import Lane
from edms.dispatch.rules import LANE_MOST, LEASE, ItemState, Outcome, PackageKind
from edms.dispatch.service import Attempt
from edms.entities.models import Entity, Installation
from tests.factories.clock import SetClock, with_set_clock
from tests.factories.issued import events, issued_letter
from tests.factories.world import OPERATOR, World, make_world

RELAY = system_actor("relay")
MANY = 100_000


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


@pytest.fixture
def clock(world: World) -> SetClock:
    return with_set_clock(world)


def enqueue(world: World, sender: UUID, recipient: UUID, times: int = 1) -> list[UUID]:
    """Put receipts, which need no letter, into the outbox; returns their packages."""
    with world.database.work(OPERATOR) as uow:
        return [
            service.enqueue(
                uow, kind=PackageKind.RECEIPT, entity_id=sender, letter_id=None, meta={"document_code": "1"},
                recipients=[(recipient, "to")],
            )
            for _ in range(times)
        ]  # fmt: skip


def claim(world: World, limit: int = 10, **options: object) -> list[OutboxItem]:
    with world.database.work(RELAY) as uow:
        return claiming.claim(uow, options.pop("owner", new_id()), limit=limit, **options)  # type: ignore[arg-type]


def attempt(world: World, owner: UUID, *attempts: Attempt, rest_after: int = 3) -> frozenset[UUID]:
    with world.database.work(RELAY) as uow:
        return service.record_attempts(
            uow, owner, attempts, rest=lambda failures: timedelta(minutes=max(0, failures - rest_after + 1))
        )


def missed(item_id: UUID) -> Attempt:
    return Attempt(item_id, Outcome.TRANSIENT, "421 SMTPConnectError", reached=False)


def item(world: World, item_id: UUID) -> OutboxItem:
    with world.database.read(OPERATOR) as uow:
        return uow.session.get_one(OutboxItem, item_id)


def far_installation(world: World, body: UUID | None = None) -> UUID:
    """Add a peer, and let it serve ``body``."""
    far = new_id()
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(insert(Installation).values(
            id=far, name=f"far-{far}", is_home=False, gateway_host="127.0.0.1", gateway_port=1, ca_certificate=b"",
            kind="diwan"))  # fmt: skip
        if body is not None:
            uow.session.execute(update(Entity).where(Entity.id == body).values(installation_id=far))
    return far


def add_mass_mailing(world: World) -> None:
    """Let body A have a hundred thousand consignments waiting."""
    fresh = "hex(randomblob(16))" if world.database.is_sqlite else "gen_random_uuid()"
    columns = (
        "package_id, kind, entity_id, recipient_id, installation_id, role, notify, orcpt, state, attempts, next_at,"
        " created_at, far_number, refusal"
    )
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(text(
            f"INSERT INTO outbox_items (id, mailbox, {columns}) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
            f" FROM n WHERE i < {MANY}) SELECT {fresh}, CAST(i AS VARCHAR(20)), {columns}"
            f" FROM (SELECT * FROM outbox_items WHERE entity_id = :body LIMIT 1) AS one, n"
        ).bindparams(bindparam("body", world.entity_a.id, Uuid())))  # fmt: skip
        if not world.database.is_sqlite:  # as autovacuum does by itself
            uow.session.execute(text("ANALYZE outbox_items"))


def seconds_of_a_look(world: World) -> float:
    """Return what finding the next consignments costs, at best: one try may meet a database that is tidying up."""
    best = 10.0
    for _ in range(5):
        with world.database.read(RELAY) as uow:
            start = time.perf_counter()
            queries.due_lanes(uow)
            queries.something_overdue(uow, warn=timedelta(hours=12), give_up=timedelta(hours=24))
            best = min(best, time.perf_counter() - start)
    return best


def seconds_of_a_claim(world: World) -> float:
    """Return what claiming costs, at best; what was claimed is given back."""
    best, owner = 10.0, new_id()
    for _ in range(5):
        with world.database.work(RELAY) as uow:
            start = time.perf_counter()
            claiming.claim(uow, owner, limit=1000)
            best = min(best, time.perf_counter() - start)
            claiming.release(uow, owner)
    return best


def test_a_mass_mailing_does_not_hold_the_letter_of_another_body(world: World) -> None:
    enqueue(world, world.entity_a.id, world.entity_b.id, LANE_MOST)
    (urgent,) = enqueue(world, world.entity_b.id, world.entity_a.id)
    look, share = seconds_of_a_look(world), seconds_of_a_claim(world)
    add_mass_mailing(world)
    assert seconds_of_a_look(world) < 5 * look, "the look at the queue costs more the longer it is"
    assert seconds_of_a_claim(world) < 5 * share, "claiming costs more the longer the queue is"
    claimed = claim(world, limit=1000)
    assert urgent in {one.package_id for one in claimed}
    assert len(claimed) == LANE_MOST + 1


def test_lanes_take_turns_and_what_is_in_hand_counts(world: World, clock: SetClock) -> None:
    a, b, centre = world.entity_a.id, world.entity_b.id, world.centre.id
    enqueue(world, a, b, 30)
    enqueue(world, b, a, 30)
    enqueue(world, centre, a, 2)
    with world.database.read(OPERATOR) as uow:
        home = uow.session.get_one(Entity, a).installation_id
    shares = [one.entity_id for one in claim(world, limit=12)]
    assert (shares.count(a), shares.count(b), shares.count(centre)) in {(4, 6, 2), (5, 5, 2), (6, 4, 2)}
    held = {Lane(home, a): LANE_MOST, Lane(home, b): LANE_MOST - 3}
    assert [one.entity_id for one in claim(world, limit=50, held=held)] == [b] * 3
    with world.database.read(RELAY) as uow:
        lanes = queries.due_lanes(uow)
    first = {claim(world, limit=1, turn=turn)[0].entity_id for turn in range(len(lanes))}
    assert first == {due.lane.entity_id for due in lanes}


def test_a_next_hop_that_cannot_be_reached_rests_and_burns_no_attempts(world: World, clock: SetClock) -> None:
    far = far_installation(world, world.entity_b.id)
    owner = new_id()
    enqueue(world, world.entity_a.id, world.entity_b.id, 50)
    claimed = claim(world, limit=4, owner=owner)
    assert attempt(world, owner, missed(claimed[0].id)) == frozenset()
    assert item(world, claimed[0].id).next_at == clock.now + timedelta(minutes=1)
    assert attempt(world, owner, missed(claimed[1].id)) == frozenset()
    assert attempt(world, owner, missed(claimed[2].id)) == {far}
    assert attempt(world, owner, missed(claimed[3].id)) == {far}  # was under way: not counted
    assert claim(world) == []
    clock.advance(minutes=1)
    probe = claim(world, owner=owner)
    assert len(probe) == 1
    assert claim(world) == []  # the others wait for what becomes of it
    assert attempt(world, owner, missed(probe[0].id)) == {far}
    clock.advance(minutes=1)
    assert claim(world) == []  # now it rests for two, unless somebody wants to know
    with world.database.work(OPERATOR) as uow:
        service.retry_now(uow, probe[0].id)
    probe = claim(world, owner=owner)
    assert len(probe) == 1
    assert attempt(world, owner, Attempt(probe[0].id, Outcome.OK, "250 2.0.0 Ok")) == frozenset()
    assert len(claim(world, limit=100)) == 49
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(NextHop)).all() == []
        tried = uow.session.scalars(select(OutboxItem.attempts).where(OutboxItem.attempts > 0)).all()
    assert sorted(tried) == [1] * 6 or sum(tried) == 6


def test_a_refusal_of_the_message_is_no_failure_of_the_next_hop(world: World, clock: SetClock) -> None:
    owner = new_id()
    enqueue(world, world.entity_a.id, world.entity_b.id, 5)
    claimed = claim(world, owner=owner)
    for one in claimed:
        reply = Attempt(one.id, Outcome.TRANSIENT, "451 4.3.0 later", retry_in=timedelta(minutes=5))
        assert attempt(world, owner, reply, rest_after=1) == frozenset()
    assert claim(world) == []
    clock.advance(minutes=5)
    assert len(claim(world)) == 5


def test_a_lost_probe_is_followed_by_another(world: World, clock: SetClock) -> None:
    far_installation(world, world.entity_b.id)
    owner = new_id()
    enqueue(world, world.entity_a.id, world.entity_b.id, 3)
    attempt(world, owner, missed(claim(world, limit=1, owner=owner)[0].id), rest_after=1)
    clock.advance(minutes=1)
    assert len(claim(world)) == 1  # and its relay dies
    clock.now += LEASE
    assert len(claim(world)) == 1


def test_what_was_not_tried_is_given_back_as_it_was(world: World, clock: SetClock) -> None:
    owner = new_id()
    enqueue(world, world.entity_a.id, world.entity_b.id, 3)
    claimed = [one.id for one in claim(world, owner=owner)]
    with world.database.work(RELAY) as uow:
        claiming.give_back(uow, owner, claimed[:2])
        claiming.give_back(uow, new_id(), claimed[2:])  # not its own
    states = [(item(world, one).state, item(world, one).attempts) for one in claimed]
    assert states == [("queued", 0), ("queued", 0), ("sending", 0)]


def test_consignments_follow_a_body_that_moves(world: World, clock: SetClock) -> None:
    (package,) = enqueue(world, world.entity_a.id, world.entity_b.id)
    with world.database.read(OPERATOR) as uow:
        item_id = uow.session.scalars(select(OutboxItem.id).where(OutboxItem.package_id == package)).one()
    far = far_installation(world, world.entity_b.id)
    with world.database.work(RELAY) as uow:
        assert claiming.follow_moves(uow) == 1
        assert claiming.follow_moves(uow) == 0
    assert item(world, item_id).installation_id == far


@pytest.fixture
def letter_item(world: World) -> Iterator[UUID]:
    letter = issued_letter(world)
    with world.database.read(OPERATOR) as uow:
        yield queries.items_of(uow, letter.id)[0].id


def test_warned_after_twelve_hours_and_given_up_after_a_day(world: World, letter_item: UUID) -> None:
    clock = with_set_clock(world)
    limits = {"warn": timedelta(hours=12), "give_up": timedelta(hours=24)}

    def chase() -> int:
        with world.database.read(RELAY) as uow:
            needed = queries.something_overdue(uow, **limits)
        with world.database.work(RELAY) as uow:
            dealt = overdue.chase(uow, **limits)
        assert needed == (dealt > 0)
        return dealt

    clock.advance(hours=11, minutes=58)
    assert chase() == 0
    clock.advance(minutes=5)
    assert (chase(), chase()) == (1, 0)
    warned = item(world, letter_item)
    assert (warned.warned_at, warned.state, warned.attempts) == (clock.now, ItemState.QUEUED, 0)
    clock.advance(hours=12)
    assert (chase(), chase()) == (1, 0)
    ended = item(world, letter_item)
    with world.database.work(OPERATOR) as uow:
        service.retry_now(uow, letter_item)
    assert chase() == 0  # it is tried once more
    owner = new_id()
    assert [one.id for one in claim(world, owner=owner)] == [letter_item]
    attempt(world, owner, Attempt(letter_item, Outcome.TRANSIENT, "421 gone"))
    assert (ended.state, ended.refused_at) == (ItemState.FAILED, clock.now)
    with world.database.read(OPERATOR) as uow:
        proved = uow.session.scalars(select(Evidence.event).where(Evidence.item_id == letter_item)).all()
        assert (events(uow, "dispatch.delayed"), events(uow, "dispatch.failed")) == (1, 2)
        balance = queries.balance(uow)
    assert [one for one in proved if one != "SubmissionAcceptance"] == [
        "ContentConsignmentFailure",
        "RelayFailure",
        "RelayFailure",
    ]
    assert (balance.sent, balance.refused, balance.waiting) == (1, 1, 0)
