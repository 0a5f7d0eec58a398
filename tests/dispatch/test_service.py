"""The outbox: leases, answers of the next hop, receipts in any order, the balance."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from edms.core.actor import system_actor
from edms.core.errors import Conflict, Forbidden, NotFound
from edms.core.ids import new_id
from edms.dispatch import claiming, queries, queue, service
from edms.dispatch.models import OutboxItem
from edms.dispatch.package import Receipt, ReceiptKind
from edms.dispatch.queue import Asked
from edms.dispatch.rules import LEASE, ItemState, Outcome
from edms.dispatch.service import Attempt
from tests.factories.issued import issued_letter
from tests.factories.world import OPERATOR, World, make_world

RELAY, GATEWAY = system_actor("relay"), system_actor("gateway")


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def send(world: World) -> UUID:
    """Issue a letter of A to B and return its consignment's id."""
    letter = issued_letter(world)
    with world.database.read(OPERATOR) as uow:
        return queries.items_of(uow, letter.id)[0].id


def item(world: World, item_id: UUID) -> OutboxItem:
    with world.database.read(OPERATOR) as uow:
        return uow.session.get_one(OutboxItem, item_id)


def claim(world: World, owner: UUID) -> list[UUID]:
    with world.database.work(RELAY) as uow:
        return [each.id for each in claiming.claim(uow, owner, limit=10)]


def attempt(world: World, owner: UUID, *attempts: Attempt) -> None:
    with world.database.work(RELAY) as uow:
        service.record_attempts(uow, owner, attempts)


def test_a_lease_is_one_relays_until_it_is_given_back(world: World) -> None:
    item_id, first, second = send(world), new_id(), new_id()
    assert claim(world, first) == [item_id]
    assert claim(world, second) == []
    assert item(world, item_id).lease_until - item(world, item_id).next_at == timedelta(0)  # type: ignore[operator]
    with world.database.work(RELAY) as uow:
        claiming.release(uow, first)
    assert claim(world, second) == [item_id]
    attempt(world, first, Attempt(item_id, Outcome.OK, "250 2.0.0 Ok"))
    assert item(world, item_id).state == ItemState.SENDING  # the late answer of the first is kept, no more
    attempt(world, second, Attempt(item_id, Outcome.OK, "250 2.0.0 Ok"))
    assert item(world, item_id).state == ItemState.ACCEPTED
    assert item(world, item_id).attempts == 1


def test_a_living_relay_keeps_its_leases(world: World) -> None:
    item_id, owner = send(world), new_id()
    claim(world, owner)
    before = item(world, item_id).lease_until
    with world.database.work(RELAY) as uow:
        claiming.renew(uow, owner)
    after = item(world, item_id).lease_until
    assert before is not None
    assert after is not None
    assert before < after <= before + LEASE


def test_a_transient_answer_is_tried_again_until_it_is_given_up(world: World) -> None:
    item_id, owner = send(world), new_id()
    claim(world, owner)
    attempt(world, owner, Attempt(item_id, Outcome.TRANSIENT, "451 4.3.0 later", retry_in=timedelta(minutes=5)))
    waiting = item(world, item_id)
    assert (waiting.state, waiting.attempts) == (ItemState.QUEUED, 1)
    assert claim(world, owner) == []
    with world.database.work(OPERATOR) as uow:
        service.retry_now(uow, item_id)
    assert claim(world, owner) == [item_id]
    attempt(world, owner, Attempt(item_id, Outcome.TRANSIENT, "421 gone", give_up=timedelta(0)))
    assert item(world, item_id).state == ItemState.FAILED
    with world.database.read(OPERATOR) as uow:
        assert queries.balance(uow).refused == 1
        assert [each.reply for each in queries.attempts_of(uow, item_id)] == ["451 4.3.0 later", "421 gone"]


def test_a_permanent_answer_ends_it_and_is_kept(world: World) -> None:
    item_id, owner = send(world), new_id()
    claim(world, owner)
    attempt(world, owner, Attempt(item_id, Outcome.PERMANENT, "550 5.7.1 not registered"))
    assert (item(world, item_id).state, item(world, item_id).refusal) == ("refused", "550 5.7.1 not registered")


def test_receipts_in_any_order_keep_the_first_time_of_each_fact(world: World) -> None:
    item_id = send(world)
    for kind in ("opened", "registered", "delivered", "registered", "settled"):
        answer(world, item_id, kind)
    found = item(world, item_id)
    assert (found.state, found.far_number) == (ItemState.REGISTERED, "2026/7")
    assert all((found.taken_at, found.delivered_at, found.opened_at, found.registered_at, found.settled_at))
    with world.database.read(OPERATOR) as uow:
        balance = queries.balance(uow)
    assert (balance.sent, balance.registered, balance.waiting) == (1, 1, 0)


def test_annulled_registration_ends_as_refused_whenever_the_receipt_of_the_registration_comes(world: World) -> None:
    for kinds in (("registered", "annulled"), ("annulled", "registered")):
        item_id = send(world)
        for kind in kinds:
            answer(world, item_id, kind, reason_text="قُيّد سهواً")
        found = item(world, item_id)
        assert (found.state, found.refusal, found.far_number) == (ItemState.REFUSED, "قُيّد سهواً", "2026/7")
        assert found.registered_at is not None


def test_update_and_exception_leave_the_state_and_are_kept_sealed(world: World) -> None:
    item_id, owner = send(world), new_id()
    claim(world, owner)
    attempt(world, owner, Attempt(item_id, Outcome.OK, "250 2.0.0 ok"))
    answer(world, item_id, "exception", reason_code="package.hash-mismatch")
    answer(world, item_id, "updated", unit="قسم المتابعة")
    with world.database.read(OPERATOR) as uow:
        found = uow.session.get_one(OutboxItem, item_id)
        assert found.far == {"exception": "package.hash-mismatch", "unit": "قسم المتابعة"}
        assert "المتابعة".encode() not in (found.far_sealed or b"")
        assert (found.state, found.delivered_at is not None) == (ItemState.ACCEPTED, True)
    answer(world, item_id, "exception", reason_code="<script>")
    answer(world, item_id, "exception")  # a peer that gives no reason is not refused for it
    with world.database.read(OPERATOR) as uow:
        assert uow.session.get_one(OutboxItem, item_id).far["exception"] == "package.other"


def test_a_receipt_before_our_own_commit_leaves_the_late_answer_harmless(world: World) -> None:
    item_id, owner = send(world), new_id()
    claim(world, owner)
    answer(world, item_id, "registered")
    attempt(world, owner, Attempt(item_id, Outcome.TRANSIENT, "421 lost"))
    assert item(world, item_id).state == ItemState.REGISTERED
    assert claim(world, new_id()) == []


def answer(
    world: World, item_id: UUID, kind: ReceiptKind, *, by: UUID | None = None, reason_code: str = "",
    reason_text: str = "", unit: str = "",
) -> None:  # fmt: skip
    sent = item(world, item_id)
    with world.database.work(GATEWAY) as uow:
        receipt = Receipt(
            kind, sent.package_id, "100001260000000179", "10000216", uow.now, "2026/7", reason_code, reason_text,
            unit=unit,
        )  # fmt: skip
        service.apply_receipt(uow, receipt, from_entity=by or sent.recipient_id, to_entity=sent.entity_id)


def test_only_the_recipient_answers_for_itself(world: World) -> None:
    item_id = send(world)
    answer(world, item_id, "registered", by=world.centre.id)
    assert item(world, item_id).state == ItemState.QUEUED


def test_taking_out_is_possible_only_before_the_first_try(world: World) -> None:
    first, second = send(world), send(world)
    with world.database.work(world.actor("a", "registry")) as uow:
        service.cancel(uow, first)
    owner = new_id()
    assert claim(world, owner) == [second]
    with world.database.work(world.actor("a", "registry")) as uow, pytest.raises(Conflict, match="already-sent"):
        service.cancel(uow, second)
    with world.database.read(OPERATOR) as uow:
        assert queries.balance(uow).cancelled == 1


def test_the_queue_is_its_own_bodys_and_its_registrys(world: World) -> None:
    item_id = send(world)
    with world.database.read(world.actor("a", "registry")) as uow:
        (line,) = queue.queue(uow, Asked())
    assert (line.id, line.recipient_code, line.number) == (item_id, world.entity_b.code, "و.ص/1")
    with world.database.read(world.actor("b", "registry")) as uow:
        assert queue.queue(uow, Asked()) == []
        with pytest.raises(NotFound):
            queue.queue_line(uow, item_id)
    with world.database.work(world.actor("b", "registry")) as uow, pytest.raises(NotFound):
        service.retry_now(uow, item_id)
    with world.database.read(world.actor("a", "employee")) as uow, pytest.raises(Forbidden):
        queue.queue(uow, Asked())
