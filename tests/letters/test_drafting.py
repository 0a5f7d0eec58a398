"""The facts behind the checks: signers, clearance of bodies, and the letters that a text names, in our registers."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from crypto.codes import document_code, format_code
from edms.core.calendar import to_digits
from edms.entities.models import Assignment, Entity
from edms.letters import body as bodies
from edms.letters import queries
from edms.letters.drafting import findings_of_letter, findings_of_text, seen_mark
from edms.letters.findings import Level
from edms.letters.rules import AddresseeRole, Sensitivity
from tests.factories import letters as make
from tests.factories.world import OPERATOR, World


def codes_of(town: World, markup: str = "نص.", who: str = "employee", **given: object) -> list[tuple[str, str]]:
    text = replace(make.letter_text(town), body=bodies.from_markup(markup), **given)  # type: ignore[arg-type]
    with town.database.read(town.actor("a", who)) as uow:
        found = findings_of_text(uow, text, attached=0)
    return [(each.level, each.problem.code.removeprefix("letters.")) for each in found]


@pytest.fixture(scope="module")
def ours(town: World) -> UUID:
    return make.issued(town).letter_id


def test_letter_of_ours_is_found_by_number_in_both_digit_sets_and_by_code(town: World, ours: UUID) -> None:
    with town.database.read(town.actor("a", "head")) as uow:
        letter = queries.letter(uow, ours)
        number, code, day = letter.number, letter.document_code or "", letter.letter_date
    assert day is not None
    written = f"{day.year}/{day.month}/{day.day}"
    later = day - timedelta(days=40)
    wrong = f"{later.year}/{later.month}/{later.day}"
    for shown in (number, to_digits(number), number.replace("/", " / ")):
        assert codes_of(town, f"إلحاقاً بكتابنا ذي العدد {shown} في {written} نرجو") == []
    assert codes_of(town, f"إلحاقاً بكتابنا المرقم {number} في {wrong}") == [(Level.WARNING, "reference-date")]
    assert codes_of(town, f"كتابنا ذو العدد {number}، ورقم {number}9") == []
    assert codes_of(town, f"كتابنا المرقم {number}99 في {written}") == [(Level.WARNING, "reference-unknown")]
    assert codes_of(town, references=(format_code(code),)) == []
    assert codes_of(town, f"كتابنا رقم {code} في {wrong}") == [(Level.ERROR, "reference-date")]
    strange = document_code(town.entity_a.code[:6], 2020, 99)
    assert codes_of(town, references=(strange,)) == [(Level.WARNING, "reference-unknown")]


def test_letter_that_the_writer_may_not_read_betrays_no_date(town: World) -> None:
    secret = make.issued(town, by=town.actor("a", "head"), sensitivity=Sensitivity.CONFIDENTIAL)
    with town.database.read(town.actor("a", "head")) as uow:
        number = queries.letter(uow, secret.letter_id).number
    text = f"إلحاقاً بكتابنا ذي العدد {number} في ٢٠٢٠/١/١"
    assert codes_of(town, text) == []
    assert codes_of(town, text, "head") == [(Level.WARNING, "reference-date")]


def test_body_below_the_sensitivity_is_refused(town: World) -> None:
    with town.database.work(OPERATOR) as uow:
        uow.session.execute(update(Entity).where(Entity.id == town.entity_b.id).values(max_sensitivity=0))
    try:
        assert codes_of(town) == []
        refused = (Level.ERROR, "addressee-not-cleared")
        assert codes_of(town, sensitivity=Sensitivity.RESTRICTED) == [refused]
        letter_id = make.drafted(town, sensitivity=Sensitivity.RESTRICTED)
        with town.database.read(town.actor("a", "employee")) as uow:
            found = findings_of_letter(uow, queries.letter(uow, letter_id))
        assert [each.problem.code for each in found if each.level == Level.ERROR] == ["letters.addressee-not-cleared"]
    finally:
        with town.database.work(OPERATOR) as uow:
            uow.session.execute(update(Entity).where(Entity.id == town.entity_b.id).values(max_sensitivity=3))


def test_post_that_nobody_holds_today_cannot_sign(town: World) -> None:
    post = make.letter_text(town).signer_post_id
    with town.database.work(OPERATOR) as uow:
        ended = {"valid_from": uow.today - timedelta(days=9), "valid_to": uow.today - timedelta(days=1)}
        uow.session.execute(update(Assignment).where(Assignment.post_id == post).values(**ended))
    try:
        assert codes_of(town) == [(Level.ERROR, "signer-vacant")]
    finally:
        with town.database.work(OPERATOR) as uow:
            uow.session.execute(update(Assignment).where(Assignment.post_id == post).values(valid_to=None))
    assert codes_of(town, signer_post_id=None) == [(Level.ERROR, "no-signer")]


def test_typed_and_saved_letter_have_the_same_findings(town: World) -> None:
    markup = "يوم الأحد ٢٠/١١/٢٠٢٥ طياً {حقل}"
    letter_id = make.drafted(town, markup=markup)
    with town.database.read(town.actor("a", "employee")) as uow:
        stored = findings_of_letter(uow, queries.letter(uow, letter_id))
        typed = findings_of_text(uow, make.letter_text(town, markup=markup), attached=0)
    assert stored == typed
    assert len(stored) == 3
    assert seen_mark(stored) == seen_mark(typed) != ""


def test_copies_do_not_count_as_addressees(town: World) -> None:
    text = make.letter_text(town, to=(), copies=(town.entity_b.id,))
    assert [each.role for each in text.addressees] == [AddresseeRole.COPY]
    with town.database.read(town.actor("a", "employee")) as uow:
        found = findings_of_text(uow, text, attached=0)
    assert "letters.no-addressee" in [each.problem.code for each in found]
