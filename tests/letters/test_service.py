"""Drafting, saving, submitting, returning and signing."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from edms.core.errors import Conflict, Forbidden, Invalid, NotFound
from edms.entities.models import Entity
from edms.letters import queries, service
from edms.letters.rules import Sensitivity, State
from tests.factories import letters as make
from tests.factories.world import World


def codes(error: Invalid) -> set[str]:
    return {problem.code for problem in error.problems}


def test_draft_keeps_text_and_numbers_nothing(world: World) -> None:
    letter_id = make.drafted(world)
    with world.database.read(world.actor("a", "employee")) as uow:
        letter = queries.letter(uow, letter_id)
        assert (letter.state, letter.number, letter.document_code, letter.version) == (State.DRAFT, "", None, 1)
        assert letter.subject == make.SUBJECT
        assert queries.newest_version(uow, letter_id).text["body"][1]["text"].startswith("إشارةً إلى كتابكم")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"subject": " \n "}, "letters.subject-empty"),
        ({"subject": "م" * 301}, "letters.subject-too-long"),
        ({"to": (uuid4(),)}, "letters.unknown-addressee"),
        ({"signer_post_id": uuid4()}, "letters.unknown-signer"),
        ({"sensitivity": Sensitivity.TOP_SECRET}, "letters.above-clearance"),
        ({"body": [{"type": "html", "html": "<b>"}]}, "letters.body-bad-block"),
    ],
)
def test_draft_refuses_what_breaks_a_rule(world: World, given: dict[str, object], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        make.drafted(world, **given)  # type: ignore[arg-type]
    assert code in codes(refused.value)
    with world.database.read(world.actor("a", "employee")) as uow:
        assert queries.letters(uow) == []


def test_draft_refuses_own_entity_and_repeated_addressee(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        make.drafted(world, to=(world.entity_a.id, world.entity_b.id), copies=(world.entity_b.id,))
    assert codes(refused.value) == {"letters.own-entity", "letters.addressee-twice"}


def test_draft_refuses_a_body_that_has_ended(world: World) -> None:
    with world.database.work(world.actor("centre", "centre")) as uow:
        ended = uow.session.get_one(Entity, world.entity_b.id)
        ended.valid_to = uow.now.date() - timedelta(days=1)
    with pytest.raises(Invalid) as refused:
        make.drafted(world)
    assert codes(refused.value) == {"letters.closed-addressee"}


def test_save_makes_a_version_and_refuses_an_older_one(world: World) -> None:
    letter_id = make.drafted(world)
    employee = world.actor("a", "employee")
    text = make.letter_text(world, subject="الموضوع بعد التعديل")
    with world.database.work(employee) as uow:
        assert service.save(uow, letter_id, text, expected_version=1).version == 2
    with pytest.raises(Conflict, match="older-draft") as refused, world.database.work(employee) as uow:
        service.save(uow, letter_id, replace(text, subject="نافذة ثانية"), expected_version=1)
    assert refused.value.params == {"yours": 1, "newest": 2}
    assert make.letter(world, letter_id, employee).version == 2


def test_only_the_author_sees_and_saves_a_draft(world: World) -> None:
    letter_id = make.drafted(world)
    for who in ("colleague", "head", "registry"):
        with pytest.raises(NotFound), world.database.work(world.actor("a", who)) as uow:
            service.save(uow, letter_id, make.letter_text(world), expected_version=1)


def test_submit_says_everything_that_is_missing(world: World) -> None:
    letter_id = make.drafted(world, to=(), signer_post_id=None, markup=" ")
    with pytest.raises(Invalid) as refused, world.database.work(world.actor("a", "employee")) as uow:
        service.submit(uow, letter_id)
    assert codes(refused.value) == {"letters.no-addressee", "letters.no-signer", "letters.body-empty"}
    assert make.letter(world, letter_id, world.actor("a", "employee")).state == State.DRAFT


def test_return_brings_the_reason_to_the_author_and_ends_the_signature(world: World) -> None:
    letter_id = make.signed(world)
    with world.database.work(world.actor("a", "head")) as uow:
        service.return_(uow, letter_id, " يُصحَّح رقم القرار ")
    with world.database.read(world.actor("a", "employee")) as uow:
        letter = queries.letter(uow, letter_id)
        assert (letter.state, letter.return_reason) == (State.DRAFT, "يُصحَّح رقم القرار")
        assert queries.signature(uow, letter_id) is None


def test_return_needs_a_reason(world: World) -> None:
    letter_id = make.submitted(world)
    with pytest.raises(Invalid, match="reason-missing"), world.database.work(world.actor("a", "head")) as uow:
        service.return_(uow, letter_id, "  ")


def test_sign_refuses_a_signatory_without_the_post(world: World) -> None:
    letter_id = make.submitted(world)
    head = world.actor("a", "head")
    author_as_signatory = replace(
        world.actor("a", "employee"), roles=frozenset({"employee", "signatory"}), post_ids=frozenset({uuid4()})
    )
    with pytest.raises(Forbidden, match="not-your-post"), world.database.work(author_as_signatory) as uow:
        service.sign(uow, letter_id, keys=world.keyring)
    with pytest.raises(NotFound), world.database.work(replace(head, post_ids=frozenset())) as uow:
        service.sign(uow, letter_id, keys=world.keyring)
    assert make.letter(world, letter_id).state == State.SUBMITTED


def test_signature_covers_text_and_attachments(world: World) -> None:
    letter_id = make.submitted(world, files={"جدول.csv": b"a,b\n"})
    with world.database.work(world.actor("a", "head")) as uow:
        service.sign(uow, letter_id, keys=world.keyring)
    with world.database.work(world.actor("a", "head")) as uow:
        letter = queries.letter(uow, letter_id)
        service.valid_signature(uow, letter)
        queries.attachments(uow, letter_id)[0].name = "جدول آخر.csv"
        uow.flush()
        with pytest.raises(Conflict, match="signature-invalid"):
            service.valid_signature(uow, letter)


def test_discard_hides_a_draft_for_good(world: World) -> None:
    letter_id = make.drafted(world)
    employee = world.actor("a", "employee")
    with world.database.work(employee) as uow:
        service.discard(uow, letter_id)
    with pytest.raises(NotFound), world.database.read(employee) as uow:
        queries.letter(uow, letter_id)


def test_reference_finds_a_visible_letter_by_its_code_only(world: World) -> None:
    earlier = make.issued(world)
    assert isinstance(earlier.letter_id, UUID)
    letter_id = make.drafted(world, references=(earlier.document_code, "كتابنا ت/٤/١٢٨٧ في ٢٠٢٦/٣/١٥"))
    with world.database.read(world.actor("a", "employee")) as uow:
        held = queries.references(uow, letter_id)
        assert [each.document_code for each in held] == [earlier.document_code, None]


def test_a_mistyped_document_code_in_a_reference_is_refused_and_other_numbers_stay_words(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        make.drafted(world, references=("100234.26.00012345.17",))
    assert codes(refused.value) == {"letters.bad-code"}
    letter_id = make.drafted(world, references=("ت/٤/١٢٨٧ في ٢٠٢٦/١١/٢٠", "20261120"))
    with world.database.read(world.actor("a", "employee")) as uow:
        assert [each.document_code for each in queries.references(uow, letter_id)] == [None, None]
