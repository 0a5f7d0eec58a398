"""Whose copy leaked pictures show: named by hidden marks, led to by visible codes, never guessed."""

import io

import pytest
from PIL import Image

from edms.core.actor import Actor
from edms.core.errors import Forbidden, Invalid, Unavailable
from edms.search.follower import follow
from edms.search.indexes import Indexes
from edms.verification.leak_rules import Measured, advice, odds
from edms.verification.tracing import look_up
from tests.factories.issued import IssuedLetter, downloaded_copy, events, issued_letter
from tests.factories.world import OPERATOR, World
from tests.verification.leaks import LONG, auditor_of, bilevel, encoded, noise, piece, rendered, traced


@pytest.fixture(scope="module")
def long_letter(world: World) -> IssuedLetter:
    return issued_letter(world, subject="صرف مستحقات المرحلة الثانية", body=LONG)


def test_a_copy_is_named_from_the_file_and_from_a_photo_of_half_the_page(world: World, letter: IssuedLetter) -> None:
    pdf, copy = downloaded_copy(world, letter, ("a", "employee"))
    clerk = world.actor("a", "employee")
    turned = piece(rendered(pdf), 0.3, 0.2, 1, 0.6).rotate(3, expand=True, fillcolor="white")
    for leak in (pdf, encoded(turned, "JPEG", quality=80)):
        found = traced(world, OPERATOR, leak)
        (named,) = found.named
        assert (named.copy_code, named.document_code) == (copy.code, letter.document_code)
        assert (named.entity_code, named.employee_code) == (world.entity_a.code, clerk.employee_code)
        assert "tint" in named.layers
        assert named.false_accusation_probability is not None
        assert 0 < named.false_accusation_probability <= 1e-9
        assert (found.pictures[0].named, found.pictures[0].help) == (1, ())
        assert found.pictures[0].document_code == letter.document_code
        (drawn,) = [one for copy_id, one in found.evidence if copy_id == named.copy_id]
        assert drawn.agreed > 0.9 * drawn.read > 0
        assert Image.open(io.BytesIO(drawn.drawn)).format == "WEBP"


def test_a_black_and_white_piece_is_named_once_its_letter_is(world: World, long_letter: IssuedLetter) -> None:
    pdf, copy = downloaded_copy(world, long_letter, ("a", "employee"))
    leak = encoded(bilevel(piece(rendered(pdf, dpi=200), 0.06, 0.32, 0.97, 0.5)))
    lost = traced(world, OPERATOR, leak)
    found = traced(world, OPERATOR, leak, letters=(long_letter.document_code,))
    assert (lost.named, lost.pictures[0].help[0]) == ((), "leaks.help-letter")
    assert [one.copy_code for one in found.named] == [copy.code]
    assert found.named[0].layers == ("shift",)


def test_a_black_and_white_piece_finds_its_letter_by_its_words(world: World, long_letter: IssuedLetter) -> None:
    """No colour, no code, nobody says which letter it is: its words do, to an auditor who may read the letter."""
    pdf, copy = downloaded_copy(world, long_letter, ("a", "employee"))
    leak = encoded(bilevel(piece(rendered(pdf, dpi=200), 0.06, 0.32, 0.97, 0.5)))
    while follow(world.database, world.parts[Indexes]):
        pass
    found = traced(world, auditor_of(world, "a"), leak)
    assert [one.copy_code for one in found.named] == [copy.code]
    assert (found.named[0].layers, found.letters) == (("shift",), (long_letter.document_code,))
    elsewhere = traced(world, auditor_of(world, "b"), leak)
    assert (elsewhere.named, elsewhere.letters) == ((), ())
    assert elsewhere.pictures[0].help[0] == "leaks.help-letter"


def test_a_look_up_is_done_though_the_index_cannot_be_asked(
    world: World, long_letter: IssuedLetter, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf, copy = downloaded_copy(world, long_letter, ("a", "employee"))

    def damaged(*_: object, **__: object) -> None:
        raise Unavailable("search.index-damaged")

    monkeypatch.setattr("edms.verification.tracing.likely_letters", damaged)
    found = traced(world, auditor_of(world, "a"), encoded(piece(rendered(pdf), 0.06, 0.32, 0.97, 0.5)))
    assert [one.copy_code for one in found.named] == [copy.code]


def test_two_leakers_whose_pictures_come_together_are_both_named(world: World, letter: IssuedLetter) -> None:
    leaks, expected = [], set()
    for who in ("employee", "head"):
        pdf, copy = downloaded_copy(world, letter, ("a", who))
        leaks.append(encoded(piece(rendered(pdf), 0.05, 0.05, 0.95, 0.5)))
        expected.add(copy.code)
    found = traced(world, OPERATOR, *leaks)
    assert {one.copy_code for one in found.named} == expected
    assert sorted(one.pictures for one in found.named) == [(0,), (1,)]


def test_a_drawn_code_is_a_lead_and_no_proof(world: World, letter: IssuedLetter) -> None:
    pdf, copy = downloaded_copy(world, letter, ("a", "employee"))
    margin = piece(rendered(pdf, dpi=300), 0, 0.4, 0.06, 1)
    sheet = Image.new("RGB", (2400, 3200), "white")
    sheet.paste(margin.convert("L").point(lambda value: 255 if value > 150 else 0).convert("RGB"), (200, 300))
    found = traced(world, OPERATOR, encoded(sheet))
    assert found.named == ()
    (lead,) = found.copies
    assert (lead.copy_code, lead.layers, lead.false_accusation_probability) == (copy.code, ("visible",), None)


def test_the_subject_of_a_file_is_a_hint_only(world: World, letter: IssuedLetter) -> None:
    import pikepdf

    _, copy = downloaded_copy(world, letter, ("a", "employee"))
    with pikepdf.open(io.BytesIO(letter.pdf)) as document:
        document.docinfo["/Subject"] = pikepdf.String(f"copy {copy.code}")
        out = io.BytesIO()
        document.save(out)
    found = traced(world, OPERATOR, out.getvalue())
    assert (found.named, [one.layers for one in found.copies]) == ((), [("file",)])


def test_the_original_and_pictures_of_nothing_name_nobody(world: World, letter: IssuedLetter) -> None:
    for leak in (letter.pdf, encoded(Image.new("L", (800, 1100), 255)), noise(1)):
        found = traced(world, OPERATOR, leak)
        assert found.copies == ()
        assert found.pictures[0].help


def test_an_auditor_learns_of_copies_of_his_own_body_only(world: World, letter: IssuedLetter) -> None:
    pdf, copy = downloaded_copy(world, letter, ("a", "employee"))
    leak = encoded(piece(rendered(pdf), 0.2, 0.2, 1, 0.7))
    assert [one.copy_code for one in traced(world, auditor_of(world, "a"), leak).named] == [copy.code]
    other = traced(world, auditor_of(world, "b"), leak)
    assert (other.copies, other.letters, other.evidence) == ((), (), ())
    assert (other.pictures[0].document_code, other.pictures[0].help[0]) == ("", "leaks.help-letter")


def test_an_auditor_cannot_name_a_letter_of_another_body(world: World, letter: IssuedLetter) -> None:
    with pytest.raises(Invalid) as caught:
        traced(world, auditor_of(world, "b"), noise(2), letters=(letter.document_code,))
    assert caught.value.code == "leaks.unknown-letter"


@pytest.mark.parametrize("who", ["employee", "registry", "head", "administrator"])
def test_nobody_else_may_trace(world: World, letter: IssuedLetter, who: str) -> None:
    with pytest.raises(Forbidden):
        traced(world, world.actor("a", who), letter.pdf)


def test_files_that_are_no_pictures_are_told_and_the_others_read(world: World, letter: IssuedLetter) -> None:
    pdf, copy = downloaded_copy(world, letter, ("a", "employee"))
    heic = b"\x00\x00\x00\x18ftypheic" + bytes(40)
    bomb = encoded(Image.new("1", (30_000, 30_000)))
    found = traced(world, OPERATOR, "نص".encode(), heic, bomb, pdf)
    assert found.troubles == {0: "leaks.unreadable", 1: "leaks.heic", 2: "leaks.too-many-pixels"}
    assert [one.copy_code for one in found.named] == [copy.code]
    assert found.named[0].pictures == (0,)


def test_a_photo_is_turned_as_its_camera_says(world: World, letter: IssuedLetter) -> None:
    pdf, copy = downloaded_copy(world, letter, ("a", "employee"))
    image = rendered(pdf)
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    image.rotate(90, expand=True).save(out, "JPEG", quality=85, exif=exif)
    found = traced(world, OPERATOR, out.getvalue())
    assert [one.copy_code for one in found.named] == [copy.code]
    assert found.pictures[0].width < found.pictures[0].height


def test_each_tracing_is_an_event(world: World, letter: IssuedLetter) -> None:
    with world.database.read(OPERATOR) as uow:
        before = events(uow, "verification.traced")
    traced(world, OPERATOR, letter.pdf)
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "verification.traced") == before + 1


def test_visible_codes_are_told_with_their_holder(world: World, letter: IssuedLetter) -> None:
    _, copy = downloaded_copy(world, letter, ("a", "employee"))
    _stranger: Actor = auditor_of(world, "b")
    with world.database.work(auditor_of(world, "a")) as uow:
        assert [one.copy_code for one in look_up(uow, [copy.code])] == [copy.code]
    with world.database.work(_stranger) as uow:
        assert look_up(uow, [copy.code]) == ()


def test_the_odds_are_told_in_words_and_never_rounded_in_our_favour() -> None:
    assert odds(1e-9).words == "leaks.odds-9"
    assert odds(9.99e-10).words == "leaks.odds-9"
    assert odds(1e-12).words == "leaks.odds-12"
    for chance in (1e-9, 3.3e-10, 2.7e-14, 1.19e-12):
        told = odds(chance)
        assert told.figure * 10.0**told.power * chance <= 1 + 1e-6


def test_advice_follows_from_what_failed() -> None:
    blank = Measured(width=900, height=900, tint=True, candidates=0, copies=0)
    assert advice(blank) == ("leaks.help-letter",)
    shown = Measured(900, 900, tint=False, candidates=1, copies=3, shows=True, runs=9, pixels_a_mm=2.5, skew=1.6)
    assert advice(shown) == (
        "leaks.help-larger", "leaks.help-sharper", "leaks.help-straighter", "leaks.help-original-file",
    )  # fmt: skip
    assert advice(Measured(900, 900, tint=True, candidates=1, copies=0)) == ("leaks.help-no-copies",)
    assert advice(Measured(900, 900, tint=True, candidates=1, copies=3)) == ("leaks.help-other-letter",)
    assert advice(Measured(900, 900, tint=True, candidates=1, copies=3, drawn=False)) == (
        "leaks.help-other-letter", "leaks.help-broken-original",
    )  # fmt: skip
