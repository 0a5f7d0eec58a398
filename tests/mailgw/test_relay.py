"""The relay's parts: grouping into messages, composing once, working together, leases taken over, fail points."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest

from edms.core.ids import new_id
from edms.dispatch.queries import Lane
from mailgw.directory import Peer, Snapshot
from mailgw.envelope import Door
from mailgw.failpoints import FailPointReached, FailPoints, read_plan
from mailgw.headers import read_headers
from mailgw.lane_turns import LaneTurns
from mailgw.outgoing import Claimed, Outgoing, batches, registry_address
from mailgw.policy import EntityEntry
from mailgw.runfile import gateway_port, own_relay, remove_gateway, write_gateway
from mailgw.together import Together
from tests.factories.issued import issued_letter
from tests.factories.world import make_world
from tests.mailgw.arrivals import outbox

HOME, FAR = UUID(int=1), UUID(int=2)


def register(near: int, far: int) -> Snapshot:
    from datetime import date

    entries = [
        EntityEntry(UUID(int=100 + n), f"{10_000_000 + n}", f"b{n}.example", local=n < near,
                    installation_id=HOME if n < near else FAR)
        for n in range(near + far)
    ]  # fmt: skip
    peers = {one: Peer(one, one == HOME, "127.0.0.1", 25, b"") for one in (HOME, FAR)}
    return Snapshot(
        0, date(2026, 1, 1), HOME, peers, {one.domain: one for one in entries}, {one.code: one for one in entries},
        {one.entity_id: one for one in entries},
    )  # fmt: skip


def outgoing(package_id: UUID) -> Outgoing:
    from datetime import UTC, datetime

    return Outgoing(package_id, "letter", registry_address("a.example"), HOME, datetime(2026, 1, 1, tzinfo=UTC), {})


def test_a_circular_goes_in_messages_of_a_hundred_behind_each_gateway() -> None:
    known, package = register(near=250, far=30), new_id()
    claimed = [
        Claimed(new_id(), package, HOME, one.entity_id, one.installation_id or HOME) for one in known.by_id.values()
    ]
    found = list(batches(claimed, {package: outgoing(package)}))
    sizes = [(batch.lane.installation_id, len(batch.items)) for batch in found]
    assert sizes == [(HOME, 100), (HOME, 100), (HOME, 50), (FAR, 30)]
    assert {item.item_id for batch in found for item in batch.items} == {item.item_id for item in claimed}


def test_every_try_sends_the_same_octets(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    issued_letter(world, to=[world.entity_b.id, world.centre.id])
    (first,), (second,) = outbox(world)[1], outbox(world)[1]
    assert first == second
    headers = read_headers(first)
    assert headers.first("to") == b"<diwan@moe.gov.example>, <diwan@centre.moh.gov.example>"
    assert headers.first("from") == b"<diwan@moh.gov.example>"


def test_lanes_take_turns_and_a_next_hop_gets_no_more_than_its_share() -> None:
    turns: LaneTurns[str] = LaneTurns(5, 3)
    busy, urgent, far = Lane(HOME, UUID(int=7)), Lane(HOME, UUID(int=8)), Lane(FAR, UUID(int=7))
    for number in range(1000):
        turns.put(busy, f"mass {number}")
    turns.put(urgent, "urgent")
    for number in range(3):
        turns.put(far, f"far {number}")
    begun = [turns.take() for _ in range(6)]
    assert begun == ["mass 0", "urgent", "far 0", "mass 1", "far 1", None]
    turns.done(busy)
    assert turns.take() == "mass 2"
    assert len(turns.withdraw(HOME)) == 997
    turns.done(far)
    assert (turns.take(), turns.take()) == ("far 2", None)


def test_work_that_waits_is_done_together_and_a_bad_piece_fails_alone() -> None:
    calls: list[list[int]] = []

    def perform(work: Sequence[int]) -> list[int | Exception]:
        calls.append(list(work))
        return [ValueError("13") if each == 13 else each * 2 for each in work]

    async def use() -> list[object]:
        together: Together[int, int] = Together(perform, most=4)
        found = await asyncio.gather(*(together.do(n) for n in (1, 2, 3, 4, 5, 13, 6)), return_exceptions=True)
        await together.close()
        return list(found)

    found = asyncio.run(use())
    assert [each for each in found if isinstance(each, int)] == [2, 4, 6, 8, 10, 12]
    assert isinstance(found[5], ValueError)
    assert calls[:2] == [[1], [2, 3, 4, 5]]  # what came while the first was done
    assert all(len(call) <= 4 for call in calls)


def test_only_one_relay_owns_a_folder_and_learns_who_died_before_it(tmp_path: Path) -> None:
    first, second, third = new_id(), new_id(), new_id()
    living = own_relay(tmp_path, first)
    assert living.predecessor is None
    living.declare()
    assert own_relay(tmp_path, second).predecessor is None  # the first lives: nothing to take over
    living.close()
    dying = own_relay(tmp_path, second)
    assert dying.predecessor == first
    dying.close()  # before it has given its predecessor's leases back
    taking = own_relay(tmp_path, third)
    assert taking.predecessor == first
    taking.declare()
    taking.close()
    last = own_relay(tmp_path, second)
    assert last.predecessor == third
    last.close()


def test_gateway_file_tells_the_port_while_it_serves(tmp_path: Path) -> None:
    assert gateway_port(tmp_path) is None
    write_gateway(tmp_path, {Door.PEERS: 4025})
    assert gateway_port(tmp_path) == 4025
    remove_gateway(tmp_path)
    assert gateway_port(tmp_path) is None


def test_fail_points_act_at_their_turn_and_unknown_ones_are_refused() -> None:
    points = FailPoints({"MAILGW_FAIL": "after-claim@2:raise"})
    points.reach("after-claim")
    points.reach("after-stage")
    with pytest.raises(FailPointReached):
        points.reach("after-claim")
    points.reach("after-claim")
    assert read_plan("") == {}
    with pytest.raises(ValueError, match="somewhere"):
        read_plan("somewhere:kill")
