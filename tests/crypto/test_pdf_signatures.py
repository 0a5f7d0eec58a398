"""Seals in PDF files: green for the untouched file only."""

import asyncio
import io
import os
import random
import shutil
import subprocess
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from reportlab.pdfgen.canvas import Canvas

from crypto.certificates import Usage, issue_certificate, root_certificate
from crypto.errors import CryptoError, SignatureInvalid
from crypto.keystore_file import FileKeyStore, create_key_file
from crypto.pdf_signatures import PdfSeal, seal_pdf, verify_pdf
from crypto.signatures import new_signing_key, public_of, sign

START = datetime(2026, 1, 1, tzinfo=UTC)
WHEN = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 25, tzinfo=UTC)


@dataclass(frozen=True)
class Authority:
    """An authority with one key that it certifies for any use."""

    keys: FileKeyStore
    root: bytes
    key: bytes

    def certificate(self, usage: Usage = "seal", *, days: int = 1000) -> bytes:
        return issue_certificate(
            self.keys,
            self.root,
            public_key=public_of(self.key),
            common_name="وزارة الموارد المائية",
            organization="جمهورية العراق",
            serial_number_attr="10023496",
            usage=usage,
            not_before=START,
            days=days,
        )

    def seal(
        self, pdf: bytes, certificate: bytes | None = None, *, when: datetime = WHEN, field: str = "Seal"
    ) -> bytes:
        return seal_pdf(
            pdf,
            sign=lambda data: sign(self.key, data),
            certificate=certificate or self.certificate(),
            chain=[self.root],
            reason="ختم الجهة",
            location="بغداد",
            when=when,
            field=field,
        ).pdf


def authority(folder: Path) -> Authority:
    secret = os.urandom(32)
    create_key_file(folder / "keys", secret)
    keys = FileKeyStore(folder / "keys", secret)
    return Authority(keys, root_certificate(keys, name="سلطة التصديق", not_before=START), new_signing_key())


def letter(text: str = "100 dinars") -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=True, pageCompression=0)
    canvas.drawString(100, 700, text)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def sealed(ours: Authority) -> bytes:
    return ours.seal(letter())


def verdict(pdf: bytes, ours: Authority) -> PdfSeal:
    seal = verify_pdf(pdf, [ours.root], now=NOW)
    assert seal is not None
    return seal


def green(pdf: bytes, ours: Authority, *, now: datetime = NOW) -> bool:
    try:
        seal = verify_pdf(pdf, [ours.root], now=now)
    except SignatureInvalid:
        return False
    return seal is not None and seal.genuine


def test_the_untouched_file_is_genuine_and_names_its_signer(sealed: bytes, ours: Authority) -> None:
    seal = verdict(sealed, ours)
    assert (seal.genuine, seal.bottom_line, seal.covers_whole_file, seal.trusted, seal.reasons) == (
        True,
        True,
        True,
        True,
        (),
    )
    assert (seal.signer_name, seal.signer_serial, seal.signed_at) == ("وزارة الموارد المائية", "10023496", WHEN)
    assert sealed.startswith(letter())


def test_the_seal_is_invisible_and_the_file_opens_elsewhere(sealed: bytes) -> None:
    with pikepdf.open(io.BytesIO(sealed)) as pdf:
        field = pdf.Root.AcroForm.Fields[0]
        assert [int(side) for side in field.Rect] == [0, 0, 0, 0]
        assert field.V.SubFilter == pikepdf.Name("/ETSI.CAdES.detached")
        assert len(pdf.pages) == 1


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="pdfsig (poppler-utils) is not installed")
def test_an_independent_reader_agrees(sealed: bytes, tmp_path: Path) -> None:
    (tmp_path / "sealed.pdf").write_bytes(sealed)
    command = ["pdfsig", "-nocert", str(tmp_path / "sealed.pdf")]
    report = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    assert "Signature is Valid" in report
    assert "Total document signed" in report


def test_sealing_works_inside_a_running_event_loop(ours: Authority) -> None:
    async def seal() -> bytes:
        return ours.seal(letter())

    assert green(asyncio.run(seal()), ours)


def test_a_file_without_a_seal_has_none(ours: Authority) -> None:
    assert verify_pdf(letter(), [ours.root]) is None


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", "كتاب".encode(), b"%PDF-1.7", b"%PDF-1.7\n%%EOF", b"%PDF-" + b"\0" * 9999]
)
def test_what_is_no_pdf_is_refused_as_such(data: bytes, ours: Authority) -> None:
    with pytest.raises(SignatureInvalid, match=r"verification\.not-a-pdf"):
        verify_pdf(data, [ours.root])
    with pytest.raises(SignatureInvalid, match=r"verification\.not-a-pdf"):
        ours.seal(data)


def test_changed_text_is_altered(sealed: bytes, ours: Authority) -> None:
    seal = verdict(sealed.replace(b"100 dinars", b"900 dinars"), ours)
    assert not seal.genuine
    assert seal.reasons == ("verification.altered",)


@pytest.mark.parametrize("tail", [b"\n", b"x", b"%%EOF\n", b"\n9 0 obj\n<< /Evil true >>\nendobj\n%%EOF\n"])
def test_appended_bytes_are_not_covered(sealed: bytes, ours: Authority, tail: bytes) -> None:
    assert not green(sealed + tail, ours)


def test_a_cut_file_is_never_green(sealed: bytes, ours: Authority) -> None:
    for length in range(0, len(sealed), 997):
        assert not green(sealed[:length], ours)
    assert not green(sealed[:-1], ours)


def test_an_update_after_the_seal_is_not_green(sealed: bytes, ours: Authority) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    stream = generic.StreamObject(stream_data=b"BT /F1 12 Tf 100 700 Td (900 dinars) Tj ET")
    page["/Contents"] = writer.add_object(stream)
    writer.update_container(page)
    output = io.BytesIO()
    writer.write(output)  # type: ignore[no-untyped-call]
    seal = verdict(output.getvalue(), ours)
    assert not seal.bottom_line
    assert not seal.genuine
    assert "verification.not-whole-file" in seal.reasons


def test_a_harmless_update_after_the_seal_is_not_green_either(sealed: bytes, ours: Authority) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    writer.set_info(writer.add_object(generic.DictionaryObject()))  # type: ignore[no-untyped-call]
    output = io.BytesIO()
    writer.write(output)  # type: ignore[no-untyped-call]
    assert not green(output.getvalue(), ours)


def test_a_flipped_bit_anywhere_is_never_green_nor_another_exception(sealed: bytes, ours: Authority) -> None:
    chance = random.Random(7)
    start = sealed.index(b"/Contents <")
    end = sealed.index(b">", start)
    outside = [*range(0, start, 41), *range(end, len(sealed), 41)]
    inside = [*range(start, start + 120, 5), *range(start + 120, start + 3000, 61), *range(start + 3000, end, 1499)]
    for position in outside + inside:
        altered = bytearray(sealed)
        altered[position] ^= 1 << chance.randrange(8)
        assert not green(bytes(altered), ours), position


def test_another_letter_case_of_the_signature_is_still_ours_but_mixed_is_not(sealed: bytes, ours: Authority) -> None:
    start = sealed.index(b"/Contents <") + 11
    end = sealed.index(b">", start)
    assert green(sealed[:start] + sealed[start:end].upper() + sealed[end:], ours)
    half = (start + 2000 - start) // 2 + start
    mixed = sealed[start:half].upper() + sealed[half:end].lower()
    assert not green(sealed[:start] + mixed + sealed[end:], ours)


def test_a_seal_of_another_authority_is_not_trusted(ours: Authority, tmp_path: Path) -> None:
    seal = verdict(authority(tmp_path).seal(letter()), ours)
    assert (seal.trusted, seal.bottom_line, seal.genuine) == (False, False, False)
    assert seal.reasons == ("verification.untrusted-signer",)
    unknown = verify_pdf(ours.seal(letter()), [])
    assert unknown is not None
    assert not unknown.trusted


def test_a_certificate_for_another_use_or_an_expired_one_seals_nothing(ours: Authority) -> None:
    assert not green(ours.seal(letter(), ours.certificate("server")), ours)
    assert not green(ours.seal(letter(), ours.certificate(days=30)), ours)
    early = ours.seal(letter(), ours.certificate(days=30), when=datetime(2026, 1, 20, tzinfo=UTC))
    assert green(early, ours, now=datetime(2026, 1, 21, tzinfo=UTC))
    assert verdict(early, ours).reasons == ("verification.expired-signer",)  # without a time-stamp nothing proves when
    assert verdict(ours.seal(letter(), ours.certificate("person")), ours).reasons == ("verification.wrong-usage",)


def test_a_signature_moved_into_another_letter_is_not_green(sealed: bytes, ours: Authority) -> None:
    other = ours.seal(letter("500 dinars"))
    start, end = sealed.index(b"/Contents <"), sealed.index(b">", sealed.index(b"/Contents <"))
    own = other.index(b"/Contents <")
    assert not green(other[:own] + sealed[start:end] + other[own + end - start :], ours)


def test_a_second_seal_makes_no_letter(sealed: bytes, ours: Authority) -> None:
    twice = ours.seal(sealed, field="Second", when=datetime(2026, 11, 22, tzinfo=UTC))
    assert verdict(twice, ours).signed_at == datetime(2026, 11, 22, tzinfo=UTC)
    assert verdict(twice, ours).reasons == ("verification.several-seals",)


def test_a_field_is_sealed_only_once(sealed: bytes, ours: Authority) -> None:
    with pytest.raises(SignatureInvalid):
        ours.seal(sealed)


def test_a_bad_key_is_named(ours: Authority) -> None:
    with pytest.raises(CryptoError):
        seal_pdf(letter(), sign=bytes, certificate=b"y", chain=[], reason="", location="", when=WHEN)


def test_rubbish_after_the_mark_never_escapes(ours: Authority) -> None:
    chance = random.Random(3)
    base = letter()
    for _ in range(60):
        rubbish = bytearray(base)
        for _ in range(20):
            rubbish[chance.randrange(8, len(rubbish))] = chance.randrange(256)
        assert not green(bytes(rubbish) + zlib.compress(bytes(rubbish))[: chance.randrange(40)], ours)
