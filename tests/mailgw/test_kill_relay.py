"""A relay killed at every step and at random while mail and letters are under way: each is taken once, none is lost."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from edms.content import service as content
from edms.core.clock import utc_now
from edms.dispatch.mail import SubmittedMail
from edms.dispatch.models import DeliveryAttempt, Evidence, OutboxItem
from edms.dispatch.outbox import Mailed
from edms.dispatch.rules import ItemState, PackageKind
from edms.dispatch.submitting import Submission, enqueue_mail
from edms.entities import exchange
from edms.entities.queries import entity_by_code
from edms.intake.models import ReceivedMessage
from tests.factories.issued import issued_letter
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.processes import fork, free_port, listens, until
from tests.zygote import Zygote

pytestmark = pytest.mark.timeout(1800)
ROUNDS = int(os.environ.get("DIWAN_KILL_ROUNDS", "10"))
MAILS = 5
POINTS = ("after-claim", "before-send", "after-250-before-commit", "before-result-commit", "after-result-commit")


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote("mailgw")
    yield made
    made.close()


@pytest.fixture
def two(tmp_path: Path, database_url: str, zygote: Zygote) -> Iterator[tuple[World, World]]:
    """A world whose relay is killed, on either database, and one whose gateway takes what it sends."""
    north = make_world(tmp_path / "north", database_url, name="north", gateway_port=free_port())
    south = make_world(
        tmp_path / "south", name="south", gateway_port=free_port(), first_serial=300_000,
        domains=("basra.gov.example", "maysan.gov.example"),
    )  # fmt: skip
    for told, hearing in ((north, south), (south, north)):
        with told.database.work(OPERATOR) as uow:
            document = exchange.export_installation(uow, keys=told.keyring)
        with hearing.database.work(OPERATOR) as uow:
            exchange.import_installation(uow, document, keys=hearing.keyring)
    gateway = fork(zygote, south, "receive")
    try:
        assert until(lambda: listens(south.settings.gateway.port))
        yield north, south
    finally:
        assert zygote.stop(gateway) == 0


def submit(world: World, body: UUID, domain: str, number: str) -> None:
    """Hand a mail of body A into the outbox, as the gateway does."""
    sender = world.entity_a
    raw = (
        f"From: <diwan@{sender.mail_domain}>\r\nTo: <diwan@{domain}>\r\nMessage-ID: <{number}@a.example>\r\n"
        f"Subject: {number}\r\nDate: {format_datetime(utc_now())}\r\n\r\n{number}\r\n"
    ).encode()
    with world.database.work(OPERATOR) as uow:
        file = content.put(uow, raw, kind="message", entities=[sender.id], store=world.store, keys=world.keyring)
        mail = SubmittedMail(
            file.id, len(raw), sha256(raw).hexdigest(), f"diwan@{sender.mail_domain}", f"{number}@a.example", uow.now
        )
        enqueue_mail(uow, Submission(mail, sender.id, sha256(raw).digest(), (Mailed(body, ""),)))


def killed_at(point: str, zygote: Zygote, north: World) -> None:
    assert zygote.wait(fork(zygote, north, "relay", fail=f"{point}:kill")) == -signal.SIGKILL


def killed_sometime(dice: random.Random, zygote: Zygote, north: World) -> None:
    relay = fork(zygote, north, "relay")
    assert until(lambda: has_begun(north))
    time.sleep(dice.uniform(0, 0.4))
    zygote.kill(relay)


def has_begun(world: World) -> bool:
    with world.database.read(OPERATOR) as uow:
        owners = select(func.count()).select_from(OutboxItem).where(OutboxItem.lease_owner.is_not(None))
        waiting = select(func.count()).select_from(OutboxItem).where(OutboxItem.state == ItemState.QUEUED)
        return bool(uow.session.scalar(owners)) or not uow.session.scalar(waiting)


def states(world: World) -> Counter[str]:
    with world.database.read(OPERATOR) as uow:
        sent = OutboxItem.kind.in_((PackageKind.LETTER, PackageKind.MAIL))
        return Counter(uow.session.scalars(select(OutboxItem.state).where(sent)))


def test_a_relay_killed_at_every_step_and_at_random_loses_and_doubles_nothing(
    two: tuple[World, World], zygote: Zygote
) -> None:
    north, south = two
    dice = random.Random(ROUNDS)
    with north.database.read(OPERATOR) as uow:
        body = entity_by_code(uow, south.entity_b.code).id
    letter = issued_letter(north, to=[body])
    numbers = []
    for turn in range(ROUNDS):
        for place in range(MAILS):
            numbers.append(f"m{turn}-{place}")
            submit(north, body, south.entity_b.mail_domain, numbers[-1])
        if turn % 2 == 0:
            killed_at(POINTS[turn // 2 % len(POINTS)], zygote, north)
        else:
            killed_sometime(dice, zygote, north)
    relay = fork(zygote, north, "relay")
    assert until(lambda: states(north)[ItemState.ACCEPTED] == len(numbers) + 1, 120), states(north)
    assert zygote.stop(relay) == 0
    assert states(north) == {"accepted": len(numbers) + 1}
    with south.database.read(OPERATOR) as uow:
        rows = uow.session.scalars(select(ReceivedMessage)).all()
        mails = Counter(row.meta["message_id"].strip("<>") for row in rows if row.kind == "untyped")
        codes = [row.meta["document_code"] for row in rows if row.kind == "letter"]
    assert mails == dict.fromkeys((f"{number}@a.example" for number in numbers), 1)
    assert codes == [letter.document_code]
    with north.database.read(OPERATOR) as uow:
        taken = select(DeliveryAttempt.item_id).where(DeliveryAttempt.outcome == "ok")
        assert set(Counter(uow.session.scalars(taken)).values()) == {1}
        proved = select(Evidence.item_id).where(Evidence.event == "RelayAcceptance")
        assert set(Counter(uow.session.scalars(proved)).values()) == {1}
        assert len(uow.session.scalars(proved).all()) == len(numbers) + 1
