"""Gateways and relays are killed again and again while thirty letters are under way: the balance holds exactly."""

import random
import time
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from config.settings import load
from crypto.timestamps import TimeStamper
from edms.accounts.service import actor_of_employee
from edms.content.store import ContentStore
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.parts import Parts
from edms.dispatch.models import OutboxItem
from edms.dispatch.rules import LEASE
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.letters import service
from edms.letters.checks import AddresseeText, LetterText
from edms.letters.issuing import issue
from edms.letters.models import Letter
from edms.letters.printing_plan import Printing
from edms.letters.rules import Kind
from edms.registry.models import RegisterEntry
from edms.registry.service import TurnQueue
from edms.wiring import parts_of
from tests.journeys.conftest import Two
from tests.journeys.installation import Installation, until
from tests.shared_data import official_texts

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]
OPERATOR = system_actor("operator")
LETTERS = 30
RECOVERY = (LEASE + timedelta(minutes=2)).total_seconds()
"""A relay killed while its claim commits leaves leases that must run out; a peer that was down is tried in a minute."""
ROUNDS = 10


def test_the_balance_holds_though_gateways_and_relays_are_killed(two: Two) -> None:
    north, south = two.north, two.south
    south.diwan("entity", "set", two.codes["mop"], "--by-clerk")
    source = parts_of(load(None, north.variables()))
    dice = random.Random(two.codes["moe"])
    for installation in (north, south):
        installation.start("gateway", "relay")
    codes = []
    try:
        for round_ in range(ROUNDS):
            codes += issue_some(source, two, LETTERS // ROUNDS, round_)
            time.sleep(dice.uniform(0.0, 0.6))
            victim, name = dice.choice((north, south)), dice.choice(("gateway", "relay"))
            victim.kill(name)
            time.sleep(dice.uniform(0.0, 0.3))
            victim.start(name)
        # moe registers by rule; mop's letters wait for their clerk
        until(lambda: states(source)["registered"] == LETTERS, "every letter to moe is registered", RECOVERY)
        until(lambda: waiting(south) == LETTERS, "every letter to mop waits for the clerk", RECOVERY)
        until(lambda: states(source)["accepted"] == LETTERS, "every letter to mop is taken over", RECOVERY)
    finally:
        for installation in (north, south):
            installation.stop()
        source[Database].dispose()
    outcome = states(source)
    source[Database].dispose()
    assert outcome["registered"] + outcome["refused"] + outcome["accepted"] == 2 * LETTERS
    assert (outcome["registered"], outcome["refused"], outcome["accepted"]) == (LETTERS, 0, LETTERS)
    target = parts_of(load(None, south.variables()))
    with target[Database].read(OPERATOR) as uow:
        arrived = Counter(uow.session.scalars(select(Letter.document_code).where(Letter.direction == "incoming")))
        assert arrived == Counter(dict.fromkeys(codes, 1))
        numbers = uow.session.scalars(
            select(RegisterEntry.number).where(RegisterEntry.direction == "incoming").order_by(RegisterEntry.number)
        ).all()
        assert numbers == list(range(1, LETTERS + 1))
    target[Database].dispose()
    with source[Database].read(OPERATOR) as uow:
        far = uow.session.scalars(select(OutboxItem.far_number).where(OutboxItem.state == "registered")).all()
        assert len(set(far)) == LETTERS
    source[Database].dispose()


def issue_some(parts: Parts, two: Two, number: int, round_: int) -> list[str]:
    """Write, sign and issue letters of the ministry of health to one body that registers by rule and one that waits."""
    database, texts, issued = parts[Database], official_texts(LETTERS), []
    with database.work(OPERATOR) as uow:
        writer, head = actor_of_employee(uow, "employee.moh"), actor_of_employee(uow, "head.moh")
    for place in range(number):
        with database.work(writer) as uow:
            assert writer.entity_id is not None
            post = entities.signing_posts(uow, writer.entity_id)[0]
            text = LetterText(
                kind=Kind.LETTER, subject=f"كتاب {round_} / {place}", signer_post_id=post.id,
                body=[{"type": "paragraph", "text": texts[round_ * number + place][:1_500]}],
                addressees=tuple(
                    AddresseeText(entities.entity_by_code(uow, two.codes[key]).id) for key in ("moe", "mop")
                ),
            )  # fmt: skip
            letter_id = service.draft(uow, text).id
            service.submit(uow, letter_id)
        with database.work(head) as uow:
            service.sign(uow, letter_id, keys=parts[Keyring])
        made = issue(
            database, head, letter_id, turns=parts[TurnQueue], store=parts[ContentStore], keys=parts[Keyring],
            printing=parts[Printing], stamper=parts[TimeStamper],
        )  # fmt: skip
        issued.append(made.document_code)
    return issued


def states(parts: Parts) -> Counter[str]:
    with parts[Database].read(OPERATOR) as uow:
        return Counter(uow.session.scalars(select(OutboxItem.state).where(OutboxItem.kind == "letter")))


def waiting(installation: Installation) -> int:
    return int(installation.rows("SELECT count(*) FROM received_messages WHERE state = 'waiting'")[0][0])
