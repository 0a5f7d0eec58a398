"""Packages and receipts survive the wire; nothing hostile makes the reader raise or believe."""

import base64
import json
import re
import tarfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from pathlib import Path
from typing import get_args
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edms.dispatch.package import (
    EXCEPTIONS,
    LetterPackage,
    ReceiptKind,
    Report,
    UntypedMessage,
    consignment_id,
    make_part,
)
from edms.dispatch.packing import package_meta, package_of, receipt_meta, receipt_of
from mailgw import message as message_module
from mailgw.address import Address
from mailgw.letter_xml import read_xml, write_letter, write_receipt
from mailgw.message import compose_letter, compose_note, read_message
from mailgw.xml_parts import XmlError
from tests.mailgw.packages import NOON, PACKAGE_ID, letter_package, receipt

MAILS = Path(__file__).parents[3] / "shared" / "data" / "email-mime" / "mimekit+stalwart.tar.xz"
SENDER = Address("diwan", "interior.test")
TEXTS = (
    "number", "hijri", "subject", "kind", "sensitivity", "precedence", "verification_code", "signer_name",
    "signer_post", "signer_code", "register_number", "sender_name", "sender_name_en", "signer_for", "signer_for_name",
    "body_text",
)  # fmt: skip


def compose(package: object = None, **changes: object) -> bytes:
    return compose_letter(
        letter_package(**changes) if package is None else package,  # type: ignore[arg-type]
        mail_from=SENDER,
        recipients_header="<diwan@health.test>",
        message_id="1@interior.test",
        date=NOON,
        hostname="mail.far.test",
    )


def problems(raw: bytes) -> tuple[str, ...]:
    message = read_message(raw)
    assert isinstance(message, UntypedMessage)
    return message.problems


def test_letter_survives_the_wire() -> None:
    assert read_message(compose()) == letter_package()


def test_same_package_gives_same_octets() -> None:
    assert compose() == compose()


def test_circular_to_859_entities_fits() -> None:
    assert read_message(compose(recipients=859)) == letter_package(859)


def test_too_many_addressees_are_refused_when_composing() -> None:
    with pytest.raises(XmlError, match="xml-too-large"):
        compose(recipients=9000)


def test_message_is_ascii_with_short_crlf_lines() -> None:
    raw = compose(parts=(make_part("letter", "ملف " * 70, "application/pdf", b"x" * 5000),), subject="م/ " * 900)
    assert raw.isascii()
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    assert max(map(len, raw.split(b"\r\n"))) <= 100


def test_header_subject_does_not_tell_the_subject() -> None:
    header = compose(subject="سري للغاية").partition(b"\r\n\r\n")[0]
    assert base64.b64encode("سري للغاية".encode())[:12] not in header


def test_file_names_cannot_inject_headers() -> None:
    names = ['a"\r\nBcc: <x@health.test>\r\n', "../../etc/passwd", "x" * 300, "\u202efdp.exe", "a\\b"]
    parts = tuple(make_part("letter", name, "application/pdf", b"x") for name in names)
    raw = compose(parts=parts)
    assert b"\r\nBcc" not in raw
    read = read_message(raw)
    assert not isinstance(read, UntypedMessage)


@pytest.mark.parametrize("kind", get_args(ReceiptKind))
def test_receipt_survives_the_wire(kind: str) -> None:
    sent = receipt(kind=kind, reason_code="intake.not-ours", reason_text="ليس من اختصاصنا", unit="قسم المتابعة")
    raw = compose_note(
        sent, mail_from=SENDER, recipients_header="<diwan@health.test>", message_id="2@x", date=NOON, hostname="h"
    )
    assert read_message(raw) == sent


@pytest.mark.parametrize(("code", "number"), EXCEPTIONS.items())
def test_exception_carries_the_number_that_segnatura_has_for_it(code: str, number: str) -> None:
    sent = receipt(kind="exception", reason_code=code, document_code="", register_number="")
    xml = write_receipt(sent)
    assert f'code="{code}" number="{number}"'.encode() in xml
    assert read_xml(xml) == sent


def test_letter_of_the_first_form_is_read_without_what_was_added_since() -> None:
    xml = re.sub(rb' (created|register|name-en|pages|at|for|for-name)="[^"]*"', b"", the_xml())
    xml = re.sub(rb'(<sender entity="\d+") name="[^"]*"', rb"\1", xml)
    read = read_message(with_xml(xml))
    assert isinstance(read, LetterPackage)
    assert (read.subject, read.created_at, read.register_number) == ("تخصيص مبالغ الصيانة", None, "")
    assert (read.sender_name, read.signed_at, read.signer_for) == ("", None, "")


@pytest.mark.parametrize("attribute", [b'created="2026-11-21T12:00:00"', b'at="2026-11-21T12:00:00"'])
def test_time_without_a_zone_is_not_taken(attribute: bytes) -> None:
    name = attribute.partition(b"=")[0]
    xml = re.sub(b" " + name + b'="[^"]*"', b" " + attribute, the_xml())
    assert problems(with_xml(xml)) == ("package.xml-value",)


def test_package_that_cannot_be_taken_is_named_by_what_can_be_read() -> None:
    changed = read_message(compose().replace(b"JVBERi0xLjcK", b"JVBERi0xLjgK"))
    assert isinstance(changed, UntypedMessage)
    assert (changed.package_id, changed.document_code) == (PACKAGE_ID, letter_package().document_code)
    by_id = with_xml(b"<broken").replace(b"<1@interior.test>", b"<%s@interior.test>" % str(PACKAGE_ID).encode())
    for raw, package_id in ((by_id, PACKAGE_ID), (with_xml(b"<broken"), None)):
        broken = read_message(raw)
        assert isinstance(broken, UntypedMessage)
        assert (broken.problems, broken.package_id, broken.document_code) == (
            ("package.xml-malformed",), package_id, "",
        )  # fmt: skip


def test_broken_receipt_names_no_package_so_that_nobody_answers_an_answer() -> None:
    raw = compose_note(
        receipt(), mail_from=SENDER, recipients_header="<diwan@health.test>", message_id=f"{PACKAGE_ID}@x", date=NOON,
        hostname="h",
    )  # fmt: skip
    _, _, tail = raw.rpartition(b"base64\r\n")
    body = tail.partition(b"\r\n\r\n")[2].split(b"\r\n--")[0]
    broken = read_message(raw.replace(body, base64.b64encode(b"<receipt")))
    assert isinstance(broken, UntypedMessage)
    assert (broken.problems, broken.package_id) == (("package.xml-malformed",), None)


def test_consignment_is_one_per_package_and_entity() -> None:
    assert (
        letter_package().consignment_for("10023593")
        == receipt().consignment_id
        == consignment_id(PACKAGE_ID, "10023593")
    )
    assert consignment_id(PACKAGE_ID, "10023593") != consignment_id(PACKAGE_ID, "10023496")


def test_changed_part_is_noticed() -> None:
    raw = compose()
    assert problems(raw.replace(b"JVBERi0xLjcK", b"JVBERi0xLjgK")) == ("package.hash-mismatch",)


def test_added_part_is_noticed() -> None:
    boundary = b"--=_" + PACKAGE_ID.hex.encode() + b"\r\n"
    raw = compose().replace(boundary, boundary + b"Content-Type: text/plain\r\n\r\nmore\r\n" + boundary, 1)
    assert problems(raw) == ("package.part-count",)


def with_xml(xml: bytes) -> bytes:
    head, _, tail = compose().rpartition(b'name="letter.xml"')
    headers, _, _ = tail.partition(b"\r\n\r\n")
    end = b"\r\n--=_" + PACKAGE_ID.hex.encode() + b"--\r\n"
    return head + b'name="letter.xml"' + headers + b"\r\n\r\n" + base64.encodebytes(xml).replace(b"\n", b"\r\n") + end


def the_xml() -> bytes:
    return write_letter(letter_package(), letter_package().body_text.encode())


def test_rebuilt_xml_is_read() -> None:
    assert read_message(with_xml(the_xml())) == letter_package()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda xml: xml[:-20], "package.xml-malformed"),
        (lambda xml: xml.replace(b'version="1" ', b'version="2" '), "package.version-unknown"),
        (lambda xml: xml.replace(b'date="2026-11-21"', b'date="2026-13-21"'), "package.xml-invalid"),
        (lambda xml: xml.replace(b"<letter", b'<!DOCTYPE letter [<!ENTITY a "b">]><letter'), "package.xml-doctype"),
        (lambda xml: xml.replace(b"</letter>", b"<x/></letter>"), "package.xml-invalid"),
        (lambda xml: xml.replace(b"</letter>", b" " * 260_000 + b"</letter>"), "package.xml-too-large"),
        (lambda xml: xml.replace(b'cid="part0', b'cid="part9'), "package.part-missing"),
        (lambda _xml: b"", "package.xml-malformed"),
        (lambda _xml: b"\xff\xfe\x00", "package.xml-malformed"),
    ],
)
def test_bad_xml_makes_an_untyped_message(change: object, code: str) -> None:
    assert problems(with_xml(change(the_xml()))) == (code,)  # type: ignore[operator]


def test_unknown_fields_of_another_namespace_are_skipped() -> None:
    xml = the_xml().replace(b"</letter>", b'<x xmlns="urn:other"/></letter>')
    assert read_message(with_xml(xml)) == letter_package()


def test_xml_entities_are_never_expanded() -> None:
    bomb = b'<!DOCTYPE l [<!ENTITY a "' + b"x" * 1000 + b'">]><letter>&a;</letter>'
    with pytest.raises(XmlError):
        read_xml(bomb)
    with pytest.raises(XmlError):
        read_xml(bomb.decode().encode("utf-16"))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        b"x",
        b"From: a\r\n\r\n",
        b"Subject: " + b"=?utf-8?q?a?= " * 20_000,
        b"".join(b"X-%d: y\r\n" % n for n in range(2000)) + b"\r\nx",
        b"a" * 300_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 50_000,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(3000)),
        b"Content-Type: message/rfc822\r\n\r\n" * 3000,
        b'Content-Type: multipart/mixed; boundary="=_x"\r\n\r\n--=_x\r\nContent-Type: application/xml; '
        b"name=letter.xml\r\nContent-Disposition: attachment; filename=letter.xml\r\n\r\n<a/>\r\n--=_x--\r\n",
        b"Content-Type: text/plain; charset=\xff\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
    ],
    ids=range(13),
)
def test_hostile_message_is_read_fast_and_untyped(raw: bytes) -> None:
    start = time.perf_counter()
    assert isinstance(read_message(raw), UntypedMessage)
    assert time.perf_counter() - start < 2


def test_ordinary_mail_shows_its_subject_and_text() -> None:
    raw = (
        "From: =?utf-8?b?2YjYstin2LHYqQ==?= <a@b.test>\r\nSubject: =?utf-8?b?2YPYqtin2Kg=?=\r\nMessage-ID: <7@b>\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nالسلام عليكم\r\n"
    ).encode()
    message = read_message(raw)
    assert isinstance(message, UntypedMessage)
    assert (message.subject, message.sender, message.text, message.opaque, message.problems) == (
        "كتاب",
        "وزارة <a@b.test>",
        "السلام عليكم\r\n",
        False,
        (),
    )


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 20_000), st.integers(0, 300))
def test_no_octets_make_the_reader_raise(noise: bytes, place: int, cut: int) -> None:
    raw = compose()
    read_message(noise)
    read_message(raw[:place] + noise + raw[place + cut :])


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=120), st.binary(max_size=300))
def test_any_text_survives_the_wire_but_for_what_xml_forbids(subject: str, name: str, content: bytes) -> None:
    package = letter_package(subject=subject, parts=(make_part("letter", name, "application/pdf", content),))
    read = read_message(compose(package))
    assert not isinstance(read, UntypedMessage)
    assert read.parts[0].content == content  # type: ignore[union-attr]
    if re.fullmatch(r"[ -퟿\n]*", subject):
        assert read.subject == subject  # type: ignore[union-attr]


WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=80)
MOMENTS = st.datetimes(timezones=st.just(UTC)).filter(lambda at: at.year >= 1000)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(TEXTS), WORDS), st.none() | MOMENTS, st.integers(0, 9999))
def test_any_field_survives_the_wire_and_the_outbox(words: dict[str, str], at: datetime | None, pages: int) -> None:
    part = replace(make_part("letter", "x.pdf", "application/pdf", b"%PDF"), pages=pages)
    package = letter_package(created_at=at, signed_at=at, parts=(part,), **words)  # type: ignore[arg-type]
    assert read_message(compose(package)) == package
    stored = package_of(PACKAGE_ID, json.loads(json.dumps(package_meta(package, (uuid4(),)))), lambda _: b"%PDF")
    assert stored == package


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(get_args(ReceiptKind)), WORDS, WORDS, WORDS, MOMENTS)
def test_any_receipt_survives_the_wire_and_the_outbox(
    kind: str, reason: str, unit: str, number: str, at: datetime
) -> None:
    sent = receipt(kind=kind, reason_code="x" if reason else "", reason_text=reason, unit=unit, at=at,
                   register_number=number)  # fmt: skip
    assert read_xml(write_receipt(sent)) == sent
    assert receipt_of(json.loads(json.dumps(receipt_meta(sent)))) == sent


@pytest.mark.skipif(not MAILS.exists(), reason="the shared collection of mails is not on this machine")
def test_no_mail_of_the_collection_makes_the_reader_raise_or_stall() -> None:
    slowest = 0.0
    with tarfile.open(MAILS) as archive:
        mails = [archive.extractfile(member) for member in archive if member.isfile()]
        for mail in mails:
            assert mail is not None
            raw = mail.read()
            for octets in (raw, re.sub(rb"\r?\n", b"\r\n", raw)):
                start = time.perf_counter()
                assert isinstance(read_message(octets), UntypedMessage | Report)
                slowest = max(slowest, time.perf_counter() - start)
    assert slowest < 5


def as_parsed(message: Message) -> object:
    """Return all that the standard parser found: fields, defects, and the content or the parts."""
    payload = vars(message)["_payload"]
    content = [as_parsed(part) for part in payload] if isinstance(payload, list) else payload
    return message.items(), [type(defect) for defect in message.defects], content


@pytest.mark.skipif(not MAILS.exists(), reason="the shared collection of mails is not on this machine")
@pytest.mark.parametrize("longest", [10, 200])
def test_a_parser_spared_the_long_bodies_finds_the_same(longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_module, "_LONG", longest)
    with tarfile.open(MAILS) as archive:
        mails = [archive.extractfile(member) for member in archive if member.isfile()]
        for mail in mails:
            assert mail is not None
            raw = mail.read()
            lines = re.sub(rb"\r?\n", b"\r\n", raw)
            for octets in (raw, lines, lines.replace(b"\r\n--", b"\r--", 2), lines.replace(b"\r\n", b"\n", 3)):
                whole = message_from_bytes(octets, policy=compat32)
                assert as_parsed(message_module._parsed(octets)) == as_parsed(whole), octets[:200]
