"""The register as the gateway sees it: a change counts from the next command, and asking costs little."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from crypto.dkim_keys import new_dkim_key
from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Unavailable
from edms.entities import dkim_keys, mailboxes, queries, servers, suspending
from mailgw.address import Address
from mailgw.directory import Register, Snapshot
from mailgw.envelope import Identity
from mailgw.handler import RegistryHandler
from mailgw.replies import Reply
from mailgw.taking import GATEWAY
from tests.entities.test_mail import certificate
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.arrivals import with_handler

A, B = "moh.gov.example", "moe.gov.example"


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def with_register(world: World, use: Callable[[Register], Awaitable[None]]) -> None:
    async def run() -> None:
        register = Register(world.database, GATEWAY, None)
        try:
            await use(register)
        finally:
            register.close()

    asyncio.run(run())


def change(world: World, act: Callable[[UnitOfWork], object]) -> None:
    with world.database.work(OPERATOR) as uow:
        act(uow)


def test_every_change_counts_from_the_next_command(world: World) -> None:
    entity_id = world.entity_b.id

    async def use(register: Register) -> None:
        async def entry() -> object:
            return (await register.current()).by_id[entity_id]

        seen = await entry()
        acts: list[Callable[[UnitOfWork], object]] = [
            lambda uow: suspending.suspend_mail(uow, queries.entity(uow, entity_id), "why"),
            lambda uow: suspending.resume_mail(uow, queries.entity(uow, entity_id)),
            lambda uow: mailboxes.add_mailbox(uow, queries.entity(uow, entity_id), "الموارد", "hr"),
            lambda uow: dkim_keys.signing_keys(uow, entity_id),
            lambda uow: dkim_keys.revoke_key(uow, queries.entity(uow, entity_id), "diwan-1-rsa"),
            lambda uow: servers.add_server(
                uow, [queries.entity(uow, entity_id)], name="own", host="mail.moe.example", port=25,
                certificate=certificate(),
            ),
            lambda uow: servers.remove_server(uow, "own", keys=world.keyring),
        ]  # fmt: skip
        for act in acts:
            await asyncio.to_thread(change, world, act)
            now = await entry()
            assert now != seen
            seen = now

    with_register(world, use)


def test_what_bodies_have_is_in_the_snapshot(world: World) -> None:
    def prepare(uow: UnitOfWork) -> None:
        body = queries.entity(uow, world.entity_b.id)
        mailboxes.add_mailbox(uow, body, "الموارد", "hr")
        servers.add_server(uow, [body], name="own", host="mail.moe.example", port=26, certificate=certificate())
        dkim_keys.add_key(uow, body, "mail", new_dkim_key("ed25519")[1])

    change(world, prepare)

    async def use(register: Register) -> None:
        snapshot = await register.current()
        entry = snapshot.by_domain[B]
        assert (entry.local, entry.suspended, list(entry.dkim)) == (False, False, ["mail"])
        assert [entry.alias(one) for one in ("الموارد", "HR", "ديوان", "Postmaster", "nobody")] == [
            "hr", "hr", "diwan", "postmaster", None,
        ]  # fmt: skip
        peer = snapshot.peers[entry.installation_id or snapshot.home_id]
        assert (peer.server, peer.home, peer.host, peer.port) == (True, False, "mail.moe.example", 26)
        assert snapshot.is_server(peer.id)
        assert not snapshot.is_server(snapshot.home_id)
        assert snapshot.sealing_authority(entry) == b""
        assert snapshot.sealing_authority(snapshot.by_domain[A]) == snapshot.peers[snapshot.home_id].authority

    with_register(world, use)


def test_other_events_move_the_position_and_read_nothing(world: World) -> None:
    async def use(register: Register) -> None:
        before = register.snapshot
        await asyncio.to_thread(change, world, lambda uow: record(uow, "letters.opened", "letter", None))
        after = await register.current()
        assert after.position == before.position + 1
        assert after.by_domain is before.by_domain

    with_register(world, use)


def test_many_who_ask_at_once_share_the_answer_and_none_gets_an_older_one(world: World) -> None:
    async def use(register: Register) -> None:
        def suspended(snapshot: Snapshot) -> bool:
            return snapshot.by_id[world.entity_a.id].suspended

        asking = [asyncio.ensure_future(register.current()) for _ in range(50)]
        await asyncio.sleep(0)
        await asyncio.to_thread(
            change, world, lambda uow: suspending.suspend_mail(uow, queries.entity(uow, world.entity_a.id), "why")
        )
        later = await asyncio.gather(*(register.current() for _ in range(50)))
        assert all(map(suspended, later))
        await asyncio.gather(*asking)

    with_register(world, use)


def test_asking_is_cheap(world: World) -> None:
    async def use(register: Register) -> None:
        await register.current()
        began = time.process_time()
        for _ in range(1000):
            await register.current()
        assert time.process_time() - began < 2.0

    with_register(world, use)


def test_another_day_closes_bodies(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def close(uow: UnitOfWork) -> None:
        queries.entity(uow, world.entity_b.id).valid_to = uow.today
        record(uow, "entities.closed", "entity", world.entity_b.id)

    change(world, close)

    async def use(register: Register) -> None:
        assert (await register.current()).by_domain[B].active
        clock = world.database._clock
        monkeypatch.setattr(world.database, "_clock", lambda: clock() + timedelta(days=1))
        assert not (await register.current()).by_domain[B].active

    with_register(world, use)


def test_without_a_database_nobody_is_refused_for_good(world: World) -> None:
    async def use(register: Register) -> None:
        register.close()

        class Gone:
            def since(self, _position: int) -> tuple[int, bool]:
                raise Unavailable("database.unavailable")

            def close(self) -> None:
                assert self.instant

            instant = True

        register._watch = Gone()  # type: ignore[assignment]
        with pytest.raises(Unavailable):
            await register.current()

    with_register(world, use)


def test_people_of_a_body_are_mailboxes_while_they_are_active(world: World) -> None:
    login = world.logins["b", "employee"]

    async def use(handler: RegistryHandler) -> list[Reply | None]:
        home = Identity(tls=True, installation_id=handler.home_id)
        tried = (login.upper(), "diwan", "ديوان", world.logins["a", "employee"], "nobody")
        return [await handler.rcpt(home, Address("diwan", A), Address(local, B)) for local in tried]

    answers = with_handler(world, use)
    assert [answer and (answer.code, answer.enhanced) for answer in answers] == [
        None, None, None, (550, "5.1.1"), (550, "5.1.1"),
    ]  # fmt: skip
