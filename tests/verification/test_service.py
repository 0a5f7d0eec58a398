"""Verdicts on codes and files: what may be told, what tampering is called, what guessing costs."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest
from sqlalchemy import select

from crypto.codes import format_code, new_verification_code
from edms.accounts.models import Throttle
from edms.core.actor import ANONYMOUS
from edms.core.errors import EdmsError, Invalid, Unavailable
from edms.letters import closing
from edms.letters.rules import Sensitivity
from edms.verification import desk, service
from edms.verification.rules import FAILURES_AN_HOUR, Answer, Verdict
from tests.factories.issued import IssuedLetter, downloaded_copy, events, issued_letter
from tests.factories.world import OPERATOR, World, make_world

ADDRESS = "203.0.113.7"


@pytest.fixture(autouse=True)
def _forget_failures(world: World) -> Iterator[None]:
    yield
    with world.database.work(OPERATOR) as uow:
        for row in uow.session.scalars(select(Throttle)):
            uow.session.delete(row)


def judged(world: World, pdf: bytes) -> Verdict:
    return desk.ask_file(world.database, OPERATOR, pdf, address=None)


def refused(world: World, text: str) -> EdmsError:
    with pytest.raises(EdmsError) as caught:
        desk.ask_code(world.database, text, address=ADDRESS)
    return caught.value


def test_the_printed_code_tells_what_the_register_says(world: World, letter: IssuedLetter) -> None:
    verdict = desk.ask_code(world.database, letter.verification_code, address=ADDRESS)
    assert (verdict.answer, verdict.document_code) == (Answer.AUTHENTIC, letter.document_code)
    assert verdict.facts is not None
    facts = verdict.facts
    assert (facts.issuer, facts.number, facts.recipients, facts.pages) == ("وزارة الصحة", letter.number, 1, 1)
    assert (facts.subject, facts.names) == ("تخصيصات مشروع الأرشفة", ("وزارة التربية",))


def test_a_code_may_be_typed_in_many_ways(world: World, letter: IssuedLetter) -> None:
    code = letter.verification_code
    arabic = code.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    confused = code.replace("0", "O").replace("1", "l")
    for typed in (code.lower(), code.replace("-", " "), code.replace("-", ""), arabic, confused, f" {code}\u200f "):
        assert desk.ask_code(world.database, typed, address=ADDRESS).answer is Answer.AUTHENTIC, typed


def test_of_a_confidential_letter_neither_subject_nor_addressees_are_told(world: World) -> None:
    secret = issued_letter(world, subject="شؤون سرية", sensitivity=Sensitivity.CONFIDENTIAL)
    facts = desk.ask_code(world.database, secret.verification_code, address=ADDRESS).facts
    assert facts is not None
    assert (facts.subject, facts.names, facts.recipients, facts.number) == ("", (), 1, secret.number)


def test_an_unknown_code_is_unknown(world: World) -> None:
    verdict = desk.ask_code(world.database, new_verification_code(), address=ADDRESS)
    assert verdict == Verdict(Answer.UNKNOWN, ("verification.unknown-code",))


def test_a_document_code_alone_reveals_nothing(world: World, letter: IssuedLetter) -> None:
    stranger = "100999260000000786"
    for code in (letter.document_code, format_code(letter.document_code)):
        error = refused(world, code)
        assert (error.code, error.params) == ("verification.needs-verification-code", {})
    assert refused(world, stranger).code in {"verification.needs-verification-code", "verification.code-mistyped"}


def test_exchanged_groups_of_a_document_code_are_offered_in_order(world: World, letter: IssuedLetter) -> None:
    groups = format_code(letter.document_code).split(".")
    error = refused(world, ".".join(groups[::-1]))
    assert (error.code, error.params) == (
        "verification.did-you-mean", {"suggestion": format_code(letter.document_code)},
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "   ", "x", "كتاب", "12345", "م/٤٥٦٧", "A" * 10_000, "\0", "؟" * 20])
def test_what_is_no_code_gets_a_clear_refusal(world: World, text: str) -> None:
    assert refused(world, text).code in {"verification.bad-code", "verification.nothing-given"}


def test_a_mistyped_code_says_so(world: World, letter: IssuedLetter) -> None:
    code = letter.verification_code
    wrong = ("Y" if code[0] != "Y" else "Z") + code[1:]
    assert refused(world, wrong).code == "verification.code-mistyped"


def test_the_operator_may_ask_by_document_code(world: World, letter: IssuedLetter) -> None:
    with world.database.work(OPERATOR) as uow:
        assert service.verify_document_code(uow, letter.document_code).answer is Answer.AUTHENTIC


def test_guessing_is_stopped_and_raises_one_alarm(world: World, letter: IssuedLetter) -> None:
    for _ in range(FAILURES_AN_HOUR):
        desk.ask_code(world.database, new_verification_code(), address=ADDRESS)
    for text in (new_verification_code(), letter.verification_code):
        with pytest.raises(Unavailable) as caught:
            desk.ask_code(world.database, text, address=ADDRESS)
        assert caught.value.code == "verification.too-many"
        assert 0 < int(str(caught.value.params["retry_after"])) <= 3601
    assert desk.ask_code(world.database, letter.verification_code, address="198.51.100.9").answer is Answer.AUTHENTIC
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "verification.guessing") == 1


def test_failures_are_forgiven_after_an_hour(world: World, letter: IssuedLetter) -> None:
    for _ in range(FAILURES_AN_HOUR):
        desk.ask_code(world.database, new_verification_code(), address=ADDRESS)
    with world.database.work(ANONYMOUS) as uow:
        row = uow.session.get_one(Throttle, f"verify:{ADDRESS}")
        assert row.blocked_until is not None
        row.since -= timedelta(hours=2)
        row.blocked_until -= timedelta(hours=2)
    assert desk.ask_code(world.database, letter.verification_code, address=ADDRESS).answer is Answer.AUTHENTIC


def test_each_look_up_is_an_event_without_who_asked(world: World, letter: IssuedLetter) -> None:
    with world.database.read(OPERATOR) as uow:
        before = events(uow, "verification.looked-up")
    desk.ask_code(world.database, letter.verification_code, address=ADDRESS)
    judged(world, letter.pdf)
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "verification.looked-up") == before + 2


def test_the_sealed_original_is_authentic(world: World, letter: IssuedLetter) -> None:
    verdict = judged(world, letter.pdf)
    assert (verdict.answer, verdict.document_code) == (Answer.AUTHENTIC, letter.document_code)
    assert verdict.reasons == ("verification.seal-genuine", "verification.file-in-register")


def test_a_flipped_byte_makes_it_altered(world: World, letter: IssuedLetter) -> None:
    changed = bytearray(letter.pdf)
    changed[len(letter.pdf) // 3] ^= 1
    assert judged(world, bytes(changed)).answer is Answer.ALTERED


def test_appended_bytes_make_it_altered(world: World, letter: IssuedLetter) -> None:
    for more in (b"%%EOF\n", b"99 0 obj\n<<>>\nendobj\n"):
        assert judged(world, letter.pdf + more).answer is Answer.ALTERED


def test_an_update_after_the_seal_makes_it_altered(world: World, letter: IssuedLetter) -> None:
    from pyhanko.pdf_utils.generic import NameObject, TextStringObject
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(io.BytesIO(letter.pdf), strict=False)
    writer.root[NameObject("/Lang")] = TextStringObject("fr")
    writer.update_root()  # type: ignore[no-untyped-call]
    out = io.BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    assert judged(world, out.getvalue()).answer is Answer.ALTERED


def test_a_letter_saved_anew_without_its_seal_is_unknown(world: World, letter: IssuedLetter) -> None:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(letter.pdf)) as document:
        del document.Root.AcroForm
        for page in document.pages:
            del page["/Annots"]
        document.save(out)
    verdict = judged(world, out.getvalue())
    assert verdict.answer is Answer.UNKNOWN
    assert verdict.reasons[0] == "verification.unsigned"
    assert verdict.signed is not None


def test_a_coded_copy_is_named_as_what_it_is(world: World, letter: IssuedLetter) -> None:
    copy, _ = downloaded_copy(world, letter, ("a", "registry"))
    verdict = judged(world, copy)
    assert verdict.answer is Answer.UNKNOWN
    assert {"verification.unsigned", "verification.coded-copy"} <= set(verdict.reasons)


def test_a_void_letter_is_void_by_code_and_by_file(world: World) -> None:
    gone = issued_letter(world)
    with world.database.work(world.actor("a", "head")) as uow:
        closing.void(uow, gone.id, "صدر سهوًا")
    for verdict in (desk.ask_code(world.database, gone.verification_code, address=ADDRESS), judged(world, gone.pdf)):
        assert verdict.answer is Answer.VOID
        assert verdict.facts is not None
        assert verdict.facts.void_at is not None
        assert "verification.void" in verdict.reasons


def test_the_seal_of_a_stranger_is_an_unknown_key(world: World, tmp_path: Path) -> None:
    foreign = make_world(tmp_path, name="elsewhere", first_serial=500_000, domains=("x.example", "y.example"))
    verdict = judged(world, issued_letter(foreign).pdf)
    assert (verdict.answer, verdict.facts) == (Answer.UNKNOWN_KEY, None)


def test_the_letter_of_a_peer_is_authentic_by_its_seal(tmp_path: Path) -> None:
    from edms.entities import exchange

    peer = make_world(tmp_path / "peer", name="peer", first_serial=500_000, domains=("x.example", "y.example"))
    ours = make_world(tmp_path / "ours")
    with peer.database.work(OPERATOR) as uow:
        told = exchange.export_installation(uow, keys=peer.keyring)
    with ours.database.work(OPERATOR) as uow:
        exchange.import_installation(uow, told, keys=ours.keyring)
    theirs = issued_letter(peer)
    verdict = judged(ours, theirs.pdf)
    assert (verdict.answer, verdict.document_code) == (Answer.AUTHENTIC, theirs.document_code)
    assert "verification.by-seal-only" in verdict.reasons
    assert verdict.facts is not None
    assert verdict.facts.issuer == "وزارة الصحة"


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7\n", "كتاب".encode(), b"PK\3\4" + b"\0" * 2000])
def test_what_is_neither_pdf_nor_picture_gets_a_clear_refusal(world: World, data: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        judged(world, data)
    assert caught.value.code == (
        "verification.not-a-pdf" if b"%PDF" in data else "verification.neither-pdf-nor-picture"
    )


def test_a_file_over_the_limit_is_refused(world: World) -> None:
    with pytest.raises(Invalid, match="file-too-large"):
        judged(world, b"%PDF-1.7\n" + b"\0" * (25 << 20))
