"""Receiving: registered once, readable by the receiver, settled by a reply."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from edms.content import service as content
from edms.core.actor import system_actor
from edms.core.errors import Forbidden
from edms.dispatch.package import UntypedMessage
from edms.letters import queries, receiving
from edms.letters.models import Letter
from edms.letters.rules import Sensitivity, State
from edms.registry.rules import Direction
from tests.factories import letters as make
from tests.factories.world import OPERATOR, World

GATEWAY = system_actor("gateway")


def test_received_letter_has_own_number_text_and_files(world: World) -> None:
    made = make.issued(world, files={"جدول.csv": b"a,b\n"}, references=("كتابكم ت/٤/١٢٨٧",))
    letter_id = make.receive(world, made.letter_id)
    with world.database.read(world.actor("b", "employee")) as uow:
        letter = queries.letter(uow, letter_id)
        assert (letter.direction, letter.state) == (Direction.INCOMING, State.REGISTERED)
        assert (letter.number, letter.document_code) == (made.number, made.document_code)
        assert letter.register_number == f"{made.date.year}/1"
        assert letter.subject == make.SUBJECT
        assert "تهديكم" in queries.newest_version(uow, letter_id).text["text"]
        assert [each.text for each in queries.references(uow, letter_id)] == ["كتابكم ت/٤/١٢٨٧"]
        attached = queries.attachments(uow, letter_id)[0]
        kept = content.read(uow, attached.file_id, entity_id=world.entity_b.id, store=world.store, keys=world.keyring)
        assert (attached.name, kept) == ("جدول.csv", b"a,b\n")


def test_the_same_document_keeps_its_first_registration(world: World) -> None:
    made = make.issued(world)
    assert make.receive(world, made.letter_id) == make.receive(world, made.letter_id)
    with world.database.read(OPERATOR) as uow:
        count = select(func.count()).select_from(Letter).where(Letter.direction == Direction.INCOMING)
        assert uow.session.scalar(count) == 1


def test_incoming_numbers_run_in_order_of_registration(world: World) -> None:
    ids = [make.received(world, subject=f"كتاب {n}") for n in range(3)]
    numbers = [make.letter(world, each, world.actor("b", "head")).register_number.split("/")[1] for each in ids]
    assert numbers == ["1", "2", "3"]


def test_unknown_words_of_the_wire_are_taken_safely(world: World) -> None:
    made = make.issued(world)
    package, files = make.package_of(world, made.letter_id)
    strange = replace(
        package, kind="poem", precedence="soon", sensitivity="cosmic", verification_code="!!", subject="م" * 400
    )
    with world.database.work(GATEWAY) as uow:
        letter, new = receiving.receive(
            uow, strange, entity_id=world.entity_b.id, sender_id=world.entity_a.id, files=files
        )
        assert new
        assert (letter.kind, letter.precedence, letter.sensitivity) == ("letter", "ordinary", Sensitivity.TOP_SECRET)
        assert (len(letter.subject), letter.verification_digest) == (300, None)


def test_only_registry_and_gateway_receive(world: World) -> None:
    package, files = make.package_of(world, make.issued(world).letter_id)
    with pytest.raises(Forbidden), world.database.work(world.actor("b", "employee")) as uow:
        receiving.receive(uow, package, entity_id=world.entity_b.id, sender_id=world.entity_a.id, files=files)


def test_untyped_mail_is_registered_with_its_original(world: World) -> None:
    with world.database.work(GATEWAY) as uow:
        raw = content.put(
            uow, b"From: x\n\nhi", kind="message", entities=[world.entity_b.id], store=world.store, keys=world.keyring
        )
        message = UntypedMessage(problems=("package.missing",), subject="استفسار", text="نص الرسالة")
        arrival = receiving.UntypedArrival(message, world.entity_b.id, world.entity_a.id, raw.id, 11, b"\0" * 32)
        letter = receiving.receive_untyped(uow, arrival)
        letter_id = letter.id
    with world.database.read(world.actor("b", "head")) as uow:
        letter = queries.letter(uow, letter_id)
        assert (letter.subject, letter.document_code, letter.sensitivity) == ("استفسار", None, Sensitivity.RESTRICTED)
        assert [each.name for each in queries.attachments(uow, letter_id)] == ["original.eml"]
