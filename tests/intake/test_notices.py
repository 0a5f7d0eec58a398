"""Reports that arrive become facts and never letters; a notice of reading goes only when a person sends it, once."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from edms.core.clock import utc_now
from edms.dispatch import queries as dispatch
from edms.dispatch.mail import notice_of
from edms.dispatch.models import Evidence, OutboxItem
from edms.dispatch.package import Report
from edms.entities import queries as entities
from edms.intake.models import ReceivedMessage
from mailgw.address import Address
from mailgw.dsn import compose_notice
from mailgw.envelope import Identity
from mailgw.message import read_message
from tests.factories.issued import issued_letter
from tests.factories.pages import application, post, sign_in
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.arrivals import envelope
from tests.mailgw.test_dsn import NOTICE
from tests.mailgw.test_handler import A, B, take


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def mail(asks: str = f"<clerk@{B}>") -> bytes:
    now = utc_now().strftime("%a, %d %b %Y %H:%M:%S +0000")
    return (
        f"Date: {now}\r\nFrom: <diwan@{B}>\r\nTo: <diwan@{A}>\r\nSubject: meeting\r\nMessage-ID: <9@{B}>\r\n"
        f"Disposition-Notification-To: {asks}\r\n\r\nhello\r\n"
    ).encode()


def arrive(world: World, raw: bytes) -> ReceivedMessage:
    take(world, envelope(raw, B, A))
    with world.database.read(OPERATOR) as uow:
        return uow.session.scalars(select(ReceivedMessage).order_by(ReceivedMessage.id.desc())).first()  # type: ignore[return-value]


def test_a_clerk_tells_the_writer_once_and_nobody_else_does(world: World) -> None:
    row = arrive(world, mail())
    at = f"/incoming/waiting/{row.id}"
    browser = sign_in(application(world), world.logins["a", "registry"])
    assert "يطلب كاتب الرسالة إعلامه بفتحها" in browser.get(at).text
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "report")).all() == []
    assert post(browser, f"{at}/notice", form=at).status_code == 303
    assert "أُعلم كاتب الرسالة بفتحها" in browser.get(at).text
    assert post(browser, f"{at}/notice", form=at).status_code == 409
    with world.database.read(OPERATOR) as uow:
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "report")).one()
        notice = notice_of(dispatch.package(uow, item.package_id).meta)
        events = uow.session.scalars(select(Evidence.event).where(Evidence.received_id == row.id)).all()
    assert (item.recipient_id, item.mailbox) == (world.entity_b.id, "clerk")
    assert (notice.to, notice.recipient, notice.message_id) == (f"clerk@{B}", f"diwan@{A}", f"9@{B}")
    assert sorted(events) == ["ConsignmentNotification", "ContentAccessTracking", "ContentConsignment"]
    raw = compose_notice(notice, b"", message_id="1@x", hostname="mail.example", sender=Address("diwan", A))
    found = read_message(raw)
    assert isinstance(found, Report)
    assert (found.kind, found.original_id, found.recipients[0].action) == ("mdn", f"9@{B}", "displayed")


@pytest.mark.parametrize("asks", ["<spy@elsewhere.example>", f"<a@{B}>, <b@{B}>", "nonsense", ""])
def test_no_notice_goes_to_another_body_or_to_several(world: World, asks: str) -> None:
    row = arrive(world, mail(asks))
    browser = sign_in(application(world), world.logins["a", "registry"])
    at = f"/incoming/waiting/{row.id}"
    assert "إشعار القراءة" not in browser.get(at).text
    assert post(browser, f"{at}/notice", form=at).status_code == 409


def test_the_sender_of_refused_mail_hears_why_and_its_consignment_says_so(world: World) -> None:
    row = arrive(world, mail(""))
    browser = sign_in(application(world), world.logins["a", "registry"])
    at = f"/incoming/waiting/{row.id}"
    assert post(browser, f"{at}/refuse", {"reason": "ليست من اختصاصنا"}, form=at).status_code == 303
    with world.database.read(OPERATOR) as uow:
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "report")).one()
        notice = notice_of(dispatch.package(uow, item.package_id).meta)
    assert (item.recipient_id, item.mailbox, notice.to) == (world.entity_b.id, "diwan", f"diwan@{B}")
    raw = compose_notice(notice, mail(""), message_id="1@x", hostname="mail.example", sender=Address("postmaster", A))
    found = read_message(raw)
    assert isinstance(found, Report)
    [told] = found.recipients
    assert (found.original_id, told.action, told.status) == (f"9@{B}", "failed", "5.7.1")
    assert told.diagnostic == "550 5.7.1 ليست من اختصاصنا"


def test_nobody_hears_of_refused_mail_from_the_null_sender(world: World) -> None:
    now = utc_now().strftime("%a, %d %b %Y %H:%M:%S +0000")
    raw = f"Date: {now}\r\nFrom: <diwan@{B}>\r\nTo: <diwan@{A}>\r\nAuto-Submitted: auto-replied\r\n\r\nx\r\n"
    take(world, replace(envelope(raw.encode(), B, A), mail_from=None))
    with world.database.read(OPERATOR) as uow:
        row = uow.session.scalars(select(ReceivedMessage)).one()
    browser = sign_in(application(world), world.logins["a", "registry"])
    at = f"/incoming/waiting/{row.id}"
    assert post(browser, f"{at}/refuse", {"reason": "رد آلي"}, form=at).status_code == 303
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "report")).all() == []


def test_a_report_from_the_null_sender_is_noted_and_no_letter(world: World) -> None:
    issued_letter(world)
    with world.database.read(OPERATOR) as uow:
        home = entities.home(uow).id
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "letter")).one()
    notice = replace(NOTICE, message_id=f"{item.package_id}@{A}", envid="", to=f"diwan@{A}", recipient=f"diwan@{B}")
    for author, taken in (("elsewhere.example", False), (B, True)):
        original = f"Message-ID: <{item.package_id}@{A}>\r\n\r\n".encode()
        raw = compose_notice(notice, original, message_id="r@x", hostname="x", sender=Address("postmaster", author))
        sent = replace(envelope(raw, B, A), mail_from=None, identity=Identity(tls=True, installation_id=home))
        [answer] = take(world, sent)
        assert answer.startswith("250" if taken else "550"), answer
    with world.database.read(OPERATOR) as uow:
        row = uow.session.scalars(select(ReceivedMessage)).one()
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "letter")).one()
    assert (row.kind, row.state, row.letter_id) == ("report", "noted", item.letter_id)
    assert item.state == "refused"
    browser = sign_in(application(world), world.logins["a", "registry"])
    assert browser.get(f"/incoming/waiting/{row.id}").status_code == 404
