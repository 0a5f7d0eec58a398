"""The file around the pages: metadata, language, output intent, associated files; no claim that nobody checked."""

import hashlib
import io
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pikepdf
import pytest

from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.values import EmbeddedFile, PrintedLetter
from tests.letters.rendition.samples import ENGLISH, LETTER, page_texts

FILES = (
    EmbeddedFile("letter.xml", "application/xml", "Source", b"<letter/>" * 40, "بيانات الكتاب"),
    EmbeddedFile("signed-content.json", "application/json", "Data", b"{}"),
    EmbeddedFile("توقيع (١).p7s", "application/pkcs7-signature", "Supplement", bytes(range(256))),
)


def catalog(pdf: bytes) -> tuple[pikepdf.Pdf, Any]:
    document = pikepdf.open(io.BytesIO(pdf))
    return document, document.Root


def test_the_file_is_marked_and_shows_its_title_and_language() -> None:
    arabic, found = catalog(render_letter(LETTER))
    english, other = catalog(render_letter(ENGLISH))
    assert bool(found.MarkInfo.Marked)
    assert bool(found.ViewerPreferences.DisplayDocTitle)
    assert (str(found.Lang), str(other.Lang)) == ("ar", "en")
    arabic.close()
    english.close()


@pytest.mark.parametrize("letter", [LETTER, ENGLISH])
def test_no_reading_direction_is_set_since_it_turns_copied_codes_round(letter: PrintedLetter) -> None:
    document, found = catalog(render_letter(letter))
    assert "/Direction" not in found.ViewerPreferences
    document.close()
    assert letter.verification_code in "".join(page_texts(render_letter(letter)))


def test_the_metadata_says_what_the_information_says_and_claims_no_standard() -> None:
    pdf = render_letter(replace(LETTER, subject="موضوع <فيه> & رموز \x00 \ud800"))
    with pikepdf.open(io.BytesIO(pdf)) as document:
        packet = document.Root.Metadata.read_bytes().decode()
        assert str(document.docinfo["/Title"]) == "ت/٤/١٢٨٧"
    ET.fromstring(packet[packet.index("<x:xmpmeta") : packet.index("<?xpacket end")])
    assert "<diwan:documentCode>100234260001234571</diwan:documentCode>" in packet
    assert "<diwan:number>ت/٤/١٢٨٧</diwan:number>" in packet
    assert "موضوع &lt;فيه&gt; &amp; رموز" in packet
    assert "2025-11-20T00:00:00Z" in packet
    assert not re.search("pdfaid|pdfuaid", packet)


def test_the_output_intent_is_srgb_and_has_no_clock() -> None:
    document, found = catalog(render_letter(LETTER))
    intent = found.OutputIntents[0]
    profile = intent.DestOutputProfile.read_bytes()
    assert int(intent.DestOutputProfile.N) == 3
    assert profile[36:40] == b"acsp"
    assert profile[24:36] == b"\x07\xd0\x00\x01\x00\x01" + bytes(6)
    document.close()


def test_files_are_embedded_and_associated() -> None:
    with pikepdf.open(io.BytesIO(render_letter(LETTER, files=FILES))) as document:
        assert document.check_pdf_syntax() == []
        specifications = list(document.Root.AF)
        assert [str(each.AFRelationship)[1:] for each in specifications] == ["Source", "Data", "Supplement"]
        for each, file in zip(specifications, FILES, strict=True):
            stream = each.EF.F
            assert stream.read_bytes() == file.data
            assert str(each.UF) == file.name
            assert str(stream.Subtype) == f"/{file.media_type}"
            assert bytes(stream.Params.CheckSum) == hashlib.md5(file.data).digest()
            assert int(stream.Params.Size) == len(file.data)
            assert str(stream.Params.ModDate) == "D:20251120000000+00'00'"
            assert document.attachments[file.name].get_file().read_bytes() == file.data
        assert str(specifications[0].Desc) == "بيانات الكتاب"


def test_a_letter_without_files_has_no_names() -> None:
    document, found = catalog(render_letter(LETTER))
    assert "/AF" not in found
    assert "/Names" not in found
    document.close()


def test_two_files_of_one_name_are_both_kept() -> None:
    with pikepdf.open(io.BytesIO(render_letter(LETTER, files=(FILES[0], FILES[0])))) as document:
        assert len(document.attachments) == 2


def test_the_same_files_and_seal_give_the_same_bytes() -> None:
    letter = replace(LETTER, seal_mm=37)
    first = render_letter(letter, files=FILES, seal=lambda pages: f"AT1:{pages}")
    assert first == render_letter(letter, files=FILES, seal=lambda pages: f"AT1:{pages}")
    assert first != render_letter(letter, files=FILES[:1], seal=lambda pages: f"AT1:{pages}")


def test_two_letters_have_two_identifiers() -> None:
    def identifier(pdf: bytes) -> bytes:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            return bytes(document.trailer.ID[0])

    assert identifier(render_letter(LETTER)) != identifier(render_letter(replace(LETTER, signer_post="الوزير")))


@pytest.mark.parametrize("letter", [LETTER, ENGLISH])
def test_no_page_names_a_font_that_is_not_inside(letter: PrintedLetter) -> None:
    pdf = render_letter(letter)
    assert b"Helvetica" not in pdf
    with pikepdf.open(io.BytesIO(pdf)) as document:
        fonts = [each for each in document.objects if isinstance(each, pikepdf.Dictionary) and "/Type" in each]
        described = [each for each in fonts if str(each.Type) == "/FontDescriptor"]
        assert described
        assert all("/FontFile2" in each for each in described)
