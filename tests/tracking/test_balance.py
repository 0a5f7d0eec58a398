"""The balance over random histories: honest ones balance to the last letter, each tampering is named."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from edms.content.models import StoredFile
from edms.core.actor import system_actor
from edms.core.ids import new_id
from edms.dispatch.models import OutboundPackage, OutboxItem
from edms.entities.queries import entity
from edms.intake.models import ReceivedMessage
from edms.tracking.balance import Mismatch, Pair, reconcile
from tests.factories.issued import issued_letter
from tests.factories.world import OPERATOR, World, make_world

GATEWAY = system_actor("gateway")
# What may honestly have become of a letter: the sender's state, and the recipient's (None: it never came).
HONEST = (
    ("queued", None), ("sending", None), ("cancelled", None), ("refused", None), ("failed", None),
    ("accepted", "waiting"), ("accepted", "registered"), ("accepted", "refused"), ("registered", "registered"),
    ("refused", "refused"), ("sending", "waiting"), ("queued", "registered"),
)  # fmt: skip
WRONG = {
    ("accepted", None): Mismatch.NOT_ARRIVED, ("registered", None): Mismatch.NOT_ARRIVED,
    ("failed", "waiting"): Mismatch.NOT_ACKNOWLEDGED, ("cancelled", "registered"): Mismatch.NOT_ACKNOWLEDGED,
    ("refused", "registered"): Mismatch.NOT_ACKNOWLEDGED, ("registered", "waiting"): Mismatch.NOT_REGISTERED,
    ("lost", None): Mismatch.NOT_COUNTED,
}  # fmt: skip
COLUMN = {
    "queued": "queued", "sending": "queued", "cancelled": "cancelled", "refused": "refused", "failed": "expired",
    "accepted": "received", "registered": "received",
}  # fmt: skip
histories = st.lists(st.tuples(st.sampled_from(["ab", "ba", "ac"]), st.sampled_from(HONEST)), max_size=25)


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    made = make_world(tmp_path, database_url)
    issued_letter(made)  # for a stored file
    return made


def body(world: World, letter: str) -> UUID:
    return {"a": world.entity_a, "b": world.entity_b, "c": world.centre}[letter].id


def begin(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(delete(ReceivedMessage))
        uow.session.execute(delete(OutboxItem))


def happened(world: World, pair: str, state: str, there: str | None, *, times: int = 1, days: int = 0) -> None:
    """Write both sides of one letter as the gateways leave them."""
    with world.database.work(GATEWAY) as uow:
        at = uow.now - timedelta(days=days)
        sender, recipient = body(world, pair[0]), body(world, pair[1])
        package = OutboundPackage(id=new_id(), entity_id=sender, kind="letter", created_at=at)
        package.meta = {}
        uow.session.add(package)
        uow.flush()
        values: dict[str, Any] = {
            "id": new_id(), "package_id": package.id, "kind": "letter", "entity_id": sender, "recipient_id": recipient,
            "installation_id": entity(uow, recipient).installation_id, "role": "to", "state": state, "attempts": 1,
            "next_at": at, "created_at": at,
        }  # fmt: skip
        uow.session.execute(insert(OutboxItem), [values])
        if there is not None:
            received(world, uow, package.id, sender, recipient, there, times=times, at=at)


def received(
    world: World, uow: Any, package_id: UUID | None, sender: UUID, recipient: UUID, state: str, *, times: int, at: Any
) -> None:
    file = uow.session.scalars(select(StoredFile.id).limit(1)).one()
    for _ in range(times):
        uow.session.add(ReceivedMessage(
            id=new_id(), entity_id=recipient, key=new_id().bytes * 2, kind="letter" if package_id else "untyped",
            state=state, sender_id=sender, raw_file_id=file, raw_hash=bytes(32), received_at=at, peer="",
            package_id=package_id,
        ))  # fmt: skip
    uow.flush()


def pairs(world: World, *, who: Any = OPERATOR, days: int = 0) -> dict[str, Pair]:
    names = {body(world, letter): letter for letter in "abc"}
    with world.database.read(who) as uow:
        found = reconcile(uow, uow.today - timedelta(days=days))
    return {names[pair.sender.id] + names[pair.recipient.id]: pair for pair in found}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories)
def test_whatever_honestly_happens_the_balance_is_exact(world: World, history: list[Any]) -> None:
    begin(world)
    for pair, (state, there) in history:
        happened(world, pair, state, there)
    found = pairs(world)
    assert set(found) == {pair for pair, _ in history}
    for name, pair in found.items():
        wanted = Counter(COLUMN[state] for each, (state, _) in history if each == name)
        told = {column: getattr(pair, column) for column in set(COLUMN.values())}
        assert told == {column: wanted[column] for column in set(COLUMN.values())}
        assert pair.sent == pair.received + pair.refused + pair.expired + pair.queued
        assert pair.arrived == sum(there is not None for each, (_, there) in history if each == name)
        assert pair.waiting == sum(there == "waiting" for each, (_, there) in history if each == name)
        assert pair.balanced, pair.mismatches


@pytest.mark.parametrize(("case", "name"), WRONG.items())
def test_each_contradiction_is_named(world: World, case: tuple[str, str | None], name: Mismatch) -> None:
    begin(world)
    happened(world, "ab", "registered", "registered")
    happened(world, "ab", *case)
    happened(world, "ba", "registered", "registered")
    found = pairs(world)
    assert dict(found["ab"].mismatches) == {name: 1}
    assert list(found) == ["ab", "ba"]  # the worst first
    assert found["ba"].balanced


def test_doubled_and_never_sent_letters_are_named(world: World) -> None:
    begin(world)
    happened(world, "ab", "registered", "registered", times=2)
    with world.database.work(GATEWAY) as uow:
        received(world, uow, new_id(), body(world, "b"), body(world, "a"), "waiting", times=1, at=uow.now)
    found = pairs(world)
    assert dict(found["ab"].mismatches) == {Mismatch.DOUBLED: 1}
    assert dict(found["ba"].mismatches) == {Mismatch.NEVER_SENT: 1}


def test_another_bodys_package_does_not_stand_in_for_a_lost_one(world: World) -> None:
    begin(world)
    happened(world, "ab", "registered", None)
    with world.database.work(GATEWAY) as uow:
        package = uow.session.scalars(select(OutboxItem.package_id)).one()
        received(world, uow, package, body(world, "c"), body(world, "b"), "registered", times=1, at=uow.now)
    assert dict(pairs(world)["ab"].mismatches) == {Mismatch.NOT_ARRIVED: 1}


def test_ordinary_mail_that_came_in_directly_counts_as_sent_and_received(world: World) -> None:
    begin(world)
    with world.database.work(GATEWAY) as uow:
        received(world, uow, None, body(world, "a"), body(world, "b"), "waiting", times=3, at=uow.now)
    found = pairs(world)["ab"]
    assert (found.sent, found.received, found.waiting, found.balanced) == (3, 3, 3, True)


def test_days_and_bodies_are_kept_apart(world: World) -> None:
    begin(world)
    happened(world, "ab", "queued", None)
    happened(world, "ac", "queued", None)
    happened(world, "ab", "failed", None, days=1)
    assert set(pairs(world)) == {"ab", "ac"}
    assert set(pairs(world, days=1)) == {"ab"}
    assert set(pairs(world, who=world.actor("b", "registry"))) == {"ab"}
    assert set(pairs(world, who=world.actor("centre", "centre"))) == {"ab", "ac"}
