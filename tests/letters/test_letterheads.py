"""Letterheads of bodies: who sets them, what is checked, and what the printed letters then show."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select

from edms.audit.models import Event
from edms.core.errors import Conflict, Forbidden, Invalid
from edms.demo.emblems import emblem_svg
from edms.letters.letterheads import LetterheadChange, Look, contrast_on_white, look_of, set_letterhead
from edms.letters.models import Letter, LetterheadRow, Signature
from edms.letters.printing import SheetText, printed_letter, printed_text
from edms.letters.printing_plan import Printing
from edms.letters.rendition.values import PrintedLetter
from edms.letters.rules import Kind
from tests.factories import letters as make
from tests.factories.world import OPERATOR, World, make_world

EMBLEM = emblem_svg("staff", "wreath", "#0a5f63").encode()
CHANGE = LetterheadChange(
    top_ar="جمهورية العراق", top_en="Republic of Iraq", contact_ar="بغداد – باب المعظم", contact_en="Baghdad",
    colour="#0A5F63", digits="latn", months="gulf", hijri=False, kashida=True, emblem=EMBLEM,
    pattern="{mark}/د/٤/{number}",
)  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def change(world: World, told: LetterheadChange, who: tuple[str, str] = ("a", "administrator")) -> Look:
    with world.database.work(world.actor(*who)) as uow:
        return set_letterhead(uow, world.entity_a.id, told)


def problems(world: World, told: LetterheadChange) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        change(world, told)
    return {problem.where: problem.code for problem in refused.value.problems}


def printed(world: World, letter_id: UUID, printing: Printing | None = None) -> PrintedLetter:
    with world.database.read(OPERATOR) as uow:
        letter = uow.session.get_one(Letter, letter_id)
        return printed_letter(uow, letter, printing or world.parts[Printing], day=uow.today)


def test_letterhead_is_printed_on_the_coming_letters(world: World) -> None:
    change(world, CHANGE)
    sheet = printed(world, make.drafted(world))
    head = sheet.letterhead
    assert head.lines_ar == ("جمهورية العراق", world.entity_a.name_ar)
    assert head.lines_en[0] == "Republic of Iraq"
    assert (head.contact, head.colour) == ("بغداد – باب المعظم", "#0a5f63")
    assert head.emblem.startswith(b"\x89PNG")
    assert (sheet.digits, sheet.months, sheet.hijri, sheet.kashida) == ("latn", "gulf", False, True)
    assert make.issued(world).number == f"{world.entity_a.short_mark}/د/4/1"


def test_body_without_a_letterhead_prints_as_the_installation_does(world: World) -> None:
    usual = replace(world.parts[Printing], digits="latn", months="maghreb")
    sheet = printed(world, make.drafted(world), usual)
    assert (sheet.digits, sheet.months, sheet.hijri, sheet.kashida) == ("latn", "maghreb", True, False)
    assert (sheet.letterhead.emblem, sheet.letterhead.contact, sheet.letterhead.colour) == (b"", "", "")


def test_change_leaves_what_it_does_not_name(world: World) -> None:
    before = change(world, CHANGE)
    after = change(world, LetterheadChange(colour="#123456"))
    assert after == replace(before, colour="#123456")
    assert change(world, LetterheadChange(emblem=b"")).emblem == b""


def test_each_change_is_one_event_and_no_change_is_none(world: World) -> None:
    for told in (CHANGE, CHANGE, LetterheadChange(), LetterheadChange(kashida=False)):
        change(world, told)
    with world.database.read(OPERATOR) as uow:
        acts = list(uow.session.scalars(select(Event.act).where(Event.object_type.in_(("letterhead", "register")))))
    assert acts == ["letters.letterhead-changed", "registry.pattern-changed", "letters.letterhead-changed"]


def test_words_and_emblem_are_kept_sealed(world: World) -> None:
    change(world, CHANGE)
    with world.database.read(OPERATOR) as uow:
        row = uow.session.scalars(select(LetterheadRow)).one()
        stored = b"".join(
            each or b"" for each in (row.top_ar_sealed, row.contact_ar_sealed, row.contact_en_sealed, row.emblem_sealed)
        )
    assert "بغداد".encode() not in stored
    assert b"Baghdad" not in stored
    assert b"PNG" not in stored


@pytest.mark.parametrize("who", [("b", "administrator"), ("a", "head"), ("a", "registry"), ("a", "employee")])
def test_nobody_but_its_administrator_and_the_centre_changes_a_letterhead(world: World, who: tuple[str, str]) -> None:
    with pytest.raises(Forbidden):
        change(world, CHANGE, who)


def test_centre_and_operator_change_any_letterhead(world: World) -> None:
    assert change(world, LetterheadChange(colour="#111111"), ("centre", "centre")).colour == "#111111"
    with world.database.work(OPERATOR) as uow:
        assert set_letterhead(uow, world.entity_b.id, CHANGE).top_ar == "جمهورية العراق"


def test_body_of_a_peer_is_not_changed_here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        id = UUID(int=1)

    monkeypatch.setattr("edms.entities.queries.home", lambda _uow: Elsewhere)
    with pytest.raises(Conflict):
        change(world, CHANGE)


def test_everything_wrong_is_told_at_once_and_nothing_is_kept(world: World) -> None:
    told = LetterheadChange(
        top_ar="م" * 81, contact_en="c" * 161, colour="#ffd700", digits="roman", months="coptic", emblem=b"GIF89a",
        pattern="{mark}",
    )  # fmt: skip
    assert problems(world, told) == {
        "top_ar": "letters.letterhead-long", "contact_en": "letters.letterhead-long",
        "colour": "letters.letterhead-pale", "digits": "letters.letterhead-choice",
        "months": "letters.letterhead-choice", "emblem": "letters.emblem-format",
        "pattern": "registry.pattern-no-number",
    }  # fmt: skip
    with world.database.read(OPERATOR) as uow:
        assert look_of(uow, world.entity_a.id) == Look()


@pytest.mark.parametrize("colour", ["red", "#12345", "#1234567", "url(#a)"])
def test_colour_is_written_in_one_way(world: World, colour: str) -> None:
    assert problems(world, LetterheadChange(colour=colour)) == {"colour": "letters.letterhead-colour"}


def test_contrast_is_that_of_the_accessibility_guidelines() -> None:
    assert contrast_on_white("#000000") == pytest.approx(21)
    assert contrast_on_white("#ffffff") == pytest.approx(1)
    assert contrast_on_white("#767676") == pytest.approx(4.54, abs=0.01)
    assert contrast_on_white("#777777") < 4.5


def text(world: World, **given: Any) -> SheetText:
    values: dict[str, Any] = {
        "entity_id": world.entity_a.id, "kind": Kind.LETTER, "sensitivity": 0, "precedence": "urgent",
        "subject": "توفير الأدوية", "body": [{"type": "paragraph", "text": "نص الكتاب."}], "to": (world.entity_b.id,),
    }  # fmt: skip
    return SheetText(**(values | given))


def sheet_of(world: World, told: SheetText) -> PrintedLetter:
    with world.database.read(world.actor("a", "employee")) as uow:
        return printed_text(uow, told, world.parts[Printing], day=None)


def test_letter_in_english_is_labelled_in_english(world: World) -> None:
    change(world, replace(CHANGE, digits="arab"))
    english = text(
        world, kind=Kind.ORDER, sensitivity=2, subject="Phase two", body=[{"type": "paragraph", "text": "We agree."}],
        copies=((world.entity_b.id, ""),),
    )  # fmt: skip
    sheet = sheet_of(world, english)
    assert (sheet.kind_title, sheet.sensitivity, sheet.precedence) == ("Administrative Order", "Confidential", "Urgent")
    assert (sheet.watermark, sheet.digits, sheet.letterhead.contact) == ("DRAFT", "latn", "Baghdad")
    assert sheet.copies[0][1] == "for your kind information"


def test_kinds_have_their_titles_and_a_memorandum_its_sender(world: World) -> None:
    titles = {kind: sheet_of(world, text(world, kind=kind)).kind_title for kind in Kind}
    assert titles == {
        "letter": "", "circular": "إعمام", "memo": "مذكرة داخلية", "order": "أمر إداري", "reminder": "تأكيد",
        "reply": "", "confirmation": "تأييد صحة صدور",
    }  # fmt: skip
    assert sheet_of(world, text(world, kind=Kind.MEMO)).sender == world.entity_a.name_ar
    assert sheet_of(world, text(world)).sender == ""


def test_reminder_names_our_earlier_letter_by_number_and_date(world: World) -> None:
    asked = make.issued(world)
    reminder = make.drafted(world, kind=Kind.REMINDER, references=(asked.document_code,))
    (line,) = printed(world, reminder).references
    assert line.startswith("تأكيداً لكتابنا ذي العدد")
    assert "١" in line


def test_reply_names_the_letter_of_its_addressee_and_not_of_another_as_theirs(world: World) -> None:
    asked = make.issued(world)
    make.receive(world, asked.letter_id)
    with world.database.read(OPERATOR) as uow:
        earlier = uow.session.scalars(select(Letter).where(Letter.entity_id == world.entity_b.id)).one()
        answer = text(world, entity_id=world.entity_b.id, kind=Kind.REPLY, references=(earlier, "كتاب قديم"))
        told = printed_text(uow, replace(answer, to=(world.entity_a.id,)), world.parts[Printing], day=None)
        other = printed_text(uow, replace(answer, to=(world.centre.id,)), world.parts[Printing], day=None)
    assert told.references[0].startswith("جواباً على كتابكم ذي العدد")
    assert told.references[1] == "كتاب قديم"
    assert other.references[0].startswith(f"إشارة إلى كتاب {world.entity_a.name_ar} ذي العدد")


def test_deputy_signs_by_the_own_post_on_behalf_of_the_post(world: World) -> None:
    letter_id = make.signed(world)
    deputy = world.actor("a", "colleague").employee_id
    assert deputy is not None
    with world.database.work(OPERATOR) as uow:
        signature = uow.session.scalars(select(Signature).where(Signature.letter_id == letter_id)).one()
        signature.on_behalf_of_id, signature.employee_id = signature.employee_id, deputy
    sheet = printed(world, letter_id)
    assert (sheet.on_behalf_of, sheet.signer_post) == ("رئيس الجهة", "معاون ملاحظ")


def test_reads_do_not_grow_with_the_addressees(world: World) -> None:
    counts = []
    for to in ((), (world.entity_b.id,), (world.entity_b.id, world.centre.id)):  # at first a body's key is unwrapped
        statements: list[str] = []
        with world.database.read(world.actor("a", "employee")) as uow:
            engine = uow.session.get_bind()
            note = lambda *args, kept=statements: kept.append(str(args[2]))  # noqa: E731
            event.listen(engine, "before_cursor_execute", note)
            printed_text(uow, text(world, to=to), world.parts[Printing], day=None)
            event.remove(engine, "before_cursor_execute", note)
        counts.append(sum(not one.startswith("PRAGMA") for one in statements))
    assert counts[1] == counts[2]
