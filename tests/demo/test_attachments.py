"""Attachments of the demonstration's letters."""

import csv
import io
import zipfile
from xml.etree import ElementTree as ET

import pypdfium2
from PIL import Image

from edms.demo.attachments import amounts_csv, annex_pdf, chart_png, note_docx
from edms.demo.texts import attachments_for, own_texts
from edms.letters.attachments import Limits, clean_name, inspect, media_type

LETTER = own_texts()[0]


def test_every_third_letter_has_one_to_three_and_no_other() -> None:
    counts = [len(attachments_for(n, LETTER)) for n in range(30)]
    assert all((count > 0) == (n % 3 == 0) for n, count in enumerate(counts))
    assert set(counts) == {0, 1, 2, 3}


def test_the_same_letter_gets_the_same_bytes() -> None:
    assert [attachments_for(n, LETTER) for n in range(12)] == [attachments_for(n, LETTER) for n in range(12)]


def test_every_attachment_is_taken_as_it_is() -> None:
    for n in range(0, 36, 3):
        for name, kind, data in attachments_for(n, LETTER):
            assert clean_name(name) == name
            inspect(name, data, Limits())
            assert media_type(name) == kind


def test_names_within_a_letter_differ() -> None:
    for n in range(0, 60, 3):
        names = [name for name, _type, _data in attachments_for(n, LETTER)]
        assert len(set(names)) == len(names)


def test_csv_opens_as_arabic_in_a_spreadsheet() -> None:
    name, media_type, data = amounts_csv(3, LETTER.subject)
    assert (name, media_type) == ("كشف المبالغ ٢٠٢٦.csv", "text/csv")
    assert data.startswith(b"\xef\xbb\xbf")
    assert len(list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))) == 9


def test_pdf_is_a_real_one_page_document() -> None:
    _name, media_type, data = annex_pdf(3, LETTER.subject)
    assert media_type == "application/pdf"
    document = pypdfium2.PdfDocument(data)
    try:
        assert len(document) == 1
        assert "Bill of quantities" in document[0].get_textpage().get_text_bounded()
    finally:
        document.close()


def test_png_is_a_real_picture() -> None:
    _name, media_type, data = chart_png(3, LETTER.subject)
    assert media_type == "image/png"
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (480, 270)


def test_word_document_holds_the_subject_escaped() -> None:
    _name, _type, data = note_docx(3, "كلفة < ٥ & أكثر")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        text = "".join(ET.fromstring(archive.read("word/document.xml")).itertext())
    assert "كلفة < ٥ & أكثر" in text
