"""Papers are judged by the seal on them: printed, scanned askew, written over; a moved seal is called what it is."""

import io
import random
from datetime import timedelta

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from crypto.codes import format_code
from crypto.paper_seal import read_seal
from edms.core.arabic import words
from edms.core.errors import Conflict, Invalid
from edms.entities.models import EntitySeal
from edms.letters import closing
from edms.letters.rules import Sensitivity
from edms.verification import desk
from edms.verification.paper_reader import read_page
from edms.verification.rules import Answer, Verdict, missing_words
from tests.factories import issued
from tests.factories.issued import IssuedLetter, issued_letter
from tests.factories.scanning import PRINT_DPI, printed, scanned, symbols, written_over
from tests.factories.world import OPERATOR, World, make_world

LONG = "يرجى من الدوائر كافة تزويدنا بأسماء الموظفين المشمولين بالترفيع خلال سبعة أيام من تاريخ هذا الكتاب. "
TRIALS = 20


def letter_of(world: World, paragraphs: int, monkeypatch: pytest.MonkeyPatch, **more: object) -> IssuedLetter:
    body = [
        {"type": "paragraph", "text": f"{n}. المادة {n * 37} من التعليمات رقم {n * 11}: {LONG[n % 40 :]}"}
        for n in range(1, paragraphs + 1)
    ]
    monkeypatch.setattr(issued, "BODY", body)
    return issued_letter(world, **more)  # type: ignore[arg-type]


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def shown(world: World, image: Image.Image) -> Verdict:
    return desk.ask_file(world.database, OPERATOR, png(image), address=None)


def moved(source: IssuedLetter, target: IssuedLetter) -> Image.Image:
    """Return the first page of ``target`` with every symbol of ``source`` put in place of its own."""
    page, other = printed(target.pdf)[0], printed(source.pdf)[0]
    left, top, right, bottom = symbols(other)[0]
    symbol = other.crop((left - 20, top - 20, right + 20, bottom + 20))
    for x0, y0, x1, y1 in symbols(page):
        page.paste("white", (x0 - 20, y0 - 20, x1 + 20, y1 + 20))
        page.paste(symbol.resize((x1 - x0 + 40, y1 - y0 + 40)), (x0 - 20, y0 - 20))
    return page


@pytest.mark.parametrize("paragraphs", [1, 5, 12])
def test_a_page_scanned_askew_and_written_over_still_verifies(
    world: World, monkeypatch: pytest.MonkeyPatch, paragraphs: int
) -> None:
    letter = letter_of(world, paragraphs, monkeypatch)
    page = printed(letter.pdf)[0]
    boxes = symbols(page)
    right = 0
    for trial in range(TRIALS):
        rng = random.Random(trial * 31 + paragraphs)
        paper = scanned(written_over(page, boxes, 0.04, rng), rng)
        seals = read_page(paper).seals
        right += [read_seal(seal).claims.document_code for seal in seals] == [letter.document_code]
    assert right >= 0.95 * TRIALS, f"{right} of {TRIALS} with {len(boxes)} symbols"


def test_a_scanned_page_is_authentic_and_says_what_was_signed(world: World, letter: IssuedLetter) -> None:
    page = printed(letter.pdf)[0]
    rng = random.Random(5)
    verdict = shown(world, scanned(written_over(page, symbols(page), 0.04, rng), rng))
    assert (verdict.answer, verdict.document_code) == (Answer.AUTHENTIC, letter.document_code)
    assert verdict.reasons == ("verification.paper-genuine", "verification.compare-text")
    assert verdict.signed is not None
    signed = verdict.signed
    assert (signed.number, signed.subject, signed.names) == (letter.number, "تخصيصات مشروع الأرشفة", ("وزارة التربية",))
    assert signed.text == issued.BODY[0]["text"]
    assert signed.picture


def test_a_seal_moved_to_another_letter_shows_the_mismatch(world: World, letter: IssuedLetter) -> None:
    other = issued_letter(world, subject="صرف سلفة")
    verdict = shown(world, moved(letter, other))
    assert (verdict.answer, verdict.reasons) == (Answer.ALTERED, ("verification.foot-code-differs",))


def test_two_seals_of_different_letters_on_one_paper_are_a_mismatch(world: World, letter: IssuedLetter) -> None:
    other = issued_letter(world, subject="صرف سلفة")
    page = printed(letter.pdf)[0]
    last = symbols(page)[-1]
    page.paste(moved(other, letter).crop(last), last[:2])
    assert shown(world, page).reasons == ("verification.seals-differ",)


def without_seal(pdf: bytes) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as document:
        del document.Root.AcroForm
        for page in document.pages:
            del page["/Annots"]
        document.save(out)
    return out.getvalue()


def test_a_pdf_of_words_that_lost_its_seal_is_never_authentic(world: World, letter: IssuedLetter) -> None:
    verdict = desk.ask_file(world.database, OPERATOR, without_seal(letter.pdf), address=None)
    assert verdict.answer is Answer.UNKNOWN
    assert verdict.reasons[:2] == ("verification.unsigned", "verification.paper-genuine")


def test_a_pdf_with_other_words_under_a_moved_seal_is_altered(
    world: World, monkeypatch: pytest.MonkeyPatch, letter: IssuedLetter
) -> None:
    target = letter_of(world, 6, monkeypatch)
    symbol = printed(letter.pdf)[0]
    box = symbols(symbol)[0]
    document = pypdfium2.PdfDocument(without_seal(target.pdf))
    page = document[0]
    picture = symbol.crop((box[0] - 20, box[1] - 20, box[2] + 20, box[3] + 20))
    points = 72 / PRINT_DPI
    for left, _, right, bottom in symbols(printed(target.pdf)[0]):
        side = (right - left) * points * 1.1
        placed = pypdfium2.PdfImage.new(document)
        placed.set_bitmap(pypdfium2.PdfBitmap.from_pil(picture))
        place = (left * points - 3, page.get_height() - bottom * points - 3)
        placed.set_matrix(pypdfium2.PdfMatrix().scale(side, side).translate(*place))
        page.insert_obj(placed)
    page.gen_content()
    out = io.BytesIO()
    document.save(out)
    document.close()
    verdict = desk.ask_file(world.database, OPERATOR, out.getvalue(), address=None)
    assert verdict.answer is Answer.ALTERED
    assert verdict.reasons[0] in {"verification.foot-code-differs", "verification.text-differs"}


def test_words_of_another_text_are_told_from_the_signed_ones() -> None:
    signed, other = words(LONG), words("تقرر منح الموظف إجازة اعتيادية لمدة خمسة أيام")
    assert missing_words(signed, [*other, *signed]) == []
    assert missing_words(signed, [word[::-1] for word in signed]) == []
    assert len(missing_words(signed, other)) > 0.6 * len(signed)


def test_a_seal_of_a_stranger_is_an_unknown_key(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    stranger = make_world(tmp_path_factory.mktemp("stranger"), alone=True)
    verdict = shown(world, printed(issued_letter(stranger).pdf)[0])
    stranger.database.dispose()
    assert (verdict.answer, verdict.reasons) == (Answer.UNKNOWN_KEY, ("verification.paper-unknown-key",))


def test_a_void_and_a_superseded_letter_say_so_first(world: World) -> None:
    gone, old, new = issued_letter(world), issued_letter(world), issued_letter(world)
    with world.database.work(world.actor("a", "head")) as uow:
        closing.void(uow, gone.id, "صدر سهوًا")
        closing.supersede(uow, old.id, new.document_code)
    for paper, answer in ((gone, Answer.VOID), (old, Answer.SUPERSEDED), (new, Answer.AUTHENTIC)):
        verdict = shown(world, printed(paper.pdf)[0])
        assert verdict.answer is answer
        assert answer is Answer.AUTHENTIC or verdict.reasons[0] == f"verification.{answer}"


def test_a_secret_letter_tells_neither_subject_nor_text(world: World) -> None:
    secret = issued_letter(world, subject="شؤون سرية", sensitivity=Sensitivity.CONFIDENTIAL)
    signed = shown(world, printed(secret.pdf)[0]).signed
    assert signed is not None
    assert (signed.subject, signed.names, signed.text, signed.recipients) == ("", (), None, 1)
    assert signed.number == secret.number


def test_a_revoked_key_proves_what_the_register_knows_and_nothing_else(world: World) -> None:
    kept = issued_letter(world)
    with world.database.work(OPERATOR) as uow:
        seal = uow.session.query(EntitySeal).filter_by(entity_id=world.entity_a.id).one()
        seal.revoked_at = uow.now - timedelta(days=1)
    try:
        assert shown(world, printed(kept.pdf)[0]).answer is Answer.AUTHENTIC
    finally:
        with world.database.work(OPERATOR) as uow:
            uow.session.query(EntitySeal).filter_by(entity_id=world.entity_a.id).one().revoked_at = None


def test_a_picture_without_a_seal_says_so(world: World) -> None:
    verdict = shown(world, Image.new("RGB", (800, 600), "white"))
    assert (verdict.answer, verdict.reasons) == (Answer.UNKNOWN, ("verification.no-seal-read",))


def test_only_a_later_letter_of_the_same_body_supersedes(world: World) -> None:
    old, new = issued_letter(world), issued_letter(world)
    head = world.actor("a", "head")
    own, foreign = old.document_code, "100234.26.00012345.71"
    for letter, code in ((new, own), (old, own), (old, foreign), (old, "x")):
        with world.database.work(head) as uow, pytest.raises(Invalid, match="not-a-later-letter"):
            closing.supersede(uow, letter.id, code)
    with world.database.work(head) as uow:
        assert closing.supersede(uow, old.id, format_code(new.document_code)).superseded_by == new.document_code
    with world.database.work(head) as uow, pytest.raises(Conflict):
        closing.supersede(uow, old.id, new.document_code)
    verdict = desk.ask_code(world.database, old.verification_code, address="192.0.2.9")
    assert (verdict.answer, verdict.reasons[0]) == (Answer.SUPERSEDED, "verification.superseded")
