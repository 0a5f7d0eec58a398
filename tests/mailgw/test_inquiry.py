"""An inquiry and its answer on the wire: read back as they were written, refused when they do not pass the schema."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from edms.dispatch.package import Confirmation, Inquiry, UntypedMessage
from mailgw.address import Address
from mailgw.message import compose_note, read_message
from mailgw.xml_parts import XmlError

WHEN = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
NUMBER = UUID("0198f3c2-1111-7000-8000-000000000001")
INQUIRY = Inquiry(NUMBER, "10000196", "10023496", WHEN, "100234260001234571", "K7QX2-9MD4H-TB3ZP-8WVNH", "ab" * 32)
BARE = Inquiry(NUMBER, "10000196", "10023496", WHEN, "100234260001234571")
ANSWER = Confirmation(
    NUMBER, "10000196", "10023496", WHEN, "100234260001234571", "", "issued", "ت/٤/١٢٨٧", "2026-11-20",
    'تخصيصات "المشروع" <الثاني>', "", b"\x30\x03\x02\x01\x05",
)  # fmt: skip
WITHHELD = Confirmation(NUMBER, "10000196", "10023496", WHEN, "100234260001234571", "cd" * 32, "withheld", proof=b"x")


def written(note: Inquiry | Confirmation) -> bytes:
    return compose_note(
        note, mail_from=Address("diwan", "moe.gov.example"), recipients_header="<diwan@moh.gov.example>",
        message_id=f"{NUMBER}@moe.gov.example", date=WHEN, hostname="north",
    )  # fmt: skip


@pytest.mark.parametrize("note", [INQUIRY, BARE, ANSWER, WITHHELD])
def test_a_note_is_read_back_as_it_was_written(note: Inquiry | Confirmation) -> None:
    raw = written(note)
    assert read_message(raw) == note
    assert raw == written(note)
    assert raw.isascii()


def test_a_code_of_other_form_is_not_written() -> None:
    with pytest.raises(XmlError):
        written(Inquiry(NUMBER, "1", "10023496", WHEN, "100234260001234571"))


def test_a_damaged_answer_is_ordinary_mail() -> None:
    raw = written(ANSWER).replace(b"PGNvbmZpcm1hdGlvb", b"PGNvbmZpcm1hdGlvX", 1).replace(b"PD94bWw", b"PD94bXw", 1)
    assert isinstance(read_message(raw), UntypedMessage)
