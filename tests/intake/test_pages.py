"""The clerk's pages: what waits, registering it in one press, sending it back with a reason, and who may."""

import base64

from sqlalchemy import select

from edms.dispatch.models import OutboxItem
from edms.intake.models import ReceivedMessage
from edms.letters.models import Letter
from edms.letters.rules import Sensitivity
from mailgw.handler import RegistryHandler
from mailgw.replies import Reply
from tests.factories.issued import issued_letter
from tests.factories.pages import post
from tests.factories.world import OPERATOR, World
from tests.intake.conftest import Browser
from tests.mailgw.arrivals import changed, envelope, outbox, with_handler, with_pdf

A, B = "moh.gov.example", "moe.gov.example"
SUBJECT = "تخصيصات مشروع الأرشفة"


def arrive(world: World, *, forged: bool = False, subject: str = SUBJECT, sensitivity: int = 0) -> str:
    """Let a letter of A arrive at B and return the path of its page."""
    issued_letter(world, subject=subject, sensitivity=Sensitivity(sensitivity))
    raw = outbox(world)[1][-1]
    if forged:
        raw = changed(raw, A, lambda package: with_pdf(package, b"%PDF-1.7\nforged"))

    async def use(handler: RegistryHandler) -> Reply:
        return await handler.data(envelope(raw, A, B))

    assert with_handler(world, use).name == "smtp.waiting"
    with world.database.read(OPERATOR) as uow:
        newest = uow.session.scalars(select(ReceivedMessage.id).order_by(ReceivedMessage.id.desc())).first()
    return f"/incoming/waiting/{newest}"


def states(world: World) -> list[tuple[str, str]]:
    with world.database.read(OPERATOR) as uow:
        return [(row.kind, row.state) for row in uow.session.scalars(select(OutboxItem).order_by(OutboxItem.id))]


def test_clerk_registers_in_one_press(world: World, browser: Browser) -> None:
    page = arrive(world)
    assert states(world) == [("letter", "queued"), ("receipt", "queued")]  # delivered, as nobody has decided yet
    clerk = browser("b", "registry")
    listed = clerk.get("/incoming/waiting").text
    assert SUBJECT in listed
    assert "وزارة الصحة" in listed
    assert "الختم صحيح" in listed
    done = post(clerk, f"{page}/register", form="/incoming/waiting")
    assert done.status_code == 303
    assert "لا رسالة تنتظر" in clerk.get("/incoming/waiting").text
    with world.database.read(OPERATOR) as uow:
        letter = uow.session.scalars(select(Letter).where(Letter.direction == "incoming")).one()
        assert letter.register_number.endswith("/1")
    assert states(world)[-1] == ("receipt", "queued")
    assert post(clerk, f"{page}/register", form="/incoming/waiting").status_code == 409


def test_sender_is_told_by_itself_why_a_letter_cannot_be_taken_as_one(world: World, browser: Browser) -> None:
    arrive(world, forged=True)
    assert "package.seal-doubtful" in _told(world)
    issued_letter(world, subject=SUBJECT)
    raw = outbox(world)[1][-1]

    async def use(handler: RegistryHandler) -> Reply:
        return await handler.data(envelope(_with_another_file(raw), A, B))

    assert with_handler(world, use).name == "smtp.waiting"
    assert "package.hash-mismatch" in _told(world)
    page = browser("a", "registry").get("/queue").text
    assert page
    with world.database.read(OPERATOR) as uow:
        sent = uow.session.scalars(
            select(OutboxItem).where(OutboxItem.kind == "letter").order_by(OutboxItem.id.desc())
        ).first()
        assert sent is not None
        assert (sent.far, sent.state) == ({"exception": "package.hash-mismatch"}, "queued")
        waits = uow.session.scalars(select(ReceivedMessage).where(ReceivedMessage.kind == "untyped")).one()
    clerk = browser("b", "registry")
    at = f"/incoming/waiting/{waits.id}"
    assert post(clerk, f"{at}/register", form=at).status_code == 303
    assert '"registered"' in _told(world)  # the balance of the sender closes, although it came as untyped


def _with_another_file(raw: bytes) -> bytes:
    """Return a letter's message with one bit of its PDF changed on the way."""
    at = raw.index(b"\r\n\r\n", raw.index(b"application/pdf")) + 100
    return raw[:at] + (b"A" if raw[at : at + 1] != b"A" else b"B") + raw[at + 1 :]


def _told(world: World) -> str:
    """Carry the newest receipt to A and return its XML part."""
    raw = outbox(world)[1][-1]

    async def use(handler: RegistryHandler) -> Reply:
        return await handler.data(envelope(raw, B, A))

    assert with_handler(world, use).name == "smtp.accepted"
    return base64.b64decode(raw.rpartition(b"receipt.xml")[2].partition(b"\r\n\r\n")[2].split(b"\r\n--")[0]).decode()


def test_doubtful_seal_is_warned_of_before_it_can_be_registered(world: World, browser: Browser) -> None:
    page = arrive(world, forged=True)
    clerk = browser("b", "registry")
    assert f"{page}/register" not in clerk.get("/incoming/waiting").text
    shown = clerk.get(page).text
    assert "اسألوا المرسل قبل قيده" in shown
    assert f"{page}/register" in shown


def test_sending_back_needs_a_reason_that_the_sender_is_told(world: World, browser: Browser) -> None:
    page = arrive(world)
    clerk = browser("b", "registry")
    empty = post(clerk, f"{page}/refuse", {"code": "intake.incomplete", "reason": " "}, form=page)
    assert empty.status_code == 422
    assert "اكتب سبب الإعادة" in empty.text
    given = {"code": "intake.incomplete", "reason": "المرفق رقم ٢ غير موجود"}
    assert post(clerk, f"{page}/refuse", given, form=page).status_code == 303
    receipt = outbox(world)[1][-1]

    async def use(handler: RegistryHandler) -> Reply:
        return await handler.data(envelope(receipt, B, A))

    with_handler(world, use)
    with world.database.read(OPERATOR) as uow:
        sent = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "letter")).one()
    assert (sent.state, sent.refusal) == ("refused", "المرفق رقم ٢ غير موجود")


def test_second_letter_under_a_known_document_code_is_not_registered(world: World, browser: Browser) -> None:
    page = arrive(world)
    raw = changed(outbox(world)[1][0], A, lambda package: with_pdf(package, b"%PDF-1.7\nother"))

    async def use(handler: RegistryHandler) -> Reply:
        return await handler.data(envelope(raw, A, B))

    with_handler(world, use)
    clerk = browser("b", "registry")
    assert post(clerk, f"{page}/register", form="/incoming/waiting").status_code == 303
    with world.database.read(OPERATOR) as uow:
        other = uow.session.scalars(select(ReceivedMessage).where(ReceivedMessage.state == "waiting")).one()
    refused = post(clerk, f"/incoming/waiting/{other.id}/register", form="/incoming/waiting")
    assert refused.status_code == 409
    assert "وهذه تختلف عنها" in refused.text


def test_subject_above_the_clerks_clearance_is_not_shown(world: World, browser: Browser) -> None:
    page = arrive(world, subject="خطة سرية للغاية", sensitivity=3)
    clerk = browser("b", "registry")
    for path in ("/incoming/waiting", page):
        text = clerk.get(path).text
        assert "خطة سرية" not in text
        assert "فوق درجة اطلاعك" in text
    assert post(clerk, f"{page}/register", form="/incoming/waiting").status_code == 303


def test_nobody_else_finds_what_waits(world: World, browser: Browser) -> None:
    page = arrive(world)
    other = browser("a", "registry")
    assert SUBJECT not in other.get("/incoming/waiting").text
    for path in (page, "/incoming/waiting/00000000-0000-0000-0000-000000000001"):
        assert other.get(path).status_code == 404
        assert post(other, f"{path}/register").status_code == 404
        assert post(other, f"{path}/refuse", {"reason": "x"}).status_code == 404
    employee = browser("b", "employee")
    assert employee.get("/incoming/waiting").status_code == 403
    assert employee.get(page).status_code == 403
